"""Who serves: switches, chains, names, and the old code's entries."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import IMAGE, SPEECH, TEXT, VIDEO, chain, client, config, text_provider, use
from viralai_sdk import AIConfiguration, AIProvider, AIServiceFactory, AIServiceManager, AIServiceType
from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.errors import (
    AIError,
    AllProvidersFailedError,
    AuthenticationError,
    ConfigurationError,
    ContentPolicyError,
    MalformedResponseError,
)
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationResponse, TextGenerationService
from viralai_sdk.providers import registry
from viralai_sdk.providers.embedded.speech import EmbeddedSpeechService
from viralai_sdk.providers.embedded.text import EmbeddedTextService
from viralai_sdk.providers.openai.text import OpenAITextService
from viralai_sdk.simulator import Simulator


def named(*names: str) -> None:
    use(TEXT, **{name: text_provider(lambda request, name=name: name) for name in names})


async def test_a_switch_holds_at_once_for_everybody(home: Path) -> None:
    named("one", "two", "three")
    ai = client({"ai_services": chain("one")}, home)
    helper, following = ai.text, ai.manager.get_service("text_generation")
    pinned = ai.manager.get_service(AIServiceType.TEXT_GENERATION, "one")
    request = TextGenerationRequest("hello")

    async def served() -> list[str]:
        answers = [await helper("hello"), await following.generate(request), await pinned.generate(request)]  # type: ignore[attr-defined]
        return [answer.text for answer in answers]

    assert await served() == ["one", "one", "one"]
    ai.switch("text", "TWO")
    assert await served() == ["two", "two", "one"]
    assert following.get_provider_name() == "two"
    with ai.using(text="three"):
        assert await served() == ["three", "three", "one"]
        with ai.using(text="one"):
            assert (await served())[0] == "one"
        assert (await served())[0] == "three"
    assert (await served())[0] == "two"
    with pytest.raises(ConfigurationError):
        ai.switch("text", "openai")  # no key: the old one stays
    assert (await served())[0] == "two"
    assert "text=two" in repr(ai)


async def test_blocks_that_overlap_in_time_take_back_only_their_own_switch(home: Path) -> None:
    named("one", "two", "three")
    manager = client({"ai_services": chain("one")}, home).manager
    first, second = manager.using(text="two"), manager.using(text="three")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert manager.default_route(TEXT).provider == "three"
    second.__exit__(None, None, None)
    assert manager.default_route(TEXT).provider == "one"
    with pytest.raises(ConfigurationError), manager.using(text="two", image="nobody"):
        pass
    assert manager.default_route(TEXT).provider == "one"


async def test_a_chain_is_set_at_run_time(home: Path) -> None:
    def fails(request: Any) -> Any:
        raise AuthenticationError("no")

    use(TEXT, bad=text_provider(fails))
    named("good")
    ai = client({"ai_services": chain("bad")}, home)
    ai.set_fallback_chain("text", ["bad", "good"])
    assert (await ai.text("hello")).text == "good"
    route = ai.manager.routes(TEXT)[1]
    route.model = "changed by a caller"
    assert ai.manager.routes(TEXT)[1].model is None


@pytest.mark.parametrize(
    ("given", "provider", "model"),
    [
        (AIProvider.OPENAI, "openai", None),
        ("OPENAI", "openai", None),
        (" OpenAI ", "openai", None),
        ("openai:gpt-6-luna", "openai", "gpt-6-luna"),
        ("openai:Org/Model:Tag", "openai", "Org/Model:Tag"),
        ("gpt", "openai", None),
        ("rules", "embedded", None),
    ],
)
def test_names_of_providers_resolve(given: Any, provider: str, model: str | None, home: Path) -> None:
    route = client({}, home).manager.parse(given, TEXT)
    assert (route.provider, route.model) == (provider, model)
    assert route.label == (f"{provider}:{model}" if model else provider)


@pytest.mark.parametrize("given", ["opnai", "", "dalle", 5, None, b"openai", "x" * 10_000_000])
def test_a_wrong_name_is_a_configuration_error_and_a_value_error(given: Any, home: Path) -> None:
    manager = client({}, home).manager
    with pytest.raises(ConfigurationError) as caught:
        manager.parse(given, TEXT)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 1000
    if given == "opnai":
        assert "openai" in str(caught.value)


@pytest.mark.parametrize("given", ["imge", 5, None, "x" * 1_000_000])
def test_a_wrong_service_is_a_configuration_error(given: Any, home: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        client({}, home).manager.get_service(given)
    assert len(str(caught.value)) < 300


def test_a_misspelt_provider_in_the_file_does_not_wait_for_the_night(home: Path) -> None:
    with pytest.raises(ConfigurationError, match="openai"):
        client({"ai_services": chain("opnai")}, home)
    with pytest.raises(ConfigurationError, match="opnai"):
        client({"providers": {"opnai": {}}}, home)
    with pytest.raises(ConfigurationError, match="no video service"):
        client({"ai_services": chain("openai", service="video_generation")}, home)


# --- the old code's entries


async def test_execute_with_fallback_sends_the_ordinary_operation_through_the_pipeline(
    sim: Simulator, home: Path
) -> None:
    named("good")
    sim.faults.add("openai", status=500, times=1)
    ai = client(config(sim, ai_services=chain("openai", "good")), home)
    request = TextGenerationRequest("hello")
    assert (await ai.manager.execute_with_fallback(AIServiceType.TEXT_GENERATION, "generate", request)).text == "good"
    turns = [{"role": "user", "content": "hello"}]
    assert (await ai.manager.execute_with_fallback("text", "chat", turns)).provider_used == "openai"
    sim.faults.add("openai", status=401, times=1)
    assert (await ai.manager.execute_with_fallback("text", "chat", turns)).text == "good"
    await ai.aclose()


async def test_execute_with_fallback_takes_other_and_sync_operations_of_a_users_service(home: Path) -> None:
    class Mine(TextGenerationService):
        async def generate(self, request: Any) -> Any:
            return TextGenerationResponse(provider_used="mine", text="mine")

        def count(self, words: str) -> int:
            return len(words.split())

        def broken(self) -> None:
            raise KeyError("inside")

        def refuses(self) -> None:
            raise ContentPolicyError("no")

    class Other(Mine):
        def broken(self) -> Any:
            return "other"

    use(TEXT, mine=Mine, other=Other)
    manager = client({"ai_services": chain("mine", "other")}, home).manager
    assert await manager.execute_with_fallback("text", "count", "a red fox") == 3
    assert await manager.execute_with_fallback("text", "broken") == "other"
    with pytest.raises(ContentPolicyError):
        await manager.execute_with_fallback("text", "refuses")
    with pytest.raises(AllProvidersFailedError, match="no operation") as caught:
        await manager.execute_with_fallback("text", "nothing")
    assert isinstance(caught.value, RuntimeError)
    alone = client({"ai_services": chain("mine")}, home).manager
    with pytest.raises(MalformedResponseError, match="KeyError"):
        await alone.execute_with_fallback("text", "broken")


async def test_generate_content_async_raises_instead_of_answering_nothing(home: Path) -> None:
    def fails(request: Any) -> Any:
        raise AuthenticationError("no")

    named("good")
    use(TEXT, bad=text_provider(fails))
    assert await client({"ai_services": chain("good")}, home).manager.generate_content_async("hello") == "good"
    with pytest.raises(AuthenticationError):
        await client({"ai_services": chain("bad")}, home).manager.generate_content_async("hello")


async def test_the_manager_stands_alone_and_gives_all_four_services(home: Path) -> None:
    manager = AIServiceManager(AIConfiguration.create_default())
    text = manager.get_text_service()
    assert (await text.generate(TextGenerationRequest("hello"))).provider_used == "embedded"
    assert isinstance(await text.generate_structured("a fox", {"type": "object", "properties": {}}), dict)
    speech = manager.get_service(AIServiceType.AUDIO_GENERATION)
    assert await speech.get_voices("en")  # type: ignore[attr-defined]
    from viralai_sdk import ImageGenerationRequest, MultilingualSpeechRequest, VideoGenerationRequest

    many = MultilingualSpeechRequest(segments=[{"text": "hello", "language": "en"}, {"text": "hola", "language": "es"}])
    joined = await speech.synthesize_multilingual(many)  # type: ignore[attr-defined]
    assert joined.duration > 0.5
    image = manager.get_service("image")
    request = ImageGenerationRequest("a fox", width=64, height=64)
    assert len(await image.generate_batch([request, request])) == 2  # type: ignore[attr-defined]
    video = manager.get_service("video")
    film = VideoGenerationRequest("a fox", duration=0.5, width=64, height=48, fps=8)
    assert (await video.generate_video(film)).video_path  # type: ignore[attr-defined]
    assert image.config.name == "embedded"
    await asyncio.to_thread(manager.runtime.close)


def test_the_factory_keeps_the_old_names(home: Path) -> None:
    assert AIServiceFactory.get_instance() is AIServiceFactory
    AIServiceFactory.initialize_providers()
    assert AIProvider.OPENAI in AIServiceFactory.get_available_providers(TEXT)
    assert AIServiceFactory.get_available_providers("video")
    with pytest.raises(ConfigurationError, match="no video service"):
        AIServiceFactory.create(VIDEO, AIServiceConfig(AIProvider.OPENAI))
    with pytest.raises(ValueError, match="no provider"):
        AIServiceFactory.create(VIDEO, AIServiceConfig("nobody"))
    AIServiceFactory.register(TEXT, "Mine", text_provider(lambda request: "mine"))
    assert "mine" in AIServiceFactory.get_available_providers(TEXT)
    assert isinstance(AIServiceFactory.create("text", AIServiceConfig("mine")), TextGenerationService)


@pytest.mark.parametrize("hook", ["validate_config", "_validate_config"])
def test_both_hooks_run_after_construction(hook: str, home: Path) -> None:
    class Mine(TextGenerationService):
        def __init__(self, given: AIServiceConfig) -> None:
            super().__init__(given)
            self.ready = True

        async def generate(self, request: Any) -> Any:
            return None

    seen: list[bool] = []
    setattr(Mine, hook, lambda self: seen.append(self.ready))
    use(TEXT, mine=Mine)
    AIServiceFactory.create(TEXT, AIServiceConfig("mine"))
    assert seen == [True]


class Priced(TextGenerationService):
    async def generate(self, request: Any) -> Any:
        return TextGenerationResponse(provider_used="priced", text="fine")


class SyncPrice(Priced):
    def estimate_cost(self, input_tokens: int = 0, output_tokens: int = 0) -> float:  # type: ignore[override]
        return (input_tokens + output_tokens) * 1e-3


class AsyncPrice(Priced):
    async def estimate_cost(self, request: Any) -> float:  # type: ignore[override]
        return 0.25


class WaitingPrice(Priced):
    async def estimate_cost(self, request: Any) -> float:  # type: ignore[override]
        await asyncio.sleep(1)
        return 0.25


class BrokenPrice(Priced):
    def estimate_cost(self, *args: Any, **kwargs: Any) -> float:
        raise KeyError("price")


async def test_the_managed_estimate_copes_with_every_form(sim: Simulator, home: Path) -> None:
    use(TEXT, sync=SyncPrice, later=AsyncPrice, waiting=WaitingPrice, broken=BrokenPrice)
    ai = client(config(sim, budget={"call_usd": 10}), home)
    request = TextGenerationRequest("hello", max_tokens=100)
    estimates = {
        name: ai.manager.get_service("text", name).estimate_cost(request)
        for name in ("sync", "later", "waiting", "openai")
    }
    assert estimates["sync"] == pytest.approx(0.101, rel=0.05)
    assert estimates["later"] == 0.25
    assert estimates["waiting"] is None
    assert estimates["openai"] > 0
    service = ai.manager.get_service("text", "openai")
    assert service.estimate_cost(input_tokens=1000, output_tokens=1000) > service.estimate_cost(1000, 10)
    assert ai.manager.get_service("text", "sync").estimate_cost(input_tokens=5, output_tokens=5) == pytest.approx(0.01)
    with pytest.raises(MalformedResponseError, match="price"):
        ai.manager.get_service("text", "broken").estimate_cost(request)
    assert (await ai.text("hello", provider="broken")).text == "fine"  # the budget treats it as unknown
    assert "price" in (ai.plan("text", "hello", provider="broken").routes[0].problem or "")


def test_a_plan_tells_routes_changes_and_prices_and_sends_nothing(sim: Simulator, home: Path) -> None:
    ai = client(config(sim, ai_services=chain("openai", "embedded", service="image_generation")), home)
    plan = ai.plan("image", "a fox", negative_prompt="rain")
    assert [route.provider for route in plan.routes] == ["openai", "embedded"]
    assert plan.routes[0].changes[0].parameter == "negative_prompt"
    assert plan.price_range == (0.0, 0.0)
    assert "nothing was sent" in repr(plan)
    assert "text/html" in plan._repr_mimebundle_()
    table = repr(ai.estimate("image", "a fox", providers=["openai", "embedded", "nobody"]))
    assert "unknown" in table
    assert "nobody" in table
    assert repr(ai.estimate("text", "a fox"))
    keyless = client({}, home)
    assert not keyless.plan("text", "hello", provider="openai").routes[0].ready
    assert keyless.plan("text", "hello", provider="openai").price_range is None
    assert sim.log == []


# --- services made by hand


async def test_a_service_made_by_hand_runs_through_the_same_pipeline(
    sim: Simulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from viralai_sdk.services import standalone

    monkeypatch.setenv("OPENAI_BASE_URL", sim.url("openai"))
    monkeypatch.setenv("OPENAI_API_KEY", sim.key)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    standalone._shared.cache_clear()
    service = OpenAITextService(AIServiceConfig(AIProvider.OPENAI))
    assert (await service.generate(TextGenerationRequest("hello"))).provider_used == "openai"
    assert sim.log[0].headers["openai-organization"] == "org-1"
    assert (
        await EmbeddedTextService(AIServiceConfig(AIProvider.EMBEDDED)).chat([{"role": "user", "content": "hello"}])
    ).text
    assert await EmbeddedSpeechService(AIServiceConfig(AIProvider.EMBEDDED)).get_voices("en")
    assert (home / ".viralai" / "journal.db").is_file()
    standalone._shared()[0].close()
    standalone._shared.cache_clear()


async def test_the_vendors_own_variables_switch_its_provider_on(
    sim: Simulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f" {sim.key} ")
    monkeypatch.setenv("OPENAI_BASE_URL", sim.url("openai"))
    monkeypatch.setenv("OPENAI_PROJECT_ID", "from-environment")
    ai = client(None, home)
    assert (await ai.text("hello")).provider_used == "openai"
    assert sim.log[0].headers["openai-project"] == "from-environment"
    named_ = client({"providers": {"openai": {"project": "from-file"}}}, home)
    await named_.text("hello")
    assert sim.log[1].headers["openai-project"] == "from-file"
    os.environ["OPENAI_API_KEY"] = ""
    assert (await client(None, home).text("hello")).provider_used == "embedded"


def test_local_servers_count_as_configured_when_somebody_named_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = ProviderSpec(
        "nearby",
        "Nearby",
        {TEXT: "viralai_sdk.providers.openai.text:OpenAITextService"},
        key_required=False,
        local=True,
        base_url_env="NEARBY_URL",
    )
    monkeypatch.setitem(registry.specs(), "nearby", spec)
    configured = lambda given: client(given, home).runtime.factory.configured(TEXT, "nearby")  # noqa: E731
    assert not configured({})
    assert configured({"providers": {"nearby": {}}})
    assert configured({"ai_services": chain("nearby")})
    monkeypatch.setenv("NEARBY_URL", "http://localhost:1")
    assert configured({})
    runtime = client({"providers": {"nearby": {"local": False}}}, home).runtime
    assert not runtime.is_local(AIServiceConfig("nearby"))
    assert runtime.is_local(AIServiceConfig("nearby", custom_config={"local": True}))


def test_a_third_partys_provider_is_found_through_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        value = "theirs:PROVIDER"

        def __init__(self, name: str, given: Any) -> None:
            self.name, self._given = name, given

        def load(self) -> Any:
            if isinstance(self._given, Exception):
                raise self._given
            return self._given

    def found(given: Any) -> Any:
        registry.specs.cache_clear()
        monkeypatch.setattr(registry, "entry_points", lambda group: [Point("theirs", given)])
        return registry.specs()

    try:
        assert "theirs" in found(ProviderSpec("theirs", "Theirs", {}))
        for given, told in (
            (ImportError("no module"), "cannot be loaded"),
            ("a string", "no ProviderSpec"),
            (ProviderSpec("openai", "Taken", {}), "taken"),
        ):
            with pytest.raises(ConfigurationError, match=told):
                found(given)
    finally:
        monkeypatch.undo()
        registry.specs.cache_clear()


async def test_services_of_other_kinds_and_voices(home: Path) -> None:
    manager = client({}, home).manager
    assert manager.default_route(SPEECH).provider == "embedded"
    assert manager.default_route(IMAGE).provider == "embedded"
    with pytest.raises(AIError):
        await manager.voices("openai")
