"""The journal's rows as plain values."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

Json: TypeAlias = "str | Mapping[str, Any] | Sequence[Any] | None"
"""JSON text, or a value that the journal's writer turns into it. Rows that are read carry text."""

JOB_STATES = ("submitting", "running", "collecting", "completed", "failed", "cancelled", "lost")
OVER = ("completed", "failed", "cancelled", "lost")
"""States in which nobody works on a job any more."""


_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
_SHIFTS = range(120, -1, -10)
_chances: list[int] = []
"""Random 64-bit numbers, fetched many at once: asking the system lets go of the interpreter's lock, and the journal's thread takes it."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_chances.clear)


def _chance() -> int:
    try:
        return _chances.pop()
    except IndexError:
        _chances.extend(struct.unpack("256Q", os.urandom(8 * 256)))
        return int.from_bytes(os.urandom(8), "big")


def new_id(prefix: str) -> str:
    """A unique id such as "job_0c5k…": 26 characters after the prefix that sort by time, made without asking any other process."""
    # Base 32 of 128 bits, two digits at a time: the clock's nanoseconds, then chance.
    number = (time.time_ns() << 64 | _chance()) << 2
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


@dataclass(slots=True)
class CallRow:
    """One call of the public API, however many routes it tried.

    Attributes:
        seconds: wall time of the whole call.
        cost_usd: None means unknown, which is not 0.
        started: Unix time in seconds.
        request_json, response_json: what was asked and answered, without media; cleaned of secrets when it is written.
    """

    call_id: str
    session_id: str | None
    service: str
    provider: str
    model: str | None = None
    outcome: Literal["ok", "failed", "cancelled", "refused"] = "ok"
    error: str | None = None
    message: str | None = None
    seconds: float = 0.0
    retries: int = 0
    billed: Literal["no", "maybe", "yes"] = "no"
    cost_usd: float | None = None
    cost_source: str | None = None
    cached: bool = False
    started: float = field(default_factory=time.time)
    prompt_sha256: str | None = None
    request_json: Json = None
    response_json: Json = None
    artifacts_json: Json = None
    attempts_json: Json = None
    warnings_json: Json = None


@dataclass(slots=True)
class JobRow:
    """One job at a provider. It is written before the provider hears of it, so that a dead kernel leaves a trace of what it paid for.

    Attributes:
        remote_id: the provider's id, None until it accepted the job.
        state_json: what the adapter needs to find the job again.
        owner, heartbeat: who collects it now, and when that one last said so (Unix time).
    """

    job_id: str
    service: str
    provider: str
    model: str | None = None
    session_id: str | None = None
    call_id: str | None = None
    state: str = "submitting"
    remote_id: str | None = None
    state_json: Json = None
    request_json: Json = None
    response_json: Json = None
    message: str | None = None
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    owner: str | None = None
    heartbeat: float | None = None

    @property
    def over(self) -> bool:
        """True when nobody needs to work on it any more."""
        return self.state in OVER


@dataclass(slots=True, frozen=True)
class Total:
    """Sums over the calls of one provider's service.

    Attributes:
        cost_usd: sum of the known costs; `cost_unknown` calls, which may have cost something, are not in it.
    """

    service: str
    provider: str
    calls: int
    successes: int
    seconds: float
    cost_usd: float
    cost_known: int
    cost_unknown: int


@dataclass(slots=True, frozen=True)
class Vote:
    """One entry of an experiment's append-only ballot. `payload` is JSON text."""

    vote_id: int
    experiment: str
    payload: str
    created: float


CALL_COLUMNS = tuple(column.name for column in fields(CallRow))
JOB_COLUMNS = tuple(column.name for column in fields(JobRow))
