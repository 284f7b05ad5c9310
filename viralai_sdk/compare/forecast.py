"""What a run would cost, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.compare.definition import Definition
from viralai_sdk.compare.making import Order, plan_of
from viralai_sdk.compare.votes import CellKey
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import BudgetExceededError
from viralai_sdk.services.manager import AIServiceManager


@dataclass(slots=True)
class ArmForecast:
    """One arm's part: cells to make, done and failed; the sum of their known prices in USD, how many have none, and what is wrong."""

    arm: str
    to_make: int = 0
    done: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    cost_unknown: int = 0
    dearest: float = 0.0
    problem: str = ""
    changes: list[str] = field(default_factory=list)

    def row(self) -> dict[str, Any]:
        """As a table row; a price that is partly unknown says so."""
        known = f"${self.cost_usd:.4f}"
        told = (
            known if not self.cost_unknown else "unknown" if self.cost_unknown == self.to_make else f"{known} + unknown"
        )
        return {
            "arm": self.arm,
            "to make": self.to_make,
            "done": self.done,
            "failed": self.failed,
            "price": told if self.to_make else "",
            "would change": "; ".join(self.changes),
            "problem": self.problem,
        }


@dataclass(slots=True)
class Forecast:
    """What `run` would do. Nothing was sent to make it.

    Attributes:
        calls: requests it would send.
        cost_usd: sum of the prices that are known; `cost_unknown` calls are not in it.
        spent_usd: what the session has spent so far.
    """

    name: str
    arms: list[ArmForecast]
    spent_usd: float
    session_usd: float | None
    call_usd: float | None

    @property
    def calls(self) -> int:
        """Requests the run would send."""
        return sum(one.to_make for one in self.arms)

    @property
    def cost_usd(self) -> float:
        """Sum of the known prices in USD."""
        return sum(one.cost_usd for one in self.arms)

    @property
    def cost_unknown(self) -> int:
        """Calls whose price is unknown."""
        return sum(one.cost_unknown for one in self.arms)

    def check_budget(self) -> None:
        """Refuse what the budget does not allow, before the first call. Unknown prices are met by the budget call by call.

        Raises:
            BudgetExceededError: nothing was sent.
        """
        dearest = max(self.arms, key=lambda one: one.dearest)
        if self.call_usd is not None and dearest.dearest > self.call_usd:
            raise BudgetExceededError(
                f"a cell of {dearest.arm!r} would cost about ${dearest.dearest:.4f}; budget.call_usd is ${self.call_usd:.2f}.",
                hint="run(dry_run=True) shows every arm's price.",
            )
        if self.session_usd is not None and self.spent_usd + self.cost_usd > self.session_usd and self.cost_usd > 0:
            raise BudgetExceededError(
                f"the {self.calls} cells would cost about ${self.cost_usd:.4f}; ${self.spent_usd:.4f} of this session's "
                f"${self.session_usd:.2f} are spent.",
                hint="Raise budget.session_usd, take fewer prompts or repeats, or see run(dry_run=True) for cheaper arms.",
            )

    def table(self) -> Table:
        """The arms as a table."""
        unknown = f", {self.cost_unknown} of unknown price" if self.cost_unknown else ""
        caption = f"{self.name}: {self.calls} calls, about ${self.cost_usd:.4f}{unknown}; nothing was sent"
        return Table([one.row() for one in self.arms], caption=caption)

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)


def forecast(
    manager: AIServiceManager,
    definition: Definition,
    orders: Sequence[Order],
    cells: Mapping[CellKey, Mapping[str, Any]],
) -> Forecast:
    """Price the cells that are to be made."""
    arms = [ArmForecast(arm.name) for arm in definition.arms]
    by_name = {one.arm: one for one in arms}
    for (arm, _, _), data in cells.items():
        if arm in by_name:
            by_name[arm].done += data["response"] is not None
            by_name[arm].failed += data["response"] is None
    for order in orders:
        one = arms[order.arm]
        route = plan_of(manager, definition, order).routes[0]
        one.to_make += 1
        one.problem = one.problem or route.problem or ""
        if route.price_usd is None:
            one.cost_unknown += 1
        else:
            one.cost_usd += route.price_usd
            one.dearest = max(one.dearest, route.price_usd)
        for change in route.changes:
            told = f"{change.parameter}: {change.message}" if change.parameter else change.message
            if told not in one.changes:
                one.changes.append(told)
    limits = manager.config.budget
    spent = manager.runtime.spent(manager.runtime.session_id) if limits.session_usd is not None else 0.0
    return Forecast(definition.name, arms, spent, limits.session_usd, limits.call_usd)
