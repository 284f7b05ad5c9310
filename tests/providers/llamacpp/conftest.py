from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.providers.llamacpp.gguf_file import write_bigram
from viralai_sdk import ViralAI
from viralai_sdk.providers.llamacpp.pool import POOL


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model whose answers end by themselves."""
    return write_bigram(tmp_path_factory.mktemp("gguf") / "bigram.gguf")


@pytest.fixture(scope="session")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model that writes until it is stopped."""
    return write_bigram(tmp_path_factory.mktemp("gguf") / "endless.gguf", endless=True, context=60_000)


@pytest.fixture
async def ai(tmp_path: Path, model: Path) -> AsyncIterator[ViralAI]:
    """A client for the small model."""
    config = {"providers": {"llamacpp": {"model_path": str(model), "n_threads": 1, "n_ctx": 60_000}}}
    async with ViralAI(config, home=tmp_path, progress=False) as client:
        yield client


@pytest.fixture(autouse=True)
def nothing_stays_loaded() -> Iterator[None]:
    yield
    POOL.clear()
