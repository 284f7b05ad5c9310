"""Every built-in provider keeps every promise, for each of its services, with the simulator at the other end."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.providers.llamacpp.gguf_file import write_bigram
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.providers import registry
from viralai_sdk.simulator.settings import players
from viralai_sdk.testing import AIProviderTestCase, Connection, Report

NOT_SIMULATED: dict[str, str] = {}
"""Provider → why nobody plays it. These are not tested here, so the list is to stay empty, or short with good reasons."""


@contextmanager
def small_model() -> Iterator[Connection]:
    """A GGUF file, written now."""
    with tempfile.TemporaryDirectory() as folder:
        model = write_bigram(Path(folder) / "bigram.gguf", ["one sentence without a fork so that no answer is short"])
        yield Connection(settings={"model_path": str(model), "n_threads": 1})


OWN_FILES = {"llamacpp": small_model}
"""Engines that need no vendor but a file."""

PAIRS = [
    (name, kind)
    for name in registry.builtin_specs()
    if name not in NOT_SIMULATED
    for kind in registry.services_of(name)
]


class Builtin(AIProviderTestCase):
    """The case of one provider, chosen by name."""

    def __init__(self, name: str) -> None:
        self.name = name

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        self.__class__.provider = self.name
        with OWN_FILES.get(self.name, super().connection)() as connection:
            yield connection


@pytest.mark.parametrize(("name", "kind"), PAIRS, ids=[f"{name}-{kind.short}" for name, kind in PAIRS])
async def test_all_promises_are_kept(name: str, kind: AIServiceType) -> None:
    case = Builtin(name)
    with case.connection() as connection:
        report: Report = await case.run(case.make(kind, connection))
    report.raise_failed()
    groups = {check.group for check in report.checks}
    assert {"interface", "errors", "honesty", "cancellation", "performance"} <= groups
    assert connection.api_key is None or "secrets" in groups


def test_every_builtin_provider_has_a_simulated_vendor_or_a_reason() -> None:
    played = (
        players().keys()
        | {name for name in registry.builtin_specs() if registry.spec_of(name).embedded}
        | OWN_FILES.keys()
    )
    missing = registry.builtin_specs().keys() - played
    assert missing == NOT_SIMULATED.keys(), "simulate it, or say why not; and take out reasons that no longer hold"


def test_the_pairs_are_all_there() -> None:
    assert PAIRS
    assert {name for name, _ in PAIRS} | NOT_SIMULATED.keys() == registry.builtin_specs().keys()
