"""USD of each session: what is spent, and what calls under way may still cost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from viralai_sdk.store.journal import Journal
from viralai_sdk.store.rows import CallRow


class Spending:
    """Safe from any thread. A call's price is at every moment either reserved or spent, so that calls of several loops cannot overdraw a
    budget together."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._lock = threading.Lock()
        self._spent: dict[str | None, float] = {}
        self._reserved: dict[str | None, float] = {}

    def spent(self, session_id: str) -> float:
        """USD known to be spent in a session, earlier kernels included."""
        with self._lock:
            return self._known(session_id)

    def reserve(self, session_id: str, decide: Callable[[float], float], *, read: bool = True) -> float:
        """Set aside for a call what `decide(USD spent or reserved)` gives; it may raise instead. Returns that; `settle` takes it back.

        Args:
            read: False leaves out what is spent, for who has no limit on it.
        """
        with self._lock:
            reserved = self._reserved.get(session_id, 0.0)
            amount = decide(reserved + (self._known(session_id) if read else 0.0))
            self._reserved[session_id] = reserved + amount
        return amount

    def settle(self, row: CallRow, reserved: float) -> None:
        """Write a call down: its cost takes the place of what was reserved for it."""
        with self._lock:
            if reserved:
                self._reserved[row.session_id] -= reserved
            if row.session_id in self._spent:
                self._spent[row.session_id] += row.cost_usd or 0.0
            self._journal.record_call(row)

    def _known(self, session_id: str | None) -> float:
        known = self._spent.get(session_id)
        if known is None:  # read under the lock: a call that is written down meanwhile must be counted once
            known = self._spent[session_id] = self._journal.spent(session_id)
        return known
