"""The fifteen surprises of real servers, each survived: on a simulated server of the version that has it."""

from __future__ import annotations

import asyncio
import json
import uuid

import httpx2
import pytest
from websockets.asyncio.client import connect

from tests.providers.comfyui.support import Rig, node, picture_graph, slow_graph, until
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, JobCancelledError, JobFailedError, JobLostError
from viralai_sdk.interfaces.jobs import VideoStatus
from viralai_sdk.providers.comfyui.events import JobEar
from viralai_sdk.providers.comfyui.outputs import choose, files_of
from viralai_sdk.simulator import Simulator
from viralai_sdk.simulator.settings import add_rule
from viralai_sdk.simulator.vendors.comfyui import SURPRISES, Quirks, server_of
from viralai_sdk.simulator.vendors.comfyui.surprises import clear


def two_outputs() -> dict[str, dict[str, object]]:
    graph = picture_graph()
    other = picture_graph(width=0)
    return {**graph, "3": other["1"], "4": node("SaveImage", images=["3", 0], filename_prefix="t/y")}


async def test_01_http_200_that_is_half_a_rejection(rig: Rig) -> None:
    client = rig.client()
    with pytest.raises(InvalidRequestError, match="smaller than min"):
        await client.run(two_outputs())
    result = await client.run(two_outputs(), allow_partial=True)
    assert len(result.image_paths) == 1
    with pytest.raises(InvalidRequestError, match="smaller than min"):
        await rig.ai().image("x", provider="comfyui", options={"workflow": two_outputs()})


async def test_02_success_is_announced_before_the_history_is_written(rig: Rig) -> None:
    rig.server.quirks.history_delay = 0.3
    result = await rig.client().run(picture_graph(), timeout=90)
    assert len(result.image_paths) == 1


async def test_03_a_cached_run_names_a_file_that_is_gone(rig: Rig) -> None:
    client, graph = rig.client(), picture_graph()
    await client.run(graph)
    rig.server.files.clear()
    with pytest.raises(JobFailedError, match=r"cache.*seed"):
        await client.run(graph)
    # The services give every job names of its own, so that a cached run still stores a fresh file.
    ai = rig.ai()
    first = await ai.image("x", provider="comfyui:test_image", seed=1)
    rig.server.files.clear()
    assert (await ai.image("x", provider="comfyui:test_image", seed=1)).artifacts[0].size == first.artifacts[0].size


async def test_04_there_is_no_idempotency(rig: Rig) -> None:
    client = rig.client()
    queued = await client.queue_prompt(picture_graph())
    await client.get_result(queued.prompt_id)
    assert rig.server.runs[queued.prompt_id] == 1
    assert (await client.get_result(queued.prompt_id, download=False)).outputs
    assert rig.server.runs[queued.prompt_id] == 1


async def test_05_a_500_does_not_mean_that_it_is_not_queued(rig: Rig) -> None:
    rig.server.quirks.accept_but_fail = 1
    before = rig.requests("/prompt")
    queued = await rig.client().queue_prompt(picture_graph())
    await rig.client().get_result(queued.prompt_id)
    assert rig.requests("/prompt") - before == 1
    assert rig.server.runs[queued.prompt_id] == 1
    rig.server.quirks.reject_with_500 = 1
    queued = await rig.client().queue_prompt(picture_graph())
    await rig.client().get_result(queued.prompt_id)
    assert rig.requests("/prompt") - before == 3
    assert rig.server.runs[queued.prompt_id] == 1


async def test_06_own_ids_are_canonical_uuids(rig: Rig) -> None:
    queued = await rig.client().queue_prompt(picture_graph())
    assert str(uuid.UUID(queued.prompt_id)) == queued.prompt_id


async def test_07_a_client_that_does_not_read_stops_the_events_but_not_the_job(rig: Rig) -> None:
    async with connect(rig.url.replace("http", "ws") + "/ws?clientId=lazy", max_queue=1):
        # Its socket is never read; jobs of others are found by looking.
        result = await rig.client().run(slow_graph(steps=30, delay_ms=2), timeout=90)
    assert len(result.image_paths) == 1


async def test_08_two_sockets_with_one_client_id_never_live_at_once(rig: Rig) -> None:
    events: list[float | None] = []
    client = rig.client()
    graph = slow_graph(steps=2000, delay_ms=10)
    queued = await client.queue_prompt(graph, on_progress=lambda event: events.append(event.fraction))
    waiting = asyncio.create_task(client.get_result(queued.prompt_id, timeout=90))
    await until(lambda: len([fraction for fraction in events if fraction]) > 3)
    rig.do(rig.server.drop_sockets())
    before = len([fraction for fraction in events if fraction])
    # The second socket came after the first was closed, so the newer one is heard. What looks find has no fraction.
    await until(lambda: len([fraction for fraction in events if fraction]) > before + 3)
    assert await client.cancel(queued.prompt_id)
    with pytest.raises(JobCancelledError):
        await waiting


async def test_09_a_deleted_job_leaves_no_trace(rig: Rig) -> None:
    client = rig.client()
    running = await client.queue_prompt(slow_graph(steps=1000))
    waiting = await client.queue_prompt(picture_graph())
    rig.do(deleted(rig, waiting.prompt_id))
    with pytest.raises(JobLostError):
        await client.get_result(waiting.prompt_id, timeout=90)
    assert (await client.status(waiting.prompt_id)).status is VideoStatus.FAILED
    assert await client.cancel(running.prompt_id)


async def deleted(rig: Rig, prompt_id: str) -> None:
    rig.server.delete([prompt_id])


async def test_10_interrupted_reads_as_error_but_is_cancelled(rig: Rig) -> None:
    client = rig.client()
    queued = await client.queue_prompt(slow_graph(steps=2000, delay_ms=10))
    await until(lambda: rig.server.running)
    assert await client.cancel(queued.prompt_id)
    assert rig.server.history[queued.prompt_id]["status"]["status_str"] == "error"
    with pytest.raises(JobCancelledError):
        await client.get_result(queued.prompt_id, timeout=90)
    assert (await client.status(queued.prompt_id)).status is VideoStatus.CANCELLED


async def test_11_films_are_reported_as_images(rig: Rig) -> None:
    response = await rig.ai().video("x", provider="comfyui:test_video", duration=0.5)
    assert response.artifacts[0].media_type == "video/mp4"
    files = files_of({"1": {"images": [{"filename": "a.webp", "subfolder": "", "type": "output"}], "animated": [True]}})
    assert choose(files, "video") == files


async def test_12_outputs_hold_nodes_that_nobody_asked_for(new: Rig) -> None:
    new.server.quirks.extra_outputs = True
    response = await new.ai().image("x", provider="comfyui:test_image")
    assert len(response.image_paths) == 1
    client = new.client()
    result = await client.run(picture_graph())
    assert {file.type for file in result.files} == {"output", "temp"}
    assert len(result.image_paths) == 1


async def test_13_the_save_format_is_never_posted(rig: Rig) -> None:
    saved = {
        "nodes": [
            {
                "id": 1,
                "type": "EmptyImage",
                "mode": 0,
                "inputs": [],
                "outputs": [{"type": "IMAGE"}],
                "widgets_values": [16, 16, 1, 7],
            },
            {
                "id": 2,
                "type": "SaveImage",
                "mode": 0,
                "inputs": [{"name": "images", "type": "IMAGE", "link": 1}],
                "widgets_values": ["t/z"],
            },
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
    }
    async with httpx2.AsyncClient() as http:
        raw = await http.post(f"{rig.url}/prompt", json={"prompt": saved})
    assert raw.status_code in (400, 500)
    assert len((await rig.client().run(saved)).image_paths) == 1


async def test_14_a_wrong_choice_or_name_is_found_before_posting(rig: Rig) -> None:
    before = rig.requests("/prompt")
    graph = picture_graph()
    graph["3"] = node("ImageBlend", image1=["1", 0], image2=["1", 0], blend_factor=0.5, blend_mode="screan")
    graph["2"]["inputs"]["images"] = ["3", 0]
    with pytest.raises(InvalidRequestError, match="Did you mean 'screen'"):
        await rig.client().run(graph)
    graph = picture_graph()
    graph["1"]["inputs"]["widht"] = graph["1"]["inputs"].pop("width")
    with pytest.raises(InvalidRequestError, match="Did you mean 'width'"):
        await rig.client().run(graph)
    graph["1"]["class_type"] = "EmptyImagee"
    with pytest.raises(InvalidRequestError, match="Did you mean 'EmptyImage'"):
        await rig.client().run(graph)
    assert rig.requests("/prompt") == before


async def test_15_errors_that_are_no_json(rig: Rig) -> None:
    rig.server.quirks.reject_with_500 = 2
    with pytest.raises(Exception, match="trouble") as caught:
        await rig.client().run(picture_graph())
    assert caught.value.status == 500  # type: ignore[attr-defined]
    rig.server.quirks.without_object_info = True
    assert (await rig.client().run(picture_graph())).image_paths


def switched(rig: Rig, name: str) -> None:
    rig.sim.surprise(rig.vendor, name)


async def outcome(rig: Rig) -> str:
    """How a picture ends on this server; every ending but a result must have a name."""
    client = rig.client()
    try:
        result = await client.run(slow_graph(steps=4, delay_ms=5), timeout=90)
    except AIError as error:
        return type(error).__name__
    return "result" if result.image_paths else "empty"


ENDINGS = {
    "half_rejection": "InvalidRequestError",
    "late_history": "result",
    "cached_files_gone": "result",
    "queued_twice": "result",
    "error_but_queued": "result",
    "strict_ids": "result",
    "stalled_events": "result",
    "deaf_reconnect": "result",
    "vanishing_job": "JobLostError",
    "interrupted_job": "JobCancelledError",
    "all_images": "result",
    "extra_outputs": "result",
    "save_format": "result",
    "unchecked_choices": "result",
    "plain_errors": "result",
}


@pytest.mark.parametrize("name", SURPRISES)
async def test_every_surprise_can_be_switched_on_and_is_survived(rig: Rig, name: str) -> None:
    switched(rig, name)
    assert await outcome(rig) == ENDINGS[name]


def test_there_are_fifteen_and_only_what_every_server_does_has_no_switch() -> None:
    assert sorted(surprise.number for surprise in SURPRISES.values()) == list(range(1, 16))
    assert [name for name, surprise in SURPRISES.items() if surprise.always] == ["save_format"]


async def test_switched_on_half_a_rejection_stops_what_was_queued(rig: Rig) -> None:
    switched(rig, "half_rejection")
    with pytest.raises(InvalidRequestError, match="Custom validation failed"):
        await rig.client().run(slow_graph(steps=1000))
    # Nobody goes on with the half that was accepted: the server is free for the next job.
    assert (await rig.client().run(picture_graph(), timeout=90)).image_paths


async def test_switched_on_the_same_id_runs_twice_and_one_result_is_taken(rig: Rig) -> None:
    switched(rig, "queued_twice")
    client = rig.client()
    queued = await client.queue_prompt(picture_graph())
    assert len((await client.get_result(queued.prompt_id, timeout=90)).image_paths) == 1


async def test_switched_on_an_unchecked_choice_fails_by_name_when_the_classes_are_hidden(rig: Rig) -> None:
    switched(rig, "unchecked_choices")
    rig.server.quirks.without_object_info = True
    graph = picture_graph()
    graph["3"] = node("ImageBlend", image1=["1", 0], image2=["1", 0], blend_factor=0.5, blend_mode="screan")
    graph["2"]["inputs"]["images"] = ["3", 0]
    with pytest.raises(JobFailedError, match="Unsupported blend mode"):
        await rig.client().run(graph, timeout=90)


async def test_switched_on_an_error_without_a_body_is_still_an_error(rig: Rig) -> None:
    switched(rig, "plain_errors")
    rig.server.quirks.without_object_info = True
    with pytest.raises(InvalidRequestError):
        await rig.client().run(picture_graph(width=0), timeout=90)


def test_surprises_are_rules_of_the_command_line_too(running: Simulator) -> None:
    add_rule(running, "comfyui=vanishing_jobx3")
    quirks = server_of(running.state).quirks
    assert quirks.vanishing == 3
    clear(quirks)
    assert quirks == Quirks()
    add_rule(running, "comfyui=503x1")
    running.faults.clear()
    for wrong in ("comfyui=half_rejectoin", "openai=late_history"):
        with pytest.raises(ValueError, match="no fault"):
            add_rule(running, wrong)
    with pytest.raises(ValueError, match="no surprise"):
        running.surprise("comfyui", "none")
    with pytest.raises(ValueError, match="no surprises of its own"):
        running.surprise("openai", "late_history")


def test_messages_without_our_prompt_id_say_nothing() -> None:
    ear = JobEar("mine", {"1": "a"})
    bodies: list[dict[str, object]] = [{"node": "2"}, {"prompt_id": "other", "node": "1"}, {"status": {}}]
    for body in bodies:
        assert ear.hear(json.dumps({"type": "executing", "data": body})) is None
