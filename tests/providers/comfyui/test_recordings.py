"""Every recording of two real servers leads to the right result or the right error."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.comfyui.support import VERSIONS, messages, play, recorded
from viralai_sdk.interfaces.errors import InvalidRequestError, JobFailedError
from viralai_sdk.interfaces.steps import JobTicket
from viralai_sdk.providers.comfyui import job
from viralai_sdk.providers.comfyui.events import JobEar
from viralai_sdk.providers.comfyui.outputs import choose, files_of, texts_of

SUCCESSES = {
    "success_image": {"image": 1},
    "success_all_cached": {"image": 1},
    "success_batch_image_save": {"image": 3},
    "success_two_outputs": {"image": 2},
    "success_preview_image_temp": {"image": 1},
    "success_animated_webp": {"image": 1, "video": 1},
    "success_video_mp4": {"video": 1},
    "success_audio_mp3": {"audio": 1},
    "success_text_preview_any": {},
    "success_custom_async_parallel": {"image": 2},
    "success_custom_expand": {"image": 1},
    "preview_frames_metadata": {"image": 1},
    "preview_frames_plain": {"image": 1},
    "save_image_websocket_metadata": {},
    "save_image_websocket_plain": {},
    "text_frame": {},
    "txt2img_ksampler_metadata": {"image": 1},
    "txt2img_ksampler_plain": {"image": 1},
}


def replay(version: str, name: str) -> tuple[JobTicket, JobEar, list[Any], Any]:
    """Post, listen and look as the recording goes: (ticket, ear, reports, the last look or the error of it)."""
    rows = recorded(version, name)
    posted = next(row for row in rows if row.get("http") == "POST /prompt")
    graph = posted["request"]["prompt"]
    prompt_id = posted["response"]["prompt_id"]
    ticket = job.new_ticket(graph, accepted=True)
    ticket.remote_id = prompt_id
    ear = JobEar(prompt_id, ticket.state["nodes"], ticket.state["senders"])
    memory = job.ServerMemory(jobs_api=False)
    memory.ears[prompt_id] = ear
    reports = [report for message in messages(rows) if (report := ear.hear(message)) is not None]
    entry = next(row["response"] for row in rows if row.get("http") == "GET /history/{id}")
    try:
        return ticket, ear, reports, play(job.poll(memory, ticket), {f"/history/{prompt_id}": [entry]})
    except JobFailedError as error:
        return ticket, ear, reports, error


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", SUCCESSES)
def test_a_success_gives_its_files(version: str, name: str) -> None:
    _, ear, reports, progress = replay(version, name)
    assert progress.over == "done"
    files = files_of(progress.result["outputs"])
    counts = {kind: len(choose(files, kind)) for kind in ("image", "video", "audio") if choose(files, kind)}
    assert counts == SUCCESSES[name]
    assert ear.over
    assert ear.succeeded
    assert reports[-1].fraction == 1.0
    fractions = [report.fraction for report in reports if report.fraction is not None]
    assert fractions == sorted(fractions)
    if name != "success_all_cached":
        assert ear.outputs == progress.result["outputs"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "words"),
    [("error_exception", "sdk test failure at step"), ("error_out_of_memory", "torch.OutOfMemoryError")],
)
def test_a_failure_names_the_node_and_the_reason_and_keeps_server_paths_out(
    version: str, name: str, words: str
) -> None:
    _, ear, _, error = replay(version, name)
    assert isinstance(error, JobFailedError)
    assert "node 2 (SDKTestSlowImage 'slow') failed" in str(error)
    assert words in str(error)
    assert "/srv/" not in str(error)
    assert "tensor" not in str(error)
    assert ("memory" in (error.hint or "")) == (name == "error_out_of_memory")
    assert ear.over
    assert not ear.succeeded


@pytest.mark.parametrize("version", VERSIONS)
def test_an_interrupted_job_is_cancelled_and_not_failed(version: str) -> None:
    _, ear, _, progress = replay(version, "interrupted")
    assert progress.over == "cancelled"
    assert ear.over


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "name", ["preview_frames_plain", "preview_frames_metadata", "txt2img_ksampler_plain", "txt2img_ksampler_metadata"]
)
def test_previews_come_with_the_step_they_belong_to(version: str, name: str) -> None:
    _, _, reports, _ = replay(version, name)
    previews = [report for report in reports if report.preview]
    assert len(previews) in (3, 4)
    assert all(report.preview and report.preview[:2] in (b"\xff\xd8", b"\x89P") for report in previews)
    assert any("step" in report.stage for report in reports)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["save_image_websocket_plain", "save_image_websocket_metadata"])
def test_pictures_that_exist_on_the_socket_only_are_caught(version: str, name: str) -> None:
    _, ear, _, _ = replay(version, name)
    assert [data[:4] for _, data in ear.pictures] == [b"\x89PNG", b"\x89PNG"]


@pytest.mark.parametrize("version", VERSIONS)
def test_texts_are_read_from_outputs_and_frames(version: str) -> None:
    _, _, _, progress = replay(version, "success_text_preview_any")
    assert texts_of(progress.result["outputs"]) == {"3": ["a small red boat, at dusk"]}
    _, _, reports, progress = replay(version, "text_frame")
    assert any("hello" in report.stage for report in reports)
    assert texts_of(progress.result["outputs"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "words"), [("reject_unknown_node", "does not exist|not found"), ("reject_validation", "smaller than min")]
)
def test_a_refusal_says_why(version: str, name: str, words: str) -> None:
    row = next(row for row in recorded(version, name) if row.get("http") == "POST /prompt")
    import json

    body = json.dumps(row["response"]).encode()
    ticket = job.new_ticket(row["request"]["prompt"])
    with pytest.raises(InvalidRequestError, match=words) as caught:
        play(job.post(job.ServerMemory(), ticket, row["request"]["prompt"], {}), {"/prompt": [(400, body)]})
    assert caught.value.status == 400
    assert caught.value.billed == "no"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_partly_refused_prompt_is_stopped_and_refused_unless_parts_are_wanted(version: str) -> None:
    rows = recorded(version, "partly_invalid_accepted")
    posted = next(row for row in rows if row.get("http") == "POST /prompt")
    graph, said = posted["request"]["prompt"], posted["response"]
    done = next(row["response"] for row in rows if row.get("http") == "GET /history/{id}")
    ticket = job.new_ticket(graph)
    answers = {"/prompt": [said], f"/history/{said['prompt_id']}": [done]}
    with pytest.raises(InvalidRequestError, match="node"):
        play(job.post(job.ServerMemory(), ticket, graph, {}), answers)
    ticket = job.new_ticket(graph)
    play(job.post(job.ServerMemory(), ticket, graph, {}, allow_partial=True), answers)
    assert "node" in ticket.state["partial"]
