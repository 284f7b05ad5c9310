"""Films by interactions: what is asked for, every way they end, and where they lie."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.providers.by_hand import answered, ok, opened, picture
from tests.providers.gemini.support import OMNI, Google, film
from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    EmptyResultError,
    JobFailedError,
    JobLostError,
    MalformedResponseError,
    PermissionDeniedError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Download, JobProgress, JobTicket
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.gemini import GeminiVideoService
from viralai_sdk.providers.vertex import VEOVideoService
from viralai_sdk.simulator import Simulator

TICKET = JobTicket("i1")
FTYP = b"\x00\x00\x00\x18ftypisom" + bytes(60)


def service(**custom: Any) -> GeminiVideoService:
    return GeminiVideoService(AIServiceConfig(provider="gemini", api_key="sim-key", custom_config=custom))


def look(**data: Any) -> Any:
    return answered(service().poll(TICKET), ok(json.dumps(data).encode()))


def done(*content: dict[str, Any], **more: Any) -> JobProgress:
    steps = [{"type": "thought"}, {"type": "model_output", "content": list(content)}]
    return JobProgress(over="done", result={"status": "completed", "steps": steps, **more})


def test_states() -> None:
    assert look(status="queued").over == ""
    assert look(status="something_new").over == ""
    assert look(status="cancelled").over == "cancelled"
    assert look(status="completed").over == "done"
    assert look(status="in_progress").poll_after == 10
    for name in ("poll_interval", "poll_seconds"):
        assert answered(service(**{name: 3}).poll(TICKET), ok(b'{"status": "queued"}')).poll_after == 3


@pytest.mark.parametrize(
    "status", ["failed", "incomplete", "budget_exceeded", "requires_action", "requires_continuation"]
)
def test_bad_ends(status: str) -> None:
    with pytest.raises(JobFailedError, match=status):
        look(status=status)


@pytest.mark.parametrize(
    "more",
    [
        {"errors": [{"code": "safety", "message": "no"}]},
        {"steps": [{"type": "model_output", "error": {"code": 3, "message": "violates the usage guidelines"}}]},
    ],
)
def test_refusals(more: dict[str, Any]) -> None:
    with pytest.raises(ContentPolicyError):
        look(status="failed", **more)
    with pytest.raises(ContentPolicyError):
        answered_now(service().collect(TICKET, JobProgress(over="done", result={"status": "completed", **more})))


def answered_now(steps: Any) -> Any:
    try:
        step = next(steps)
    except StopIteration as done:
        return done.value
    raise AssertionError(f"it wants {step!r}")


def test_films_in_the_answer_and_at_addresses() -> None:
    inline = {"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(FTYP).decode()}
    usage = {"total_input_tokens": 4, "total_output_tokens": 900}
    payload = answered_now(
        service().collect(TICKET, done({"type": "text", "text": "hi"}, inline, usage=usage, model="m"))
    )
    assert (payload.blobs[0].data, payload.blobs[0].media_type, payload.model) == (FTYP, "video/mp4", "m")
    assert payload.quantities == {"input_token": 4, "output_video_token": 900}
    remote = {"type": "video", "uri": "https://files.example/f:download?alt=media"}
    step = next(service().collect(TICKET, done(remote)))
    assert isinstance(step, Download)
    assert (step.url, step.authorised) == (remote["uri"], True)
    with pytest.raises(MalformedResponseError, match=r"gs://bucket/f\.mp4") as caught:
        next(service().collect(TICKET, done({"type": "video", "uri": "gs://bucket/f.mp4"})))
    assert caught.value.billed == "yes"


def test_vertex_fetches_no_address() -> None:
    vertex = VEOVideoService(AIServiceConfig(provider="vertex", custom_config={"access_token": "t", "project": "p"}))
    with pytest.raises(MalformedResponseError, match="cannot be fetched"):
        next(vertex.collect(TICKET, done({"type": "video", "uri": "http://10.0.0.1/f"})))


@pytest.mark.parametrize("content", [[], [{"type": "text"}], [{"type": "video"}]])
def test_ends_without_a_film(content: list[dict[str, Any]]) -> None:
    with pytest.raises(EmptyResultError):
        answered_now(service().collect(TICKET, done(*content)))


@pytest.mark.parametrize(
    ("request_", "parameters"),
    [
        ({"fps": 30, "negative_prompt": "rain"}, ["negative_prompt", "fps"]),
        ({"style": "noir", "narration": "Once."}, ["style", "narration"]),
        ({"aspect_ratio": "1:1"}, ["aspect_ratio"]),
        ({"resolution": "480p"}, ["resolution"]),
        ({"resolution": "1080x1920", "aspect_ratio": "9:16"}, []),
    ],
)
def test_warnings(request_: dict[str, Any], parameters: list[str]) -> None:
    request = VideoGenerationRequest("a fox", **request_)
    assert [warning.parameter for warning in service().check(request, OMNI)] == parameters


def test_what_is_refused() -> None:
    with pytest.raises(UnsupportedCapabilityError, match="given picture"):
        service().check(VideoGenerationRequest("a fox", image=picture(), last_image=picture()), OMNI)
    with pytest.raises(UnsupportedCapabilityError, match="gif"):
        service().check(VideoGenerationRequest("a fox", image=picture(kind="GIF")), OMNI)
    with pytest.raises(UnsupportedCapabilityError, match="vertex:veo"):
        service().check(VideoGenerationRequest("a fox"), "veo-3.1-generate-001")


def test_options_reach_nested_fields() -> None:
    options = {"response_format": {"delivery": "inline"}, "generation_config": {"video_config": {"task": "edit"}}}
    request = VideoGenerationRequest("a fox", style="noir", narration="Once.", duration=6.5, options=options)
    sent = opened(service().submit(request, OMNI)).json
    assert sent["input"] == 'a fox\n\nStyle: noir\n\nA narrator says: "Once."'
    assert sent["response_format"] == {
        "type": "video",
        "aspect_ratio": "16:9",
        "duration": "6.5s",
        "delivery": "inline",
    }
    assert sent["generation_config"] == {"video_config": {"task": "edit"}}
    assert sent["background"] is True


def test_jobs_that_nobody_knows() -> None:
    steps = service().poll(TICKET)
    next(steps)
    with pytest.raises(JobLostError):
        steps.throw(AIError("Interaction i1 is not found.", status=404))
    steps = service().poll(TICKET)
    next(steps)
    with pytest.raises(PermissionDeniedError):
        steps.throw(PermissionDeniedError("no", status=403))


@pytest.mark.parametrize("data", [b"{}", b"[]", b'{"id": 5}', b'{"id": ""}'])
def test_orders_without_a_number(data: bytes) -> None:
    with pytest.raises(MalformedResponseError, match="no interaction"):
        answered(service().submit(VideoGenerationRequest("a fox"), OMNI), ok(data))


@pytest.mark.parametrize(
    ("fault", "kind"), [("blocked", ContentPolicyError), ("empty", EmptyResultError), ("error_chunk", JobFailedError)]
)
async def test_faults_by_the_wire(sim: Simulator, gemini: Google, fault: Any, kind: type[AIError]) -> None:
    sim.faults.add("gemini", fault, path="/interactions", times=1)
    with pytest.raises(kind):
        await film(gemini(GeminiVideoService), sim, VideoGenerationRequest("a fox", duration=1), OMNI)
