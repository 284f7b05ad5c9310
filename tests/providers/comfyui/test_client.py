"""`ComfyUIClient` in all that is not a surprise, and the campaign of troubled jobs."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.providers.comfyui.support import Rig, node, picture_graph, slow_graph, until
from viralai_sdk.interfaces.errors import (
    AIError,
    ConfigurationError,
    InvalidRequestError,
    JobCancelledError,
    JobLostError,
    MalformedResponseError,
)
from viralai_sdk.interfaces.jobs import VideoStatus
from viralai_sdk.providers.comfyui import ComfyUIClient, ComfyUIWorkflow
from viralai_sdk.wire import sockets


async def test_connect_tells_the_version(rig: Rig) -> None:
    client = ComfyUIClient("127.0.0.1:9")
    stats = await client.connect(rig.url)
    assert stats["system"]["comfyui_version"] == rig.server.version
    rig.sim.faults.add(rig.vendor, "wrong_type", times=1)
    with pytest.raises(MalformedResponseError):
        await rig.client().connect()
    with pytest.raises(ConfigurationError):
        ComfyUIClient("ftp://x")


async def test_queue_then_result(rig: Rig) -> None:
    async with rig.client() as client:
        queued = await client.queue_prompt(picture_graph())
        result = await client.get_result(queued.prompt_id)
        assert result.prompt_id == queued.prompt_id
        assert Path(result.image_paths[0]).read_bytes()[:4] == b"\x89PNG"
        assert result.execution_time is not None
        again = await rig.client().get_result(queued.prompt_id)
        assert again.image_paths == result.image_paths


async def test_texts_latents_and_chosen_outputs(rig: Rig) -> None:
    graph = {
        "1": node("PrimitiveString", value="a"),
        "2": node("StringConcatenate", string_a=["1", 0], string_b="b", delimiter="-"),
        "3": node("PreviewAny", source=["2", 0]),
        "4": node("EmptyLatentImage", width=64, height=64, batch_size=1),
        "5": node("SaveLatent", samples=["4", 0], filename_prefix="l/x"),
    }
    result = await rig.client().run(graph)
    assert result.texts == {"3": ["a-b"]}
    assert result.files[0].path.suffix == ".latent"


async def test_waiting_has_a_limit_and_can_go_on(rig: Rig) -> None:
    client = rig.client()
    queued = await client.queue_prompt(slow_graph(steps=40, delay_ms=20))
    with pytest.raises(TimeoutError):
        await client.get_result(queued.prompt_id, timeout=0.1)
    assert (await client.get_result(queued.prompt_id, timeout=90)).image_paths


async def test_states_and_cancelling_in_each(rig: Rig) -> None:
    client = rig.client()
    running = await client.queue_prompt(slow_graph(steps=2000, delay_ms=10))
    waiting = await client.queue_prompt(picture_graph())
    third = await client.queue_prompt(picture_graph())
    await until(lambda: rig.server.running)
    assert (await client.status(running.prompt_id)).status is VideoStatus.PROCESSING
    found = await client.status(third.prompt_id)
    assert (found.status, found.queue_position) == (VideoStatus.PENDING, 1)
    assert await client.cancel(waiting.prompt_id)
    with pytest.raises(JobCancelledError):
        await client.get_result(waiting.prompt_id)
    assert await client.cancel(running.prompt_id)
    assert (await client.get_result(third.prompt_id)).image_paths
    assert not await client.cancel(third.prompt_id)
    assert (await client.status(third.prompt_id)).status is VideoStatus.COMPLETED


async def test_an_interrupt_always_names_its_job(rig: Rig) -> None:
    client = rig.client()
    mine = await client.queue_prompt(slow_graph(steps=2000, delay_ms=10))
    await until(lambda: rig.server.running)
    await client.cancel(mine.prompt_id)
    rows = [row for row in rig.sim.log if row.path == "/interrupt" and row.vendor == rig.vendor]
    assert rows
    assert all(row.json()["prompt_id"] for row in rows)


async def test_a_restart_loses_the_job_and_says_so(rig: Rig) -> None:
    client = rig.client()
    queued = await client.queue_prompt(slow_graph(steps=2000, delay_ms=10))
    waiting = asyncio.create_task(client.get_result(queued.prompt_id, timeout=90))
    await until(lambda: rig.server.running)
    rig.do(rig.server.restart())
    with pytest.raises(JobLostError, match="restarted"):
        await waiting


async def test_a_cancelled_run_stops_its_job(rig: Rig) -> None:
    task = asyncio.create_task(rig.client().run(slow_graph(steps=2000, delay_ms=10)))
    await until(lambda: rig.server.running)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: rig.server.running is None)


async def test_uploads_get_content_names(rig: Rig) -> None:
    client = rig.client()
    name = await client.upload(b"\x89PNG\r\n\x1a\n" + b"1" * 40)
    assert name == await client.upload(b"\x89PNG\r\n\x1a\n" + b"1" * 40)
    assert name.startswith("viralai/")
    assert await client.models() == ["sim.safetensors"]
    await client.free()
    assert rig.server.cache == {}


async def test_a_workflow_object_runs_and_tells_what_is_missing(rig: Rig) -> None:
    workflow = ComfyUIWorkflow("test_image", client=rig.client())
    await workflow.prepare()
    workflow.set_parameters({"width": 32, "height": 32, "seed": 9})
    assert (await workflow.execute()).image_paths
    assert not await workflow.requirements()
    assert await ComfyUIWorkflow("sdxl").requirements(rig.client())
    with pytest.raises(ConfigurationError, match="no server"):
        await ComfyUIWorkflow("sdxl").execute()


async def test_a_cleared_history_does_not_lose_what_was_heard(rig: Rig) -> None:
    client = rig.client()
    queued = await client.queue_prompt(picture_graph())
    ears = client._server.memory.ears
    await until(lambda: queued.prompt_id in rig.server.history and ears[queued.prompt_id].over)
    rig.server.history.clear()
    assert (await client.get_result(queued.prompt_id)).image_paths


async def test_without_the_library_it_polls(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "available", lambda: False)
    assert (await rig.client().run(picture_graph())).image_paths


async def test_a_wrong_value_is_found_before_posting(rig: Rig) -> None:
    before = rig.requests("/prompt")
    workflow = ComfyUIWorkflow(picture_graph(), client=rig.client())
    await workflow.prepare()
    with pytest.raises(InvalidRequestError):
        workflow.set_parameters(width=0)
    assert rig.requests("/prompt") == before


JOBS = int(os.environ.get("VIRALAI_COMFYUI_JOBS", "60"))
"""60 in the suite; the full campaign is VIRALAI_COMFYUI_JOBS=500."""


async def test_a_campaign_of_jobs_under_drops_restarts_and_cancels(rig: Rig) -> None:
    seed = int(os.environ.get("VIRALAI_SEED", "0")) or random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    clients = [rig.client() for _ in range(4 if JOBS <= 60 else 8)]
    todo = iter(range(JOBS))
    outcomes: list[str] = []
    posted: list[str] = []
    await clients[0].run(picture_graph())

    async def one(client: ComfyUIClient) -> None:
        queued: Any = None
        try:
            kind = chance.random()
            queued = await client.queue_prompt(
                slow_graph(steps=chance.randrange(1, 12), delay_ms=12) if kind < 0.6 else picture_graph()
            )
            posted.append(queued.prompt_id)
            if chance.random() < 0.2:
                await asyncio.sleep(chance.random() * 0.03)
                await client.cancel(queued.prompt_id)
            result = await client.get_result(queued.prompt_id, timeout=120)
            outcomes.append("result" if result.image_paths else "empty")
        except AIError as error:
            outcomes.append(type(error).__name__)

    async def work(client: ComfyUIClient) -> None:
        for _ in todo:
            await one(client)

    async def trouble() -> None:
        while True:
            await asyncio.sleep(0.15 + chance.random() * 0.3)
            rig.do(rig.server.restart() if chance.random() < 0.15 else rig.server.drop_sockets())

    began = time.monotonic()
    trouble_task = asyncio.create_task(trouble())
    try:
        async with asyncio.timeout(100 if JOBS <= 60 else 1000):
            await asyncio.gather(*(work(client) for client in clients))
    finally:
        trouble_task.cancel()
    counts = {name: outcomes.count(name) for name in sorted(set(outcomes))}
    print(f"{JOBS} jobs in {time.monotonic() - began:.1f} s: {counts}")
    assert len(outcomes) == JOBS, f"seed {seed}"
    assert set(outcomes) <= {
        "result",
        "JobLostError",
        "JobCancelledError",
        "JobFailedError",
        "ProviderUnavailableError",
    }, f"seed {seed}: {counts}"
    assert counts["result"] > JOBS / 4, f"seed {seed}: {counts}"
    assert all(rig.server.runs.get(prompt_id, 0) <= 1 for prompt_id in posted), f"seed {seed}"
    assert all(count == 1 for count in rig.server.runs.values()), f"seed {seed}"


RECORDING = b"fLaC\x00\x00\x00\x22" + bytes(60)
FILM = b"\x00\x00\x00\x20ftypisom" + bytes(60)


@pytest.mark.parametrize(
    ("data", "ending"), [(RECORDING, ".flac"), (FILM, ".mp4"), (b"glTF\x02\x00" + bytes(60), ".bin")]
)
async def test_recordings_films_and_other_files_are_uploaded_as_well(rig: Rig, data: bytes, ending: str) -> None:
    name = await rig.client().upload(data)
    assert name.endswith(ending)
    assert rig.server.files["input", "viralai", name.partition("/")[2]] == data


async def test_a_file_whose_bytes_tell_nothing_keeps_its_ending(rig: Rig, tmp_path: Path) -> None:
    model = tmp_path / "fox.GLB"
    model.write_bytes(b"glTF\x02\x00" + bytes(60))
    assert (await rig.client().upload(model)).endswith(".glb")


async def test_a_file_of_a_result_is_uploaded_by_itself(rig: Rig) -> None:
    client = rig.client()
    result = await client.run(picture_graph())
    assert (await client.upload(result.files[0])).endswith(".png")


@pytest.mark.parametrize(
    "name", ["../x.png", "a/b.png", "a\\b.png", "..", "", " ", "x" * 300 + ".png", "a\x00.png", "ü" * 101]
)
async def test_a_name_that_leaves_the_folder_or_fits_no_disk_is_not_sent(rig: Rig, name: str) -> None:
    """ComfyUI 0.3.64 and 0.8.0 both stored `../x.png` outside the folder, and answered HTTP 500 to long names."""
    before = rig.requests("/upload/image")
    with pytest.raises(InvalidRequestError, match="file's name"):
        await rig.client().upload(RECORDING, name)
    assert rig.requests("/upload/image") == before


async def test_a_missing_input_stops_its_own_branch_only_when_that_is_allowed(rig: Rig) -> None:
    graph = picture_graph()
    graph["8"] = node("SaveImage", "unfed", filename_prefix="t/y")
    with pytest.raises(InvalidRequestError, match="'images' is missing"):
        await rig.client().run(graph)
    result = await rig.client().run(graph, allow_partial=True)
    assert {file.node for file in result.files} == {"2"}
    graph["1"]["inputs"]["widht"] = graph["1"]["inputs"].pop("width")
    with pytest.raises(InvalidRequestError, match="Did you mean 'width'"):
        await rig.client().run(graph, allow_partial=True)


async def test_a_workflow_with_open_placeholders_is_not_sent(rig: Rig) -> None:
    graph = picture_graph()
    graph["2"]["inputs"]["filename_prefix"] = "t/${subject}"
    workflow = ComfyUIWorkflow(graph, client=rig.client())
    before = rig.requests("/prompt")
    with pytest.raises(InvalidRequestError, match="subject"):
        await workflow.execute()
    assert rig.requests("/prompt") == before
    assert (await workflow.set_parameters(subject="fox").execute()).image_paths
