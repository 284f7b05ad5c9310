"""What a comparison would cost and change, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.orders import Order
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import BudgetExceededError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.services.plan import PlannedRoute, plan

if TYPE_CHECKING:
    from viralai_sdk.services.runtime import Runtime


@dataclass(slots=True)
class PlannedArm:
    """One arm of a plan.

    Attributes:
        calls: how many calls it makes.
        prices: expected USD of each of them, None where unknown.
        changes: what it would drop or adjust, in words.
        problems: why it could not serve; such a call becomes a failed cell and costs nothing.
    """

    arm: str
    provider: str
    model: str | None
    calls: int = 0
    prices: list[float | None] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def total_usd(self) -> float:
        """Sum of the known prices."""
        return sum(price for price in self.prices if price is not None)

    @property
    def unknown(self) -> int:
        """Calls whose price is unknown."""
        return self.prices.count(None)

    def add(self, route: PlannedRoute) -> None:
        """Count one call. What could not serve costs nothing."""
        self.calls += 1
        if route.ready:
            self.model = route.model
            self.prices.append(route.price_usd)
        changes = [
            f"{change.parameter}: {change.message}" if change.parameter else change.message for change in route.changes
        ]
        self.changes += [change for change in changes if change not in self.changes]
        if route.problem and route.problem not in self.problems:
            self.problems.append(route.problem)

    def row(self) -> dict[str, Any]:
        """The arm as a table row."""
        return {
            "arm": self.arm,
            "provider": self.provider,
            "model": self.model or "",
            "calls": self.calls,
            "price each": self._each(),
            "total": _sum(self.total_usd, self.unknown, self.calls),
            "would change": "; ".join(self.changes),
            "problem": "; ".join(self.problems),
        }

    def _each(self) -> str:
        known = [price for price in self.prices if price is not None]
        if not known:
            return "unknown" if self.prices else "nothing"
        low, high = min(known), max(known)
        return dollars(low) if low == high else f"{dollars(low)} to {dollars(high)}"


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """What a comparison would do. Nothing was sent to make it."""

    service: str
    arms: list[PlannedArm]

    @property
    def calls(self) -> int:
        """Calls in all."""
        return sum(arm.calls for arm in self.arms)

    @property
    def total_usd(self) -> float:
        """Sum of the known prices in USD. It is not the whole price while `unknown` is above 0."""
        return sum(arm.total_usd for arm in self.arms)

    @property
    def unknown(self) -> int:
        """Calls whose price is unknown."""
        return sum(arm.unknown for arm in self.arms)

    @property
    def words(self) -> str:
        """The plan in one line."""
        return f"{self.calls} call{'s' * (self.calls != 1)}, {_sum(self.total_usd, self.unknown, self.calls)}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        rows = [{**arm.row(), "total_usd": arm.total_usd, "price_unknown": arm.unknown} for arm in self.arms]
        return {
            "service": self.service,
            "arms": rows,
            "calls": self.calls,
            "total_usd": self.total_usd,
            "price_unknown": self.unknown,
        }

    def table(self) -> Table:
        """The arms as a table."""
        caption = f"Plan of a comparison of {self.service}: {self.words}; nothing was sent"
        return Table([arm.row() for arm in self.arms], caption=caption)

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)


def _sum(total: float, unknown: int, calls: int) -> str:
    """Money in words: a price that nobody knows is never shown as nothing."""
    if not unknown:
        return dollars(total)
    return "price unknown" if unknown == calls else f"{dollars(total)} and {unknown} of unknown price"


def plan_of(manager: AIServiceManager, service: AIServiceType, orders: Sequence[Order]) -> ComparisonPlan:
    """Plan the calls. Repeats of a call are priced once and counted each."""
    arms: dict[str, PlannedArm] = {}
    known: dict[tuple[str, str], PlannedRoute] = {}
    for order in orders:
        slot = order.slot
        route = known.get((slot.arm, slot.prompt))
        if route is None:
            route = known[slot.arm, slot.prompt] = plan(manager.runtime, order.call(manager, service)).routes[0]
        arm = arms.setdefault(slot.arm, PlannedArm(slot.arm, order.route.provider, order.route.model))
        arm.add(route)
    return ComparisonPlan(service.short, list(arms.values()))


def check_budget(runtime: Runtime, planned: ComparisonPlan, session_id: str) -> None:
    """Refuse a comparison that the budget does not allow as a whole. What calls under way reserve is seen to by each call's own check.

    Raises:
        BudgetExceededError: a call, or the sum of the known prices, is too dear. Nothing was sent.
    """
    limits = runtime.config.budget
    if limits.call_usd is not None:
        for arm in planned.arms:
            dearest = max((price for price in arm.prices if price is not None), default=0.0)
            if dearest > limits.call_usd:
                raise BudgetExceededError(
                    f"arm {arm.arm!r}: a call would cost about {dollars(dearest)}; budget.call_usd is ${limits.call_usd:.2f}. "
                    "Nothing was sent.",
                    hint="Raise the limit, ask for less, or leave the arm out: dry_run=True shows the prices.",
                )
    if limits.session_usd is not None and planned.total_usd > 0:
        spent = runtime.spent(session_id)
        if spent + planned.total_usd > limits.session_usd:
            raise BudgetExceededError(
                f"{dollars(spent)} of this session's ${limits.session_usd:.2f} are spent; the comparison would cost about "
                f"{dollars(planned.total_usd)} more. Nothing was sent.",
                hint="Raise budget.session_usd, or compare fewer arms, prompts or repeats: dry_run=True shows the prices.",
            )
