"""ArenaPanel without a browser: blind by construction, and no vote counts or is lost but through the journal."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import client, home, text_provider, use
from tests.widgets.messages import from_page, page_sets, receive
from tests.widgets.waiting import until
from viralai_sdk import ViralAI
from viralai_sdk.compare.experiment import Experiment
from viralai_sdk.interfaces.errors import InvalidRequestError, ProviderUnavailableError, StorageError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_widgets import ArenaPanel
from viralai_widgets.blindness import decision_of

__all__ = ["home"]

ARMS = {
    "text": [{"temperature": 0.1}, {"temperature": 0.9}],
    "image": [{"style": "noir"}, {"style": "watercolor"}],
    "video": [{"seed": 1}, {"seed": 2}],
    "speech": [{"speed": 0.8}, {"speed": 1.3}],
}
SMALL: dict[str, dict[str, Any]] = {
    "text": {},
    "image": {"width": 96, "height": 64},
    "video": {"duration": 1.0, "options": {"width": 96, "height": 64}},
    "speech": {},
}
NAMES = ("zebra", "quokka")


class Page:
    """Everything the page of a panel has ever been sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard: list[tuple[Any, list[bytes]]] = []
        original = ArenaPanel._send

        def send(panel: ArenaPanel, message: Any, buffers: Any = None) -> None:
            plain = json.loads(json.dumps(message))
            for code in ("_esm", "_css"):
                plain.get("state", {}).pop(code, None)
            self.heard.append((plain, [bytes(buffer) for buffer in buffers or ()]))
            original(panel, message, buffers)

        monkeypatch.setattr(ArenaPanel, "_send", send)

    def everything(self, panel: ArenaPanel) -> bytes:
        """All that was sent, and the state as it is now, static version included."""
        state = {name: value for name, value in panel.get_state().items() if name not in ("_esm", "_css")}
        words = json.dumps([[message for message, _ in self.heard], state, panel._bundle()], default=str)
        return words.encode().lower() + b"".join(data for _, buffers in self.heard for data in buffers).lower()


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(monkeypatch)


async def made(ai: ViralAI, service: str = "text", prompts: int = 3, **details: Any) -> Experiment:
    """An experiment of two arms, its results made."""
    arms = [{"name": name, "provider": "embedded", **own} for name, own in zip(NAMES, ARMS[service], strict=True)]
    words = [f"Write {number + 3} hooks for a video about a red fox" for number in range(prompts)]
    experiment = ai.experiment("e1", service=service, arms=arms, prompts=words, **SMALL[service], **details)
    await experiment.run()
    assert all(cell.ok for cell in experiment.cells()), [cell.error for cell in experiment.cells()]
    return experiment


async def opened(experiment: Any, **details: Any) -> ArenaPanel:
    """A panel that shows its first pair and knows what the votes say."""
    panel = ArenaPanel(experiment, **details)
    await until(lambda: panel.state != "loading" and panel.decision)
    return panel


def votes_in(panel: ArenaPanel) -> int:
    return int(panel.progress["votes"])


async def cast(panel: ArenaPanel, choice: str = "left", **more: Any) -> None:
    """Vote as the page does, and wait until the panel has gone on."""
    before, pair = votes_in(panel), panel.pair["id"]
    receive(panel, from_page("vote", pair=pair, choice=choice, seconds=1.5, **more))
    await until(lambda: votes_in(panel) == before + 1 and panel.state in ("voting", "revealed", "done"))


@pytest.mark.parametrize("service", list(ARMS))
async def test_until_the_vote_is_stored_nothing_tells_who_made_what(service: str, home: Path, page: Page) -> None:
    ai = client({}, home)
    panel = await opened(await made(ai, service, prompts=2))
    for which in ("pair", "upcoming"):
        await until(lambda which=which: getattr(panel, which))
        for side in ("left", "right"):
            receive(panel, from_page("media", pair=getattr(panel, which)["id"], side=side))
    if service != "text":
        sent = [buffers for message, buffers in page.heard if message.get("content", {}).get("kind") == "media"]
        assert [len(buffers) for buffers in sent] == [1, 1, 1, 1]
    told = page.everything(panel)
    files = [path.name.lower() for path in (home / "outputs").rglob("*") if path.is_file()]
    made_with = [str(value).lower() for own in ARMS[service] for value in own.values() if isinstance(value, str)]
    models = {cell.response.model_used for cell in panel.experiment.cells()}  # type: ignore[attr-defined]
    latencies = [f'generation_time": {cell.response.generation_time}' for cell in panel.experiment.cells()]  # type: ignore[attr-defined]
    for word in [
        *NAMES,
        "embedded",
        *files,
        *made_with,
        *filter(None, models),
        *latencies,
        str(home),
        "cost_usd",
        "metadata",
    ]:
        assert word.lower().encode() not in told, word
    await cast(panel)
    assert all(name.encode() not in page.everything(panel) for name in NAMES), "without reveal not even after the vote"


async def test_a_reveal_tells_the_names_of_the_voted_pair_and_takes_them_back_before_the_next(
    home: Path, page: Page
) -> None:
    panel = await opened(await made(client({}, home)), reveal=True)
    first = panel.pair["id"]
    assert b"zebra" not in page.everything(panel)
    await cast(panel, "tie")
    assert panel.state == "revealed"
    assert {panel.revealed["left"], panel.revealed["right"]} == set(NAMES)
    assert panel.revealed["choice"] == "tie"
    page.heard.clear()
    receive(panel, from_page("next"))
    await until(lambda: panel.state == "voting")
    assert panel.pair["id"] != first
    told = [json.dumps(message) for message, _ in page.heard]
    shown = next(place for place, words in enumerate(told) if panel.pair["id"] in words and '"pair"' in words)
    assert any('"revealed": {}' in words for words in told[: shown + 1])
    assert b"zebra" not in page.everything(panel)


async def test_a_vote_is_told_as_stored_only_when_it_is_in_the_journal(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = await made(client({}, home))
    panel = await opened(experiment)
    stored, go_on = experiment.vote, threading.Event()

    def slow(*given: Any) -> Any:
        assert go_on.wait(30)
        return stored(*given)

    monkeypatch.setattr(experiment, "vote", slow)
    first = dict(panel.pair)
    for _ in range(3):  # an impatient finger
        receive(panel, from_page("vote", pair=first["id"], choice="1", seconds=2.0))
    await asyncio.sleep(0.05)
    assert (panel.state, panel.pair, votes_in(panel)) == ("storing", first, 0)
    go_on.set()
    await until(lambda: panel.state == "voting")
    assert panel.pair["id"] != first["id"]
    (vote,) = experiment.votes()
    assert (vote.pair, vote.choice, vote.seconds, vote.rater) == (first["id"], "left", 2.0, "me")
    receive(panel, from_page("vote", pair=first["id"], choice="right"))
    await asyncio.sleep(0.05)
    assert len(experiment.votes()) == 1, "a late key press for a pair that is gone"


async def test_a_vote_that_cannot_be_stored_stays_open_and_its_error_names_nobody(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = await made(client({}, home))
    panel = await opened(experiment)
    working = experiment.vote

    def full(*_: Any) -> Any:
        raise StorageError("the disk is full", provider="zebra")

    monkeypatch.setattr(experiment, "vote", full)
    pair = dict(panel.pair)
    receive(panel, from_page("vote", pair=pair["id"], choice="left"))
    await until(lambda: panel.error)
    assert (panel.state, panel.pair) == ("voting", pair)
    assert panel.error == {
        "type": "StorageError",
        "message": "the disk is full",
        "hint": "",
        "provider": "",
        "billed": "no",
    }
    monkeypatch.setattr(experiment, "vote", working)
    await cast(panel)
    assert panel.error == {}


async def test_an_error_whose_words_would_tell_an_arm_or_a_file_says_less(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = await made(client({}, home))
    panel = await opened(experiment)
    for error in (
        ProviderUnavailableError("Zebra is down"),
        StorageError("gone: outputs/session/images/x.png"),
        ValueError("quokka"),
    ):
        panel.show_error(error)
        assert panel.error["type"] == type(error).__name__
        assert not any(word in json.dumps(panel.error).lower() for word in ("zebra", "quokka", "png"))


async def test_undo_brings_the_same_pair_back(home: Path) -> None:
    experiment = await made(client({}, home))
    panel = await opened(experiment)
    receive(panel, from_page("undo"))
    assert panel.notice == "There is no vote to undo."
    first = dict(panel.pair)
    await cast(panel)
    assert panel.pair != first
    receive(panel, from_page("undo"))
    await until(lambda: panel.pair == first and panel.state == "voting")
    assert experiment.votes() == []
    assert votes_in(panel) == 0


async def test_all_voted_names_the_verdict_and_an_undo_takes_the_names_away_again(home: Path, page: Page) -> None:
    experiment = await made(client({}, home), prompts=12)
    panel = await opened(experiment)
    while panel.state == "voting":
        shown = experiment._pairs.find(panel.pair["id"], "human", "me")
        left, _ = experiment._pairs.sides(shown, "human", "me")
        await cast(panel, "left" if left[0] == "zebra" else "right")
        if panel.state == "voting":
            assert b"zebra" not in page.everything(panel)
    assert panel.pair == {}
    await until(lambda: "zebra is preferred: 12–0" in " ".join(panel.decision["lines"]))
    assert panel.decision["state"] == "decided"
    assert "zebra is preferred" in panel.static_text()
    page.heard.clear()
    receive(panel, from_page("undo"))
    await until(lambda: panel.state == "voting" and panel.decision)
    assert b"zebra" not in page.everything(panel)
    assert "one of them is preferred: 11–0" in panel.decision["lines"][0]


async def test_the_next_pair_is_ready_before_the_vote(home: Path) -> None:
    panel = await opened(await made(client({}, home)))
    await until(lambda: panel.upcoming)
    coming = dict(panel.upcoming)
    await cast(panel)
    assert panel.pair == coming
    await cast(panel)
    await until(lambda: panel.upcoming == {})


async def test_another_rater_goes_on_in_an_order_of_his_own(home: Path) -> None:
    experiment = await made(client({}, home), prompts=4)
    panel = await opened(experiment)
    await cast(panel)
    mine = dict(panel.pair)
    receive(panel, page_sets(rater="ann"))
    await until(lambda: panel.pair and panel.pair != mine and votes_in(panel) == 0)
    pair = experiment.next_pair("ann")
    assert pair is not None
    assert panel.pair["id"] == pair.id
    panel.rater = "me"
    await until(lambda: panel.pair == mine)
    with pytest.raises(InvalidRequestError, match="Did you mean 'rater'"):
        ArenaPanel(experiment, rate="ann")


async def test_a_vote_given_in_another_window_moves_this_one_on(home: Path) -> None:
    experiment = await made(client({}, home))
    one, other = await opened(experiment), await opened(experiment)
    await cast(one)
    receive(other, from_page("vote", pair=other.pair["id"], choice="right"))
    await until(lambda: other.error)
    assert "voted on" in other.error["message"]
    assert other.pair == one.pair
    assert len(experiment.votes()) == 1


async def test_a_result_that_cannot_be_shown_is_told_and_tried_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = await made(client({}, home))
    working = experiment.next_pair

    def broken(*_: Any, **__: Any) -> Any:
        raise StorageError("the disk is away")

    monkeypatch.setattr(experiment, "next_pair", broken)
    panel = ArenaPanel(experiment)
    await until(lambda: panel.state == "stuck")
    assert panel.error["message"] == "the disk is away"
    monkeypatch.setattr(experiment, "next_pair", working)
    receive(panel, from_page("retry"))
    await until(lambda: panel.state == "voting")


async def test_results_that_are_still_to_come_are_counted(home: Path) -> None:
    def act(request: Any) -> str:
        if request.prompt == "never":
            raise ProviderUnavailableError("no")
        return f"about {request.prompt}"

    use(AIServiceType.TEXT_GENERATION, ada=text_provider(act), bob=text_provider(lambda request: "well"))
    experiment = client({}, home).experiment("e2", service="text", arms=["ada", "bob"], prompts=["one", "never"])
    panel = await opened(experiment)
    assert (panel.state, panel.progress["waiting"]) == ("done", 2)
    await experiment.run()
    receive(panel, from_page("retry"))
    await until(lambda: panel.state == "voting" and panel.decision)
    assert (panel.progress["left"], panel.progress["failed"]) == (1, 1)
    assert panel.static_text() == f"Blind votes: e2 · 0 of 1 pairs voted on by me · {panel.decision['lines'][0]}"
    assert "Blind votes: e2" in panel.static_html()


def test_more_than_two_arms_are_counted_blind_and_named_in_the_open() -> None:
    blind = decision_of([], ["ada", "bob", "cyd"], blind=True)
    assert (blind["lines"], blind["interval"]) == (["0 of 3 comparisons decided, 0 leaning"], None)
    named = decision_of([], ["ada", "bob", "cyd"], blind=False)
    assert len(named["lines"]) == 4
    assert named["lines"][1].startswith("ada against bob: no votes yet")


async def test_nonsense_from_the_page_changes_nothing(home: Path) -> None:
    experiment = await made(client({}, home))
    panel = await opened(experiment)
    pair = dict(panel.pair)
    for message in (
        from_page("vote", pair=pair["id"], choice="neither"),
        from_page("vote", pair="pair_other", choice="left"),
        from_page("media", pair=pair["id"], side="both"),
        from_page("media", pair="pair_other", side="left"),
        from_page("next"),
        from_page("sing"),
        page_sets(state="done"),
        page_sets(pair={"id": "mine"}),
        page_sets(revealed={"left": "x"}),
    ):
        receive(panel, message)
    assert (panel.state, panel.pair, panel.revealed) == ("voting", pair, {})
    receive(panel, from_page("vote", pair=pair["id"], choice="left", seconds="long"))
    await until(lambda: votes_in(panel) == 1)
    assert experiment.votes()[0].seconds is None


KILLED = """
import asyncio, os, signal, sys
from viralai_sdk import ViralAI
from viralai_widgets import ArenaPanel

async def main():
    experiment = ViralAI({}, home=sys.argv[1], progress=False).experiment("e1")
    panel = ArenaPanel(experiment)
    for turn in range(4):
        while panel.state != "voting" or panel.progress.get("votes") != turn:
            await asyncio.sleep(0.01)
        if turn == 3:
            print(panel.pair["id"], flush=True)
        panel._handle_msg({"content": {"data": {"method": "custom", "content":
            {"kind": "vote", "pair": panel.pair["id"], "choice": "left"}}}, "buffers": []})
        if turn == 3:
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_killed_kernel_loses_no_stored_vote_and_the_next_pair_is_right(home: Path) -> None:
    ai = client({}, home)
    experiment = await made(ai, prompts=6)
    await ai.aclose()
    command = [sys.executable, "-c", KILLED, str(home)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    found = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=300, env=env)
    assert found.returncode == -9, found.stderr
    # The fourth vote was on its way when the kernel died: it was never told as stored, and its pair is the next one.
    panel = await opened(client({}, home).experiment("e1"))
    assert [vote.choice for vote in experiment.votes()] == ["left"] * 3
    assert votes_in(panel) == 3
    assert panel.pair["id"] == found.stdout.strip()
