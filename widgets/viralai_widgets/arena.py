"""`ArenaPanel`: blind votes over an experiment, one keystroke each."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar, Protocol

import traitlets

from viralai_sdk.compare.ballot import ANSWERS, Choice, Judgement, choice
from viralai_sdk.interfaces.display import Html, el, escape, label
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_widgets.assets import VIEWERS
from viralai_widgets.blindness import blind_error, decision_of
from viralai_widgets.owner import Owner, Work
from viralai_widgets.panel import Panel

STATES = ("loading", "voting", "storing", "revealed", "done", "stuck")
MEDIA = {"image": "image", "video": "video", "speech": "audio", "text": "text"}
LONGEST_SECONDS = 24 * 3600.0


class Experiment(Protocol):
    """What the panel needs of `viralai_sdk.compare.Experiment`."""

    name: str

    @property
    def arms(self) -> Sequence[Any]:
        """The arms, each with a name, a provider and a model."""

    def next_pair(self, rater: str, /, *, after: Any = None) -> Any:
        """The rater's next pair, or the one that follows `after` once that has its vote; None when there is none."""

    def vote(self, pair: Any, answer: str, rater: str, seconds: float | None = None, /) -> Any:
        """Store a vote; what was behind the pair."""

    def undo(self, rater: str, /) -> Any:
        """Take the rater's latest vote back."""

    def judgements(self) -> list[Judgement]:
        """The votes of people."""

    def progress(self, rater: str, /) -> Any:
        """How far the rater has come."""


class ArenaPanel(Panel):
    """Blind votes: which of two results is better? Keys 1 left, 2 right, 3 tie, 0 both bad, u undo.

    >>> ArenaPanel(experiment, rater="me")

    Until a vote is stored, nothing on the page tells who made what: no arm, provider, model, file name, metadata, price or latency is
    in the panel's traits, its messages or its document. A vote counts when it is in the journal: the panel goes on only then. So
    closing the browser or killing the kernel loses no vote, and the next panel goes on at the right pair.

    Attributes:
        rater: who votes. Setting it goes on with that rater's own order.
        reveal: tell after each vote who made what. It is off by default: a rater who learns to recognise an arm is no longer blind.
        state: loading, voting, storing, revealed, done (every pair that is ready has a vote) or stuck (see `error`).
        pair: the pair on the page, without its media: id, prompt, service, left, right. Empty when there is none.
        progress: votes, pairs, ready, waiting, failed, left: of this rater.
        decision: what all votes say so far, in words without names while there is something left to vote on; an interval that may be
            looked at after every vote.

    Args:
        experiment: an `Experiment`, whose results have been made at least in part.
        rater: see above.
        reveal: see above.
    """

    assets: ClassVar[tuple[str, ...]] = (*VIEWERS, "board", "voting", "arena")

    rater = traitlets.Unicode("me").tag(sync=True)
    reveal = traitlets.Bool(False).tag(sync=True)
    state = traitlets.Enum(STATES, "loading", read_only=True).tag(sync=True)
    pair = traitlets.Dict(read_only=True).tag(sync=True)
    upcoming = traitlets.Dict(
        read_only=True, help="The pair after this one, so that the page has its media early."
    ).tag(sync=True)
    revealed = traitlets.Dict(read_only=True, help="Names behind the pair that was voted on last.").tag(sync=True)
    progress = traitlets.Dict(read_only=True).tag(sync=True)
    decision = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(
        self,
        experiment: Experiment,
        rater: str = "me",
        *,
        reveal: bool = False,
        owner: Owner | None = None,
        **state: Any,
    ) -> None:
        self.experiment = experiment
        self._held: dict[str, Any] = {}
        self._turn = 0
        self._deciding = self._undecided = False
        self._last: Work[None] | None = None
        title = state.pop("title", f"Blind votes: {label(experiment.name, 80)}")
        super().__init__(owner=owner, title=title, rater=rater, reveal=reveal, **state)
        self._do(self._go_on)

    # From the page ------------------------------------------------------------------------------------------------------------

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        """A vote, an undo, the wish to go on, or for the bytes of one side."""
        if kind == "vote":
            self._vote(content)
        elif kind == "media":
            self._send_media(str(content.get("pair")), str(content.get("side")))
        elif kind == "undo":
            self._undo()
        elif kind in ("next", "retry"):
            if self.state in ("revealed", "done", "stuck"):
                self._do(self._go_on)
        else:
            super().on_message(kind, content, buffers)

    def _vote(self, content: dict[str, Any]) -> None:
        if self.state != "voting" or content.get("pair") != self.pair.get("id"):
            return  # a second key press, or another window: that pair has had its vote
        picked, seconds = choice(str(content.get("choice"))), _seconds(content.get("seconds"))
        self.set_trait("state", "storing")
        self._do(self._store, content["pair"], picked, seconds)

    def _undo(self) -> None:
        if self.state == "storing":
            return
        if not self.progress.get("votes"):
            self.notice = "There is no vote to undo."
            return
        self.set_trait("state", "storing")
        self._do(self._take_back)

    def _send_media(self, pair_id: str, side: str) -> None:
        held = self._held.get(pair_id)
        if held is None or side not in ("left", "right"):
            return  # a pair that has had its vote
        masked = held.left if side == "left" else held.right
        if masked.data is not None:
            self.send({"kind": "media", "pair": pair_id, "side": side, "media_type": masked.media_type}, [masked.data])

    @traitlets.observe("rater")
    def _other_rater(self, change: Any) -> None:
        if change["old"] is not traitlets.Undefined and self._last is not None:
            self.owner.call(self._do, self._go_on)

    # On the owner's loop ------------------------------------------------------------------------------------------------------

    def _do(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        self._last = self.owner.start(self._told(work, *args))

    async def _told(self, work: Callable[..., Coroutine[Any, Any, None]], *args: Any) -> None:
        try:
            await work(*args)
        except Exception as error:
            self.show_error(error)
            if self.state == "storing":  # nothing was stored: the same pair is still to be voted on
                self.set_trait("state", "voting" if self.pair else "done")

    async def _store(self, pair_id: str, picked: Choice, seconds: float | None) -> None:
        try:
            told = await asyncio.to_thread(self.experiment.vote, pair_id, picked, self.rater, seconds)
        except InvalidRequestError as error:  # voted on in another window
            await self._go_on()
            self.show_error(error)
            return
        self.clear_error()
        self.notice = f"Stored: {ANSWERS[picked]}."
        self._decide_soon()
        if not self.reveal:
            await self._go_on()
            return
        self.set_trait("progress", await self._counted())
        self.set_trait("revealed", {"choice": picked, "left": label(told.left.name), "right": label(told.right.name)})
        self.set_trait("state", "revealed")

    async def _take_back(self) -> None:
        await asyncio.to_thread(self.experiment.undo, self.rater)
        self.clear_error()
        self.notice = "Your latest vote was taken back."
        # What names a winner goes before a pair is shown again.
        self.set_trait("decision", {})
        await self._go_on()
        self._decide_soon()

    async def _go_on(self) -> None:
        """Show the rater's next pair. Whatever a vote has revealed is gone before the pair is there."""
        self._turn += 1
        turn, rater = self._turn, self.rater
        try:
            found = await asyncio.to_thread(self.experiment.next_pair, rater)
            counted = await self._counted()
        except Exception:
            with self.hold_sync():
                self.set_trait("pair", {})
                self.set_trait("state", "stuck")
            raise
        if turn != self._turn:
            return  # another rater, or another wish, came in between
        finished = self.state == "done"
        self._held = {found.id: found} if found is not None else {}
        with self.hold_sync():  # one message: no name is on the page together with the next pair
            self.set_trait("revealed", {})
            if found is not None and finished:
                self.set_trait("decision", {})
            self.set_trait("progress", counted)
            self.set_trait("pair", shown_pair(found) if found is not None else {})
            self.set_trait("upcoming", {})
            self.set_trait("state", "voting" if found is not None else "done")
        if found is None or finished or not self.decision:
            self._decide_soon()
        self.snapshot()
        if found is not None:
            await self._prefetch(turn, rater, found)

    async def _prefetch(self, turn: int, rater: str, current: Any) -> None:
        """Get the pair after this one ready, so that its media are on the page before they are needed."""
        try:
            coming = await asyncio.to_thread(self.experiment.next_pair, rater, after=current)
        except AIError:
            return  # it is told when that pair's turn comes
        if turn == self._turn and coming is not None and coming.id != current.id:
            self._held[coming.id] = coming
            self.set_trait("upcoming", shown_pair(coming))

    async def _counted(self) -> dict[str, int]:
        found = await asyncio.to_thread(self.experiment.progress, self.rater)
        return {name: int(getattr(found, name)) for name in ("votes", "pairs", "ready", "waiting", "failed", "left")}

    def _decide_soon(self) -> None:
        """Work out the decision beside the voting, which never waits for it; votes that come meanwhile are counted once more."""
        self._undecided = True
        if not self._deciding:
            self._deciding = True
            self.owner.start(self._decide())

    async def _decide(self) -> None:
        try:
            while self._undecided:
                self._undecided = False
                open_ = self.state != "done"
                try:
                    found = await asyncio.to_thread(self._decided, open_)
                except AIError as error:  # statistics are an extra: voting works without them
                    found = {
                        "state": "unknown",
                        "lines": [f"No verdict: {blind_error(error, self.experiment)['message']}"],
                    }
                if open_ == (self.state != "done"):
                    self.set_trait("decision", found)
                else:
                    self._undecided = True  # the voting began or ended meanwhile: names may not, or may, be told
        finally:
            self._deciding = False
        self.snapshot()

    def _decided(self, blind: bool) -> dict[str, Any]:
        return decision_of(self.experiment.judgements(), [arm.name for arm in self.experiment.arms], blind=blind)

    # Errors and the static version --------------------------------------------------------------------------------------------

    def _error_words(self, error: BaseException) -> dict[str, Any]:
        return blind_error(error, self.experiment)

    def static_html(self) -> Html:
        """How far the rater is and what the votes say: as blind as the panel."""
        lines = [el("div", escape(line)) for line in self.decision.get("lines", [])]
        return el("div", el("strong", label(self.title)), el("div", self._counted_words()), *lines)

    def static_text(self) -> str:
        """One line: the experiment, the rater's progress, the decision."""
        return " · ".join(filter(None, [label(self.title), self._counted_words(), *self.decision.get("lines", [])[:1]]))

    def _counted_words(self) -> str:
        if not self.progress:
            return ""  # the first look at the journal is still under way
        votes, left = self.progress.get("votes", 0), self.progress.get("left", 0)
        return f"{votes} of {votes + left} pairs voted on by {label(self.rater, 60)}"


def shown_pair(pair: Any) -> dict[str, Any]:
    """A pair as the page may know it: without media, and made only of what is named here."""
    return {
        "id": pair.id,
        "prompt": pair.prompt_words,
        "service": pair.service,
        "media": MEDIA.get(pair.service, "text"),
        "left": _shown_side(pair.left),
        "right": _shown_side(pair.right),
    }


def _shown_side(masked: Any) -> dict[str, Any]:
    return {
        "media_type": masked.media_type,
        "text": masked.text,
        "width": masked.width,
        "height": masked.height,
        "duration": masked.duration,
    }


def _seconds(given: Any) -> float | None:
    """How long the rater looked, as the page measured it; None when that makes no sense."""
    known = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
    return float(given) if known and 0 <= given <= LONGEST_SECONDS else None
