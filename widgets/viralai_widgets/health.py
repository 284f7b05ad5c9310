"""`HealthPanel`: who can be asked, who is in trouble, and what failed lately."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import SERVICES, AIServiceType, service_type
from viralai_sdk.store.rows import CallRow
from viralai_widgets.board import Board, Tone, badge, column, row, section
from viralai_widgets.owner import Owner

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

RECENT_CALLS = 300
MOST_FAILURES = 12


class HealthPanel(Board):
    """Providers × services: configured, healthy, in trouble; below, the latest failures, those that another provider made good as well.

    >>> HealthPanel(ai)

    Attributes:
        all_providers: a line for those that are not configured, too; else they are only named.

    Args:
        ai: whose providers and journal.
        every: seconds between two looks of the live board.
    """

    switches_offered: ClassVar[tuple[tuple[str, str], ...]] = (("all_providers", "All providers"),)

    all_providers = traitlets.Bool(False).tag(sync=True)

    def __init__(self, ai: ViralAI, *, owner: Owner | None = None, **state: Any) -> None:
        self._ai = ai
        super().__init__(owner=owner, title=state.pop("title", "Health of providers"), **state)

    async def look(self) -> list[dict[str, Any]]:
        """The two tables."""
        matrix = _matrix(self._ai, self.all_providers)
        calls = await asyncio.to_thread(self._ai.runtime.journal.calls, None, None, RECENT_CALLS)
        return [matrix, _failures(calls)]

    @traitlets.observe("all_providers")
    def _filtered(self, _change: Any) -> None:
        if hasattr(self, "_every"):
            self.refresh()


def _matrix(ai: ViralAI, everybody: bool) -> dict[str, Any]:
    names = [kind.short for kind in SERVICES]
    lines: dict[str, dict[str, Any]] = {}
    tones: dict[str, set[str]] = {}
    for known in ai.providers():
        told = _state(ai, known)
        lines.setdefault(known["provider"], {"provider": known["provider"]})[known["service"]] = told
        tones.setdefault(known["provider"], set()).add(told["tone"])
    ready = sorted(name for name in lines if "good" in tones[name])
    configured = ready + sorted(name for name in lines if tones[name] & {"warn", "bad"} and name not in ready)
    others = sorted(set(lines) - set(configured))
    trouble = sum("bad" in found for found in tones.values())
    words = f"{len(ready)} of {len(lines)} providers are ready"
    words += f"; {trouble} {'is' if trouble == 1 else 'are'} in trouble and tried last" if trouble else ""
    told_words: list[tuple[str, Tone]] = [(words, "bad" if trouble else "good" if ready else "warn")]
    if others and not everybody:
        told_words.append((f"Not configured: {', '.join(others)}", "idle"))
    columns = [column("provider", "Provider"), *(column(name, name.capitalize(), "badge") for name in names)]
    rows = [row(name, lines[name]) for name in (configured + others if everybody else configured)]
    return section("health", "Now", columns, rows, words=told_words)


def _state(ai: ViralAI, known: dict[str, Any]) -> dict[str, str]:
    """One provider's service in a word."""
    if not known["configured"]:
        return badge("not configured", "idle", f"needs {known['needs']}" if known["needs"] else "")
    kind = service_type(known["service"])
    state = ai.runtime.health.state(kind, known["provider"])
    error = state.last_error or ""
    if not ai.runtime.health.healthy(kind, known["provider"]):
        left = max(10, math.ceil((state.open_until - time.monotonic()) / 10) * 10)
        return badge(f"failing: {error.partition(':')[0]}", "bad", f"{error}; tried last for about {left} s")
    if state.failures:
        return badge(f"{state.failures} failed in a row", "warn", error)
    return badge("ready · default" if known["default"] else "ready", "good", known["model"])


def _failures(calls: list[CallRow]) -> dict[str, Any]:
    columns = [
        column("time", "Time", "time"),
        column("service", "Service"),
        column("provider", "Provider"),
        column("error", "Error"),
        column("message", "Message"),
        column("billed", "Billed"),
        column("then", "What happened then"),
    ]
    found: list[dict[str, Any]] = []
    for call in calls:
        for number, cells in enumerate(_failed(call)):
            if len(found) == MOST_FAILURES:
                break
            found.append(row(f"{call.call_id}/{number}", cells))
    return section("failures", "Recent failures", columns, found, empty=f"None in the latest {RECENT_CALLS} calls.")


def _failed(call: CallRow) -> Iterator[dict[str, Any]]:
    """The failures of one call: every attempt that failed, or the call itself when it was refused before any attempt."""
    if call.outcome == "cancelled":
        return
    shared = {"time": time.strftime("%H:%M:%S", time.localtime(call.started)), "service": _short(call.service)}
    then = f"{call.provider} made it" if call.outcome == "ok" else "the call failed"
    tried = json.loads(call.attempts_json) if isinstance(call.attempts_json, str) else []
    failed = [attempt for attempt in tried or [] if attempt.get("outcome") == "failed"]
    for attempt in failed:
        yield shared | {
            "provider": attempt.get("provider"),
            "error": attempt.get("error"),
            "message": attempt.get("message"),
            "billed": attempt.get("billed"),
            "then": then,
        }
    if not failed and call.outcome != "ok":
        yield shared | {
            "provider": call.provider,
            "error": call.error,
            "message": call.message,
            "billed": call.billed,
            "then": then,
        }


def _short(service: str) -> str:
    try:
        kind: AIServiceType = service_type(service)
    except AIError:
        return service  # a newer SDK's journal
    return kind.short
