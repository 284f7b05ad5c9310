"""Experiments: results made once, judged blind as often as anybody likes, by people and judges, in as many sittings as it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.arms import Arm
from viralai_sdk.compare.ballot import Judgement, RaterKind, choice
from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.definition import Definition
from viralai_sdk.compare.making import Maker, RunSummary, cells_to_make
from viralai_sdk.compare.pairs import Pair, Pairs, Progress, Reveal, gone
from viralai_sdk.compare.planning import ComparisonPlan, check_budget, plan_of
from viralai_sdk.compare.votes import Ballot, CellKey, VoteRecord, is_amount, read_votes_file
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.store.rows import new_id

if TYPE_CHECKING:
    from viralai_sdk.compare.design import Slot
    from viralai_sdk.compare.judging import Compares, JudgeSummary
    from viralai_sdk.compare.leaderboard import Leaderboard
    from viralai_sdk.compare.plots import Plot, PlotKind
    from viralai_sdk.compare.prompts import PromptSet
    from viralai_sdk.compare.statistics import Verdict
    from viralai_sdk.interfaces.display.table import Table
    from viralai_sdk.interfaces.responses import Response

KINDS: tuple[RaterKind, ...] = ("human", "judge")


class Experiment:
    """One experiment of a project; `ai.experiment(…)` makes or reopens it. Safe to use from several threads.

    Its cells and votes stand in the project's journal, each from the moment it is finished or cast: a kernel that dies loses none, and
    two kernels may have the same experiment open.
    """

    def __init__(self, manager: AIServiceManager, definition: Definition) -> None:
        self._manager = manager
        self._definition = definition
        self._ballot = Ballot(manager.runtime.journal, definition.name)
        self._pairs = Pairs(definition, self._ballot)
        self._lock = threading.RLock()
        self._ballot.refresh()

    # --- what it is --------------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Its name in the project."""
        return self._definition.name

    @property
    def definition(self) -> Definition:
        """What was written down when it was made."""
        return self._definition

    @property
    def service(self) -> AIServiceType:
        """Whom it asks."""
        return self._definition.service

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The alternatives."""
        return self._definition.arms

    @property
    def prompts(self) -> PromptSet:
        """The questions."""
        return self._definition.prompts

    def __repr__(self) -> str:
        made = self._definition
        planned = len(made.arms) * len(made.prompts) * made.repeats
        return (
            f"Experiment({made.name!r}, {made.service.short}, {len(made.arms)} arms × {len(made.prompts)} prompts × {made.repeats}: "
            f"{len(self._ballot.cells)} of {planned} cells, {len(self._ballot.votes)} votes)"
        )

    # --- cells -------------------------------------------------------------------------------------------------------------------

    def cells(self) -> list[Cell]:
        """The finished cells, failures included, prompt by prompt."""
        with self._lock:
            self._ballot.refresh()
            return [self._pairs.cell(key) for key in self._keys() if key in self._ballot.cells]

    def cell_data(self) -> dict[CellKey, Mapping[str, Any]]:
        """The finished cells as JSON data, as `Cell.to_dict` writes it: for who counts many of them."""
        self._ballot.refresh()
        return dict(self._ballot.cells)

    def _keys(self) -> list[CellKey]:
        made = self._definition
        repeats = range(made.repeats)
        return [(arm.name, prompt.id, repeat) for prompt in made.prompts for repeat in repeats for arm in made.arms]

    async def run(
        self,
        on_cell: Callable[[Cell], object] | None = None,
        *,
        concurrency: int | None = None,
        retry_failed: bool = False,
        dry_run: bool = False,
        measure: bool = True,
    ) -> RunSummary | ComparisonPlan:
        """Make every cell that is not there yet, each once. Interrupted or killed, the next run goes on where it was.

        Args:
            on_cell: told each cell as soon as it is written down.
            concurrency: calls at once; None takes four for each arm, at most 32. A provider's own limit holds besides.
            retry_failed: also ask again for cells that failed, or whose files are gone.
            dry_run: give a `ComparisonPlan` of what is still to be made instead: how many calls, at what price. Nothing is sent.
            measure: take the objective measurements of `viralai_sdk.compare.metrics`, in threads; `metrics()` sums them up.

        Raises:
            ConfigurationError, InvalidRequestError: an arm has no key, or a parameter is wrong. Nothing has been sent.
            BudgetExceededError: the cells would cost more than the budget allows. Before the first call when their prices are known.
            StorageError: results cannot be written; no further call is made.
        """
        if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
            raise InvalidRequestError(f"concurrency must be 1 or more, not {concurrency!r}.")
        self._ballot.refresh()
        runtime = self._manager.runtime
        seen = dict(self._ballot.cells)
        orders = cells_to_make(self._manager, self._definition, lambda key: _wanted(seen.get(key), retry_failed))
        planned = plan_of(self._manager, self.service, orders)
        if dry_run:
            return planned
        if orders:
            await runtime.writable()
            check_budget(runtime, planned, runtime.session_id)
        maker = Maker(self._manager, self._definition, self._ballot, on_cell, seen=seen, measure=measure)
        return await maker.run(orders, concurrency)

    # --- votes -------------------------------------------------------------------------------------------------------------------

    def next_pair(self, rater: str, *, after: Pair | str | None = None, kind: RaterKind = "human") -> Pair | None:
        """The next comparison for a rater: the first of his order that he has not voted on and whose two results are there.

        The order and the sides follow from the experiment's seed and the rater's name alone, so that a fresh kernel gives the same
        pair. None when there is nothing to vote on (now: `progress` tells whether cells are still to be made).

        Args:
            after: the rater's next pair; gives the one that comes up once it has its vote, so that a page can load it early.

        Raises:
            InvalidRequestError: the rater has no name, or `after` is no pair of his.
        """
        rater = _rater(rater)
        with self._lock:
            self._ballot.refresh()
            known = None
            if after is not None:
                known = self._pairs.find(after.id if isinstance(after, Pair) else after, kind, rater)
            pairs, pair = self._pairs, None
            while pair is None:
                slot = pairs.next(kind, rater) if known is None else pairs.following(known, kind, rater)
                if slot is None:
                    break
                pair = pairs.show(slot, kind, rater)
            return pair

    def vote(
        self, pair: Pair | str, answer: str, rater: str, seconds: float | None = None, *, kind: RaterKind = "human"
    ) -> Reveal:
        """Store a vote and tell what was behind the pair.

        Args:
            pair: what `next_pair(rater)` gave, or its id.
            answer: left, right, tie, both_bad or abstain, or a key: 1, 2, 3, 0.
            rater: whose vote it is; the pair must have been made for him.
            seconds: how long he looked.

        Raises:
            InvalidRequestError: no such answer, not this rater's pair, not shown yet, or voted on already (`undo` first).
        """
        return self.cast(pair, answer, rater, kind=kind, seconds=seconds)

    def cast(self, pair: Pair | str, answer: str, rater: str, *, kind: RaterKind, **details: Any) -> Reveal:
        """Store a vote with details of `VoteRecord`, such as a judge's reason; see `vote`."""
        rater, chosen = _rater(rater), choice(answer)
        seconds = details.get("seconds")
        if seconds is not None and not is_amount(seconds):
            raise InvalidRequestError(f"seconds is a number from 0, not {seconds!r}.")
        with self._lock:
            self._ballot.refresh()
            slot = self._pairs.find(pair.id if isinstance(pair, Pair) else pair, kind, rater)
            left, right = self._pairs.sides(slot, kind, rater)
            if any(self._pairs.state(key) != "ready" for key in (left, right)):
                raise InvalidRequestError("this pair cannot be voted on: one of its results is not there.")
            pair_id = self._pairs.id_of(slot, kind, rater)
            record = VoteRecord(
                new_id("vote"), pair_id, left[1], left[0], right[0], slot.repeat, chosen, rater, kind, **details
            )
            self._ballot.cast(record)
            return self._reveal(record)

    def reveal(self, pair: Pair | str, rater: str, *, kind: RaterKind = "human") -> Reveal | None:
        """What was behind a pair that this rater has voted on; None while his vote is not in."""
        rater = _rater(rater)
        with self._lock:
            self._ballot.refresh()
            slot = self._pairs.find(pair.id if isinstance(pair, Pair) else pair, kind, rater)
            vote_id = self._ballot.answered(kind, rater).get(self._pairs.question(slot))
            return None if vote_id is None else self._reveal(self._ballot.votes[vote_id])

    def _reveal(self, record: VoteRecord) -> Reveal:
        arm, cell = self._definition.arm, self._pairs.cell
        left, right = ((name, record.prompt, record.repeat) for name in (record.left, record.right))
        return Reveal(record.pair, record.choice, arm(record.left), arm(record.right), cell(left), cell(right))

    def undo(self, rater: str, *, kind: RaterKind = "human") -> VoteRecord:
        """Take back the rater's latest vote. Both the vote and its undoing stay in the journal; its pair comes up again.

        Raises:
            InvalidRequestError: there is no vote to undo.
        """
        return self._ballot.undo(kind, _rater(rater))

    def votes(self, kinds: Iterable[RaterKind] = KINDS) -> list[VoteRecord]:
        """Live votes, oldest first."""
        wanted = _kinds(kinds)
        self._ballot.refresh()
        return [record for record in list(self._ballot.votes.values()) if record.rater_kind in wanted]

    def judgements(self, kinds: Iterable[RaterKind] = ("human",)) -> list[Judgement]:
        """Live votes as the statistics count them. Judges' votes only when asked for: kinds=("human", "judge")."""
        return [record.judgement for record in self.votes(kinds)]

    def raters(self) -> list[tuple[RaterKind, str]]:
        """Who has voted."""
        self._ballot.refresh()
        return self._ballot.raters()

    def progress(self, rater: str | None = None, *, kind: RaterKind = "human") -> Progress:
        """How far a rater has come; None for all of that kind together."""
        with self._lock:
            self._ballot.refresh()
            if rater is None:
                return self._pairs.progress(None, len(self.votes((kind,))))
            return self._pairs.progress(rater, len(self._ballot.answered(kind, _rater(rater))))

    def export_votes(self, path: str | Path) -> int:
        """Write all votes and undos to a JSONL file, one a line; returns how many."""
        return self._ballot.export(Path(path))

    def import_votes(self, path: str | Path) -> int:
        """Take in votes that were exported elsewhere; those that are there already are left out. Returns how many are new.

        Raises:
            InvalidRequestError: a line is no vote, or none of this experiment. Nothing has been taken in then.
        """
        arms, prompts = {one.name for one in self.arms}, {prompt.id for prompt in self.prompts}
        return self._ballot.take_in(read_votes_file(Path(path), arms, prompts, self._definition.repeats))

    # --- what comes out of it ----------------------------------------------------------------------------------------------------

    def metrics(self) -> Table:
        """The objective measurements of the cells: a row for each metric, the median over an arm's results in its column.

        Yes-or-no metrics are shares. What is better is told only where a direction is better in itself.
        """
        from viralai_sdk.compare.measuring import medians

        return medians(self.service, [arm.name for arm in self.arms], self.cell_data().values())

    def leaderboard(self, kinds: Iterable[RaterKind] = ("human",), *, rater: str | None = None) -> Leaderboard:
        """All arms with scores, intervals, failures, latency and cost, and what may be said about them.

        Only votes of `kinds` decide, and only those of `rater` when one is named; how far judges agree with people is told as soon as a
        judge has voted.
        """
        from viralai_sdk.compare.leaderboard import leaderboard

        wanted, judgements = _kinds(kinds), self.judgements(KINDS)
        return leaderboard([arm.name for arm in self.arms], self.cell_data(), judgements, kinds=wanted, rater=rater)

    def verdict(
        self, first: str, second: str, *, alpha: float = 0.05, kinds: Iterable[RaterKind] = ("human",)
    ) -> Verdict:
        """Which of two arms is preferred: decided, leaning, undecided or not enough variety. May be asked after every vote.

        Raises:
            InvalidRequestError: there is no such arm, or both are the same.
        """
        from viralai_sdk.compare.statistics import verdict

        names = [self._definition.arm(name).name for name in (first, second)]
        return verdict(self.judgements(kinds), *names, alpha=alpha)

    def plot(self, what: PlotKind = "ratings", *arms: str, kinds: Iterable[RaterKind] = ("human",)) -> Plot:
        """A picture with its figures: "ratings", "wins" (who wins against whom), "cost" (taste against price) or "progress" (the
        interval between two arms vote by vote; the two best when none are named).

        Raises:
            ConfigurationError: matplotlib is not installed.
            InvalidRequestError: there is no such plot or arm.
        """
        from viralai_sdk.compare import plots

        wanted = _kinds(kinds)
        board = self.leaderboard(wanted)
        if what == "ratings":
            return plots.ratings(board)
        if what == "wins":
            return plots.wins(board, self.judgements(wanted))
        if what == "cost":
            return plots.cost(board)
        if what == "progress":
            chosen = [self._definition.arm(name).name for name in arms] or [one.arm for one in board.standings[:2]]
            if len(chosen) != 2:
                raise InvalidRequestError(f"progress is shown of two arms, not of {len(chosen)}.")
            return plots.progress(self.judgements(wanted), chosen[0], chosen[1], board.each_alpha)
        raise InvalidRequestError(f"there is no plot {what!r}.", hint="Give 'ratings', 'wins', 'cost' or 'progress'.")

    def report(self, path: str | Path) -> Path:
        """Write everything into one HTML file that needs nothing else; see `viralai_sdk.compare.report`."""
        from viralai_sdk.compare.report import write

        return write(self, Path(path))

    async def judge(
        self, judge: Compares, *, name: str | None = None, limit: int | None = None, concurrency: int = 4
    ) -> JudgeSummary:
        """Let a judge vote on the pairs it has not voted on, in the order a rater of its name would see them.

        Args:
            judge: such as `viralai_sdk.compare.judges.Judge`; an answer that changes with the order is stored as an abstention.
            name: under which it votes; None takes its own.
            limit: pairs at most.
            concurrency: pairs at once.

        Raises:
            BudgetExceededError, StorageError: no further pair can be judged, or no vote written. Failures on single pairs are in the
                summary.
        """
        from viralai_sdk.compare.judging import judge_pairs

        return await judge_pairs(self, judge, name=name, limit=limit, concurrency=concurrency)

    def open_slots(self, kind: RaterKind, rater: str, limit: int | None = None) -> list[Slot]:
        """Comparisons a rater could vote on now, in his order."""
        with self._lock:
            self._ballot.refresh()
            return self._pairs.open(kind, _rater(rater), limit)

    def uncovered(self, slot: Slot, kind: RaterKind, rater: str) -> tuple[str, str, Response | None, Response | None]:
        """A comparison as a judge gets it: the pair's id, the prompt's words, the responses left and right."""
        with self._lock:
            left, right = (self._pairs.cell(key).response for key in self._pairs.sides(slot, kind, rater))
            return self._pairs.id_of(slot, kind, rater), self.prompts[slot.prompt].words, left, right


def _wanted(data: Mapping[str, Any] | None, retry_failed: bool) -> bool:
    """A cell is to be made: there is none, or another is wanted."""
    return data is None or (retry_failed and (data["response"] is None or gone(data)))


def _rater(name: object) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        raise InvalidRequestError("a rater is a name of 1 to 200 characters.", hint="Such as next_pair('ann').")
    return name.strip()


def _kinds(kinds: Iterable[RaterKind]) -> Sequence[RaterKind]:
    wanted = [kinds] if isinstance(kinds, str) else list(kinds)
    for kind in wanted:
        if kind not in KINDS:
            raise InvalidRequestError(f"{kind!r} is no kind of rater.", hint="Give 'human' or 'judge'.")
    return wanted  # type: ignore[return-value]
