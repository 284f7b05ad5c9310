"""The surprises of real ComfyUI servers as switches: what a client must survive, on demand and on either version.

    viralai sim --fault comfyui=late_history --fault comfyui=vanishing_jobx3

Some are how every server behaves, this one included; they are listed with `always`, and switching them on changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

LATE_SECONDS = 0.5


@dataclass(slots=True)
class Quirks:
    """What goes wrong on top of what ComfyUI always does; each may be changed while the server runs. Numbers count down.

    Attributes:
        half_rejected: so many prompts are answered with 200 and an error of a node.
        history_delay: seconds between the announcement of success and the history.
        cached_files_gone: files of an earlier run are gone when a cached run names them.
        queued_twice: so many prompts run twice under one id.
        accept_but_fail: so many prompts are queued and answered with 500.
        strict_ids: ids must be canonical UUIDs, on the older version too.
        stalled_events: nobody is sent an event.
        deaf_reconnects: a socket that comes back under an earlier id is sent nothing.
        vanishing: so many prompts are accepted and never heard of again.
        interrupted: so many jobs are interrupted by somebody else.
        all_images: every file is reported under "images".
        extra_outputs: nodes that are no output nodes report temporary pictures.
        unchecked_choices: a value that is no choice is accepted, and fails when it runs.
        reject_with_500: so many prompts are answered with 500 in plain text and not queued.
        empty_errors: refusals have no body.
        announces_nothing: jobs end without the closing message.
        pause: seconds that every node takes.
        without_object_info: a proxy hides the classes.
    """

    half_rejected: int = 0
    history_delay: float = 0.0
    cached_files_gone: bool = False
    queued_twice: int = 0
    accept_but_fail: int = 0
    strict_ids: bool = False
    stalled_events: bool = False
    deaf_reconnects: bool = False
    vanishing: int = 0
    interrupted: int = 0
    all_images: bool = False
    extra_outputs: bool = False
    unchecked_choices: bool = False
    reject_with_500: int = 0
    empty_errors: bool = False
    announces_nothing: bool = False
    pause: float = 0.0
    without_object_info: bool = False

    def strikes(self, name: str) -> bool:
        """Count one down; True when there was one left."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left > 0


@dataclass(frozen=True, slots=True)
class Surprise:
    """One surprise: its number in our notes on real servers, and the switch. Without a switch it is always there."""

    number: int
    about: str
    switch: Callable[[Quirks, int], None] | None = None

    @property
    def always(self) -> bool:
        """Every server does it."""
        return self.switch is None


def _flag(name: str, value: float | bool = True) -> Callable[[Quirks, int], None]:
    return lambda quirks, times: setattr(quirks, name, value)


def _count(name: str) -> Callable[[Quirks, int], None]:
    return lambda quirks, times: setattr(quirks, name, getattr(quirks, name) + times)


SURPRISES: Mapping[str, Surprise] = {
    "half_rejection": Surprise(1, "HTTP 200 with errors of some nodes", _count("half_rejected")),
    "late_history": Surprise(
        2, "success is announced before the history is written", _flag("history_delay", LATE_SECONDS)
    ),
    "cached_files_gone": Surprise(3, "a cached run names a file that is gone", _flag("cached_files_gone")),
    "queued_twice": Surprise(4, "one id posted twice runs twice", _count("queued_twice")),
    "error_but_queued": Surprise(5, "answered with 500 and queued all the same", _count("accept_but_fail")),
    "strict_ids": Surprise(6, "ids must be canonical UUIDs", _flag("strict_ids")),
    "stalled_events": Surprise(7, "somebody's lazy socket stops everybody's events", _flag("stalled_events")),
    "deaf_reconnect": Surprise(8, "a socket that comes back under its old id hears nothing", _flag("deaf_reconnects")),
    "vanishing_job": Surprise(9, "a job leaves the queue without a trace", _count("vanishing")),
    "interrupted_job": Surprise(10, "an interrupted job reads as an error", _count("interrupted")),
    "all_images": Surprise(11, "films and recordings are reported under images", _flag("all_images")),
    "extra_outputs": Surprise(12, "outputs of nodes that nobody asked for", _flag("extra_outputs")),
    "save_format": Surprise(13, "the save format is answered with 500 or a misleading 400"),
    "unchecked_choices": Surprise(14, "a wrong choice is accepted and fails later", _flag("unchecked_choices")),
    "plain_errors": Surprise(15, "errors in plain text or without a body", _flag("empty_errors")),
}


def switch(quirks: Quirks, name: str, times: int | None = None) -> None:
    """Switch a surprise on; `times` is for those that count, 1 when not given.

    Raises:
        ValueError: there is no such surprise.
    """
    if name not in SURPRISES:
        raise ValueError(f"no surprise {name!r}; there are {', '.join(SURPRISES)}")
    found = SURPRISES[name].switch
    if found is not None:
        found(quirks, times or 1)


def clear(quirks: Quirks) -> None:
    """Let the server behave again."""
    for field in fields(Quirks):
        setattr(quirks, field.name, field.default)
