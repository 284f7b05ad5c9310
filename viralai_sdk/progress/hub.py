"""Between calls that report from any thread and the one thread that draws."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from viralai_sdk.progress.events import ProgressEvent
from viralai_sdk.progress.views import NullView, ProgressView

log = logging.getLogger(__name__)

APPEARS_AFTER = 0.4
"""Seconds a call may take before anything is shown of it."""


@dataclass(slots=True)
class _Call:
    """A call that is not over: its latest event and when it began on our clock."""

    event: ProgressEvent
    began: float


class ProgressHub:
    """Collects events and draws the latest state of every call.

    `post` is cheap and may be called from any thread. `render` draws and belongs to the thread that made the hub: a client's
    heartbeat calls it about every 100 ms, the blocking helpers call it while they wait. Called elsewhere it draws nothing, since
    output of a foreign thread would land in whatever cell runs. A view that fails is put aside: progress never breaks a call.
    """

    def __init__(
        self,
        view: ProgressView,
        *,
        appears_after: float = APPEARS_AFTER,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._view = view
        self._appears_after = appears_after
        self._clock = clock
        self._owner = threading.get_ident()
        self._lock = threading.Lock()
        self._calls: dict[str, _Call] = {}
        self._lines: list[str] = []
        self._over = 0
        self._drawn = False

    def post(self, event: ProgressEvent) -> None:
        """Take an event; the latest of a call wins. A call that ended leaves the display, a cancelled one leaves a line."""
        now = self._clock()
        with self._lock:
            if event.state == "running":
                call = self._calls.get(event.call_id)
                if call is None:
                    self._calls[event.call_id] = _Call(event, now - event.elapsed)
                else:
                    call.event = event
                return
            self._over += self._calls.pop(event.call_id, None) is not None
            if event.state == "cancelled":
                self._lines.append(f"stopped; {event.message or f'{event.title} after {event.elapsed:.1f} s'}")

    def render(self) -> None:
        """Draw what is due. Never raises."""
        if isinstance(self._view, NullView) or threading.get_ident() != self._owner:
            return
        now = self._clock()
        with self._lock:
            lines, self._lines = self._lines, []
            running = [replace(call.event, elapsed=now - call.began) for call in self._calls.values()]
            if not running:
                self._over = 0
            over = self._over
        try:
            self._draw([event for event in running if event.elapsed >= self._appears_after], over, lines, now)
        except Exception as error:  # whatever a front end does, the call it decorates goes on
            log.debug("progress view %s is put aside", type(self._view).__name__, exc_info=error)
            self._view = NullView()

    def _draw(self, shown: list[ProgressEvent], over: int, lines: list[str], now: float) -> None:
        if shown:
            self._view.update(shown, over, now)
            self._drawn = True
        elif self._drawn:
            self._view.clear()
            self._drawn = False
        for line in lines:
            self._view.line(line)

    def close(self) -> None:
        """Draw what is left (the lines of cancelled calls) and take the display away."""
        with self._lock:
            self._calls.clear()
        self.render()
