"""Models of local servers: Ollama, LM Studio and llama.cpp's router as the facts describe them, played by the simulator."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.providers.llamacpp.gguf_file import write_bigram
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    InvalidRequestError,
    JobFailedError,
    MalformedResponseError,
    ProviderUnavailableError,
    StorageError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.local_models import LocalModel, ModelManager, ModelProgress, bytes_text
from viralai_sdk.interfaces.steps import Send, Steps
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.providers import registry
from viralai_sdk.services.local_models import Meter, on_this_machine
from viralai_sdk.simulator import Simulator, SimulatorConfig
from viralai_sdk.simulator.settings import configuration

SERVERS = {
    "ollama": ("tiny", "tiny:latest"),
    "lmstudio": ("qwen/qwen3-4b", "qwen/qwen3-4b"),
    "llamacpp_server": ("sim/tiny-GGUF:Q4_K_M", "sim/tiny-GGUF:Q4_K_M"),
}
"""Provider → a model to pull, and its whole name once it is there."""


@pytest.fixture
def server() -> Iterator[Simulator]:
    """A simulator of its own: what is pulled and loaded stays."""
    with Simulator(SimulatorConfig(speed=20)) as simulator:
        yield simulator


@pytest.fixture
async def ai(server: Simulator, home: Path) -> AsyncIterator[ViralAI]:
    async with client(server, home) as made:
        yield made


def client(server: Simulator, home: Path, **more: Any) -> ViralAI:
    known = configuration(server.origin, server.key)["providers"]
    blocks = {name: {**known[name], "poll_interval": 0.01, "max_retries": 0} for name in SERVERS}
    return ViralAI({"providers": blocks | more}, home=home, progress=False)


def paths(server: Simulator, vendor: str) -> list[str]:
    return [f"{entry.method} {entry.path}" for entry in server.log if entry.vendor == vendor]


@pytest.mark.parametrize("provider", SERVERS)
async def test_a_model_is_pulled_loaded_unloaded_and_removed(ai: ViralAI, provider: str) -> None:
    local, (asked, name) = ai.models.local, SERVERS[provider]
    assert name not in (await local.list(provider)).column("model")
    seen: list[ModelProgress] = []
    last = await local.pull(asked, provider=provider, on_progress=seen.append)
    assert last == seen[-1]
    assert last.phase == "done"
    assert last.fraction == 1.0
    counted = [progress.done for progress in seen if progress.phase == "downloading" and progress.done is not None]
    assert counted == sorted(counted)
    if provider == "ollama":  # it tells by itself; the others are looked at, as often as the machine is quick
        assert len(counted) > 2
    assert all(progress.resumable for progress in seen)

    loaded = await local.load(asked, provider=provider)
    assert (loaded.name, loaded.loaded, loaded.state) == (name, True, "loaded")
    assert loaded.context == 4096
    assert [model.name for model in (await local.list(provider)).models if model.loaded] == [name]
    assert await local.unload(asked, provider=provider)
    assert not await local.unload(asked, provider=provider), "it was not loaded any more"

    if provider == "lmstudio":
        with pytest.raises(UnsupportedCapabilityError, match=r"in the app.*\.lmstudio/models"):
            await local.remove(asked, provider=provider)
    else:
        await local.load(asked, provider=provider)
        assert (await local.remove(asked, provider=provider)).name == name
        assert name not in (await local.list(provider)).column("model")


@pytest.mark.parametrize("provider", SERVERS)
async def test_a_model_that_nobody_has_is_an_error_and_never_a_download_of_nothing(ai: ViralAI, provider: str) -> None:
    with pytest.raises(InvalidRequestError) as pulled:
        await ai.models.local.pull("no-such-model", provider=provider)
    with pytest.raises(InvalidRequestError, match=f"viralai models pull no-such-model --provider {provider}") as loaded:
        await ai.models.local.load("no-such-model", provider=provider)
    for caught in (pulled, loaded):
        assert (caught.value.provider, caught.value.billed) == (provider, "no")


async def test_all_configured_servers_are_listed_at_once(ai: ViralAI) -> None:
    table = await ai.models.local.list()
    assert {model.provider for model in table.models} == set(SERVERS)
    cloud = next(model for model in table.models if model.name.endswith("-cloud"))
    assert cloud.remote
    assert cloud.size is None, "it takes no room here"
    assert "remote" in repr(table)
    assert "1.0 GB" in repr(table)


async def test_memory_context_and_expiry_are_told(ai: ViralAI) -> None:
    model = await ai.models.local.load("llama3.1", provider="ollama", context=2048, keep_alive="10m")
    assert (model.size, model.context, model.vram) == (10**9, 2048, 0)
    assert model.memory is not None
    assert model.memory > 10**9
    assert model.expires is not None
    for_ever = await ai.models.local.load("llama3.1", provider="ollama", keep_alive=-1)
    assert for_ever.expires is None
    assert for_ever.loaded


async def test_a_setting_that_the_server_does_not_take_is_refused(ai: ViralAI) -> None:
    with pytest.raises(UnsupportedCapabilityError, match=r"keep_alive.*It takes: context"):
        await ai.models.local.load("sim-small", provider="lmstudio", keep_alive=5)
    with pytest.raises(UnsupportedCapabilityError, match="no setting"):
        await ai.models.local.load("sim-small", provider="llamacpp_server", context=5)


async def test_leaving_a_download_stops_it_and_pulling_again_goes_on(home: Path) -> None:
    with Simulator(SimulatorConfig(chunk_pause=0.02)) as server:
        async with client(server, home) as ai:
            async with aclosing(ai.models.local.pulling("tiny", provider="ollama")) as steps:
                async for progress in steps:
                    if (progress.done or 0) >= 300_000:
                        break
            await asyncio.sleep(0.2)
            first = [p async for p in ai.models.local.pulling("tiny", provider="ollama") if p.done is not None]
            assert first[0].already >= 300_000
            assert first[0].already < 600_000, "it had stopped"
            assert first[-1].phase == "done"


async def test_a_router_is_told_to_stop_and_goes_on_later(home: Path) -> None:
    name = SERVERS["llamacpp_server"][0]
    # So slow that it cannot be over before it is stopped.
    with Simulator(SimulatorConfig(speed=0.01)) as server:
        ai = client(server, home)
        task = asyncio.ensure_future(ai.models.local.pull(name, provider="llamacpp_server"))
        while "POST /models" not in paths(server, "compatible"):
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ai.aclose()
        assert paths(server, "compatible")[-1] == "POST /models/unload"
        ai = client(server, home)
        async with aclosing(ai.models.local.pulling(name, provider="llamacpp_server")) as steps:
            phases = []
            async for progress in steps:
                phases.append(progress.phase)
                server.clock.push(1.0)
        assert phases[-1] == "done"
        await ai.aclose()


async def test_a_download_that_cannot_be_stopped_says_so(home: Path) -> None:
    events: list[ProgressEvent] = []
    with Simulator(SimulatorConfig(speed=0.01)) as server:
        async with client(server, home) as ai:
            ai.runtime.hub.post = events.append  # type: ignore[method-assign]
            async with aclosing(ai.models.local.pulling("qwen/qwen3-4b", provider="lmstudio")) as steps:
                async for progress in steps:
                    assert not progress.cancellable
                    break
            assert events[-1].state == "cancelled"
            assert "goes on in LM Studio" in events[-1].message
            server.clock.push(5.0)
            assert (await ai.models.local.pull("qwen/qwen3-4b", provider="lmstudio")).phase == "done"
            assert sum(path == "POST /api/v1/models/download" for path in paths(server, "lmstudio")) == 2


async def test_leaving_after_the_last_progress_is_no_cancellation(ai: ViralAI) -> None:
    events: list[ProgressEvent] = []
    ai.runtime.hub.post = events.append  # type: ignore[method-assign]
    async with aclosing(ai.models.local.pulling("tiny", provider="ollama")) as steps:
        async for progress in steps:
            if progress.phase == "done":
                break
    assert events[-1].state == "done"


async def test_an_error_under_http_200_is_an_error(server: Simulator, ai: ViralAI) -> None:
    server.faults.add("ollama", "error_chunk", path="/api/pull")
    with pytest.raises(AIError, match="unexpected EOF"):
        await ai.models.local.pull("tiny", provider="ollama")
    server.faults.add("ollama", "error_chunk", path="/api/generate")
    with pytest.raises(AIError, match="requires more system memory"):
        await ai.models.local.load("llama3.1", provider="ollama")
    server.faults.add("lmstudio", "error_chunk", path="/status")
    with pytest.raises(JobFailedError, match="could not download"):
        await ai.models.local.pull("qwen/qwen3-4b", provider="lmstudio")


async def test_a_router_that_fails_in_the_background_is_an_error(server: Simulator, ai: ViralAI) -> None:
    name = SERVERS["llamacpp_server"][0]
    server.faults.add("compatible", "error_chunk", path="/models")
    with pytest.raises(JobFailedError, match="could not download"):
        await ai.models.local.pull(name, provider="llamacpp_server")
    with pytest.raises(ProviderUnavailableError, match="could not load"):
        await ai.models.local.load("sim-small", provider="llamacpp_server")
    server.faults.clear()
    with pytest.raises(InvalidRequestError, match="only models in the cache"):
        await ai.models.local.remove("sim-small", provider="llamacpp_server")


@pytest.mark.parametrize("kind", ["cut", "malformed"])
async def test_a_stream_that_breaks_is_no_finished_download(server: Simulator, ai: ViralAI, kind: Any) -> None:
    for after in (0, 30, 60, 200):
        server.faults.clear()
        server.faults.add("ollama", kind, path="/api/pull", after=after)
        with pytest.raises((ProviderUnavailableError, MalformedResponseError)):
            await ai.models.local.pull("llama3.2", provider="ollama")


async def test_a_server_that_is_not_there_is_an_error_with_its_address(home: Path) -> None:
    dead = {"base_url": "http://127.0.0.1:9", "max_retries": 0}
    async with ViralAI({"providers": {"ollama": dead}}, home=home, progress=False) as ai:
        with pytest.raises(
            ProviderUnavailableError, match=r"a running Ollama server; the address is http://127\.0\.0\.1:9"
        ):
            await ai.models.local.list()


async def test_of_several_servers_those_that_answer_are_listed(server: Simulator, home: Path) -> None:
    dead = {"base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
    async with client(server, home, lmstudio=dead) as ai:
        assert {model.provider for model in (await ai.models.local.list()).models} == {"ollama", "llamacpp_server"}


async def test_an_old_lm_studio_lists_and_refuses_the_rest(server: Simulator, ai: ViralAI) -> None:
    server.faults.add("lmstudio", status=404, path="/api/v1", message="Unexpected endpoint or method.")
    models = (await ai.models.local.list("lmstudio")).models
    assert [model.name for model in models] == ["sim-small", "sim-thinker"]
    with pytest.raises(UnsupportedCapabilityError, match=r"0\.4\.0"):
        await ai.models.local.pull("qwen/qwen3-4b", provider="lmstudio")


async def test_a_server_with_one_model_is_no_router(server: Simulator, ai: ViralAI) -> None:
    server.faults.add("compatible", "empty", path="/models")
    (model,) = (await ai.models.local.list("llamacpp_server")).models
    assert model.loaded
    for work in (ai.models.local.unload, ai.models.local.load, ai.models.local.remove, ai.models.local.pull):
        with pytest.raises(UnsupportedCapabilityError, match="--models-dir"):
            await work(model.name, provider="llamacpp_server")


async def test_a_model_that_does_not_fit_is_refused_before_it_fills_the_disk(
    ai: ViralAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100_000))
    for provider in ("ollama", "lmstudio", "llamacpp_server"):
        with pytest.raises(StorageError, match=r"100 kB free.*--force"):
            await ai.models.local.pull(SERVERS[provider][0], provider=provider)
    await ai.models.local.pull("llama3.2", provider="ollama", force=True)


async def test_free_space_is_asked_for_on_this_machine_only(
    ai: ViralAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "not" / "yet"))
    asked: list[Path] = []
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: asked.append(path) or usage)
    await ai.models.local.pull("tiny", provider="ollama")
    assert asked == [tmp_path], "the nearest folder that is there"
    assert on_this_machine("http://localhost:11434")
    assert on_this_machine("http://[::1]:11434")
    assert on_this_machine("http://ai.localhost/x")
    assert not on_this_machine("http://192.168.1.5:11434")
    assert not on_this_machine("https://ollama.com")


async def test_which_server_is_meant_must_be_clear(ai: ViralAI, home: Path) -> None:
    with pytest.raises(ConfigurationError, match="3 local servers"):
        await ai.models.local.pull("tiny")
    with pytest.raises(ConfigurationError, match=r"keeps no models.*ollama"):
        await ai.models.local.list("openai")
    async with ViralAI({}, home=home, progress=False) as bare:
        with pytest.raises(ConfigurationError, match="no local server"):
            await bare.models.local.list()
        with pytest.raises(ConfigurationError, match="no local servers are configured"):
            await bare.models.local.unload("tiny")


async def test_the_one_configured_server_needs_no_name(server: Simulator, home: Path) -> None:
    block = configuration(server.origin, server.key)["providers"]["ollama"]
    async with ViralAI({"providers": {"ollama": block}}, home=home, progress=False) as ai:
        assert (await ai.models.local.load("llama3.1")).loaded


class Shelf(ModelManager):
    """A further server's manager, as small as can be: it lists."""

    def models(self) -> Steps[list[LocalModel]]:
        answer = yield Send("GET", "/api/tags")
        return [LocalModel(provider=self.provider, name=row["name"]) for row in answer.json()["models"]]


async def test_a_further_server_needs_its_folder_and_nothing_else(
    server: Simulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = replace(registry.specs()["ollama"], name="shelf", models=f"{__name__}:Shelf", aliases={})
    monkeypatch.setitem(registry.specs(), "shelf", spec)
    block = {"providers": {"shelf": {"base_url": server.url("ollama")}}}
    async with ViralAI(block, home=home, progress=False) as ai:
        assert "gemma3" in (await ai.models.local.list()).column("model")
        for work in (ai.models.local.pull, ai.models.local.load, ai.models.local.remove):
            with pytest.raises(UnsupportedCapabilityError):
                await work("gemma3")
        with pytest.raises(InvalidRequestError):
            await ai.models.local.load("nobody")


def test_every_manager_says_what_to_do_where_it_lacks_something(ai: ViralAI) -> None:
    table = ai.models.local.capabilities()
    assert set(table.column("provider")) == set(registry.managers()) >= {*SERVERS, "llamacpp"}
    for row in table:
        assert all(row[ability] == "yes" or len(row[ability]) > 20 for ability in ("list", "pull", "load", "remove"))


def test_the_blocking_twin(server: Simulator, home: Path) -> None:
    ai = client(server, home)
    local = ai.sync.models.local
    assert [progress.phase for progress in local.pulling("tiny", provider="ollama")][-1] == "done"
    assert local.load("tiny", provider="ollama").loaded
    assert "tiny:latest" in local.list("ollama").column("model")
    ai.sync.close()


async def test_gguf_files_are_listed_loaded_and_unloaded_in_process(home: Path, tmp_path: Path) -> None:
    model = write_bigram(tmp_path / "small.gguf")
    (tmp_path / "folder").mkdir()
    write_bigram(tmp_path / "folder" / "other.gguf")
    block = {"models_dir": str(tmp_path), "n_threads": 1, "n_ctx": 512}
    async with ViralAI({"providers": {"llamacpp": block}}, home=home, progress=False) as ai:
        local = ai.models.local
        assert (await local.list("llamacpp")).column("model") == ["other.gguf", "small.gguf"]
        loaded = await local.load("small", provider="llamacpp")
        assert (loaded.size, loaded.loaded, loaded.context) == (model.stat().st_size, True, 512)
        assert (loaded.family, loaded.max_context, loaded.quantization) == ("llama", 4096, "F32")
        assert (await ai.text("x", provider=f"llamacpp:{model}", temperature=0)).metadata["load_seconds"] > 0
        assert await local.unload(str(model), provider="llamacpp")
        assert not await local.unload("small.gguf", provider="llamacpp")
        for work in (local.pull, local.remove):
            with pytest.raises(UnsupportedCapabilityError, match="file"):
                await work("small.gguf", provider="llamacpp")
    async with ViralAI({"providers": {"llamacpp": {"model_path": str(model)}}}, home=home, progress=False) as ai:
        assert "small.gguf" in (await ai.models.local.list("llamacpp")).column("model")
    async with ViralAI({"providers": {"llamacpp": {}}}, home=home, progress=False) as ai:
        with pytest.raises(ConfigurationError, match="models_dir"):
            await ai.models.local.list("llamacpp")


def test_the_meter_measures_the_last_seconds_and_not_what_was_there_before() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0])
    base = ModelProgress(provider="p", model="m", phase="downloading", done=5_000, total=10_000, already=5_000)
    assert meter.measured(base).rate is None
    now[0] = 1.0
    second = meter.measured(replace(base, done=6_000))
    assert (second.rate, second.eta, second.elapsed) == (1000.0, 4.0, 1.0)
    for step in range(2, 30):
        now[0] = float(step)
        last = meter.measured(replace(base, done=6_000))
    assert last.rate == 0.0, "it stands still"
    assert last.eta is None
    assert meter.measured(replace(base, rate=50.0)).eta == 100.0, "what the server says is taken"


def test_progress_and_models_read_well() -> None:
    progress = ModelProgress(
        provider="ollama", model="m", phase="downloading", done=1_200_000_000, total=4_700_000_000, already=10**9
    )
    assert str(progress) == "downloading, 1.2 GB of 4.7 GB, 1.0 GB were there"
    fast = replace(progress, already=0, rate=35e6, eta=4000.0)
    assert str(fast) == "downloading, 1.2 GB of 4.7 GB, 35.0 MB/s, 1 h 6 min left"
    assert str(replace(fast, eta=100.0)).endswith("1 min left")
    assert ModelProgress(provider="p", model="m", phase="starting").fraction is None
    assert [bytes_text(size) for size in (None, 12, 4_000, 12_345_678, 10**12)] == [
        "",
        "12 B",
        "4 kB",
        "12.3 MB",
        "1.0 TB",
    ]
    assert LocalModel(provider="p", name="m").to_dict()["expires"] is None
