"""What a judge did in all: votes, ties, flips, abstentions, cost, and whether people agree with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import AIError

if TYPE_CHECKING:
    from viralai_sdk.compare.judges import JudgeVerdict
    from viralai_sdk.compare.statistics import Agreement


@dataclass(slots=True)
class Failure:
    """A pair that could not be judged: the judge was not to be reached, or a result not to be read."""

    left: str
    right: str
    prompt: str
    error: AIError


@dataclass(slots=True)
class JudgeReport:
    """Counts of a judge's verdicts.

    Attributes:
        judge: its name, the rater of its judgements.
        verdicts: in the order in which they were added.
        judgements: the same as votes of the kind "judge", abstentions among them.
        failures: pairs without a verdict.
    """

    judge: str
    verdicts: list[JudgeVerdict] = field(default_factory=list)
    judgements: list[Judgement] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def add(self, verdict: JudgeVerdict, left: str, right: str, *, prompt: str = "") -> Judgement:
        """Count a verdict on two arms; gives it as a vote."""
        made = verdict.judgement(left, right, prompt=prompt, rater=self.judge)
        self.verdicts.append(verdict)
        self.judgements.append(made)
        return made

    def fail(self, left: str, right: str, error: AIError, *, prompt: str = "") -> None:
        """Count a pair that could not be judged."""
        self.failures.append(Failure(left, right, prompt, error))

    @property
    def votes(self) -> int:
        """Verdicts that count: a preference, a tie or both bad."""
        return len(self.verdicts) - self.abstentions

    @property
    def ties(self) -> int:
        """Verdicts that both are good and alike."""
        return self._choices("tie")

    @property
    def both_bad(self) -> int:
        """Verdicts that neither can be used."""
        return self._choices("both_bad")

    @property
    def abstentions(self) -> int:
        """Verdicts that do not count, whatever the reason; flips, refusals and unreadable answers are among them."""
        return self._choices("abstain")

    @property
    def flips(self) -> int:
        """Verdicts that changed with the order."""
        return sum(verdict.flipped for verdict in self.verdicts)

    @property
    def refusals(self) -> int:
        """Pairs the judge would not look at."""
        return self._abstained("refused")

    @property
    def malformed(self) -> int:
        """Pairs where its answer could not be read."""
        return self._abstained("malformed")

    @property
    def first_share(self) -> float | None:
        """Share of looks with a preference in which the candidate shown first was preferred; 0.5 is fair. None without a preference."""
        sides = [(look.choice, look.first) for verdict in self.verdicts for look in verdict.raw]
        preferred = [choice == first for choice, first in sides if choice in ("left", "right")]
        return sum(preferred) / len(preferred) if preferred else None

    @property
    def own_work(self) -> int:
        """Votes on pairs of which the judge's own provider made one."""
        return sum(verdict.own_work and verdict.choice != "abstain" for verdict in self.verdicts)

    @property
    def calls(self) -> int:
        """Calls behind the verdicts."""
        return sum(verdict.calls for verdict in self.verdicts)

    @property
    def cost_usd(self) -> float | None:
        """Sum of the known prices; None when none is known."""
        known = [verdict.cost_usd for verdict in self.verdicts if verdict.cost_usd is not None]
        return sum(known) if known else None

    @property
    def cost_unknown(self) -> int:
        """Calls whose price is not known."""
        return sum(verdict.cost_unknown for verdict in self.verdicts)

    def agreement(self, human: Iterable[Judgement]) -> Agreement:
        """How far people and this judge prefer the same, chance taken off; see `statistics.judge_agreement`."""
        from viralai_sdk.compare.statistics import judge_agreement

        return judge_agreement([*human, *self.judgements])

    def to_dict(self) -> dict[str, Any]:
        """The counts as JSON data."""
        names = (
            "votes",
            "ties",
            "both_bad",
            "abstentions",
            "flips",
            "refusals",
            "malformed",
            "first_share",
            "own_work",
        )
        more = ("calls", "cost_usd", "cost_unknown")
        counts = {name: getattr(self, name) for name in (*names, *more)}
        return {"judge": self.judge, **counts, "failures": len(self.failures)}

    def table(self) -> Table:
        """The counts as a table."""
        return Table([self.to_dict()], caption=f"Verdicts of {self.judge}")

    def _choices(self, choice: str) -> int:
        return sum(verdict.choice == choice for verdict in self.verdicts)

    def _abstained(self, reason: str) -> int:
        return sum(verdict.abstention == reason for verdict in self.verdicts)
