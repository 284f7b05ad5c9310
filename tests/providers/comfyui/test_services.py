"""Ordinary requests are served by workflows, on both versions."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.providers.comfyui.support import Rig, node, picture_graph, schema, slow_graph, until
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import (
    ConfigurationError,
    InvalidRequestError,
    JobFailedError,
    ProviderUnavailableError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers import registry
from viralai_sdk.providers.comfyui import ComfyUIAudioService, ComfyUIImageService, ComfyUIVideoGenerationService
from viralai_sdk.providers.comfyui.graph import api_graph
from viralai_sdk.providers.comfyui.inject import Injector, Wishes
from viralai_sdk.providers.comfyui.parameters import Names
from viralai_sdk.providers.comfyui.templates import load_template
from viralai_sdk.services import jobs

SIM = {"ckpt_name": "sim.safetensors"}


def inject(name: str, **wishes: Any) -> tuple[dict[str, Any], list[str]]:
    injector = Injector(Names(api_graph(load_template(name)), schema()), Wishes(**wishes))
    return injector.inject(), [warning.message for warning in injector.warnings]


async def test_a_picture_with_everything_set(rig: Rig) -> None:
    response = await rig.ai().image(
        "a red boat",
        provider="comfyui:sd15",
        negative_prompt="rain",
        seed=77,
        num_images=2,
        aspect_ratio="16:9",
        options={**SIM, "steps": 3},
    )
    assert len(response.image_paths) == 2
    assert (response.artifacts[0].width, response.artifacts[0].height) == (680, 384)
    assert response.metadata["seed"] == 77
    assert response.model_used == "sd15"
    assert response.cost_usd == 0
    assert response.warnings == []
    graph = next(iter(rig.server.history.values()))["prompt"][2]
    assert graph["2"]["inputs"]["text"] == "a red boat"
    assert graph["3"]["inputs"]["text"] == "rain"
    assert graph["5"]["inputs"]["seed"] == 77
    assert graph["5"]["inputs"]["steps"] == 3


@pytest.mark.parametrize("label", ["comfyui:test_video", "local:test_video", "COMFYUI:test_video"])
async def test_films(new: Rig, label: str) -> None:
    response = await new.ai().video("waves", provider=label, duration=1.5, fps=12, aspect_ratio="9:16")
    film = response.artifacts[0]
    assert film.duration == pytest.approx(1.5, abs=0.1)
    assert film.fps == pytest.approx(12, abs=0.5)
    assert (film.width or 0) < (film.height or 0)
    assert any("no place for the prompt" in warning.message for warning in response.warnings)


async def test_sound(rig: Rig) -> None:
    response = await rig.ai().speech("hello", provider="local:test_audio", speed=2)
    assert response.duration > 0
    assert {warning.parameter for warning in response.warnings} == {"prompt", "speed"}
    assert await rig.ai().speech.voices(provider="local") == []


async def test_pictures_go_up_and_their_names_into_the_loader(rig: Rig) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (20, 10), "red").save(buffer, "PNG")
    response = await rig.ai().image("x", provider="comfyui:upscale_plain", reference_images=[buffer.getvalue()])
    assert (response.artifacts[0].width, response.artifacts[0].height) == (40, 20)
    with pytest.raises(UnsupportedCapabilityError, match="loads 1 pictures; 2"):
        await rig.ai().image("x", provider="comfyui:upscale_plain", reference_images=[buffer.getvalue()] * 2)


async def test_progress_and_previews_arrive(rig: Rig) -> None:
    events: list[Any] = []
    client = rig.client()
    await client.run(slow_graph(steps=8, delay_ms=5), on_progress=events.append)
    assert any(event.preview for event in events)
    assert any("slow · step 3 of 8" in event.stage for event in events)
    fractions = [event.fraction for event in events if event.fraction is not None]
    assert fractions[-1] == 1.0


async def test_a_submitted_job_can_be_cancelled_by_its_handle(rig: Rig) -> None:
    ai = rig.ai()
    workflow = slow_graph(steps=2000, delay_ms=10)
    handle = await ai.video.submit("x", provider="comfyui", options={"workflow": workflow})
    await until(lambda: rig.server.running)
    assert await handle.cancel()
    await until(lambda: rig.server.running is None)


async def test_a_stopped_cell_stops_its_job(rig: Rig) -> None:
    workflow = slow_graph(steps=2000, delay_ms=10)
    task = asyncio.create_task(rig.ai().image("x", provider="comfyui", options={"workflow": workflow}))
    await until(lambda: rig.server.running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: rig.server.running is None)


async def test_a_cell_stopped_while_its_workflow_is_being_posted_stops_the_job(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "CANCEL_SECONDS", 60.0)
    rig.sim.faults.add(rig.vendor, "slow", path="/prompt", seconds=0.4, times=1)
    task = asyncio.create_task(
        rig.ai().image("x", provider="comfyui", options={"workflow": slow_graph(steps=2000, delay_ms=10)})
    )
    paths = ("/interrupt", "/queue")
    posted, stopped = rig.requests("/prompt"), sum(map(rig.requests, paths))
    await until(lambda: rig.requests("/prompt") > posted)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: sum(map(rig.requests, paths)) > stopped)
    await until(lambda: rig.server.running is None and rig.server.pending == [])


async def test_failures_are_named(rig: Rig) -> None:
    ai = rig.ai()
    with pytest.raises(JobFailedError, match="sdk test failure at step 2"):
        await ai.image("x", provider="comfyui", options={"workflow": slow_graph(fail_at_step=2)})
    audio = {
        "1": node("EmptyAudio", duration=0.2, sample_rate=8000, channels=1),
        "2": node("SaveAudio", audio=["1", 0], filename_prefix="a"),
    }
    with pytest.raises(JobFailedError, match="made no image"):
        await ai.image("x", provider="comfyui", options={"workflow": audio})
    with pytest.raises(InvalidRequestError, match="refused"):
        await ai.image("x", provider="comfyui:sdxl")
    with pytest.raises(InvalidRequestError, match="nothing fills: mood"):
        await ai.image(
            "x",
            provider="comfyui",
            options={"workflow": {**picture_graph(), "5": node("PreviewAny", source="${mood}")}},
        )
    with pytest.raises(ConfigurationError, match="no node 'nothing'"):
        await ai.image("x", provider="comfyui", options={"workflow": picture_graph(), "output": "nothing"})
    nowhere = ViralAI({"providers": {"comfyui": {"base_url": "http://127.0.0.1:9", "max_retries": 0}}}, home=rig.folder)
    rig.kept.append(nowhere)
    with pytest.raises(ProviderUnavailableError):
        await nowhere.image("x", provider="comfyui:test_image")


async def test_pictures_over_the_socket_are_results(rig: Rig) -> None:
    graph = {**picture_graph(), "2": node("SaveImageWebsocket", images=["1", 0])}
    response = await rig.ai().image("x", provider="comfyui", options={"workflow": graph})
    assert response.artifacts[0].media_type == "image/png"
    with pytest.raises(JobFailedError, match="nobody listened"):
        await rig.ai(websocket=False).image("x", provider="comfyui", options={"workflow": graph})


async def test_polling_alone_is_enough(rig: Rig) -> None:
    assert (await rig.ai(websocket=False).image("x", provider="comfyui:test_image")).image_paths


async def test_headers_go_with_http_and_the_key_stays_a_bearer(rig: Rig) -> None:
    ai = rig.ai(headers={"X-Proxy": "open"}, api_key="proxy-key")
    await ai.image("x", provider="comfyui:test_image")
    rows = [row for row in rig.sim.log if row.headers.get("x-proxy") == "open"]
    assert {row.path for row in rows} >= {"/prompt", "/view"}
    assert all(row.headers["authorization"] == "Bearer proxy-key" for row in rows)
    with pytest.raises(ConfigurationError, match="headers"):
        rig.ai(headers={"X": 3}).switch("image", "comfyui")


async def test_the_plans_constructors_work(rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    path.write_text(json.dumps(load_template("test_video")))
    config = AIServiceConfig(provider="local", custom_config={"endpoint": rig.url})
    service = ComfyUIVideoGenerationService(config, str(path))
    assert service.endpoint == rig.url
    assert (await service.generate_video(VideoGenerationRequest(prompt="x", duration=0.5))).video_path
    graph = service.inject_parameters(service.load_workflow(), {"width": 64, "height": 64})
    queued = await service.client.queue_prompt(graph)
    result = await service.wait_for_result(queued.prompt_id)
    assert result["video_path"] == result.get("video_path")
    assert result.get("nothing") is None
    other = ComfyUIVideoGenerationService(
        AIServiceConfig(provider="comfyui", base_url=rig.url, custom_config={"workflow_path": str(path)})
    )
    assert (await other.generate_video(VideoGenerationRequest(prompt="x", duration=0.5))).video_path


def test_the_names_resolve() -> None:
    for service in (AIServiceType.IMAGE_GENERATION, AIServiceType.VIDEO_GENERATION, AIServiceType.SPEECH_SYNTHESIS):
        assert registry.resolve("LOCAL", service) == "comfyui"
    assert registry.implementation("comfyui", AIServiceType.IMAGE_GENERATION) is ComfyUIImageService
    assert registry.implementation("comfyui", AIServiceType.AUDIO_GENERATION) is ComfyUIAudioService
    with pytest.raises(ConfigurationError):
        ComfyUIImageService(AIServiceConfig(provider="comfyui"), "no/such/file.txt").validate_config()


def test_frames_follow_what_the_model_can_make() -> None:
    graph, notes = inject("test_video", prompt="x", seconds=2.0, rate=10.0, ratio=1.0)
    assert graph["1"]["inputs"]["batch_size"] == 20
    assert graph["3"]["inputs"]["fps"] == 10.0
    assert len(notes) == 1


def test_a_size_is_kept_in_the_nodes_own_steps() -> None:
    graph, notes = inject("sd15", prompt="x", width=500, height=333)
    assert (graph["4"]["inputs"]["width"], graph["4"]["inputs"]["height"]) == (496, 336)
    assert "steps of 8" in notes[0]
    graph, _ = inject("sdxl", prompt="x", ratio=16 / 9)
    assert graph["4"]["inputs"]["width"] * graph["4"]["inputs"]["height"] == pytest.approx(1024 * 1024, rel=0.03)


def test_the_plans_placeholders_are_filled() -> None:
    graph = {
        "1": node("Encoder", text="${prompt}"),
        "2": node("Film", frames="${frames}", fps="${fps}", seed="${seed}"),
    }
    injector = Injector(Names(api_graph(graph)), Wishes(prompt="fox", seconds=2.0, rate=8.0, seed=3))
    made = injector.inject()
    assert made["1"]["inputs"]["text"] == "fox"
    assert made["2"]["inputs"] == {"frames": 16, "fps": 8, "seed": 3}
    assert injector.warnings == []


def test_what_was_asked_for_and_finds_no_place_is_told_before_anything_is_sent() -> None:
    audio = ComfyUIAudioService(AIServiceConfig(provider="comfyui"), "test_audio")
    asked = SpeechSynthesisRequest(text="hello", language="de", speed=2, seed=7)
    told = {(row.kind, row.parameter) for row in audio.check(asked, "")}
    assert told == {("unsupported", name) for name in ("prompt", "language", "speed", "seed")}
    with pytest.raises(UnsupportedCapabilityError, match="no voice to choose"):
        audio.check(SpeechSynthesisRequest(text="hello", voice_id="ann"), "")
    with pytest.raises(UnsupportedCapabilityError, match="SSML"):
        audio.check(SpeechSynthesisRequest(text="<speak>hello</speak>", ssml=True), "")
    film = ComfyUIVideoGenerationService(AIServiceConfig(provider="comfyui"), "test_video")
    told = {(row.kind, row.parameter) for row in film.check(VideoGenerationRequest(prompt="x", narration="y"), "")}
    assert told == {("unsupported", "prompt"), ("unsupported", "narration")}


@pytest.mark.parametrize(("workflow", "kind"), [("sd15", "adjusted"), ("test_image", "unsupported")])
def test_a_style_goes_into_the_prompt_or_is_dropped_and_both_are_told(workflow: str, kind: str) -> None:
    service = ComfyUIImageService(AIServiceConfig(provider="comfyui"), workflow)
    rows = service.check(ImageGenerationRequest(prompt="a boat", style="watercolor", seed=1), "")
    assert [row.kind for row in rows if row.parameter == "style"] == [kind]
    assert not [row for row in rows if row.parameter == "seed"]
    if kind == "adjusted":
        graph, _ = inject(workflow, prompt="a boat", style="watercolor")
        assert graph["2"]["inputs"]["text"] == "a boat, watercolor"


def test_a_style_and_a_voice_go_to_places_of_their_own() -> None:
    graph = api_graph({"1": node("Encoder", text="${prompt}", look="${style}"), "2": node("Speaker", voice="bob")})
    wishes = Wishes(
        prompt="fox", style="ink", voice="ann", words={"style": "ink"}, asked=["speed"], values={"speed": 2}
    )
    graph["2"]["inputs"]["speed"] = 1
    injector = Injector(Names(graph), wishes)
    made = injector.inject()
    assert made["1"]["inputs"] == {"text": "fox", "look": "ink"}
    assert made["2"]["inputs"] == {"voice": "ann", "speed": 2}
    assert injector.warnings == []
