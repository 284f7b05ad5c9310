"""The ballot of an experiment: everything that happened to it, one append-only entry after the other, in the project's journal.

Several kernels may write at once. Nobody locks anything: entries get their numbers in the order of writing, and everybody who reads
them in that order comes to the same state. Of two votes by one rater on one comparison the earlier one counts.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias, get_args

from viralai_sdk.compare.ballot import Choice, Judgement, RaterKind, choice
from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.store.rows import new_id

if TYPE_CHECKING:
    from pathlib import Path

    from viralai_sdk.store.journal import Journal

SCHEMA = 1
VOTE_KINDS = ("vote", "undo")
CellKey: TypeAlias = "tuple[str, str, int]"
"""Arm, prompt and repeat."""
Question: TypeAlias = "tuple[str, str, str, int]"
"""Prompt, the two arms in alphabetical order, and the repeat: what a rater answers once."""
Rater: TypeAlias = "tuple[RaterKind, str]"


@dataclass(frozen=True, slots=True)
class Start:
    """A cell was claimed, and a call was about to be made for it. Once `over`, nobody is at it any more; its jobs may still be."""

    call_id: str
    owner: str
    created: float
    over: bool = False


@dataclass(frozen=True, slots=True)
class VoteRecord:
    """One vote as it was cast.

    Attributes:
        id: of the vote, unique everywhere.
        pair: what the rater was shown; another id for each rater.
        left, right: names of the arms where they stood.
        seconds: from showing to answering, None when nobody measured.
        reason, cost_usd, flipped: a judge's; flipped when its answer changed with the order.
        created: Unix time.
    """

    id: str
    pair: str
    prompt: str
    left: str
    right: str
    repeat: int
    choice: Choice
    rater: str
    rater_kind: RaterKind = "human"
    seconds: float | None = None
    reason: str | None = None
    cost_usd: float | None = None
    flipped: bool | None = None
    created: float = field(default_factory=time.time)

    @property
    def question(self) -> Question:
        """What was answered."""
        return question(self.prompt, self.left, self.right, self.repeat)

    @property
    def judgement(self) -> Judgement:
        """As the statistics count it."""
        return Judgement(self.left, self.right, self.choice, self.prompt, self.rater, self.rater_kind)

    def to_dict(self) -> dict[str, Any]:
        """As an entry of the ballot and a line of an export."""
        entry = {name: getattr(self, name) for name in self.__slots__}
        return {"kind": "vote", "v": SCHEMA, **{name: value for name, value in entry.items() if value is not None}}


def question(prompt: str, one: str, other: str, repeat: int) -> Question:
    """What is asked, whichever arm stands on which side."""
    return prompt, min(one, other), max(one, other), repeat


class Ballot:
    """One experiment's entries, read as far as they were written at the last `refresh`. Safe from several threads."""

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal = journal
        self.key = f"experiment:{name}"
        self._read = 0
        self._lock = threading.RLock()
        self.starts: dict[CellKey, list[Start]] = {}
        """Calls that were made for a cell and of which no cell came yet."""
        self.cells: dict[CellKey, Mapping[str, Any]] = {}
        """Data of the finished cells, the latest; but no failure takes the place of a result."""
        self.votes: dict[str, VoteRecord] = {}
        """Live votes by id, in order."""
        self._answers: dict[Rater, dict[Question, str]] = {}
        self.known: set[str] = set()
        """Ids of all votes and undos, dead ones included."""
        self.duplicates = 0
        """Votes that came too late: the same rater had answered in another window."""
        self.changes = 0
        """Grows whenever a vote is undone or another cell takes a cell's place: orders have to be looked through again from their start."""

    def refresh(self) -> Ballot:
        """Read what has been written since, here and in other kernels."""
        with self._lock:
            for entry in self._journal.votes(self.key, self._read):
                self._take(_data(entry.payload, entry.vote_id), entry.created)
                self._read = entry.vote_id
        return self

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write one entry down, durably, and read it with whatever came before it."""
        self._journal.add_vote(self.key, {"v": SCHEMA, **entry})
        self.refresh()

    def answered(self, kind: RaterKind, rater: str) -> Mapping[Question, str]:
        """The questions a rater has a live vote on, with the vote's id."""
        return self._answers.get((kind, rater), {})

    def raters(self) -> list[Rater]:
        """Who has a live vote."""
        with self._lock:
            return [rater for rater, answers in self._answers.items() if answers]

    def cast(self, record: VoteRecord) -> VoteRecord:
        """Append a vote.

        Raises:
            InvalidRequestError: this rater has answered this already, here or at the same moment in another kernel.
        """
        self.refresh()
        if record.question not in self.answered(record.rater_kind, record.rater):
            self.append(record.to_dict())
        if record.id not in self.votes:
            raise InvalidRequestError(
                f"{record.rater or 'this rater'} has voted on {record.pair} already.", hint="Undo that vote first."
            )
        return record

    def undo(self, kind: RaterKind, rater: str) -> VoteRecord:
        """Take back a rater's latest live vote; the vote and its undoing both stay in the journal.

        Raises:
            InvalidRequestError: there is none.
        """
        self.refresh()
        with self._lock:
            answers = self.answered(kind, rater)
            if not answers:
                raise InvalidRequestError(f"{rater or 'this rater'} has no vote to undo.")
            record = self.votes[list(answers.values())[-1]]
        self.append({"kind": "undo", "id": new_id("undo"), "vote": record.id})
        return record

    # --- replay ------------------------------------------------------------------------------------------------------------------

    def _take(self, entry: Mapping[str, Any], created: float) -> None:
        try:
            kind = entry["kind"]
            if kind == "start":
                key = _cell_key(entry)
                self.starts.setdefault(key, []).append(Start(entry["call"], entry["owner"], created))
            elif kind == "end":
                self._take_end(entry)
            elif kind == "cell":
                self._take_cell(entry)
            elif kind == "metrics":
                self._take_metrics(entry)
            elif kind == "vote":
                self._take_vote(read_vote(entry, created))
            elif kind == "undo":
                self._take_undo(entry)
            else:
                raise StorageError(
                    f"the ballot {self.key!r} has an entry of kind {kind!r}.", hint="Update viralai-sdk."
                )
        except (KeyError, TypeError) as error:
            raise StorageError(f"the ballot {self.key!r} has an entry that cannot be read ({error}).") from error

    def _take_cell(self, entry: Mapping[str, Any]) -> None:
        key = _cell_key(entry)
        self._forget_starts(key, None if entry["response"] is not None else entry.get("call"))
        before = self.cells.get(key)
        if before is None or before["response"] is None or entry["response"] is not None:
            self.cells[key] = entry
            self.changes += before is not None

    def _take_metrics(self, entry: Mapping[str, Any]) -> None:
        key = _cell_key(entry)
        if key in self.cells:
            self.cells[key] = {**self.cells[key], "metrics": entry["metrics"]}
            self.changes += 1

    def _forget_starts(self, key: CellKey, failed_call: str | None) -> None:
        """A result settles a cell; a failure only the call that failed and those before it: a later one may be under way."""
        starts = self.starts.pop(key, [])
        places = [place for place, start in enumerate(starts) if start.call_id == failed_call]
        if failed_call is not None and starts[places[-1] + 1 if places else 0 :]:
            self.starts[key] = starts[places[-1] + 1 if places else 0 :]

    def _take_end(self, entry: Mapping[str, Any]) -> None:
        starts = self.starts.get(_cell_key(entry), [])
        starts[:] = [replace(start, over=True) if start.call_id == entry["call"] else start for start in starts]

    def _take_vote(self, record: VoteRecord) -> None:
        self.known.add(record.id)
        answers = self._answers.setdefault((record.rater_kind, record.rater), {})
        if record.question in answers:
            self.duplicates += 1
            return
        answers[record.question] = record.id
        self.votes[record.id] = record

    def _take_undo(self, entry: Mapping[str, Any]) -> None:
        self.known.add(entry["id"])
        record = self.votes.pop(entry["vote"], None)
        if record is not None:
            del self._answers[record.rater_kind, record.rater][record.question]
            self.changes += 1

    # --- files -------------------------------------------------------------------------------------------------------------------

    def export(self, path: Path) -> int:
        """Write votes and undos as JSONL, one entry a line, dead ones included; returns how many.

        Raises:
            StorageError: the file cannot be written.
        """
        from viralai_sdk.store.files import write_atomic

        lines = []
        for entry in self._journal.votes(self.key):
            data = _data(entry.payload, entry.vote_id)
            if data.get("kind") in VOTE_KINDS:
                lines.append(json.dumps({**data, "created": data.get("created", entry.created)}, ensure_ascii=False))
        write_atomic(path, "".join(line + "\n" for line in lines).encode())
        return len(lines)

    def take_in(self, entries: Iterable[Mapping[str, Any]]) -> int:
        """Append exported entries that are not there yet; returns how many."""
        added = 0
        for entry in entries:
            self.refresh()
            if entry["id"] not in self.known:
                self.append(entry)
                added += 1
        return added


def read_votes_file(path: Path, arms: set[str], prompts: set[str], repeats: int) -> list[Mapping[str, Any]]:
    """Entries of an exported JSONL file, checked against an experiment before any of them is taken in.

    Raises:
        InvalidRequestError: says which line does not fit, and why.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"{path.name}: cannot be read ({type(error).__name__}).") from error
    found: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path.name}, line {number}"
        try:
            entry = json.loads(line)
            if entry["v"] != SCHEMA or entry["kind"] not in VOTE_KINDS or not isinstance(entry["id"], str):
                raise InvalidRequestError(f"is no vote of schema {SCHEMA}.")
            if entry["kind"] == "vote":
                _check_vote(entry, arms, prompts, repeats)
            elif not isinstance(entry["vote"], str):
                raise InvalidRequestError("it undoes no vote.")
        except InvalidRequestError as error:
            error.message = f"{where}: {error.message}"
            raise
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InvalidRequestError(f"{where}: is no exported vote ({type(error).__name__}).") from error
        found.append(entry)
    return found


def _check_vote(entry: Mapping[str, Any], arms: set[str], prompts: set[str], repeats: int) -> None:
    """A vote from elsewhere must be one that could have been cast here.

    Raises:
        InvalidRequestError, KeyError, TypeError: it could not.
    """
    record = read_vote(entry, 0.0)
    strange = [name for name in (record.left, record.right) if name not in arms]
    strange += [record.prompt] if record.prompt not in prompts else []
    if strange:
        raise InvalidRequestError(f"this experiment has no {strange[0]!r}.")
    if record.left == record.right:
        raise InvalidRequestError(f"{record.left!r} cannot be compared with itself.")
    if type(record.repeat) is not int or not 0 <= record.repeat < repeats:
        raise InvalidRequestError(f"this experiment has no repeat {record.repeat!r}.")
    if entry["rater_kind"] not in get_args(RaterKind):
        raise InvalidRequestError(f"{entry['rater_kind']!r} is no kind of rater.")
    texts: dict[str, object] = {"pair": record.pair, "rater": record.rater, "reason": record.reason or ""}
    numbers: dict[str, object] = {"seconds": record.seconds, "cost_usd": record.cost_usd, "created": record.created}
    wrong = [name for name, value in texts.items() if not isinstance(value, str)]
    wrong += [name for name, value in numbers.items() if value is not None and not is_amount(value)]
    if wrong or not record.rater.strip() or not isinstance(entry.get("flipped"), bool | None):
        raise InvalidRequestError(f"its {(wrong or ['rater or flipped'])[0]} cannot be.")


def is_amount(value: object) -> bool:
    """A finite number from 0, such as seconds or USD."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


def read_vote(entry: Mapping[str, Any], created: float) -> VoteRecord:
    """A vote out of its entry; `created` stands in when the entry does not say it."""
    kind: RaterKind = "judge" if entry["rater_kind"] == "judge" else "human"
    return VoteRecord(
        id=entry["id"],
        pair=entry["pair"],
        prompt=entry["prompt"],
        left=entry["left"],
        right=entry["right"],
        repeat=entry["repeat"],
        choice=choice(entry["choice"]),
        rater=entry["rater"],
        rater_kind=kind,
        seconds=entry.get("seconds"),
        reason=entry.get("reason"),
        cost_usd=entry.get("cost_usd"),
        flipped=entry.get("flipped"),
        created=entry.get("created", created),
    )


def _cell_key(entry: Mapping[str, Any]) -> CellKey:
    return entry["arm"], entry["prompt"], entry["repeat"]


def _data(payload: str, number: int) -> Mapping[str, Any]:
    data = json.loads(payload)
    if not isinstance(data, dict) or data.get("v") != SCHEMA:
        found = data.get("v") if isinstance(data, dict) else None
        raise StorageError(
            f"entry {number} of the ballot is of schema {found!r}; this SDK reads {SCHEMA}.", hint="Update viralai-sdk."
        )
    return data
