"""A driver that reads lines where the shared one reads server-sent events."""

from __future__ import annotations

from typing import Any

from tests.providers.driver import Driver
from viralai_sdk.interfaces.adapter import StreamingAdapter
from viralai_sdk.interfaces.steps import END, Answer, Send, StreamEvent


class LineDriver(Driver):
    """Streams as NDJSON."""

    async def stream(self, request: Any, model: str) -> tuple[list[Any], Any]:
        assert isinstance(self.adapter, StreamingAdapter)
        steps = self.adapter.stream(request, model)
        opening = next(steps)
        assert isinstance(opening, Send)
        assert opening.expect == "ndjson"
        response = await self.client.request(**self._arguments(opening))
        if response.status_code >= 400:
            raise self.adapter.error(Answer(response.status_code, dict(response.headers), response.content))
        pieces = [steps.send(StreamEvent(data=line)) for line in response.text.splitlines()]
        try:
            steps.send(END)
        except StopIteration as done:
            return [piece for piece in pieces if piece], done.value
        raise AssertionError("the stream did not end")
