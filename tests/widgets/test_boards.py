"""The boards without a browser: what they say, that they follow what happens, and that they work only while somebody looks."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import KEY, JobServer, client, films, films_config, home, text_provider, use
from tests.widgets.messages import from_page, page_sets, receive, sent_by
from tests.widgets.waiting import until
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, JobCancelledError, ProviderUnavailableError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.services.call import Route
from viralai_sdk.store.rows import CallRow, JobRow, new_id
from viralai_widgets import HealthPanel, JobsPanel, Leaderboard, UsagePanel
from viralai_widgets.board import Board, column, row, section

__all__ = ["films", "home"]

TEXT = AIServiceType.TEXT_GENERATION
ATTACK = "<img src=x onerror=alert(1)>"


def line(board: Board, key: str, place: int = 0) -> dict[str, Any]:
    """The cells of one line, {} when it is not there."""
    sections = board.sections[place : place + 1]
    found = [each["cells"] for one in sections for each in one["rows"] if each["key"] == key]
    return dict(found[0]) if found else {}


def words(board: Board, place: int = 0) -> list[str]:
    return [each["text"] for each in board.sections[place]["words"]]


async def test_health_tells_ready_trouble_and_what_is_missing(home: Path) -> None:
    use(TEXT, ada=text_provider(lambda request: "well"))
    ai = client({}, home)
    board = HealthPanel(ai)
    await board.refresh()
    assert line(board, "embedded")["image"]["text"] == "ready · default"
    assert line(board, "ada")["text"]["tone"] == "good"
    assert line(board, "openai") == {}
    assert "openai" in words(board)[1]
    receive(board, page_sets(all_providers=True))
    await until(lambda: line(board, "openai"))
    assert line(board, "openai")["text"] | {"title": ""} == {"text": "not configured", "tone": "idle", "title": ""}
    assert "an OpenAI API key" in line(board, "openai")["text"]["title"]
    assert board.sections[1]["rows"] == []
    down = ProviderUnavailableError(f"down {ATTACK}", provider="ada", retryable=True)
    ai.runtime.health.note(TEXT, Route("ada"), down)
    await board.refresh()
    assert line(board, "ada")["text"]["text"] == "1 failed in a row"
    for _ in range(3):
        ai.runtime.health.note(TEXT, Route("ada"), down)
    await board.refresh()
    told = line(board, "ada")["text"]
    assert (told["text"], told["tone"]) == ("failing: ProviderUnavailableError", "bad")
    assert "tried last for about 30 s" in told["title"]
    assert words(board)[0].endswith("providers are ready; 1 is in trouble and tried last")
    assert ATTACK not in board.static_html()
    assert "&lt;img" not in board.static_text()


async def test_failures_are_listed_also_when_another_provider_made_them_good(home: Path) -> None:
    def fail(request: Any) -> str:
        raise ProviderUnavailableError("no answer")

    use(TEXT, ada=text_provider(fail), bob=text_provider(lambda request: "well"))
    ai = client(
        {"ai_services": {"text_generation": {"default_provider": "ada", "fallback_chain": ["ada", "bob"]}}}, home
    )
    await ai.text("hello")
    with pytest.raises(AIError):
        await ai.text("hello", provider="ada", fallback=False)
    board = HealthPanel(ai)
    await board.refresh()
    cells = [each["cells"] for each in board.sections[1]["rows"]]
    assert [(one["provider"], one["error"], one["then"]) for one in cells] == [
        ("ada", "ProviderUnavailableError", "the call failed"),
        ("ada", "ProviderUnavailableError", "bob made it"),
    ]
    assert {one["service"] for one in cells} == {"text"}


async def test_calls_that_were_stopped_or_are_of_another_sdk_are_told_as_what_they_are(home: Path) -> None:
    ai = client({}, home)
    for number, (service, outcome) in enumerate([("text_generation", "cancelled"), ("smell_generation", "refused")]):
        call = CallRow(new_id("call"), None, service, "ada", outcome=outcome, started=1000.0 + number)  # type: ignore[arg-type]
        call.error, call.message = "ContentPolicyError", ATTACK
        ai.runtime.journal.record_call(call)
    board = HealthPanel(ai)
    await board.refresh()
    (only,) = [each["cells"] for each in board.sections[1]["rows"]]
    assert (only["service"], only["error"], only["message"]) == ("smell_generation", "ContentPolicyError", ATTACK)


async def test_usage_keeps_unknown_prices_apart_and_tells_what_is_left(home: Path) -> None:
    ai = client({"budget": {"session_usd": 1.0, "call_usd": 0.5}}, home)
    board = UsagePanel(ai)
    await board.refresh()
    assert board.sections[0]["empty"] == "Nothing was called yet."
    mine = ai.runtime.session_id
    for provider, cost, session in [
        ("openai", 0.25, mine),
        ("openai", None, mine),
        ("comfyui", None, mine),
        ("openai", 2.0, "session_x"),
    ]:
        ai.runtime.journal.record_call(
            CallRow(new_id("call"), session, "image_generation", provider, seconds=2.0, cost_usd=cost, billed="yes")
        )
    await board.refresh()
    assert line(board, "image_generation/openai") == {
        "service": "image",
        "provider": "openai",
        "calls": "2",
        "succeeded": "2",
        "seconds": "4.0",
        "cost": "$0.2500",
        "unknown": "1",
    }
    assert line(board, "image_generation/comfyui")["cost"] == "unknown"
    assert words(board) == ["3 calls, $0.2500 known to be spent; 2 without a known price are not in it"]
    assert words(board, 1) == ["$0.7500 left of $1.00 for this session; $0.2500 spent", "At most $0.5000 for one call"]
    receive(board, page_sets(whole_project=True))
    await until(lambda: board.sections[0]["title"] == "The whole project")
    assert line(board, "image_generation/openai")["cost"] == "$2.25"
    no_limit = UsagePanel(client({}, home))
    await no_limit.refresh()
    assert "No limit" in words(no_limit, 1)[0]


async def test_jobs_show_progress_and_are_cancelled(home: Path, films: JobServer) -> None:
    films.needed = 10_000
    ai = client(films_config(films), home)
    job = await ai.video.submit("a ball rolls by")
    board = JobsPanel(ai)
    await until(
        lambda: line(board, job.id) and board.refresh() and "filming" in str(line(board, job.id).get("progress"))
    )
    shown = line(board, job.id)
    assert shown["state"]["text"] == "running"
    assert 0 <= shown["progress"]["fraction"] < 1
    assert [each["act"] for each in board.sections[0]["rows"][0]["actions"]] == ["cancel"], (
        "it is followed here already"
    )
    receive(board, from_page("act", act="cancel", key=job.id))
    await until(lambda: line(board, job.id)["state"]["text"] == "cancelled")
    await until(lambda: board.notice == f"{job.id} was cancelled.")
    assert films.cancelled == ["remote-1"]
    with pytest.raises(JobCancelledError):
        await job.wait()
    receive(board, from_page("act", act="cancel", key=job.id))
    await until(lambda: "was over already" in board.notice)
    receive(board, page_sets(open_only=True))
    await until(lambda: board.sections[0]["rows"] == [])


async def test_a_job_of_a_dead_kernel_is_resumed_from_the_panel(home: Path, films: JobServer) -> None:
    ai = client(films_config(films), home)
    films.creates += ["remote-1", "remote-2"]
    request = json.dumps({"prompt": f"a ball {ATTACK}"})
    for number in (1, 2):
        job = JobRow(
            f"job_{number}", "video_generation", "films", session_id="s", state="submitting", request_json=request
        )
        await asyncio.to_thread(ai.runtime.journal.open_job, job)
        await asyncio.to_thread(ai.runtime.journal.ticket, job.job_id, f"remote-{number}")
    board = JobsPanel(ai)
    await board.refresh()
    assert words(board) == ["2 open jobs are not followed in this kernel. Resume picks up what was paid for."]
    assert line(board, "job_1")["progress"]["text"] == "not followed here"
    assert films.looks == [], "looking at the board asks no provider"
    receive(board, from_page("act", act="resume", key="job_1"))
    await until(lambda: line(board, "job_1")["state"]["text"] == "completed")
    receive(board, from_page("act", act="resume_all", key=""))
    await until(lambda: board.refresh() and line(board, "job_2")["state"]["text"] == "completed")
    await until(lambda: "1 job is followed again" in board.notice)
    assert KEY not in str(board.get_state())


async def test_what_cannot_be_resumed_says_why(home: Path, films: JobServer) -> None:
    ai = client(films_config(films), home)
    await asyncio.to_thread(
        ai.runtime.journal.open_job, JobRow("job_1", "video_generation", "films", request_json='{"prompt": "x"}')
    )
    board = JobsPanel(ai)
    await board.refresh()
    receive(board, from_page("act", act="resume", key="job_1"))
    await until(lambda: board.error)
    assert (board.error["type"], board.error["billed"]) == ("JobLostError", "maybe")
    await until(lambda: line(board, "job_1")["state"]["text"] == "lost")
    receive(board, from_page("act", act="cancel", key="job_9"))
    await until(lambda: "there is no job" in board.error.get("message", ""))
    receive(board, from_page("act", act="dance", key=""))
    await until(lambda: "dance" in board.error.get("message", ""))


class Counting(Board):
    """A board whose looks are counted."""

    looks = 0
    broken = False

    async def look(self) -> list[dict[str, Any]]:
        self.looks += 1
        if self.broken:
            raise ProviderUnavailableError("away")
        return [section("a", "A", [column("n", "N", "number")], [row("1", {"n": "7"})], words=[("fine", "good")])]


async def test_a_board_looks_again_only_while_it_is_on_a_page() -> None:
    board = Counting(every=0.01)
    await board.refresh()
    seen = board.looks
    await asyncio.sleep(0.05)
    assert board.looks == seen
    with sent_by(board) as sent:
        receive(board, from_page("shown", view="v1"))
        await until(lambda: board.looks > seen + 4)
    assert not [each for each in sent if "sections" in each["data"].get("state", {})], (
        "nothing has changed, nothing is sent"
    )
    receive(board, page_sets(live=False))
    await asyncio.sleep(0.03)
    before = board.looks
    await asyncio.sleep(0.05)
    assert board.looks == before
    board.live = True
    await until(lambda: board.looks > before)
    receive(board, from_page("gone", view="v1"))
    await asyncio.sleep(0.03)
    before = board.looks
    await asyncio.sleep(0.05)
    assert board.looks == before
    receive(board, from_page("act", act="refresh", key=""))
    await until(lambda: board.looks == before + 1)
    receive(board, from_page("shown", view="v2"))
    board.close()
    await asyncio.sleep(0.03)
    before = board.looks
    await asyncio.sleep(0.05)
    assert board.looks == before


async def test_a_look_that_fails_is_told_and_the_next_one_is_tried() -> None:
    board = Counting(every=0.01)
    await board.refresh()
    board.broken = True
    await board.refresh()
    assert board.error["message"] == "away"
    assert board.sections, "what was known stays"
    assert "fine" in board.static_html()
    assert board.static_text() == "ViralAI (A: 1)"
    receive(board, from_page("sing"))
    assert "sing" in board.error["message"]
    with pytest.raises(InvalidRequestError, match="every"):
        Counting(every=0)
    with pytest.raises(InvalidRequestError, match="Did you mean 'live'"):
        Counting(liv=True)


async def test_the_leaderboard_counts_anew_only_when_there_is_something_new(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: Any) -> str:
        if request.prompt == "p11":
            raise ProviderUnavailableError("no")
        return "mine"

    use(TEXT, ada=text_provider(fail), bob=text_provider(lambda request: "well"))
    experiment = client({}, home).experiment(
        "e3", service="text", arms=["ada", "bob"], prompts=[f"p{n}" for n in range(12)]
    )
    await experiment.run()
    counted = 0
    working = experiment.leaderboard

    def counting(**given: Any) -> Any:
        nonlocal counted
        counted += 1
        return working(**given)

    monkeypatch.setattr(experiment, "leaderboard", counting)
    board = Leaderboard(experiment)
    await board.refresh()
    assert line(board, "ada")["failures"] == "1 of 12"
    assert line(board, "bob")["cost"] == "unknown"
    await board.refresh()
    assert counted == 1
    while (pair := experiment.next_pair("me")) is not None:
        experiment.vote(pair, "left" if pair.left.text == "well" else "right", "me")
    await board.refresh()
    assert counted == 2
    assert any(one.startswith("bob against ada: bob is preferred: 11–0") for one in words(board))
    assert [each["key"] for each in board.sections[0]["rows"]] == ["bob", "ada"]
    assert line(board, "bob")["wins"].startswith("100 % (")
    assert "bob is preferred" in board.static_html()


async def test_ratings_have_intervals_on_one_scale_and_ranks_their_range(home: Path) -> None:
    arms = [{"name": name, "provider": "embedded", "temperature": heat} for name, heat in (("ada", 0.1), ("bob", 0.9))]
    words = [f"Write {number} hooks for a video about foxes" for number in range(1, 13)]
    experiment = client({}, home).experiment("e4", service="text", arms=arms, prompts=words)
    await experiment.run()
    for number in range(12):
        pair = experiment.next_pair("me")
        assert pair is not None
        slot = experiment._pairs.find(pair.id, "human", "me")
        left, _ = experiment._pairs.sides(slot, "human", "me")
        experiment.vote(pair, "left" if (left[0] == "ada") == (number % 3 != 0) else "right", "me")
    board = Leaderboard(experiment)
    await board.refresh()
    ada, bob = line(board, "ada"), line(board, "bob")
    assert ada["score"]["low"] < ada["score"]["value"] < ada["score"]["high"]
    assert (ada["score"]["min"], ada["score"]["max"]) == (bob["score"]["min"], bob["score"]["max"])
    assert ada["score"]["min"] == min(ada["score"]["low"], bob["score"]["low"])
    assert ada["rank"] == "1–2", "eight to four does not tell for sure who is first"
    assert (ada["cost"], ada["failures"], ada["votes"]) == ("free", "0 of 12", "12")
    assert ada["score"]["text"] in board.static_html()


async def test_the_votes_of_one_rater_are_looked_at_alone(home: Path) -> None:
    use(TEXT, ada=text_provider(lambda request: "mine"), bob=text_provider(lambda request: "well"))
    ai = client({}, home)
    experiment = ai.experiment("e5", service="text", arms=["ada", "bob"], prompts=[f"p{n}" for n in range(12)])
    await experiment.run()
    for rater, likes in (("ann", "mine"), (ATTACK, "well")):
        while (pair := experiment.next_pair(rater)) is not None:
            experiment.vote(pair, "left" if pair.left.text == likes else "right", rater)
    board = Leaderboard(experiment, rater="ann")
    await board.refresh()
    assert board.raters == [ATTACK, "ann"]
    assert board.sections[0]["title"] == "12 votes of ann"
    assert line(board, "ada")["wins"].startswith("100 % (")
    assert line(board, "ada")["votes"] == "12"
    assert any(one.startswith("ada against bob: ada is preferred: 12–0") for one in words(board))
    receive(board, page_sets(rater=ATTACK))
    await until(lambda: board.sections[0]["title"] == f"12 votes of {ATTACK}")
    assert line(board, "bob")["wins"].startswith("100 % (")
    assert ATTACK not in board.static_html()
    receive(board, page_sets(rater=""))
    await until(lambda: board.sections[0]["title"] == "24 votes")
    assert line(board, "bob")["votes"] == "24"
    receive(board, page_sets(rater="nobody"))
    await until(lambda: board.sections[0]["title"] == "0 votes of nobody")
    receive(board, page_sets(raters=["x"]))
    assert board.raters == [ATTACK, "ann"]
    assert experiment.leaderboard(rater="ann").caption == "Leaderboard: votes of people, of ann alone"
