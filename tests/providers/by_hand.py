"""Adapters' generators driven by hand, as data: no server, no loop. For every vendor's tests."""

from __future__ import annotations

import io
from collections.abc import Generator
from typing import Any

from PIL import Image

from viralai_sdk.interfaces.steps import END, Answer, Send, StreamEvent


def picture(color: str = "red", *, size: tuple[int, int] = (64, 48), mode: str = "RGB", kind: str = "PNG") -> bytes:
    """A small picture file."""
    buffer = io.BytesIO()
    Image.new(mode, size, color).save(buffer, kind)
    return buffer.getvalue()


def ok(body: bytes, **headers: str) -> Answer:
    """A successful answer with this body."""
    return Answer(200, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def answered(steps: Generator[Any, Any, Any], *answers: Any) -> Any:
    """Drive a generator with ready answers; its payload."""
    next(steps)
    try:
        for answer in answers:
            steps.send(answer)
    except StopIteration as done:
        return done.value
    raise AssertionError("the generator wants more answers")


def streamed(steps: Generator[Any, Any, Any], *data: str) -> tuple[list[Any], Any]:
    """Drive a stream generator with the data of its events; pieces and payload."""
    next(steps)
    pieces = [steps.send(StreamEvent(data=item)) for item in data]
    try:
        steps.send(END)
    except StopIteration as done:
        return pieces, done.value
    raise AssertionError("the stream did not end")


def opened(steps: Generator[Any, Any, Any]) -> Send:
    """The request that a generator begins with."""
    step = next(steps)
    assert isinstance(step, Send)
    return step
