"""What a running simulator knows: its settings, what it was asked, and what time it is."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.simulator.faults import Faults
from viralai_sdk.simulator.media import MediaMaker, SmallMedia


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """Settings of a simulator.

    Attributes:
        key: the one key every vendor accepts.
        seed: of everything that looks random.
        start: first reading of the clock, in seconds since 1970; fixed, so that dates in answers repeat.
        speed: seconds that pass for the vendors in one second, so that films which take half a minute need not.
        chunk_pause: seconds between two pieces of a stream.
        media: maker of pictures and recordings.
    """

    key: str = "sim-key"
    seed: int = 7
    start: float = 1_795_000_000.0
    speed: float = 1.0
    chunk_pause: float = 0.0
    media: MediaMaker = field(default_factory=SmallMedia)


@dataclass(slots=True)
class Recorded:
    """One request as it arrived, and how it was answered. Header names are lower case.

    Attributes:
        arrived: when its head was there, in `time.perf_counter()` seconds of the simulator's process.
        status: HTTP status of the answer; None while there is none, and for good when the connection was closed without one.
        first: seconds from the arrival to the answer's head; None as for `status`.
        seconds: seconds from the arrival until the last piece of the answer left, with the latency and whatever a fault did to it; None
            until then.
    """

    vendor: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    arrived: float = field(default_factory=time.perf_counter)
    status: int | None = None
    first: float | None = None
    seconds: float | None = None

    @property
    def ended(self) -> float | None:
        """When the last piece of the answer left, as `arrived`; None while it has not."""
        return None if self.seconds is None else self.arrived + self.seconds

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Clock:
    """Seconds since 1970, running from a fixed start; tests push it on, or let it run faster, instead of waiting."""

    def __init__(self, start: float, speed: float = 1.0) -> None:
        self._start = start
        self._speed = speed
        self._began = time.monotonic()
        self._pushed = 0.0

    def now(self) -> float:
        """The time the simulated vendors believe it is."""
        return self._start + (time.monotonic() - self._began) * self._speed + self._pushed

    def push(self, seconds: float) -> None:
        """Let time pass at once."""
        self._pushed += seconds


class State:
    """Everything that one simulator's vendors share."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.config = config
        self.clock = Clock(config.start, config.speed)
        self.log: list[Recorded] = []
        self.on_answer: Callable[[Recorded], None] | None = None
        """Told of every request once it is answered, in order of the answers, on the server's own thread."""
        self.faults = Faults(config.seed)
        self.media = config.media
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def new_id(self, prefix: str) -> str:
        """An id that no other answer of this simulator has, the same in every run."""
        with self._lock:
            return f"{prefix}sim{next(self._numbers):06d}"
