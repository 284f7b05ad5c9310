"""Tasks from start to file: every state, failures, cancellation, expired addresses, and answers of any kind."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.runway.support import (
    IMAGE,
    SPEECH,
    VIDEO,
    Jobs,
    driven,
    film,
    ok,
    picture,
    pictures,
    say,
    service,
)
from viralai_sdk.interfaces import errors as e
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.steps import Answer, Blob, JobProgress, JobTicket
from viralai_sdk.providers.runway.errors import error_from_answer, error_from_task
from viralai_sdk.simulator import Simulator
from viralai_sdk.store.measure import measure

TICKET = JobTicket("t1", {"tasks": ["t1"], "quantities": {"second": 5}})
SUCCEEDED = {"id": "t1", "status": "SUCCEEDED", "output": ["https://x.example/f.mp4?sig=1"], "cost": {"credits": 60}}
NAMES = ["id", "status", "progress", "output", "cost", "estimatedCost", "credits", "failure", "failureCode", "error"]
NAMES += ["message", "issues", "path", "code"]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["SUCCEEDED", "FAILED", "RUNNING", "PENDING", "THROTTLED", "CANCELLED"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)


async def test_a_film_passes_through_every_state(sim: Simulator, services: Jobs) -> None:
    driver, ticket = await services.submit("video", film(duration=2), VIDEO)
    assert ticket.state["tasks"] == [ticket.remote_id]
    stages = []
    for seconds in (0, 0.7, 1.5):
        progress = await services.look(driver, ticket)
        stages.append((progress.stage, progress.fraction is None, progress.over))
        assert progress.poll_after == 5
        sim.clock.push(seconds)
    assert stages[0] == ("waiting to start", True, "")
    progress = await services.look(driver, ticket)
    assert progress.stage == "working"
    assert progress.fraction is not None
    assert 0 < progress.fraction < 1
    sim.clock.push(10)
    progress = await services.look(driver, ticket)
    assert (progress.over, progress.fraction) == ("done", 1.0)
    payload = await driver.run(driver.adapter.collect(ticket, progress))  # type: ignore[attr-defined]
    facts = measure(payload.blobs[0].data, "video")
    assert (facts.width, facts.height) == (1280, 720)
    assert facts.duration == pytest.approx(2, abs=0.1)
    assert payload.quantities == {"second": 2}
    assert payload.metadata == {"tasks": [ticket.remote_id], "credits": 24}


async def test_a_throttled_task_says_so(sim: Simulator, services: Jobs) -> None:
    driver, ticket = await services.submit("video", film(), VIDEO)
    sim.clock.push(0.6)
    assert (await services.look(driver, ticket)).stage == "waiting for a free place"


async def test_a_film_from_a_picture(services: Jobs) -> None:
    request = film(image=picture(size=(400, 400)), aspect_ratio="1:1", duration=2)
    payload = await services.run("video", request, "gen4_turbo")
    facts = measure(payload.blobs[0].data, "video")
    assert (facts.width, facts.height) == (960, 960)


async def test_pictures_are_tasks_that_run_at_once(sim: Simulator, services: Jobs) -> None:
    payload = await services.run("image", pictures(num_images=3, reference_images=picture()), IMAGE)
    assert len(payload.blobs) == 3
    assert payload.quantities == {"image": 3}
    assert len([entry for entry in sim.log if entry.path == "/v1/text_to_image"]) == 3
    assert measure(payload.blobs[0].data, "image").width == 1024


async def test_several_outputs_of_one_task(services: Jobs) -> None:
    payload = await services.run("image", pictures(options={"outputCount": 2}), "gpt_image_2")
    assert len(payload.blobs) == 2


async def test_speech(services: Jobs) -> None:
    payload = await services.run("speech", say(), SPEECH)
    assert sniff(payload.blobs[0].data[:64]) == "audio/mpeg"
    assert payload.quantities == {"character": 11}


async def test_no_key_is_sent_to_the_results_address_and_no_address_is_kept(sim: Simulator, services: Jobs) -> None:
    driver, ticket = await services.submit("image", pictures(), IMAGE)
    sim.clock.push(10)
    progress = await services.look(driver, ticket)
    payload = await driver.run(driver.adapter.collect(ticket, progress))  # type: ignore[attr-defined]
    fetched = [entry for entry in sim.log if entry.path.startswith("/files/")]
    assert fetched
    assert "authorization" not in fetched[0].headers
    for kept in (ticket, payload.metadata, payload.warnings):
        assert "signature" not in str(kept)
        assert "http" not in str(kept)


async def test_refused_content_is_a_policy_error_that_cost_nothing(sim: Simulator, services: Jobs) -> None:
    sim.faults.add("runway", "blocked", times=1)
    with pytest.raises(e.ContentPolicyError, match=r"SAFETY\.INPUT\.TEXT") as caught:
        await services.run("video", film(), VIDEO)
    assert caught.value.billed == "no"


async def test_a_failed_task_and_one_without_result(sim: Simulator, services: Jobs) -> None:
    sim.faults.add("runway", "error_chunk", times=1)
    with pytest.raises(e.JobFailedError, match="INTERNAL"):
        await services.run("video", film(), VIDEO)
    sim.faults.add("runway", "empty", path="text_to_video", times=1)
    with pytest.raises(e.EmptyResultError):
        await services.run("video", film(), VIDEO)


async def test_some_failed_pictures_do_not_spoil_the_others(sim: Simulator, services: Jobs) -> None:
    sim.faults.add("runway", "blocked", path="text_to_image", times=1)
    sim.faults.add("runway", status=400, path="text_to_image", times=1)
    payload = await services.run("image", pictures(num_images=3), IMAGE)
    assert len(payload.blobs) == 1
    assert len(payload.warnings) == 2
    assert payload.quantities["image"] == 2


async def test_cancelling_reaches_the_provider(sim: Simulator, services: Jobs) -> None:
    driver, ticket = await services.submit("video", film(), VIDEO)
    assert await driver.run(driver.adapter.cancel(ticket)) is True  # type: ignore[attr-defined]
    assert sim.log[-1].method == "DELETE"
    assert (await services.look(driver, ticket)).over == "cancelled"
    assert await driver.run(driver.adapter.cancel(ticket)) is False  # type: ignore[attr-defined]


async def test_cancelling_too_late_does_not_delete_the_paid_result(sim: Simulator, services: Jobs) -> None:
    driver, ticket = await services.submit("image", pictures(), IMAGE)
    sim.clock.push(10)
    assert await driver.run(driver.adapter.cancel(ticket)) is False  # type: ignore[attr-defined]
    assert (await services.look(driver, ticket)).over == "done"
    unknown = JobTicket("nobody", {})
    assert await driver.run(driver.adapter.cancel(unknown)) is False  # type: ignore[attr-defined]


async def test_a_task_that_is_not_known_is_lost(services: Jobs) -> None:
    with pytest.raises(e.JobLostError):
        await services.look(services.driver("video"), JobTicket("nobody", {}))


def expired(status: int = 403) -> e.AIError:
    return e.PermissionDeniedError("the result could not be fetched.", status=status)


def test_an_expired_address_is_replaced_by_a_fresh_one() -> None:
    steps = service("video").collect(TICKET, JobProgress(over="done", result={"t1": SUCCEEDED}))
    fresh = {**SUCCEEDED, "output": ["https://x.example/f.mp4?sig=2"]}
    assert next(steps).url.endswith("sig=1")
    assert steps.throw(expired()).path == "/v1/tasks/t1"
    assert steps.send(ok(fresh)).url.endswith("sig=2")
    with pytest.raises(StopIteration) as done:
        steps.send(Blob(b"film"))
    assert done.value.value.blobs[0].data == b"film"


def test_a_result_that_cannot_be_fetched_leaves_the_job_open() -> None:
    with pytest.raises(e.ProviderUnavailableError, match="fresh address") as caught:
        driven(
            service("video").collect(TICKET, JobProgress(over="done", result={"t1": SUCCEEDED})),
            expired(),
            ok(SUCCEEDED),
            expired(404),
        )
    assert caught.value.billed == "yes"
    assert not isinstance(caught.value, e.JobFailedError)
    broken = e.ProviderUnavailableError("the connection broke")
    with pytest.raises(e.ProviderUnavailableError, match="broke"):
        driven(service("video").collect(TICKET, JobProgress(over="done", result={"t1": SUCCEEDED})), broken)


def test_a_look_that_goes_wrong_is_not_the_tasks_end() -> None:
    with pytest.raises(e.ProviderUnavailableError):
        driven(service("video").poll(TICKET), e.ProviderUnavailableError("busy", status=503))


@pytest.mark.parametrize("data", [{}, [], {"status": "ASLEEP"}, {"status": None}, {"status": []}, {"status": {}}])
def test_an_unknown_state_is_malformed(data: Any) -> None:
    with pytest.raises(e.MalformedResponseError):
        driven(service("video").poll(TICKET), ok(data))


@pytest.mark.parametrize("data", [{}, [], {"id": 3}, {"id": "../secret"}])
def test_an_answer_without_a_task_is_malformed(data: Any) -> None:
    with pytest.raises(e.MalformedResponseError):
        driven(service("video").submit(film(), VIDEO), ok(data))


@pytest.mark.parametrize(
    ("status", "body", "kind", "words"),
    [
        (400, b'{"error": "You do not have enough credits."}', e.QuotaExceededError, "enough credits"),
        (400, b'{"error": "no", "code": "SAFETY.INPUT"}', e.ContentPolicyError, "no"),
        (400, b'{"error": {"message": "bad"}}', e.InvalidRequestError, "bad"),
        (
            400,
            b'{"error": "Validation failed", "issues": [{"path": ["ratio"], "message": "Required"}, {}, 3]}',
            e.InvalidRequestError,
            "Validation failed ratio: Required",
        ),
        (401, b'{"error": "no key"}', e.AuthenticationError, "no key"),
        (429, b'{"message": "slow down"}', e.RateLimitError, "slow down"),
        (500, b"<html>", e.ProviderUnavailableError, "HTTP 500"),
        (502, b"[]", e.ProviderUnavailableError, "HTTP 502"),
    ],
)
def test_each_refusal_has_its_error(status: int, body: bytes, kind: type[e.AIError], words: str) -> None:
    error = error_from_answer(Answer(status, {"x-request-id": "r1"}, body))
    assert type(error) is kind
    assert words in str(error)
    assert error.request_id == "r1"


@pytest.mark.parametrize(
    ("task", "kind", "billed"),
    [
        ({"failure": "Refused.", "failureCode": "INPUT_PREPROCESSING.SAFETY.TEXT"}, e.ContentPolicyError, "maybe"),
        ({"failure": "Oops", "failureCode": "INTERNAL", "cost": {"credits": 0}}, e.JobFailedError, "no"),
        ({"failure": "Oops", "cost": {"credits": 5}}, e.JobFailedError, "yes"),
        ({"failure": 3, "cost": 3}, e.JobFailedError, "maybe"),
    ],
)
def test_failed_tasks(task: dict[str, Any], kind: type[e.AIError], billed: str) -> None:
    error = error_from_task(task)
    assert type(error) is kind
    assert error.billed == billed


@given(st.integers(400, 599), JSON)
def test_any_error_body_makes_an_error(status: int, body: Any) -> None:
    assert error_from_answer(Answer(status, {}, ok(body).body)).status == status


@given(JSON | st.binary(max_size=60))
def test_only_our_errors_come_out_of_the_readers(data: Any) -> None:
    made = service("video")
    two = JobTicket("t1", {"tasks": ["t1", "t2"]})
    with contextlib.suppress(e.AIError):
        driven(made.submit(film(), VIDEO), ok(data))
    with contextlib.suppress(e.AIError):
        driven(made.cancel(TICKET), ok(data))
    with contextlib.suppress(e.AIError):
        progress = driven(made.poll(two), ok(data), ok(SUCCEEDED))
        if progress.over == "done":
            driven(made.collect(two, progress), Blob(b"x"), Blob(b"y"))


async def test_the_simulator_is_as_strict_as_the_vendor(sim: Simulator, services: Jobs) -> None:
    driver = services.driver("video", key="other")
    with pytest.raises(e.AuthenticationError):
        await driver.run(driver.adapter.submit(film(), VIDEO))  # type: ignore[attr-defined]
    wrong = [
        {"sparkle": 1},
        {"audio": True},
        {"duration": 11},
        {"duration": 2.5},
        {"ratio": "1:1"},
        {"seed": "x"},
        {"promptText": ""},
        {"promptText": 3},
    ]
    for options in wrong:
        with pytest.raises(e.InvalidRequestError):
            await services.submit("video", film(options=options), VIDEO)
    for kind, request, model in (
        ("video", film(options={"promptImage": "https://example.com/x.png"}, image=picture()), VIDEO),
        ("video", film(options={"promptImage": "data:image/png;base64,AAAA"}, image=picture()), VIDEO),
        ("video", film(options={"duration": 5}), "veo3.1"),
        ("video", film(), "gen5"),
        ("speech", say(options={"voice": {"type": "other"}}), SPEECH),
        ("speech", say(voice_id="nobody"), SPEECH),
        ("speech", say(options={"speed": 3}), "eleven_v3"),
        ("image", pictures(options={"promptText": "x" * 1001}), IMAGE),
    ):
        with pytest.raises(e.InvalidRequestError):
            await services.submit(kind, request, model)


async def test_storage_wants_a_valid_signature_and_no_key(sim: Simulator, services: Jobs) -> None:
    driver, ticket = await services.submit("image", pictures(), IMAGE)
    sim.clock.push(10)
    url = (await services.look(driver, ticket)).result[ticket.remote_id]["output"][0]
    get = driver.client.get
    assert (await get(url)).status_code == 200
    assert (await get(url, headers={"authorization": "Bearer x"})).status_code == 400
    assert (await get(url.replace("signature=", "signature=0"))).status_code == 403
    sim.clock.push(25 * 3600)
    assert (await get(url)).status_code == 403
    headers = {"authorization": f"Bearer {sim.key}"}
    assert (await get(f"{sim.url('runway')}/v1/tasks/x", headers=headers)).status_code == 400
    headers["x-runway-version"] = "2024-11-06"
    assert (await get(f"{sim.url('runway')}/v1/nothing", headers=headers)).status_code == 404
