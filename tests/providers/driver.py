"""A tiny runner for adapter tests: executes steps over real HTTP against the simulator. It keeps none of the real runner's promises."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from typing import Any

import httpx2

from viralai_sdk.interfaces.adapter import Adapter, StreamingAdapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.steps import END, Answer, Blob, Compute, Download, Parallel, Report, Send, StreamEvent


class Driver:
    """Runs one adapter's generators with one HTTP client."""

    def __init__(self, adapter: Adapter, client: httpx2.AsyncClient) -> None:
        self.adapter = adapter
        self.client = client

    async def call(self, request: Any, model: str) -> Any:
        """The payload of a request."""
        return await self.run(self.adapter.steps(request, model))

    async def run(self, steps: Generator[Any, Any, Any]) -> Any:
        """Execute a generator's steps until it returns."""
        answer: Any = None
        failure: AIError | None = None
        while True:
            try:
                step = steps.throw(failure) if failure else steps.send(answer)
            except StopIteration as done:
                return done.value
            answer, failure = None, None
            try:
                answer = await self._execute(step)
            except AIError as error:
                failure = error

    async def stream(self, request: Any, model: str) -> tuple[list[Any], Any]:
        """The pieces of a streamed request, and its payload."""
        assert isinstance(self.adapter, StreamingAdapter)
        steps = self.adapter.stream(request, model)
        pieces: list[Any] = []
        opening = next(steps)
        while not isinstance(opening, Send) or opening.expect == "body":
            opening = steps.send(await self._execute(opening))
        async with self.client.stream(**self._arguments(opening)) as response:
            if response.status_code >= 400:
                body = await response.aread()
                try:
                    steps.throw(self.adapter.error(Answer(response.status_code, dict(response.headers), body)))
                except StopIteration as done:
                    return pieces, done.value
            try:
                async for event in events(response):
                    piece = steps.send(event)
                    pieces += [piece] if piece is not None else []
                steps.send(END)
            except StopIteration as done:
                return pieces, done.value
        raise AssertionError("the stream's end was answered with another piece")

    async def _execute(self, step: Any) -> Any:
        if isinstance(step, Send):
            response = await self.client.request(**self._arguments(step))
            answer = Answer(response.status_code, dict(response.headers), response.content)
            if answer.status >= 400:
                raise self.adapter.error(answer)
            return answer
        if isinstance(step, Compute):
            return step.function(*step.args, **step.kwargs, report=lambda *_: None, workspace=None)
        if isinstance(step, Parallel):
            return [await self._branch(branch) for branch in step.branches]
        if isinstance(step, Download):
            data = (await self.client.get(step.url)).content
            return Blob(data, sniff(data[:64]))
        assert isinstance(step, Report)
        return None

    async def _branch(self, branch: Generator[Any, Any, Any]) -> Any:
        try:
            return await self.run(branch)
        except AIError as error:
            return error

    def _arguments(self, step: Send) -> dict[str, Any]:
        """What httpx2 needs for a step. Fields are written as multipart parts without a file name, so that their order stays."""
        url = (self.adapter.config.base_url or "").rstrip("/") + step.path
        headers = {**self.adapter.headers(), **(step.headers or {}), "Accept": step.accept}
        arguments: dict[str, Any] = {"method": step.method, "url": url, "headers": headers, "params": step.params}
        if step.fields is not None or step.files is not None:
            data: dict[str, list[str]] = {}
            for name, value in step.fields or ():
                data.setdefault(name, []).append(value)
            files = [(part.field, (part.filename, part.data, part.media_type)) for part in step.files or ()]
            return {**arguments, "data": data, "files": files}
        if step.content is not None:
            return {**arguments, "content": step.content}
        return {**arguments, "json": step.json} if step.json is not None else arguments


async def events(response: httpx2.Response) -> AsyncIterator[StreamEvent]:
    """Server-sent events of a well-behaved server: one `event:` and one `data:` line each."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield StreamEvent(name=name, data=line.removeprefix("data: "))
            name = ""
