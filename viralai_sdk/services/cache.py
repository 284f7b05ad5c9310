"""Third stage: a repeated identical request can be answered from memory. Off unless `enable_caching` is set."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.services.call import Call, Route

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime

MAX_ENTRIES = 256


class Cache:
    """Keeps the latest responses. A response whose files have gone is not given out again."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._entries: OrderedDict[str, Response] = OrderedDict()
        self._lock = threading.Lock()

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        if not self._runtime.config.enable_caching or not call.use_cache or call.on_job is not None:
            return await proceed(call)
        key = fingerprint(call)
        found = self._entries.get(key)
        if found is not None and all(Path(artifact.path).is_file() for artifact in found.artifacts):
            with self._lock:  # another thread may have thrown it out meanwhile
                self._entries[key] = found
                self._entries.move_to_end(key)
            return _again(found, call)
        response = await proceed(call)
        # A copy, since the caller may change what he was given.
        kept = response.model_copy(deep=True)
        with self._lock:
            self._entries[key] = kept
            while len(self._entries) > MAX_ENTRIES:
                self._entries.popitem(last=False)
        return response


def _again(found: Response, call: Call) -> Response:
    """A kept response as the answer to another call, which costs nothing."""
    call.route = Route(found.provider_used, found.model_used)
    update = {
        "cached": True,
        "cost_usd": 0.0,
        "cost_source": "catalog",
        "generation_time": call.elapsed,
        "call_id": call.id,
        "attempts": [],
    }
    response = found.model_copy(update=update, deep=True)
    if call.emit is not None and isinstance(response, TextGenerationResponse):
        call.emit(response.text)
    return response


def fingerprint(call: Call) -> str:
    """What makes two calls the same: service, chain, every field of the request, its schema's class, the content of its media, and the
    session."""
    digest = hashlib.sha256()
    digest.update("|".join([call.service_type.value, call.session_id, *(route.label for route in call.chain)]).encode())
    digest.update(call.request.to_json().encode())
    digest.update(repr(getattr(call.request, "schema_model", None)).encode())
    for name in type(call.request).model_fields:
        value = getattr(call.request, name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, MediaInput):
                digest.update(name.encode() + hashlib.sha256(item.data).digest())
    return digest.hexdigest()
