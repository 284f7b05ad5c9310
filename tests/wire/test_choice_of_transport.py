"""Which transport carries the requests is configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.services.runtime import Runtime
from viralai_sdk.wire.aiohttp_transport import AiohttpTransport


async def chosen(config: dict[str, Any], home: Path) -> type[Any]:
    runtime = Runtime(AIConfiguration.from_dict(config), home=home, progress=False)
    transport = runtime.http.client._transport
    await runtime.aclose()
    return type(transport)


@pytest.fixture(autouse=True)
def _no_choice_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRALAI_TRANSPORT", raising=False)


async def test_the_configuration_chooses(tmp_path: Path) -> None:
    assert await chosen({"transport": "aiohttp"}, tmp_path) is AiohttpTransport
    assert await chosen({"transport": "httpx2"}, tmp_path) is not AiohttpTransport
    assert await chosen({}, tmp_path) is not AiohttpTransport


async def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRALAI_TRANSPORT", " AIOHTTP ")
    assert await chosen({}, tmp_path) is AiohttpTransport
    monkeypatch.setenv("VIRALAI_TRANSPORT", "httpx2")
    assert await chosen({"transport": "aiohttp"}, tmp_path) is not AiohttpTransport
    monkeypatch.setenv("VIRALAI_TRANSPORT", "aiohtp")
    with pytest.raises(ConfigurationError, match="VIRALAI_TRANSPORT"):
        await chosen({}, tmp_path)


@pytest.mark.parametrize("value", ["aiohtp", "", 3, ["aiohttp"]])
def test_an_unknown_transport_is_refused(value: object) -> None:
    with pytest.raises(ConfigurationError, match="transport"):
        AIConfiguration.from_dict({"transport": value})


async def test_a_missing_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "viralai_sdk.wire.aiohttp_transport")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ConfigurationError, match="fast"):
        await chosen({"transport": "aiohttp"}, tmp_path)
