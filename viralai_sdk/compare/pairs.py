"""Pairs: what a rater sees, and nothing that tells which arm made what."""

from __future__ import annotations

import hashlib
import logging
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.arms import Arm
from viralai_sdk.compare.ballot import Choice, RaterKind
from viralai_sdk.compare.cells import Cell, read_cell
from viralai_sdk.compare.definition import Definition
from viralai_sdk.compare.design import Design, Order, Slot
from viralai_sdk.compare.votes import Ballot, CellKey, Question, question
from viralai_sdk.interfaces.errors import EmptyResultError, InvalidRequestError, MalformedResponseError, StorageError
from viralai_sdk.interfaces.responses import Response

if TYPE_CHECKING:
    from viralai_sdk.compare.masking import Masked

log = logging.getLogger(__name__)

KEPT_MASKS = 8
KEPT_CELLS = 256


@dataclass(frozen=True, slots=True)
class Pair:
    """Two results of one prompt, side by side, before the vote.

    Attributes:
        id: names it for the rater it was made for; `Experiment.vote` takes it too.
        prompt_words: the prompt as it stands in the set, before any arm worded it.
        left, right: the results without names, metadata or anything of their making.
        service: text, image, video or speech.
    """

    id: str
    prompt_words: str
    left: Masked
    right: Masked
    service: str


@dataclass(frozen=True, slots=True)
class Reveal:
    """What was behind a pair, told after the vote is stored."""

    pair_id: str
    choice: Choice
    left: Arm
    right: Arm
    left_cell: Cell
    right_cell: Cell

    @property
    def winner(self) -> str | None:
        """The preferred arm's name, None for every other answer."""
        return self.left.name if self.choice == "left" else self.right.name if self.choice == "right" else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rater has come.

    Attributes:
        rater: None for all raters together.
        votes: live votes.
        pairs: comparisons of the design, for one rater.
        ready: of these, those whose two results are there.
        waiting: those with a cell that is still to be made.
        failed: those that are never shown because a side failed, or its file is gone or found damaged; they count as failures of that arm.
    """

    rater: str | None
    votes: int
    pairs: int
    ready: int
    waiting: int
    failed: int

    @property
    def left(self) -> int:
        """Comparisons this rater could vote on now."""
        return max(0, self.ready - self.votes)


class Pairs:
    """Finds a rater's next comparison, gives it an id, and finds it again by that id."""

    def __init__(self, definition: Definition, ballot: Ballot) -> None:
        self._definition = definition
        self._ballot = ballot
        text = repr(sorted(definition.to_dict().items(), key=lambda item: item[0]))
        # The secret of the ids: whoever only holds a pair cannot compute which arms it is of.
        self._salt = hashlib.sha256(text.encode()).hexdigest()
        names = (len(definition.arms), len(definition.prompts), definition.repeats)
        self.design = Design(*names, seed=f"{definition.seed}|{self._salt}")
        self._cursors: dict[str, tuple[int, int]] = {}
        self._ids: dict[str, dict[str, Slot]] = {}
        self._masks: OrderedDict[CellKey, tuple[Any, Masked]] = OrderedDict()
        self._cells: OrderedDict[CellKey, tuple[Any, Cell]] = OrderedDict()
        self._unshowable: dict[CellKey, Any] = {}

    # --- cells -------------------------------------------------------------------------------------------------------------------

    def keys(self, slot: Slot) -> tuple[CellKey, CellKey]:
        """The two cells of a slot, the `first` arm's before the `second`'s."""
        prompt, arms = self._definition.prompts[slot.prompt].id, self._definition.arms
        return (arms[slot.first].name, prompt, slot.repeat), (arms[slot.second].name, prompt, slot.repeat)

    def cell(self, key: CellKey) -> Cell:
        """A finished cell."""
        data = self._ballot.cells[key]
        kept = self._cells.get(key)
        if kept is None or kept[0] is not data:
            kept = self._cells[key] = (data, read_cell(data))
        self._cells.move_to_end(key)
        while len(self._cells) > KEPT_CELLS:
            self._cells.popitem(last=False)
        return kept[1]

    def state(self, key: CellKey) -> str:
        """ "ready", "failed" (its file may be gone or damaged too) or "waiting"."""
        data = self._ballot.cells.get(key)
        if data is None:
            return "waiting"
        if data["response"] is None or self._unshowable.get(key) is data or gone(data):
            return "failed"
        return "ready"

    # --- orders ------------------------------------------------------------------------------------------------------------------

    def next(self, kind: RaterKind, rater: str) -> Slot | None:
        """The first comparison in the rater's order that can be shown and has no live vote of his."""
        order, answered = self._order(kind, rater), self._ballot.answered(kind, rater)
        name, changes = f"{kind}:{rater}", self._ballot.changes
        start, seen = self._cursors.get(name, (0, changes))
        number = start if seen == changes else 0
        settled = True
        while number < len(order):
            slot = order[number]
            if self.question(slot) not in answered:
                states = [self.state(key) for key in self.keys(slot)]
                if settled and "failed" not in states:
                    self._cursors[name] = (number, changes)
                    settled = False
                if states == ["ready", "ready"]:
                    return slot
            number += 1
        if settled:
            self._cursors[name] = (number, changes)
        return None

    def open(self, kind: RaterKind, rater: str, limit: int | None) -> list[Slot]:
        """Comparisons the rater could vote on now, in his order; at most `limit`."""
        order, answered = self._order(kind, rater), self._ballot.answered(kind, rater)
        # A copy: a run that goes on in another thread adds cells while this looks at files.
        ready = {key for key in list(self._ballot.cells) if self.state(key) == "ready"}
        slots = (order[number] for number in range(len(order)))
        found = (slot for slot in slots if ready.issuperset(self.keys(slot)) and self.question(slot) not in answered)
        return list(islice(found, limit))

    def following(self, slot: Slot, kind: RaterKind, rater: str) -> Slot | None:
        """The comparison that comes up once `slot`, the rater's next one, has its vote; None when nothing can be shown after it."""
        order, answered = self._order(kind, rater), self._ballot.answered(kind, rater)
        start, seen = self._cursors.get(f"{kind}:{rater}", (0, -1))
        passed = False
        for number in range(start if seen == self._ballot.changes else 0, len(order)):
            other = order[number]
            unanswered = passed and self.question(other) not in answered
            if unanswered and all(self.state(key) == "ready" for key in self.keys(other)):
                return other
            passed = passed or other == slot
        return None

    def question(self, slot: Slot) -> Question:
        """The slot as votes name it."""
        one, other = self.keys(slot)
        return question(one[1], one[0], other[0], slot.repeat)

    def sides(self, slot: Slot, kind: RaterKind, rater: str) -> tuple[CellKey, CellKey]:
        """The cells as this rater sees them: left, right."""
        first, second = self.keys(slot)
        return (first, second) if self._order(kind, rater).left_first(slot) else (second, first)

    def _order(self, kind: RaterKind, rater: str) -> Order:
        return self.design.order(f"{kind}:{rater}")

    def progress(self, rater: str | None, votes: int) -> Progress:
        """Counted by cells: a pair is ready when both are, and failed when one is."""
        definition, ready, failed = self._definition, 0, 0
        arms = len(definition.arms)
        for prompt in definition.prompts:
            for repeat in range(definition.repeats):
                states = [self.state((arm.name, prompt.id, repeat)) for arm in definition.arms]
                ready += math.comb(states.count("ready"), 2)
                failed += math.comb(arms, 2) - math.comb(arms - states.count("failed"), 2)
        return Progress(rater, votes, len(self.design), ready, len(self.design) - ready - failed, failed)

    # --- ids and masks -----------------------------------------------------------------------------------------------------------

    def id_of(self, slot: Slot, kind: RaterKind, rater: str) -> str:
        """The id under which this rater knows the slot."""
        said = f"{self._salt}|{kind}|{rater}|{slot.prompt}|{slot.first}|{slot.second}|{slot.repeat}"
        return "pair_" + hashlib.blake2b(said.encode(), digest_size=10).hexdigest()

    def find(self, pair_id: str, kind: RaterKind, rater: str) -> Slot:
        """The slot of an id.

        Raises:
            InvalidRequestError: it is no pair of this rater.
        """
        upcoming = self.next(kind, rater)
        if upcoming is not None and self.id_of(upcoming, kind, rater) == pair_id:
            return upcoming
        name = f"{kind}:{rater}"
        known = self._ids.get(name)
        if known is None:
            known = self._ids[name] = {self.id_of(slot, kind, rater): slot for slot in self.design.slots()}
        found = known.get(pair_id)
        if found is None:
            raise InvalidRequestError(
                f"{str(pair_id)[:40]!r} is no pair of {rater!r} in {self._definition.name!r}.",
                hint="A pair is voted on by the rater it was made for: next_pair(rater), vote(pair, choice, rater).",
            )
        return found

    def masked(self, key: CellKey) -> Masked:
        """A cell's result without anything that tells its maker."""
        data = self._ballot.cells[key]
        kept = self._masks.get(key)
        if kept is None or kept[0] is not data:
            response = self.cell(key).response
            assert response is not None
            kept = self._masks[key] = (data, mask(response))
        self._masks.move_to_end(key)
        while len(self._masks) > KEPT_MASKS:
            self._masks.popitem(last=False)
        return kept[1]

    def show(self, slot: Slot, kind: RaterKind, rater: str) -> Pair | None:
        """The pair of a slot, as this rater sees it; None when a file of it cannot be read, which counts as a failure from now on."""
        masks = []
        for key in self.sides(slot, kind, rater):
            data = self._ballot.cells[key]
            try:
                masks.append(self.masked(key))
            except (MalformedResponseError, EmptyResultError, StorageError, InvalidRequestError) as error:
                # One damaged file must not stop everybody at the same pair. The log does not say whose it is: raters may read it.
                log.warning("a result cannot be shown and is left out: %s", type(error).__name__)
                self._unshowable[key] = data
                return None
        words = self._definition.prompts[slot.prompt].words
        return Pair(self.id_of(slot, kind, rater), words, masks[0], masks[1], self._definition.service.short)


def gone(data: Mapping[str, Any]) -> bool:
    """A cell's files are not where they were put."""
    response = data["response"]
    return any(not Path(artifact["path"]).is_file() for artifact in (response or {}).get("artifacts", ()))


def mask(response: Response) -> Masked:
    """`viralai_sdk.compare.masking.mask`; it brings codecs, so that it is loaded when the first pair is shown."""
    from viralai_sdk.compare import masking

    return masking.mask(response)
