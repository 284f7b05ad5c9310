"""Eighth stage: the result is verified, stored with its provenance, and becomes a response.

An empty or unreadable result is a failure here, so that the chain moves on as it would after any other.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError, EmptyResultError, MalformedResponseError, StorageError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.records import Artifact
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.steps import Blob, MediaPayload, Payload, TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest, TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse
from viralai_sdk.services.call import Call
from viralai_sdk.services.closing import RESPONSES, close_job, finished
from viralai_sdk.services.structured import parse_structured, wants_json
from viralai_sdk.store.artifacts import Kept
from viralai_sdk.store.measure import measure

if TYPE_CHECKING:
    from viralai_sdk.services.pipeline import Proceed
    from viralai_sdk.services.runtime import Runtime

Kind = Literal["image", "video", "audio"]
KINDS: dict[AIServiceType, Kind] = {
    AIServiceType.IMAGE_GENERATION: "image",
    AIServiceType.VIDEO_GENERATION: "video",
    AIServiceType.SPEECH_SYNTHESIS: "audio",
}


class Keep:
    """Nothing that was paid for is lost: files are on disk before the caller hears of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def __call__(self, call: Call, proceed: Proceed) -> Response:
        payload = call.payload
        try:
            if call.response is not None:
                await self._check_foreign(call, call.response)
            elif isinstance(payload, TextPayload):
                call.response = self._text(call, payload)
            elif isinstance(payload, MediaPayload):
                call.response = await self._media(call, payload)
            else:
                told = type(payload).__name__
                raise MalformedResponseError(f"the provider's code returned {told} instead of a payload.")
        except (EmptyResultError, MalformedResponseError) as error:
            if isinstance(payload, TextPayload):
                call.reject(payload.text)
            close_job(self._runtime, call, "failed", error.message)
            raise
        except StorageError as error:
            error.billed = "yes"
            raise
        except asyncio.CancelledError:
            if call.open_job and call.job_id is not None:  # paid and done: whoever resumes it collects it again
                self._runtime.journal.release(call.job_id, self._runtime.owner)
            raise
        close_job(self._runtime, call, "completed", None, call.response)
        return await proceed(call)

    def _text(self, call: Call, payload: TextPayload) -> TextGenerationResponse:
        if not payload.text.strip() and payload.parsed is None and payload.finish_reason != "tool_calls":
            raise EmptyResultError("the answer is empty.")
        if isinstance(call.request, TextGenerationRequest) and wants_json(call.request):
            payload.parsed = parse_structured(payload, call.request)
        shared = self._shared(call, payload)
        return TextGenerationResponse(
            text=payload.text, parsed=payload.parsed, usage=payload.usage, finish_reason=payload.finish_reason, **shared
        )

    async def _media(self, call: Call, payload: MediaPayload) -> Response:
        if not payload.blobs:
            raise EmptyResultError("the answer has no file in it.")
        kind = KINDS[call.service_type]
        record = self._provenance(call, payload)
        kept, bad = await finished(self._store_all, call, payload.blobs, kind, record)
        if not kept:
            raise bad[0]
        for error in bad:
            call.note("other", None, f"{len(bad)} of {len(payload.blobs)} files were unusable: {error.message}")
        for item in kept:
            if item.rescued:
                told = f"the session folder could not be written; the file was rescued to {item.artifact.path}"
                call.note("other", None, told)
        artifacts = [item.artifact for item in kept]
        shared = self._shared(call, payload, artifacts[0].duration) | {"artifacts": artifacts}
        paths = [_shown(artifact.path) for artifact in artifacts]
        if kind == "image":
            return ImageGenerationResponse(image_paths=paths, **shared)
        if kind == "video":
            return VideoGenerationResponse(
                video_path=paths[0], job_id=call.job_id, duration=artifacts[0].duration, **shared
            )
        if artifacts[0].duration is None:
            raise MalformedResponseError("the recording's duration cannot be read.")
        facts = kept[0].measured
        return SpeechSynthesisResponse(
            audio_path=paths[0],
            duration=artifacts[0].duration,
            word_timings=payload.word_timings,
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            **shared,
        )

    def _store_all(
        self, call: Call, blobs: list[Blob], kind: Kind, record: dict[str, str]
    ) -> tuple[list[Kept], list[AIError]]:
        """Store what is sound: one broken picture does not lose the others, which were paid for too."""
        store = self._runtime.artifacts(call.session_id)
        kept: list[Kept] = []
        bad: list[AIError] = []
        for blob in blobs:
            try:
                kept.append(store.keep(blob, kind=kind, stem=blob.name or call.request.words()[:80], record=record))
            except (EmptyResultError, MalformedResponseError) as error:
                bad.append(error)
        return kept, bad

    def _shared(self, call: Call, payload: Payload, seconds: float | None = None) -> dict[str, Any]:
        cost, source = self._runtime.costs.actual(call, payload, seconds)
        metadata = {"prompt": call.request.words()[:500], **payload.metadata}
        if payload.request_id:
            metadata["request_id"] = payload.request_id
        return {
            "provider_used": call.provider,
            "model_used": payload.model or call.route.model,
            "generation_time": time.perf_counter() - call.attempt_clock,
            "cost_usd": cost,
            "cost_source": source,
            "is_model": call.service.is_model if isinstance(call.service, Adapter) else True,
            "session_id": call.session_id,
            "call_id": call.id,
            "warnings": [*call.notes, *payload.warnings],
            "metadata": metadata,
        }

    def _provenance(self, call: Call, payload: Payload) -> dict[str, str]:
        words = call.request.words()
        is_model = call.service.is_model if isinstance(call.service, Adapter) else True
        record = {
            "generator": "viralai-sdk",
            "provider": call.provider,
            "model": payload.model or call.route.model or "",
            "is_model": "true" if is_model else "false",
            "made_by": "an AI model" if is_model else "rules, not by an AI model",
            "prompt": words[:200],
            "prompt_sha256": hashlib.sha256(words.encode()).hexdigest(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        for name in ("engine", "seed"):
            if name in payload.metadata:
                record[name] = str(payload.metadata[name])
        return record

    async def _check_foreign(self, call: Call, response: Response) -> None:
        """A user's own service wrote its files itself: they are measured where they lie, and believed only then."""
        if not isinstance(response, RESPONSES[call.service_type]):
            raise MalformedResponseError(f"the service gave a {type(response).__name__}.")
        paths = _paths_of(response)
        if isinstance(response, TextGenerationResponse):
            if not response.text.strip() and response.parsed is None:
                raise EmptyResultError("the answer is empty.")
            if isinstance(call.request, TextGenerationRequest) and wants_json(call.request):
                given = TextPayload(text=response.text, parsed=response.parsed, finish_reason=response.finish_reason)
                response.parsed = parse_structured(given, call.request)
        elif not paths:
            raise EmptyResultError("the response names no file.")
        kind = KINDS.get(call.service_type)
        if kind is not None:
            response.artifacts = [await asyncio.to_thread(describe, Path(path), kind) for path in paths]
        response.call_id, response.session_id = call.id, call.session_id
        response.generation_time = response.generation_time or time.perf_counter() - call.attempt_clock
        response.warnings = [*response.warnings, *call.notes]


def describe(path: Path, kind: Kind) -> Artifact:
    """Measure a file where it lies.

    Raises:
        EmptyResultError, MalformedResponseError: it is not there, empty, or not what it claims to be.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = path.stat().st_size
        facts = measure(path, kind)
    except (OSError, ValueError, StorageError) as error:
        raise EmptyResultError(f"the response names {path.name!r}, which cannot be read: {error}.") from error
    shape = {"width": facts.width, "height": facts.height, "duration": facts.duration, "fps": facts.fps}
    return Artifact(path=path, media_type=facts.media_type, size=size, sha256=digest, **shape)


def _paths_of(response: Response) -> list[str]:
    match response:
        case ImageGenerationResponse():
            return response.image_paths
        case VideoGenerationResponse():
            return [response.video_path] if response.video_path else []
        case SpeechSynthesisResponse():
            return [response.audio_path]
    return []


def _shown(path: Path) -> str:
    """Relative to where the caller works when it lies below, as one would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):  # it lies elsewhere, or the working folder is gone
        return str(path)
