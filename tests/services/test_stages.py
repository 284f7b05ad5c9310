"""The stages of the pipeline, one after the other, and what each does with a call."""

from __future__ import annotations

import asyncio
import json
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from tests.doubles import IMAGE, SPEECH, TEXT, chain, client, config, image_provider, png, rows, text_provider, use
from viralai_sdk.interfaces.errors import (
    AIError,
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    MalformedResponseError,
    ModelRetiredError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitError,
    StorageError,
)
from viralai_sdk.interfaces.steps import Answer, Compute, Send, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationService
from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.services.call import Route
from viralai_sdk.services.health import FAILURES, OPEN_SECONDS, Health
from viralai_sdk.services.pipeline import STAGES
from viralai_sdk.simulator import Simulator
from viralai_sdk.store.rows import CallRow


def test_a_call_meets_the_stages_in_the_order_of_the_design() -> None:
    names = [stage.__name__ for stage in STAGES]
    assert names == ["Validate", "Budget", "Cache", "Route", "Limit", "Retry", "Adapt", "Keep"]


# --- validate


async def test_a_place_that_cannot_be_written_is_refused_before_anything_is_sent(
    sim: Simulator, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    ai = client(config(sim), tmp_path / "file" / "home")
    for call in (ai.text("hello"), ai.image("a fox"), ai.speech("hello")):
        with pytest.raises(StorageError):
            await call
    assert sim.log == []


@pytest.mark.parametrize(
    "content", [b"this is no database, but it is long enough", b"SQLite format 3\0" + b"\xff" * 4096]
)
async def test_a_broken_journal_is_refused_before_anything_is_sent(content: bytes, sim: Simulator, home: Path) -> None:
    path = home / ".viralai" / "journal.db"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StorageError, match="left untouched"):
        await client(config(sim), home).text("hello")
    assert sim.log == []
    assert path.read_bytes() == content


async def test_a_foreign_database_is_refused_and_left_alone(sim: Simulator, home: Path) -> None:
    import sqlite3

    path = home / ".viralai" / "journal.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StorageError):
        await client(config(sim), home).text("hello")
    assert sim.log == []


async def test_a_platform_completes_the_request_and_an_unknown_one_is_refused(home: Path) -> None:
    ai = client({}, home)
    plan = await ai.video("a fox", platform="tiktok", dry_run=True)
    assert plan.routes[0].ready  # type: ignore[attr-defined]
    with pytest.raises(InvalidRequestError, match="tiktok"):
        await ai.video("a fox", platform="tiktoc")


# --- budget


async def test_too_dear_a_call_is_refused_before_it_is_sent(sim: Simulator, home: Path) -> None:
    ai = client(config(sim, budget={"call_usd": 1e-6}), home)
    with pytest.raises(BudgetExceededError, match=r"budget\.call_usd"):
        await ai.text("hello " * 100)
    assert sim.log == []
    await ai.aclose()
    assert rows(home)[0]["error"] == "BudgetExceededError"


async def test_calls_at_once_cannot_overdraw_together(
    sim: Simulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = client(config(sim), home)
    price = probe.plan("text", "hello", max_tokens=1000).routes[0].price_usd
    assert price
    ai = client(config(sim, budget={"session_usd": 3.5 * price}), home)
    ended: list[ProgressEvent] = []
    monkeypatch.setattr(ai.runtime.hub, "post", lambda event: ended.append(event) if event.state == "failed" else None)
    send = ai.runtime.http.send

    async def held(step: Send, target: Any) -> Answer:
        async with asyncio.timeout(60):
            while (
                len(ended) < 5
            ):  # nobody is through before all have asked: an answer costs less than was reserved for it
                await asyncio.sleep(0.005)
        return await send(step, target)

    monkeypatch.setattr(ai.runtime.http, "send", held)
    result = await ai.text.batch(["hello"] * 8, max_tokens=1000)
    assert (len(result.ok), len(result.failed)) == (3, 5)
    assert {type(error) for error in result.failed} == {BudgetExceededError}
    assert len(sim.log) == 3
    spent = ai.runtime.spent(ai.session.session_id)
    assert spent == pytest.approx(sum(response.cost_usd or 0 for response in result.ok))
    await ai.aclose()
    # A later kernel in the same session knows what was spent.
    again = client(config(sim, budget={"session_usd": spent}), home, session=ai.session.session_id)
    with pytest.raises(BudgetExceededError, match="spent or reserved"):
        await again.text("hello")


async def test_what_is_spent_is_counted_once_when_two_threads_meet(
    sim: Simulator, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ai = client(config(sim, budget={"session_usd": 5.0}), home)
    session = ai.session.session_id
    await ai.runtime.writable()
    reading, settled = threading.Event(), threading.Event()
    read = ai.runtime.journal.spent

    def slow(session_id: str | None = None) -> float:
        found = read(session_id)
        reading.set()
        settled.wait(0.3)  # another thread's call may be written down now, or has to wait
        return found

    monkeypatch.setattr(ai.runtime.journal, "spent", slow)
    row = CallRow("call_1", session, TEXT.value, "openai", cost_usd=1.5)

    def settle() -> None:
        reading.wait()
        ai.runtime.spending.settle(row, 0.0)
        settled.set()

    other = threading.Thread(target=settle)
    other.start()
    assert ai.runtime.spent(session) == 0.0
    other.join()
    assert ai.runtime.spent(session) == 1.5
    await ai.aclose()


async def test_whatever_becomes_of_a_call_its_reservation_ends_with_it(sim: Simulator, home: Path) -> None:
    ai = client(config(sim, budget={"session_usd": 5.0}), home)
    sim.faults.add("openai", "status", status=400, times=1)
    with pytest.raises(AIError):
        await ai.text("hello", max_tokens=1000)
    spent = (await ai.text("hello", max_tokens=1000)).cost_usd
    seen: list[float] = []

    def decide(committed: float) -> float:
        seen.append(committed)
        return 0.0

    ai.runtime.spending.reserve(ai.session.session_id, decide)
    assert seen == [pytest.approx(spent)]
    await ai.aclose()


async def test_an_unknown_price_is_told_and_a_free_engine_always_allowed(sim: Simulator, home: Path) -> None:
    use(TEXT, odd=text_provider(lambda request: "fine"))
    ai = client({"budget": {"call_usd": 0.01, "session_usd": 0.01}}, home)
    response = await ai.text("hello", provider="odd")
    assert [note.parameter for note in response.warnings] == ["budget"]
    assert response.cost_usd is None
    assert "price unknown" in response.caption()
    assert (await ai.text("hello", provider="embedded")).cost_usd == 0


async def test_a_spent_session_refuses_calls_of_unknown_price_too(sim: Simulator, home: Path) -> None:
    use(TEXT, odd=text_provider(lambda request: "fine"))
    rich = client(config(sim), home)
    spent = (await rich.text("hello", provider="openai")).cost_usd
    assert spent
    await rich.aclose()
    ai = client(config(sim, budget={"session_usd": spent}), home, session=rich.session.session_id)
    with pytest.raises(BudgetExceededError, match="price of this call is unknown"):
        await ai.text("hello", provider="odd")
    assert (await ai.text("hello", provider="embedded")).cost_usd == 0


async def test_a_failure_is_no_way_around_the_budget(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", status=500)
    given = config(sim, ai_services=chain("odd", "openai"), budget={"call_usd": 1e-6})

    def fails(request: Any) -> Any:
        raise ProviderUnavailableError("down")

    use(TEXT, odd=text_provider(fails))
    with pytest.raises(ProviderUnavailableError):
        await client(given, home).text("hello " * 50)
    assert sim.log == []


async def test_a_first_provider_without_its_key_does_not_stop_a_call_with_a_budget(home: Path) -> None:
    use(TEXT, good=text_provider(lambda request: "fine"))
    ai = client({"ai_services": chain("openai", "good"), "budget": {"call_usd": 1.0}}, home)
    assert (await ai.text("hello")).provider_used == "good"


# --- cache


async def test_a_repeated_request_is_answered_from_memory_when_asked(sim: Simulator, home: Path) -> None:
    ai = client(config(sim, enable_caching=True), home)
    first = await ai.image("a fox")
    first.metadata["mine"] = True
    again = await ai.image("a fox")
    assert (again.cached, again.cost_usd, again.image_paths) == (True, 0.0, first.image_paths)
    assert "mine" not in again.metadata
    assert again.call_id != first.call_id
    await ai.image("a cat")
    await ai.image("a fox", reference_images=png())
    await ai.image("a fox", reference_images=png(64, 64))
    assert len(sim.log) == 4
    Path(first.artifacts[0].path).unlink()
    assert not (await ai.image("a fox")).cached
    await ai.aclose()
    assert [(row["cached"], row["billed"]) for row in rows(home)][:2] == [(0, "yes"), (1, "no")]


async def test_a_cached_answer_streams_too_and_keeps_its_class(sim: Simulator, home: Path) -> None:
    class One(BaseModel):
        name: str

    class Two(BaseModel):
        name: str

    ai = client(config(sim, enable_caching=True), home)
    await ai.text("hello")
    chunks = [chunk async for chunk in ai.text.stream("hello")]
    assert chunks[-1].response is not None
    assert chunks[0].text == chunks[-1].response.text
    Two.__name__ = Two.__qualname__ = "One"
    assert isinstance((await ai.text("who", schema=One)).parsed, One)
    assert (await ai.text("who", schema=One)).cached


# --- limit


async def test_no_more_calls_at_once_than_the_provider_allows(home: Path) -> None:
    running = most = 0

    class Slow(TextGenerationService):
        async def generate(self, request: Any) -> Any:
            nonlocal running, most
            running += 1
            most = max(most, running)
            async with asyncio.timeout(60):
                while (
                    most < 2
                ):  # the second one may take its time; a third one has all the time it needs to come in as well
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.05)
            running -= 1
            from viralai_sdk.interfaces.text import TextGenerationResponse

            return TextGenerationResponse(provider_used="slow", text="fine")

    use(TEXT, slow=Slow)
    ai = client({"providers": {"slow": {"max_concurrency": 2}}}, home)
    result = await ai.text.batch(["hello"] * 8, provider="slow", concurrency=8)
    assert (len(result.ok), most) == (8, 2)


# --- adapt


async def test_an_attempt_ends_with_its_time(home: Path) -> None:
    class Hangs(TextGenerationService):
        async def generate(self, request: Any) -> Any:
            await asyncio.sleep(60)

    use(TEXT, hangs=Hangs, good=text_provider(lambda request: "fine"))
    ai = client({"ai_services": chain("hangs", "good")}, home)
    response = await ai.text("hello", timeout=1.5)
    assert response.attempts[0].error == "ProviderTimeoutError"
    with pytest.raises(ProviderTimeoutError, match=r"1\.5 s"):
        await ai.text("hello", timeout=1.5, fallback=False)
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InvalidRequestError, match="timeout"):
            await ai.text("hello", timeout=wrong)


async def test_a_yielded_thing_that_is_no_step_is_a_failure(home: Path) -> None:
    class Odd(text_provider(lambda request: "never")):  # type: ignore[misc]
        def steps(self, request: Any, model: str) -> Any:
            yield "not a step"

    use(TEXT, odd=Odd)
    with pytest.raises(MalformedResponseError, match="no step"):
        await client({}, home).text("hello", provider="odd")


async def test_what_a_computation_raises_is_kept_as_the_cause(home: Path) -> None:
    def broken(**_: Any) -> Any:
        raise LookupError("inside")

    class Odd(text_provider(lambda request: "never")):  # type: ignore[misc]
        def steps(self, request: Any, model: str) -> Any:
            yield Compute(broken)
            return TextPayload(text="never")

    use(TEXT, odd=Odd)
    with pytest.raises(MalformedResponseError) as caught:
        await client({}, home).text("hello", provider="odd")
    assert isinstance(caught.value.__cause__, LookupError)


# --- keep


async def test_json_that_is_none_is_a_failure(home: Path) -> None:
    class Shape(BaseModel):
        name: str

    answers = iter(["no json", '```json\n{"name": "fox"}\n```', "[1", '{"name": 5}', '{"name": "fox"}'])
    use(TEXT, odd=text_provider(lambda request: next(answers)))
    ai = client({}, home)
    with pytest.raises(MalformedResponseError):
        await ai.text("x", provider="odd", schema={"type": "object"})
    assert (await ai.text("x", provider="odd", schema={"type": "object"})).parsed == {"name": "fox"}
    with pytest.raises(MalformedResponseError):
        await ai.manager.run(TEXT, TextGenerationRequest("x", response_format="json"), provider="odd")
    with pytest.raises(MalformedResponseError, match="name"):
        await ai.text("x", provider="odd", schema=Shape)
    assert (await ai.text("x", provider="odd", schema=Shape)).parsed == Shape(name="fox")


async def test_a_paid_picture_is_rescued_when_its_folder_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(IMAGE, good=image_provider(png()))
    ai = client({}, home)
    await ai.runtime.writable()
    ai.runtime.artifacts(ai.session.session_id).writable()
    (ai.session.dir / "images").write_text("a file is in the way")
    response = await ai.image("a fox", provider="good")
    assert "rescued" in response.warnings[0].message
    assert response.artifacts[0].path.is_file()
    monkeypatch.setattr("viralai_sdk.store.artifacts.rescue_folders", lambda session: [])
    with pytest.raises(StorageError) as caught:
        await ai.image("a fox", provider="good")
    assert caught.value.billed == "yes"


async def test_speech_is_measured_once_and_pcm_is_named(home: Path) -> None:
    response = await client({}, home).speech("hello there")
    assert response.sample_rate
    assert response.channels == 1
    assert response.duration > 0.1
    assert not response.is_model


# --- record


async def test_every_call_is_written_down_exactly_once(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)
    await ai.text("one")
    sim.faults.add("openai", "blocked", times=1)
    with pytest.raises(AIError):
        await ai.text("two")
    sim.faults.add("openai", status=400, times=1)
    with pytest.raises(AIError):
        await ai.text("three")
    task = asyncio.create_task(ai.text("four"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await ai.aclose()
    found = rows(home)
    assert [row["outcome"] for row in found][2:] == ["failed", "cancelled"]
    assert len(found) == 4
    assert json.loads(found[0]["request_json"])["prompt"] == "one"
    assert found[3]["billed"] in ("no", "maybe")


async def test_a_request_that_json_cannot_hold_is_still_written_down(home: Path) -> None:
    use(TEXT, odd=text_provider(lambda request: "fine"))
    ai = client({}, home)
    await ai.text("hello", provider="odd", options={"hook": object(), "when": {1, 2}})
    await ai.aclose()
    assert json.loads(rows(home)[0]["request_json"])["options"]["hook"] == "<object>"


async def test_options_that_json_cannot_hold_are_the_callers_mistake(sim: Simulator, home: Path) -> None:
    with pytest.raises(InvalidRequestError, match="options"):
        await client(config(sim), home).text("hello", options={"hook": object()})


# --- health


def test_trouble_reorders_half_opens_and_heals() -> None:
    now = [0.0]
    health = Health(clock=lambda: now[0])
    one, two_ = Route("one"), Route("two")
    both = [one, two_]

    def order() -> list[str]:
        return [route.provider for route in health.take(TEXT, both)]

    assert health.take(TEXT, [one]) == [one]
    for _ in range(FAILURES):
        assert order() == ["one", "two"]
        health.note(TEXT, one, ProviderUnavailableError("down"))
    assert order() == ["two", "one"]
    assert not health.healthy(TEXT, "one")
    assert "down" in (health.state(TEXT, "one").last_error or "")
    now[0] += OPEN_SECONDS
    assert [route.provider for route in health.order(TEXT, both)] == ["one", "two"]
    assert order() == ["one", "two"], "one call tries it again"
    assert order() == ["two", "one"], "the others wait for its outcome"
    health.note(TEXT, one, None)
    assert order() == ["one", "two"]
    health.note(TEXT, one, RateLimitError("later", retry_after=100.0))
    assert order() == ["two", "one"], "who asks for a long wait gets it at once"
    now[0] += OPEN_SECONDS + 1
    assert order() == ["two", "one"]
    now[0] += 70
    assert order() == ["one", "two"]
    health.note(TEXT, two_, InvalidRequestError("your fault"))
    assert health.healthy(TEXT, "two")
    assert health.state(SPEECH, "nobody").failures == 0


async def test_a_dead_provider_is_soon_not_asked_first(sim: Simulator, home: Path) -> None:
    sim.faults.add("openai", status=500)
    use(TEXT, good=text_provider(lambda request: "fine"))
    ai = client(config(sim, ai_services=chain("openai", "good")), home)
    for _ in range(FAILURES + 2):
        await ai.text("hello")
    assert len(sim.log) == FAILURES
    table = [row for row in ai._provider_rows() if row["provider"] == "openai" and row["service"] == "text"]
    assert table[0]["healthy"] is False


# --- lifecycle


async def test_a_model_that_ends_soon_is_told_and_one_that_has_ended_is_not_asked(sim: Simulator, home: Path) -> None:
    import datetime

    model = "gpt-4.1"
    soon = client(config(sim), home, today=lambda: datetime.date(2027, 1, 1))
    response = await soon.text("hello", provider="openai", model=model)
    assert [note.kind for note in response.warnings] == ["deprecated"]
    late = client(config(sim), home, today=lambda: datetime.date(2028, 1, 1))
    with pytest.raises(ModelRetiredError, match="ended on"):
        await late.text("hello", provider="openai", model=model)
    assert len(sim.log) == 1


async def test_a_call_without_any_provider_is_a_configuration_error(home: Path) -> None:
    ai = client({}, home)
    call = ai.manager.call(TEXT, TextGenerationRequest("hello"))
    call.chain = []
    with pytest.raises(ConfigurationError):
        await ai.manager.run_call(call)


async def test_no_warning_escapes_a_whole_session(home: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ai = client({}, home)
        await ai.image("a fox", width=64, height=64)
        await ai.aclose()
