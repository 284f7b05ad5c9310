"""What the helpers of `ViralAI` share: arguments → request → pipeline → response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_sdk.interfaces.names import AIProvider, AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.services.plan import Plan, plan
from viralai_sdk.services.streaming import stream

C = TypeVar("C")
R = TypeVar("R", bound=Response)
Provider: TypeAlias = AIProvider | str | None
_TAIL = ("provider", "model", "timeout", "fallback", "session_id")


class Helper(Generic[R]):
    """What the four helpers share."""

    service: ClassVar[AIServiceType]
    request_class: ClassVar[type[Request]]

    def __init__(self, manager: AIServiceManager) -> None:
        self._manager = manager

    def request(self, subject: Any, **parameters: Any) -> Request:
        """The request of a prompt and the helper's parameters; None means not given."""
        given = {name: value for name, value in parameters.items() if value is not None}
        if isinstance(subject, self.request_class):
            self._nothing_beside(given)
            return subject
        if subject is not None:
            given[self.request_class.subject] = subject
        return self.request_class(**given)

    def _nothing_beside(self, given: Mapping[str, Any]) -> None:
        """A request says everything itself: what stands beside it would silently do nothing.

        Raises:
            InvalidRequestError: something does.
        """
        fields = self.request_class.model_fields
        for name, value in given.items():
            if name not in fields or value != fields[name].get_default(call_default_factory=True):
                raise InvalidRequestError(
                    f"{name}: was given beside a request, which has its own.", hint="Put it into the request."
                )

    def planned(self, subject: Any, **parameters: Any) -> Plan:
        """What the call would do, without doing it."""
        tail = {name: parameters.pop(name) for name in ("provider", "model", "fallback") if name in parameters}
        call = self._manager.call(self.service, self.request(subject, **parameters), **tail)
        return plan(self._manager.runtime, call)

    async def _serve(
        self,
        request: Request,
        dry_run: bool,
        provider: Provider,
        model: str | None,
        timeout: float | None,
        fallback: bool,
    ) -> Any:
        call = self._manager.call(
            self.service, request, provider=provider, model=model, fallback=fallback, timeout=seconds_of(timeout)
        )
        if dry_run:
            return plan(self._manager.runtime, call)
        return await self._manager.run_call(call)

    async def _stream(
        self,
        request: Request,
        chunk: Callable[[Any, Any], C],
        provider: Provider,
        model: str | None,
        timeout: float | None,
        fallback: bool,
    ) -> AsyncGenerator[C, None]:
        """Serve a request piece by piece; see `services.streaming`."""
        call = self._manager.call(
            self.service, request, provider=provider, model=model, fallback=fallback, timeout=seconds_of(timeout)
        )
        async with aclosing(stream(self._manager, call, chunk)) as chunks:
            async for made in chunks:
                yield made

    async def batch(self, items: Iterable[Any], *, concurrency: int = 8, **shared: Any) -> BatchResult:
        """Serve many requests, at most `concurrency` at once.

        Args:
            items: prompts, mappings of this helper's parameters, or requests.
            shared: parameters for all of them; an item's own win.

        Returns:
            Results in the order of the items; a failed one is its error. Nothing is lost when one fails.

        Raises:
            InvalidRequestError: `concurrency` below 1, or an item that is none of these. Nothing has been sent then.
        """
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidRequestError(f"concurrency must be 1 or more, not {concurrency!r}.")
        if isinstance(items, (str, bytes, Mapping, Request)):
            raise InvalidRequestError(
                "a batch takes a list of prompts, not one.", hint="Put it into brackets: [prompt]."
            )
        seconds_of(shared.get("timeout"))
        jobs = [_item(item, self.request_class, shared) for item in items]
        gate = asyncio.Semaphore(concurrency)

        async def one(parameters: dict[str, Any]) -> Response | AIError:
            async with gate:
                try:
                    served: Response = await self._one(**parameters)
                except AIError as error:
                    return error
                return served

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(parameters)) for parameters in jobs]
        return BatchResult([task.result() for task in tasks], [_words(parameters) for parameters in jobs])

    async def _one(self, subject: Any, **parameters: Any) -> R:
        tail = {name: parameters.pop(name) for name in _TAIL if name in parameters}
        request = self.request(subject, **parameters)
        served: R = await self._manager.run(self.service, request, **tail)  # type: ignore[assignment]
        return served


def seconds_of(timeout: float | None) -> float | None:
    """A timeout that makes sense.

    Raises:
        InvalidRequestError: it is no number of seconds above 0.
    """
    if timeout is not None and not 0 < timeout < float("inf"):
        raise InvalidRequestError(f"timeout must be a number of seconds above 0, not {timeout!r}.")
    return timeout


def _item(item: Any, request_class: type[Request], shared: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(item, str):
        return {**shared, "subject": item}
    if isinstance(item, request_class):
        return {**{name: shared[name] for name in _TAIL if name in shared}, "subject": item}
    if isinstance(item, Mapping):
        own = dict(item)
        subject = own.pop(request_class.subject, None)
        return {**shared, **own, "subject": subject}
    raise InvalidRequestError(f"a batch takes prompts, mappings and requests, not a {type(item).__name__}.")


def _words(parameters: Mapping[str, Any]) -> str:
    subject = parameters["subject"]
    return subject.words() if isinstance(subject, Request) else str(subject or "")
