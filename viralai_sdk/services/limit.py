"""Fifth stage: a provider's own limit of requests at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.call import Call
from viralai_sdk.wire.loops import LoopLocal

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime


class Limit:
    """Makes attempts beyond `max_concurrency` of a provider wait their turn."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._gates: LoopLocal[dict[str, asyncio.Semaphore]] = LoopLocal(dict)

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        limit = self._runtime.concurrency(call.provider)
        if limit is None:
            return await proceed(call)
        gates = self._gates.get()
        gate = gates.get(call.provider)
        if gate is None:
            gate = gates[call.provider] = asyncio.Semaphore(limit)
        if gate.locked():
            call.report(None, "waiting for a free place")
        async with gate:
            return await proceed(call)
