"""`UsagePanel`: what was called, what it cost, and what is left."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from viralai_sdk.interfaces.names import service_type
from viralai_sdk.store.rows import Total
from viralai_widgets.board import Board, Tone, column, row, section
from viralai_widgets.owner import Owner

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

_COLUMNS = (
    column("service", "Service"),
    column("provider", "Provider"),
    column("calls", "Calls", "number"),
    column("succeeded", "Succeeded", "number"),
    column("seconds", "Seconds", "number", "Wall time of all calls together"),
    column("cost", "Known cost", "number"),
    column("unknown", "Calls without a known price", "number"),
)


class UsagePanel(Board):
    """Usage by service and provider, of this session or the whole project, and what is left of the budget. An unknown price is never 0.

    >>> UsagePanel(ai)

    Attributes:
        whole_project: count all sessions.

    Args:
        ai: whose journal and budget.
        every: seconds between two looks of the live board.
    """

    switches_offered: ClassVar[tuple[tuple[str, str], ...]] = (("whole_project", "Whole project"),)

    whole_project = traitlets.Bool(False).tag(sync=True)

    def __init__(self, ai: ViralAI, *, owner: Owner | None = None, **state: Any) -> None:
        self._ai = ai
        super().__init__(owner=owner, title=state.pop("title", "Usage"), **state)

    async def look(self) -> list[dict[str, Any]]:
        """The table and the budget."""
        session = self._ai.runtime.session_id
        return await asyncio.to_thread(self._sections, session, self.whole_project)

    def _sections(self, session: str, whole: bool) -> list[dict[str, Any]]:
        journal = self._ai.runtime.journal
        journal.flush()
        totals = journal.totals(None if whole else session)
        rows = [row(f"{each.service}/{each.provider}", _cells(each)) for each in totals]
        title = "The whole project" if whole else f"Session {session}"
        table = section("usage", title, _COLUMNS, rows, words=_sum(totals), empty="Nothing was called yet.")
        budget = self._ai.config.budget
        limits = (budget.session_usd, budget.call_usd)
        return [table, section("budget", "Budget", words=_budget(journal.spent(session), *limits))]

    @traitlets.observe("whole_project")
    def _other_range(self, _change: Any) -> None:
        if hasattr(self, "_every"):
            self.refresh()


def _cells(each: Total) -> dict[str, Any]:
    return {
        "service": service_type(each.service).short,
        "provider": each.provider,
        "calls": f"{each.calls:,}",
        "succeeded": f"{each.successes:,}",
        "seconds": f"{each.seconds:,.1f}",
        "cost": _cost(each),
        "unknown": f"{each.cost_unknown:,}" if each.cost_unknown else "",
    }


def _cost(each: Total) -> str:
    if not each.cost_known:
        return "unknown"
    return dollars(each.cost_usd) if each.cost_usd else "free"


def _sum(totals: list[Total]) -> list[tuple[str, Tone]]:
    if not totals:
        return []
    calls, unknown = sum(each.calls for each in totals), sum(each.cost_unknown for each in totals)
    known = sum(each.cost_usd for each in totals)
    text = f"{calls:,} {'call' if calls == 1 else 'calls'}, {dollars(known)} known to be spent"
    text += f"; {unknown:,} without a known price are not in it" if unknown else ""
    return [(text, "warn" if unknown else "idle")]


def _budget(spent: float, session_usd: float | None, call_usd: float | None) -> list[tuple[str, Tone]]:
    lines: list[tuple[str, Tone]] = []
    if session_usd is None:
        lines.append(("No limit for a session is set (budget.session_usd).", "idle"))
    else:
        left = max(0.0, session_usd - spent)
        tone: Tone = "bad" if left == 0 else "warn" if left < session_usd / 5 else "good"
        lines.append((f"{dollars(left)} left of {dollars(session_usd)} for this session; {dollars(spent)} spent", tone))
    if call_usd is not None:
        lines.append((f"At most {dollars(call_usd)} for one call", "idle"))
    return lines


def dollars(usd: float) -> str:
    """$0.0400, $12.50; small sums keep four places."""
    return f"${usd:,.4f}" if usd < 1 else f"${usd:,.2f}"
