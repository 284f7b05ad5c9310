"""The votes of one comparison: appended to the journal, never changed. An experiment keeps more than votes, see `votes.Ballot`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.ballot import Judgement, choice
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.store.rows import new_id

if TYPE_CHECKING:
    from viralai_sdk.store.journal import Journal


class ComparisonVotes:
    """The votes of one comparison, in memory and, when there is a journal, on disk.

    Args:
        name: the journal's name of it.
        journal: None keeps votes in memory only.
        votes: what was voted elsewhere, as `data` gives it; what the journal knows as well is counted once.

    Raises:
        InvalidRequestError: a vote cannot be read.
    """

    def __init__(self, name: str, journal: Journal | None, votes: Iterable[Mapping[str, Any]] = ()) -> None:
        self.name = name
        self._journal = journal
        self._votes: dict[str, Judgement] = {}
        for vote in votes:
            self._take(vote)

    def recall(self) -> None:
        """Take in what the journal knows, such as the votes of an earlier kernel."""
        for vote in self._journal.votes(self.name) if self._journal is not None else []:
            self._take(json.loads(vote.payload))

    def add(self, judgement: Judgement) -> None:
        """Append a vote. It counts when it is on disk.

        Raises:
            StorageError: it could not be written.
        """
        vote = {"id": new_id("vote"), **_data(judgement)}
        if self._journal is not None:
            self._journal.add_vote(self.name, vote)
        self._votes[vote["id"]] = judgement

    def undo(self, rater: str) -> Judgement:
        """Take back a rater's latest vote by appending that it is taken back; the vote itself stays on disk.

        Raises:
            InvalidRequestError: the rater has no vote.
            StorageError: it could not be written; the vote still counts then.
        """
        latest = next((key for key, vote in reversed(self._votes.items()) if vote.rater == rater), None)
        if latest is None:
            raise InvalidRequestError(f"{rater!r} has no vote to undo.")
        if self._journal is not None:
            self._journal.add_vote(self.name, {"id": new_id("undo"), "undoes": latest})
        return self._votes.pop(latest)

    def judgements(self) -> list[Judgement]:
        """All votes, in order."""
        return list(self._votes.values())

    def data(self) -> list[dict[str, Any]]:
        """All votes as JSON data."""
        return [{"id": key, **_data(vote)} for key, vote in self._votes.items()]

    def _take(self, vote: Mapping[str, Any]) -> None:
        if isinstance(vote.get("undoes"), str):
            self._votes.pop(vote["undoes"], None)
            return
        try:
            words = {name: vote[name] for name in ("id", "left", "right", "prompt", "rater", "kind")}
            if not all(isinstance(value, str) for value in words.values()) or words["kind"] not in ("human", "judge"):
                raise TypeError("a field is not text")
            key = words.pop("id")
            self._votes[key] = Judgement(choice=choice(vote["choice"]), **words)
        except (KeyError, TypeError) as error:
            raise InvalidRequestError(f"a vote cannot be read: {type(error).__name__}: {error}.") from error


def _data(judgement: Judgement) -> dict[str, Any]:
    return {
        "left": judgement.left,
        "right": judgement.right,
        "choice": judgement.choice,
        "prompt": judgement.prompt,
        "rater": judgement.rater,
        "kind": judgement.kind,
    }
