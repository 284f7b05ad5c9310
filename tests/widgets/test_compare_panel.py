"""ComparePanel without a browser: what it sends, what it keeps to itself, how it runs, stops, votes and takes back."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.doubles import TEXT, client, text_provider, use
from tests.widgets.messages import custom, from_page, page_sets, receive, sent_by
from tests.widgets.test_owner import in_thread
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.adapter import TextAdapter
from viralai_sdk.interfaces.errors import InvalidRequestError, JobCancelledError, RateLimitError
from viralai_sdk.interfaces.steps import Pause, TextPayload
from viralai_widgets import ComparePanel
from viralai_widgets.pairs import Pairs

ATTACK = "<img src=x onerror=alert(1)><script>alert(1)</script>"
KEY = "sk-very-secret-key-0123456789"


class Endless(TextAdapter):
    """Never answers."""

    def steps(self, request: Any, model: str) -> Any:
        while True:
            yield Pause(0.05)
        yield TextPayload(text="never")


def refuse(request: Any) -> str:
    raise RateLimitError(f"slow down, {ATTACK}", hint="Wait.")


@pytest.fixture
async def ai(home: Path) -> AsyncIterator[ViralAI]:
    """A client with three providers of this process: two that answer, one that never does, one that fails."""
    use(
        TEXT,
        quick=text_provider(lambda request: "The red fox runs home"),
        other=text_provider(lambda request: "A fox sleeps"),
    )
    use(TEXT, endless=Endless, refusing=text_provider(refuse))
    async with client({"providers": {"openai": {"api_key": KEY}}}, home) as made:
        yield made


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(90):
        while not condition():
            await asyncio.sleep(0.005)


async def ran(ai: ViralAI, *providers: str, **state: Any) -> ComparePanel:
    """A panel after its first run."""
    panel = ComparePanel(ai, "text", providers or ("quick", "other"), prompt="a fox", rng=random.Random(5), **state)
    await panel.run()
    return panel


async def test_one_line_shows_a_panel_and_its_form_tells_the_price(ai: ViralAI) -> None:
    panel = ComparePanel(ai)
    await until(lambda: panel.estimate)
    assert "no prompt" in panel.estimate["problem"]
    panel.service = "text"
    panel.prompt, panel.value = "a fox", ["quick", "other"]
    await until(lambda: panel.estimate["words"])
    assert panel.estimate["words"].startswith("2 calls")
    receive(panel, page_sets(options="{nonsense"))
    await until(lambda: panel.estimate["problem"])
    assert "JSON" in panel.estimate["problem"]
    assert panel.error == {}, "whoever is still typing has made no error yet"


@pytest.mark.parametrize("service", ["image", "video"])
async def test_parameters_given_with_any_service_are_asked_for(ai: ViralAI, service: str) -> None:
    arms = ["embedded", {"provider": "embedded", "seed": 1}]
    panel = ComparePanel(ai, service, arms=arms, parameters={"aspect_ratio": "16:9"})
    assert panel.parameters == {"aspect_ratio": "16:9"}
    panel.service = "text"
    assert panel.parameters == {}


async def test_a_run_fills_the_panel_and_gives_the_comparison(ai: ViralAI) -> None:
    panel = await ran(ai)
    assert panel.comparison is not None
    assert [cell.ok for cell in panel.comparison.cells] == [True, True]
    assert not panel.running
    assert [(row["name"], row["state"], row["fraction"]) for row in panel.progress] == [
        ("quick", "over", 1),
        ("other", "over", 1),
    ]
    assert panel.shown["left"]["name"] == "quick"
    assert "Finished" in panel.notice


async def test_run_from_the_page_in_a_foreign_thread_and_stop_one_arm(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "endless"], prompt="a fox")
    await in_thread(receive, panel, from_page("run"))
    await until(
        lambda: any(row["state"] == "running" for row in panel.progress) and panel.progress[0]["state"] == "over"
    )
    row = next(row for row in panel.progress if row["name"] == "endless")
    await in_thread(receive, panel, from_page("stop", id=row["id"]))
    await until(lambda: not panel.running)
    assert panel.comparison is not None
    assert isinstance(panel.comparison.cell("endless").error, JobCancelledError)
    assert panel.comparison.cell("quick").ok
    row = panel.progress[1]
    assert row["words"] == "stopped"
    assert [(words["type"], words["stopped"]) for words in row["errors"]] == [("Stopped", True)]
    await until(lambda: panel.notice.startswith("Finished"))
    assert panel.notice == "Finished: 2 arms × 1 prompt · 1 of 2 stopped · price unknown."
    assert "<strong>Stopped</strong>" in str(panel.static_html())
    assert "JobCancelledError" not in str(panel.static_html())


async def test_stop_all_ends_the_run_and_keeps_what_was_finished(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "endless"], prompt="a fox")
    waiting = asyncio.create_task(panel.run())
    await until(lambda: panel.progress and panel.progress[0]["state"] == "over")
    with pytest.raises(InvalidRequestError, match="going on"):
        panel.start()
    receive(panel, from_page("run"))
    assert "going on" in panel.error["message"]
    panel.stop()
    comparison = await waiting
    assert [cell.ok for cell in comparison.cells] == [True, False]


async def test_a_run_that_is_stopped_before_its_first_step_costs_nothing(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "endless"], prompt="a fox")
    for _ in range(2):  # the second time there is an earlier run, which is over
        work = panel.owner.start(panel._go(), panel._ended)
        panel._work = work
        panel.stop()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert not panel.running
        assert len(ai.calls("text")) == (0 if panel.comparison is None else 2)
        panel.value = ["quick", "other"]
        await panel.run()
    panel.value = ["quick", "endless"]
    waiting = asyncio.create_task(panel.run())
    await until(lambda: panel.running and panel.progress and panel.progress[0]["state"] == "over")
    panel._stop_before_it_begins()  # it has begun by now, as when the stop comes from another thread
    assert (await waiting).cells


async def test_a_late_preview_of_an_earlier_run_is_not_shown_in_the_next(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "other"], prompt="a fox")
    first = await panel.run()
    early, token = panel._run, panel._view._tokens["quick"]
    await panel.run()
    assert early is not None
    small = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(small, "PNG")
    with sent_by(panel) as sent:
        await panel._view._preview("quick", token, small.getvalue())
        assert custom(sent, "preview") == []
        await panel._view._preview("quick", panel._view._tokens["quick"], small.getvalue())
        assert len(custom(sent, "preview")) == 1
    panel._view._changed(early, early.cells[0])
    assert panel._view._due is None
    assert first is not panel.comparison


async def test_interrupting_the_cell_stops_the_run_says_so_and_the_panel_stays_usable(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "endless"], prompt="a fox")
    cell = asyncio.create_task(panel.run())
    await until(lambda: panel.progress and panel.progress[0]["state"] == "over")
    cell.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell
    await until(lambda: not panel.running and "1 of 2 stopped" in panel.notice)
    assert panel.notice.startswith("Interrupted, so the run was stopped: ")
    assert panel.comparison is not None
    assert panel.comparison.cell("quick").ok
    panel.value = ["quick", "other"]
    assert len((await panel.run()).cells) == 2


async def test_what_cannot_start_is_raised_and_shown(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick"], prompt="a fox")
    with pytest.raises(InvalidRequestError, match="two arms"):
        await panel.run()
    assert panel.error["type"] == "InvalidRequestError"
    assert not panel.running
    with pytest.raises(InvalidRequestError, match="no results"):
        panel.vote("left")
    with pytest.raises(InvalidRequestError, match="no results"):
        panel.export()


async def test_a_failing_arm_is_a_row_with_its_error_and_no_pair(ai: ViralAI) -> None:
    panel = await ran(ai, "quick", "refusing", "other")
    (error,) = panel.progress[1]["errors"]
    assert error["type"] == "RateLimitError"
    assert panel.shown["total"] == 1
    html = str(panel.static_html())
    assert "RateLimitError" in html
    assert "<img src=x" not in html
    assert "<script" not in html


async def test_a_blind_run_tells_the_page_nothing_until_the_vote_is_stored(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "other", "refusing"], prompt="a fox", hide_names=True, repeats=2)
    await until(lambda: panel.estimate)
    with sent_by(panel) as sent:
        await panel.run()
        ids = [panel.shown["left"]["id"], panel.shown["right"]["id"]]
        receive(panel, from_page("want", ids=ids))
        await until(lambda: len(custom(sent, "medium")) == 2)
        await asyncio.sleep(0.5)
    said = json.dumps([message["data"] for message in sent])
    for telling in (
        "quick",
        "other",
        "refusing",
        " s ·",
        "generation_time",
        "seconds",
        str(panel.comparison.id if panel.comparison else ""),
    ):
        assert telling not in said, telling
    assert {message["text"] for message in custom(sent, "medium")} == {"The red fox runs home", "A fox sleeps"}
    for form in (str(panel.static_html()), panel.static_text()):
        assert "0 of 2 pairs judged" in form
        assert not any(name in form for name in ("quick", "other"))

    with sent_by(panel) as sent:
        receive(panel, from_page("vote", choice="left"))
    assert "quick" in panel.notice
    assert "other" in panel.notice
    assert panel.sealed
    assert panel.shown["open"] is False, "the next pair is sealed again"
    assert "name" not in panel.shown["left"]
    await until(lambda: panel.votes.get("count") == 1)
    assert panel.votes["words"] == "", "nobody is named as leading while blind pairs are left"
    panel.vote("tie")
    await until(lambda: panel.votes.get("count") == 2)
    assert panel.votes["words"]
    assert not panel.sealed
    await until(lambda: panel.estimate["rows"])
    assert "quick" in str(panel.static_html())


async def test_while_blind_votes_are_open_the_estimate_names_nobody(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "other"], prompt="a fox", hide_names=True)
    await until(lambda: panel.estimate.get("rows"))
    assert not panel.sealed, "one must see whom one chooses"
    await panel.run()
    assert panel.sealed
    assert panel.estimate["rows"] == []
    receive(panel, page_sets(repeats=3))
    await until(lambda: panel.estimate["words"].startswith("6 calls"))
    assert panel.estimate["rows"] == []
    receive(panel, page_sets(value=["quick"]))
    await until(lambda: panel.estimate["problem"])
    assert "would tell names" in panel.estimate["problem"]
    receive(panel, page_sets(sealed=False))
    assert panel.sealed
    receive(panel, page_sets(value=["quick", "other"], hide_names=False))
    assert not panel.sealed
    await until(lambda: [row["arm"] for row in panel.estimate["rows"]] == ["quick", "other"])


async def test_a_blind_run_is_sealed_from_its_first_moment_to_the_last_vote(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "other", "endless"], prompt="a fox", hide_names=True)
    seen: list[bool] = []
    panel.observe(lambda change: seen.append(change["new"]), "sealed")
    work = panel.start()
    await until(lambda: sum(row["state"] == "over" for row in panel.progress) == 2)
    assert panel.sealed
    panel.stop()
    await work
    assert seen == [True]
    panel.vote("left")
    assert seen == [True, False]
    panel.undo()
    assert seen == [True, False, True]


async def test_sides_and_order_are_random_when_names_are_hidden(ai: ViralAI) -> None:
    panel = await ran(ai, repeats=20)
    assert panel.comparison is not None
    pairs = Pairs(panel.comparison, blind=True, rng=random.Random(3))
    lefts, repeats = [], []
    for _ in range(20):
        assert pairs.shown is not None
        lefts.append(pairs.shown.left.arm)
        repeats.append(pairs.shown.left.repeat)
        pairs.step(1)
    assert 4 < lefts.count("quick") < 16
    assert sorted(repeats) == list(range(20)) != repeats
    with pytest.raises(InvalidRequestError, match="hidden"):
        pairs.show("quick", "other", "p001", 0)


async def test_a_vote_is_on_disk_counts_once_and_can_be_taken_back(ai: ViralAI) -> None:
    panel = await ran(ai, hide_names=True)
    assert panel.comparison is not None
    panel.vote("1")
    with pytest.raises(InvalidRequestError, match="has its vote"):
        panel.vote("2")
    journal, ballot = ai.runtime.journal, f"comparison:{panel.comparison.id}"
    assert len(journal.votes(ballot)) == 1
    receive(panel, from_page("undo"))
    assert panel.comparison.judgements() == []
    assert len(journal.votes(ballot)) == 2, "both the vote and its undoing stay"
    panel.comparison.ballot.recall()
    assert panel.comparison.judgements() == [], "an undone vote stays undone after a restart"
    assert panel.shown["open"] is False
    with pytest.raises(InvalidRequestError, match="no vote to undo"):
        panel.undo()
    with pytest.raises(InvalidRequestError, match="no answer"):
        panel.vote("nonsense")
    assert panel.comparison.judgements() == []


async def test_open_pairs_are_chosen_by_name_and_stepped_through(ai: ViralAI) -> None:
    use(TEXT, third=text_provider(lambda request: "A third fox"))
    panel = await ran(ai, "quick", "other", "third")
    receive(panel, from_page("show", left="third", right="quick", **panel.shown["place"]))
    assert (panel.shown["left"]["name"], panel.shown["right"]["name"]) == ("third", "quick")
    before = panel.shown["index"]
    receive(panel, from_page("step", by=-1))
    assert panel.shown["index"] == before - 1
    receive(panel, from_page("show", left="quick", right="nobody", **panel.shown["place"]))
    assert "no two results" in panel.error["message"]


async def test_hiding_names_after_the_run_seals_the_pairs_anew(ai: ViralAI) -> None:
    panel = await ran(ai)
    seen = panel.shown["left"]["id"]
    receive(panel, page_sets(hide_names=True))
    assert panel.shown["open"] is False
    assert panel.shown["left"].keys() == {"id"}
    assert seen not in json.dumps(panel.shown)
    assert [row["name"] for row in panel.progress] == ["Arm 1", "Arm 2"]


async def test_pictures_travel_beside_the_message_and_blind_ones_are_masked(home: Path) -> None:
    async with client(None, home) as ai:
        arms = [{"provider": "embedded", "name": style, "style": style} for style in ("noir", "neon")]
        panel = ComparePanel(
            ai, "image", arms=arms, prompt="a fox", parameters={"seed": "4"}, options='{"width": 64, "height": 64}'
        )
        await panel.run()
        formats = []
        for hidden in (False, True):
            panel.hide_names = hidden
            with sent_by(panel) as sent:
                receive(panel, from_page("want", ids=[panel.shown["left"]["id"], "nonsense"]))
                await until(lambda sent=sent: custom(sent, "medium"))
            (message,) = [one for one in sent if one["data"]["method"] == "custom"]
            formats.append(message["data"]["content"]["media_type"])
            assert len(message["buffers"][0]) > 100
        assert formats == ["image/png", "image/jpeg"]
        assert len(json.dumps(panel.get_state(), default=str).replace(panel._esm, "")) < 100_000
        picture = panel.comparison.cells[0].response.artifacts[0].path if panel.comparison else Path()
        Path(picture).unlink()
        panel.hide_names = False
        with sent_by(panel) as sent:
            receive(panel, from_page("want", ids=[panel.shown["left"]["id"], panel.shown["right"]["id"]]))
            await until(lambda: len(custom(sent, "medium")) == 2)
        assert {bool(message.get("error")) for message in custom(sent, "medium")} == {True, False}


async def test_several_prompts_variants_and_export(ai: ViralAI, home: Path) -> None:
    panel = ComparePanel(
        ai, "text", ["quick"], arms=[{"provider": "other", "template": "{prompt}!", "name": "loud"}], prompt="unused"
    )
    panel.use_prompts(["one", "two"])
    await panel.run()
    assert panel.comparison is not None
    assert [cell.words for cell in panel.comparison.cells] == ["one", "one!", "two", "two!"]
    path = panel.export("out.html")
    assert "one!" in path.read_text() or "one" in path.read_text()
    receive(panel, from_page("export"))
    assert list(home.glob("cmp*.html"))
    receive(panel, from_page("refresh"))
    assert panel.error == {}
    panel.use_prompts(None)
    assert panel._asked()["prompt"] == "unused"


async def test_no_key_is_in_anything_the_panel_keeps_or_sends(ai: ViralAI) -> None:
    panel = await ran(ai)
    assert "openai" in json.dumps(panel.rows)
    assert KEY not in json.dumps(panel.get_state(), default=str)
    assert KEY not in str(panel.static_html())


async def test_another_service_brings_its_own_form(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", ["quick", "other"], prompt="a fox")
    receive(panel, page_sets(service="speech"))
    assert panel.value == []
    assert next(field["name"] for field in panel.fields) == "voice_id"
    assert "espeak" not in panel.error.get("message", "")


async def test_a_large_comparison_becomes_a_table_in_the_saved_notebook(ai: ViralAI) -> None:
    panel = await ran(ai, repeats=10)
    html = str(panel.static_html())
    assert html.count("<tr>") == 21
    assert "a fox" in html


async def test_before_the_first_run_the_static_version_says_so(ai: ViralAI) -> None:
    panel = ComparePanel(ai, "text", prompt=ATTACK)
    assert repr(panel) == "ComparePanel(text: no results yet)"
    assert "<script" not in str(panel.static_html())


async def test_what_is_wrong_with_a_blind_file_does_not_tell_whose_it_is(home: Path) -> None:
    async with client(None, home) as ai:
        arms = [{"provider": "embedded", "name": style, "style": style} for style in ("noir", "neon")]
        panel = ComparePanel(
            ai, "image", arms=arms, prompt="a fox", options='{"width": 64, "height": 64}', hide_names=True
        )
        comparison = await panel.run()
        for cell in comparison.cells:
            assert cell.response is not None
            Path(cell.response.artifacts[0].path).unlink()
        with sent_by(panel) as sent:
            receive(panel, from_page("want", ids=[panel.shown["left"]["id"]]))
            await until(lambda: custom(sent, "medium"))
        (message,) = custom(sent, "medium")
        assert message["error"]["message"] == "This result cannot be shown masked."
        assert not any(word in json.dumps(message) for word in ("noir", "neon", "png", str(home)))
