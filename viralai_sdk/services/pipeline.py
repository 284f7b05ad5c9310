"""The path of every call, on one screen.

    validate → budget → cache → route → limit → retry → adapt → keep → record

Each stage is a small class with one method, `__call__(call, proceed)`: it does its part, and `proceed(call)` is the rest of the
path. A call meets them in the order of STAGES. From `route` on inwards things happen once for each attempt; `record` closes every
call, however it ended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.adapt import Adapt
from viralai_sdk.services.budget import Budget
from viralai_sdk.services.cache import Cache
from viralai_sdk.services.call import Call
from viralai_sdk.services.keep import Keep
from viralai_sdk.services.limit import Limit
from viralai_sdk.services.record import Record
from viralai_sdk.services.retry import Retry
from viralai_sdk.services.route import Route
from viralai_sdk.services.validate import Validate

if TYPE_CHECKING:
    from viralai_sdk.services.runtime import Runtime

Proceed: TypeAlias = Callable[[Call], Awaitable[Response]]


class Stage(Protocol):
    """One part of the path."""

    async def __call__(self, call: Call, proceed: Proceed) -> Response: ...


STAGES = (
    Validate,  # complete the request from presets; refuse what cannot work, and places that cannot be written
    Budget,  #   price the call and reserve that much; refuse what the budget does not allow
    Cache,  #    answer a repeated identical request from memory
    Route,  #    try the chain's providers in order until one gives a result
    Limit,  #    no more requests at once than the provider's limit
    Retry,  #    send again what was certainly not processed
    Adapt,  #    let the adapter translate, and do its sending, polling and downloading
    Keep,  #     verify the result, store it with its provenance, build the response
)


class Pipeline:
    """Runs calls through the stages."""

    def __init__(self, runtime: Runtime) -> None:
        self._record = Record(runtime)
        self._path: Proceed = _end
        for stage in reversed(STAGES):
            self._path = _link(stage(runtime), self._path)

    async def run(self, call: Call) -> Response:
        """Serve a call.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`.
        """
        try:
            call.response = await self._path(call)
            return call.response
        except BaseException as error:
            call.error = error
            raise
        finally:
            self._record(call)


def _link(stage: Stage, rest: Proceed) -> Proceed:
    def step(call: Call) -> Awaitable[Response]:
        return stage(call, rest)

    return step


async def _end(call: Call) -> Response:
    assert call.response is not None, "Keep builds the response"
    return call.response
