"""What the checks found: one line each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import AIError


class ConformanceError(AssertionError):
    """At least one check failed; the message lists them."""


@dataclass(slots=True)
class Check:
    """One promise and whether it is kept.

    Attributes:
        group: interface, errors, honesty, streaming, cancellation, secrets or performance.
        name: the promise, as a sentence without a full stop.
        detail: what was seen; for a failed check, what went wrong.
    """

    group: str
    name: str
    ok: bool = True
    seconds: float = 0.0
    detail: str = ""

    def __str__(self) -> str:
        tail = f": {self.detail}" if self.detail else ""
        return f"{'ok    ' if self.ok else 'FAILED'} {self.group:<12} {self.name} ({self.seconds:.2f} s){tail}"


@dataclass(slots=True)
class Report:
    """All checks of one service."""

    provider: str
    service: str
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True when nothing failed, and something was checked."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    @property
    def failed(self) -> list[Check]:
        """The checks that failed."""
        return [check for check in self.checks if not check.ok]

    @contextmanager
    def check(self, group: str, name: str) -> Iterator[Check]:
        """Record one check: whatever is raised inside is its failure, and the next check goes on."""
        check = Check(group, name)
        begun = time.perf_counter()
        try:
            yield check
        except Exception as error:
            check.ok = False
            text = str(error).strip() or "no further word"
            check.detail = text if isinstance(error, AssertionError) else f"{type(error).__name__}: {text}"
        finally:
            check.seconds = time.perf_counter() - begun
            self.checks.append(check)

    def raise_failed(self) -> None:
        """Raises:
        ConformanceError: a check failed; one line for each.
        """
        if not self.ok:
            lines = [f"  {check}" for check in self.failed] or ["  nothing was checked"]
            raise ConformanceError("\n".join([f"{self.provider} × {self.service}:", *lines]))

    def table(self) -> Table:
        """The checks as a table."""
        return Table([row(check) for check in self.checks], caption=f"{self.provider} × {self.service}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)

    def __str__(self) -> str:
        good = sum(check.ok for check in self.checks)
        return "\n".join([f"{self.provider} × {self.service}: {good} of {len(self.checks)} ok", *map(str, self.checks)])


def row(check: Check) -> dict[str, Any]:
    """A check as a table row."""
    return {
        "check": check.name,
        "group": check.group,
        "result": "ok" if check.ok else "failed",
        "seconds": round(check.seconds, 3),
        "seen": check.detail,
    }


def expect(condition: object, message: str) -> None:
    """An assertion that `python -O` keeps.

    Raises:
        AssertionError: the condition does not hold.
    """
    if not condition:
        raise AssertionError(message)


def must_be_ours(error: BaseException, provider: str) -> None:
    """An error that a user may see: of our family, naming the provider, with an answer to "did it cost anything?".

    Raises:
        AssertionError: it is none.
    """
    expect(isinstance(error, AIError), f"{type(error).__name__} got out instead of an AIError: {error}")
    assert isinstance(error, AIError)
    expect(error.provider == provider, f"the error names the provider {error.provider!r}, not {provider!r}")
    expect(error.service, "the error does not name the service")
    expect(error.billed in ("no", "maybe", "yes"), f"billed is {error.billed!r}")
    expect(str(error.message).strip(), "the error says nothing")
