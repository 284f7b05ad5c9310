"""`Comparison`: what several arms made of the same prompts, side by side, and what people think of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.arms import Arm
from viralai_sdk.compare.ballot import Judgement, choice
from viralai_sdk.compare.cells import Cell
from viralai_sdk.compare.comparison_votes import ComparisonVotes
from viralai_sdk.compare.slots import Key
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.store.rows import new_id

if TYPE_CHECKING:
    from viralai_sdk.compare.statistics import Verdict
    from viralai_sdk.store.journal import Journal


class Comparison:
    """Cells by arm, prompt and repeat, failures included, with the votes on them.

    Attributes:
        id: names it in the journal's ballot.
        service: what was made.
        arms: the alternatives, in the order of the columns.
        prompts: their words by id, in the order of the rows.
        parameters: what all arms were asked alike.
    """

    def __init__(
        self,
        service: AIServiceType,
        arms: Sequence[Arm],
        prompts: Mapping[str, str],
        cells: Iterable[Cell] = (),
        *,
        parameters: Mapping[str, Any] | None = None,
        journal: Journal | None = None,
        comparison_id: str | None = None,
        votes: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        self.id = comparison_id or new_id("cmp")
        self.service = service
        self.arms = tuple(arms)
        self.prompts = dict(prompts)
        self.parameters = dict(parameters or {})
        self.ballot = ComparisonVotes(f"comparison:{self.id}", journal, votes)
        self._cells: dict[Key, Cell] = {}
        for cell in cells:
            self.put(cell)

    def put(self, cell: Cell) -> None:
        """Add a cell, or replace the one at its place."""
        self._cells[cell.key] = cell

    @property
    def cells(self) -> list[Cell]:
        """All cells there are, by prompt, then repeat, then arm."""
        rows = {prompt: place for place, prompt in enumerate(self.prompts)}
        columns = {arm.name: place for place, arm in enumerate(self.arms)}
        return sorted(
            self._cells.values(),
            key=lambda cell: (rows.get(cell.prompt, len(rows)), cell.repeat, columns.get(cell.arm, len(columns))),
        )

    @property
    def repeats(self) -> int:
        """How often each arm was asked the same."""
        return max((cell.repeat + 1 for cell in self._cells.values()), default=0)

    def arm(self, name: Arm | str) -> Arm:
        """An arm by its name.

        Raises:
            InvalidRequestError: there is none of that name.
        """
        wanted = name.name if isinstance(name, Arm) else name
        for arm in self.arms:
            if arm.name == wanted:
                return arm
        raise InvalidRequestError(
            f"there is no arm {wanted!r}.", hint=f"Arms: {', '.join(arm.name for arm in self.arms)}."
        )

    def prompt_id(self, prompt: str | None = None) -> str:
        """A prompt's id, given itself, the words, or nothing when there is only one prompt.

        Raises:
            InvalidRequestError: there is no such prompt, or several and none was named.
        """
        if prompt is None:
            if len(self.prompts) == 1:
                return next(iter(self.prompts))
            raise InvalidRequestError(
                "which prompt?", hint=f"Give prompt=, one of {', '.join(list(self.prompts)[:8])}."
            )
        if prompt in self.prompts:
            return prompt
        for key, words in self.prompts.items():
            if words == prompt:
                return key
        raise InvalidRequestError(
            f"there is no prompt {prompt[:60]!r}.", hint=f"Ids: {', '.join(list(self.prompts)[:8])}."
        )

    def cell(self, arm: Arm | str, prompt: str | None = None, repeat: int = 0) -> Cell:
        """One cell. `prompt` is an id or the words; it may be left out when there is only one.

        Raises:
            InvalidRequestError: there is no such cell, or not yet.
        """
        key = (self.arm(arm).name, self.prompt_id(prompt), repeat)
        found = self._cells.get(key)
        if found is None:
            raise InvalidRequestError(
                f"there is no cell {key!r}.", hint="It may not be finished, or never have been planned."
            )
        return found

    @property
    def failed(self) -> list[Cell]:
        """Cells whose call failed. What was stopped is in `stopped`."""
        return [cell for cell in self.cells if not cell.ok and not cell.stopped]

    @property
    def stopped(self) -> list[Cell]:
        """Cells that were stopped before they had a result."""
        return [cell for cell in self.cells if cell.stopped]

    @property
    def cost_usd(self) -> float | None:
        """Sum of the known prices in USD; None when something was spent and no price is known. See `cost_unknown`."""
        known = [cell.response.cost_usd for cell in self.cells if cell.response is not None]
        priced = [price for price in known if price is not None]
        return None if self.cost_unknown and not priced else sum(priced)

    @property
    def cost_unknown(self) -> int:
        """How many cells may have cost something that `cost_usd` does not count."""
        return sum(
            cell.response.cost_usd is None
            if cell.response is not None
            else cell.error is not None and cell.error.billed != "no"
            for cell in self._cells.values()
        )

    # --- votes ---------------------------------------------------------------------------------------------------------------------

    def vote(
        self,
        answer: str,
        left: Arm | str | None = None,
        right: Arm | str | None = None,
        prompt: str | None = None,
        rater: str = "me",
    ) -> Judgement:
        """Say which of two arms is better; the vote is on disk when this returns. Votes are only ever added.

        Args:
            answer: left (1), right (2), tie (3), both_bad (0), abstain, or the name of the better arm.
            left, right: the two arms; with two arms in all they may be left out.
            prompt: id or words of the prompt that was judged; may be left out when there is only one.

        Raises:
            InvalidRequestError: it is unclear what was judged, or one of the two has no result there: a failure is not a matter of taste.
            StorageError: the vote could not be written down; it does not count then.
        """
        first, second = self._pair(left, right)
        place = self.prompt_id(prompt)
        words = {first.name: "left", second.name: "right"}.get(answer, answer)
        judgement = Judgement(first.name, second.name, choice(words), place, rater)
        for arm in (first, second):
            if not any(cell.ok for cell in self._cells.values() if (cell.arm, cell.prompt) == (arm.name, place)):
                raise InvalidRequestError(f"{arm.name!r} has no result for {place}, so there is nothing to judge.")
        self.ballot.add(judgement)
        return judgement

    def undo(self, rater: str = "me") -> Judgement:
        """Take back a rater's latest vote; the vote and its undoing both stay on disk.

        Raises:
            InvalidRequestError: the rater has no vote.
            StorageError: it could not be written down; the vote still counts then.
        """
        return self.ballot.undo(rater)

    def _pair(self, left: Arm | str | None, right: Arm | str | None) -> tuple[Arm, Arm]:
        if left is None and right is None and len(self.arms) == 2:
            return self.arms[0], self.arms[1]
        if left is None or right is None:
            raise InvalidRequestError("which two arms?", hint="Give left= and right=, names of arms.")
        first, second = self.arm(left), self.arm(right)
        if first is second:
            raise InvalidRequestError(f"{first.name!r} cannot be compared with itself.")
        return first, second

    def judgements(self) -> list[Judgement]:
        """All votes, in order."""
        return self.ballot.judgements()

    def winner(
        self, first: Arm | str | None = None, second: Arm | str | None = None, *, alpha: float = 0.05
    ) -> Verdict:
        """What the votes say about two arms, in `.words` and `.state`; right at any moment, so it may be read after every vote.

        With more than two arms and none named, the arm with the best balance of votes is held against each of the others, with `alpha`
        shared among all pairs, and the verdict that says least for it is given: it is that verdict's winner only when it beats everybody.
        Arms without a single result cannot be voted on, and do not hold the verdict up.

        Raises:
            InvalidRequestError: it is unclear which arms are meant.
        """
        from viralai_sdk.compare.statistics import verdict

        votes = self.judgements()
        if first is not None or second is not None or len(self.arms) == 2:
            one, other = self._pair(first, second)
            return verdict(votes, one.name, other.name, alpha=alpha)
        if len(self.arms) < 2:
            raise InvalidRequestError("one arm alone cannot win.", hint="Compare two or more.")
        arms = self._contestants(votes)
        balance = {arm: sum((vote.winner == arm) - (vote.loser == arm) for vote in votes) for arm in arms}
        leader = max(balance, key=balance.__getitem__)
        shared = alpha / (len(arms) * (len(arms) - 1) / 2)
        verdicts = [verdict(votes, leader, arm, alpha=shared) for arm in arms if arm != leader]
        return min(verdicts, key=lambda found: (found.winner == leader, found.wins - found.losses, found.e_value))

    def _contestants(self, votes: Iterable[Judgement]) -> list[str]:
        """Names of the arms that have a result or a vote; all arms while there are fewer than two such."""
        seen = {cell.arm for cell in self._cells.values() if cell.ok}
        seen.update(name for vote in votes for name in (vote.left, vote.right))
        able = [arm.name for arm in self.arms if arm.name in seen]
        return able if len(able) > 1 else [arm.name for arm in self.arms]

    # --- other forms -----------------------------------------------------------------------------------------------------------------

    def rows(self) -> list[dict[str, Any]]:
        """One plain mapping a cell, failures and measurements included, as `to_pandas` shows them."""
        return [
            row | {name: value for name, value in cell.metrics.items() if name not in row}
            for cell, row in zip(self.cells, self._rows(), strict=True)
        ]

    def _rows(self) -> list[dict[str, Any]]:
        return [_row(cell, self.arm(cell.arm), self.prompts.get(cell.prompt, cell.words)) for cell in self.cells]

    def table(self) -> Table:
        """One row a cell, in few columns; `to_pandas` has all."""
        hidden = {"prompt_words", "artifact", "cost_source"} | ({"repeat"} if self.repeats <= 1 else set())
        rows = [{key: value for key, value in row.items() if key not in hidden} for row in self._rows()]
        for row in rows:
            if row.pop("stopped"):
                row["error"] = "stopped"
        return Table(rows, caption=self.caption())

    def to_pandas(self) -> Any:
        """One row a cell as a `pandas.DataFrame`.

        Raises:
            ConfigurationError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise ConfigurationError(
                "a data frame needs pandas, which is not installed.", hint='pip install "viralai-sdk[compare]"'
            ) from error
        return pandas.DataFrame(self.rows())

    def caption(self) -> str:
        """One line: what was compared, what failed, what it cost."""
        shape = [_many(len(self.arms), "arm"), _many(len(self.prompts), "prompt")]
        if self.repeats > 1:
            shape.append(_many(self.repeats, "repeat"))
        parts = [" × ".join(shape)]
        for count, state in ((len(self.failed), "failed"), (len(self.stopped), "stopped")):
            if count:
                parts.append(f"{count} of {len(self._cells)} {state}")
        cost, unknown = self.cost_usd, self.cost_unknown
        parts.append("price unknown" if cost is None else dollars(cost) if cost else "free")
        if unknown and cost is not None:
            parts[-1] = f"{f'{dollars(cost)} and ' if cost else ''}{unknown} of unknown price"
        return " · ".join(parts)

    def tally(self) -> Table:
        """The votes, counted by pair of arms."""
        pairs: dict[tuple[str, str], list[Judgement]] = {}
        places = {arm.name: place for place, arm in enumerate(self.arms)}
        for vote in self.judgements():
            first, second = sorted((vote.left, vote.right), key=lambda arm: places.get(arm, len(places)))
            pairs.setdefault((first, second), []).append(vote)
        rows = [
            {
                "first": first,
                "second": second,
                "first better": sum(vote.winner == first for vote in votes),
                "second better": sum(vote.winner == second for vote in votes),
                "tie": sum(vote.choice == "tie" for vote in votes),
                "both bad": sum(vote.choice == "both_bad" for vote in votes),
                "no opinion": sum(vote.choice == "abstain" for vote in votes),
            }
            for (first, second), votes in pairs.items()
        ]
        return Table(rows, caption="Votes")

    def to_html(self, path: str | Path, *, embed: int | None = None) -> Path:
        """Write one HTML file that holds everything: it opens without a network and runs no script.

        Args:
            embed: most bytes of media in it, 48 MB when None; beyond that a thumbnail stands for a picture or film, and says so.

        Raises:
            StorageError: it cannot be written.
        """
        from viralai_sdk.compare import page

        return page.write(self, Path(path), page.EMBEDDED_BYTES if embed is None else embed)

    def save(self, path: str | Path) -> Path:
        """Write everything into a folder, or into one file when `path` ends in `.zip`; `load` reads it back. See `saved.save`.

        Raises:
            InvalidRequestError: something else is at `path`.
            StorageError: it cannot be written.
        """
        from viralai_sdk.compare import saved

        return saved.save(self, path)

    @staticmethod
    def load(path: str | Path) -> Comparison:
        """Read what `save` wrote. `ai.compare.load` also takes in the votes of the project's journal and writes new ones there.

        Raises:
            InvalidRequestError: it is no saved comparison, or broken.
            StorageError: it cannot be read.
        """
        from viralai_sdk.compare import saved

        return saved.load(path)

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from viralai_sdk.compare import page

        return page.mimebundle(self)


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _row(cell: Cell, arm: Arm, words: str) -> dict[str, Any]:
    response, error = cell.response, cell.error
    return {
        "arm": cell.arm,
        "provider": response.provider_used if response else (error.provider if error else None) or arm.provider,
        "model": response.model_used if response else arm.model,
        "prompt": cell.prompt,
        "prompt_words": words,
        "repeat": cell.repeat,
        "ok": cell.ok,
        "error": type(error).__name__ if error else None,
        "stopped": cell.stopped,
        "seconds": cell.seconds,
        "cost_usd": response.cost_usd if response else 0.0 if error and error.billed == "no" else None,
        "cost_source": response.cost_source if response else None,
        "warnings": len(response.warnings) if response else 0,
        "artifact": str(response.artifacts[0].path) if response and response.artifacts else None,
    }
