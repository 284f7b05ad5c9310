"""A row of data, or a block of the configuration, makes a provider."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from viralai_sdk.client import ViralAI
from viralai_sdk.config.configuration import AIConfiguration, ProviderSettings
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.providers import registry
from viralai_sdk.providers.compatible.configured import is_near, register_configured
from viralai_sdk.providers.compatible.dialect import Dialect, dialect_of
from viralai_sdk.providers.compatible.rows import rows
from viralai_sdk.services.factory import ConfiguredFactory
from viralai_sdk.simulator import Simulator
from viralai_sdk.simulator.settings import players

TEXT, IMAGE, SPEECH = (
    AIServiceType.TEXT_GENERATION,
    AIServiceType.IMAGE_GENERATION,
    AIServiceType.SPEECH_SYNTHESIS,
)


@pytest.fixture(autouse=True)
def nothing_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_configured", {})


@pytest.mark.parametrize(
    "name", ["vllm", "llamacpp_server", "openrouter", "groq", "together", "mistral", "deepseek", "xai"]
)
def test_shipped_rows_are_providers(name: str) -> None:
    spec = registry.spec_of(registry.resolve(name))
    assert spec.base_url
    assert spec.base_url.startswith("http://localhost:" if spec.local else "https://")
    assert spec.key_required is not spec.local
    assert spec.key_env
    assert rows()[name]["source"]
    for kind in spec.services:
        made = registry.implementation(name, kind)(AIServiceConfig(name, "key", base_url=spec.base_url))
        made.validate_config()
    assert TEXT in spec.services


def test_the_simulated_server_plays_every_row() -> None:
    assert {provider for provider, vendor in players().items() if vendor == "compatible"} == rows().keys()


def test_rows_differ_in_services_and_dialect() -> None:
    assert registry.services_of("together") == [TEXT, IMAGE, SPEECH]
    assert registry.services_of("xai") == [TEXT, IMAGE]
    assert registry.services_of("groq") == [TEXT, SPEECH]
    assert registry.resolve("llama.cpp") == "llamacpp_server"
    assert registry.resolve(AIProvider.LLAMACPP) == "llamacpp", (
        "the engine without a server, which has a folder of its own"
    )
    assert registry.resolve("grok", IMAGE) == "xai"
    assert dialect_of(AIServiceConfig("mistral")).seed_field == "random_seed"
    assert dialect_of(AIServiceConfig("vllm")) == Dialect()
    overridden = AIServiceConfig("mistral", custom_config={"compatible": {"structured": "json_object"}})
    assert (dialect_of(overridden).structured, dialect_of(overridden).seed_field) == ("json_object", "random_seed")


async def test_a_block_of_the_configuration_makes_a_provider(sim: Simulator, tmp_path: Path) -> None:
    server = {"compatible": True, "base_url": sim.url("compatible"), "api_key": sim.key, "model": "sim-small"}
    ai = ViralAI({"providers": {"my_server": server}}, home=tmp_path)
    answer = await ai.text("hello", provider="my_server")
    assert (answer.text, answer.provider_used, answer.model_used) == (
        "simulated answer to: hello",
        "my_server",
        "sim-small",
    )
    assert answer.cost_usd is None
    streamed = [chunk.text async for chunk in ai.text.stream("hello", provider="my_server:sim-thinker")]
    assert "".join(streamed) == "simulated answer to: hello"
    row = next(row for row in ai.providers() if row["provider"] == "my_server")
    assert (row["service"], row["configured"]) == ("text", True)
    await ai.runtime.aclose()
    ai.runtime.close()


async def test_clients_with_the_same_name_for_different_servers_do_not_mix(sim: Simulator, tmp_path: Path) -> None:
    first = AIConfiguration.from_dict(
        {"providers": {"box": {"compatible": True, "base_url": "http://one/v1", "api_key": "k-one"}}}
    )
    flags = {"services": ["text", "speech"], "structured": "none"}
    second = AIConfiguration.from_dict(
        {"providers": {"box": {"compatible": flags, "base_url": "https://two.example/v1"}}}
    )
    for config in (first, second):
        register_configured(config.providers)
    one, two = (ConfiguredFactory(config).service(TEXT, "box") for config in (first, second))
    assert (one.config.base_url, two.config.base_url) == ("http://one/v1", "https://two.example/v1")
    assert (one.config.secret(), two.config.secret()) == ("k-one", None)
    assert one.dialect.structured == "json_schema"  # type: ignore[attr-defined]
    assert two.dialect.structured == "none"  # type: ignore[attr-defined]
    assert ConfiguredFactory(second).service(SPEECH, "box").service is SPEECH
    with pytest.raises(ConfigurationError, match="not said to serve speech"):
        ConfiguredFactory(first).service(SPEECH, "box")


def test_a_client_that_does_not_mention_the_server_neither_uses_nor_finds_it() -> None:
    named = AIConfiguration.from_dict({"providers": {"box": {"compatible": True, "base_url": "http://one/v1"}}})
    register_configured(named.providers)
    stranger = ConfiguredFactory(AIConfiguration())
    assert ConfiguredFactory(named).configured(TEXT, "box")
    assert not stranger.configured(TEXT, "box")
    with pytest.raises(ConfigurationError, match="no address for box"):
        stranger.service(TEXT, "box")


@pytest.mark.parametrize(
    ("name", "block", "words"),
    [
        ("box", {"compatible": True}, "address"),
        ("openai", {"compatible": True, "base_url": "http://x/v1"}, "provider of its own"),
        ("box", {"compatible": {"struktured": "none"}, "base_url": "http://x/v1"}, "struktured.*structured"),
        ("box", {"compatible": {"structured": "xml"}, "base_url": "http://x/v1"}, "must be one of"),
        ("box", {"compatible": "yes", "base_url": "http://x/v1"}, "true, or a mapping"),
        ("box", {"compatible": {"services": ["dance"]}, "base_url": "http://x/v1"}, "dance"),
        ("box", {"base_url": "http://x/v1"}, "no provider 'box'"),
        ("box", {"compatible": False, "base_url": "http://x/v1"}, "no provider 'box'"),
    ],
)
def test_wrong_blocks_are_refused_when_the_client_is_made(
    name: str, block: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ViralAI({"providers": {name: block}}, home=tmp_path)


def test_flags_may_change_a_shipped_row() -> None:
    settings = ProviderSettings(base_url=None, options={"compatible": {"structured": "none", "services": "text"}})
    register_configured({"groq": settings})
    assert registry._configured == {}


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://localhost:8000/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://192.168.1.5:8000", True),
        ("http://[::1]:1", True),
        ("http://box.local", True),
        ("https://api.example.com", False),
        ("https://8.8.8.8/v1", False),
        ("nonsense", False),
    ],
)
def test_only_near_servers_may_answer_with_private_addresses(url: str, near: bool) -> None:
    assert is_near(url) is near
    settings = ProviderSettings(base_url=url, options={"compatible": True})
    register_configured({"box": settings})
    assert settings.local is near
    kept = ProviderSettings(base_url=url, local=not near, options={"compatible": True})
    register_configured({"box": kept})
    assert kept.local is not near
