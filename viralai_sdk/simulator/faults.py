"""Faults on demand: what goes wrong, how often, and with which seed."""

from __future__ import annotations

import math
import random
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal[
    "status", "reset", "slow", "stall", "cut", "malformed", "wrong_type", "empty", "blocked", "oversize", "error_chunk"
]
_LATENCY = re.compile(r"(fixed|lognormal):(\d+(?:\.\d+)?)(ms|s)")
SIGMA = 0.5
"""Spread of the log-normal latency: one call in twenty takes more than 2.3 times the median."""


@dataclass(slots=True)
class Fault:
    """One rule.

    Attributes:
        kind: status (answer with `status`), reset (close the connection before answering), slow (first byte late by `seconds`), stall
            (stop for `seconds` after `after` bytes), cut (close the connection after `after` bytes), malformed (broken JSON), wrong_type
            (an HTML page with status 200), empty (success with nothing in it), blocked (the vendor's safety refusal), oversize (`size`
            bytes), error_chunk (an error inside a stream).
        path: part of the path it applies to; "" is all.
        rate: share of the matching requests it strikes.
        times: how often it strikes at most; None has no end.
        struck: how often it has struck.
    """

    vendor: str
    kind: Kind = "status"
    path: str = ""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    code: str | None = None
    message: str = "The simulator was told to fail."
    rate: float = 1.0
    times: int | None = None
    seconds: float = 1.0
    after: int = 40
    size: int = 1 << 20
    struck: int = 0
    _random: random.Random = field(default_factory=random.Random, repr=False)

    def strikes(self, vendor: str, path: str) -> bool:
        """Whether this request is hit. Draws only for matching requests, so that other traffic changes nothing."""
        if (
            self.vendor not in (vendor, "*")
            or self.path not in path
            or (self.times is not None and self.struck >= self.times)
        ):
            return False
        if self._random.random() >= self.rate:
            return False
        self.struck += 1
        return True


class Faults:
    """The rules of one simulator. May be changed from any thread while it serves."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._rules: list[Fault] = []
        self._latency: dict[str, tuple[str, float, random.Random]] = {}
        self._lock = threading.Lock()

    def add(
        self,
        vendor: str,
        kind: Kind | None = None,
        *,
        path: str = "",
        status: int = 500,
        headers: Mapping[str, str] | None = None,
        code: str | None = None,
        message: str = "The simulator was told to fail.",
        rate: float = 1.0,
        times: int | None = None,
        seconds: float = 1.0,
        after: int = 40,
        size: int = 1 << 20,
        seed: int | None = None,
    ) -> Fault:
        """Let requests to a vendor ("*" is all) go wrong; see `Fault`. Of several rules the first that strikes counts.

        Raises:
            ValueError: no such kind, or a rate outside 0…1.
        """
        kind = kind or "status"
        if kind not in get_args(Kind):
            raise ValueError(f"no fault {kind!r}; there are {', '.join(get_args(Kind))}")
        if not 0 <= rate <= 1:
            raise ValueError("rate is a share between 0 and 1")
        chance = random.Random(self._seed + len(self._rules) if seed is None else seed)  # noqa: S311
        fault = Fault(
            vendor, kind, path, status, dict(headers or {}), code, message, rate, times, seconds, after, size, 0, chance
        )
        with self._lock:
            self._rules.append(fault)
        return fault

    def latency(self, vendor: str, distribution: str, *, seed: int | None = None) -> None:
        """Make every answer wait: "fixed:50ms", or "lognormal:800ms" with that median.

        Raises:
            ValueError: no such distribution.
        """
        match = _LATENCY.fullmatch(distribution)
        if match is None:
            raise ValueError(f"no latency {distribution!r}; write fixed:50ms or lognormal:800ms")
        seconds = float(match[2]) / (1000 if match[3] == "ms" else 1)
        with self._lock:
            self._latency[vendor] = (match[1], seconds, random.Random(self._seed if seed is None else seed))  # noqa: S311

    def clear(self) -> None:
        """Let everything go well again."""
        with self._lock:
            self._rules.clear()
            self._latency.clear()

    def draw(self, vendor: str, path: str) -> Fault | None:
        """The fault that strikes this request."""
        with self._lock:
            return next((fault for fault in self._rules if fault.strikes(vendor, path)), None)

    def wait(self, vendor: str) -> float:
        """Seconds this answer waits."""
        with self._lock:
            kind, seconds, chance = self._latency.get(vendor) or self._latency.get("*") or ("fixed", 0.0, None)
            return seconds * math.exp(chance.gauss(0, SIGMA)) if kind == "lognormal" and chance else seconds
