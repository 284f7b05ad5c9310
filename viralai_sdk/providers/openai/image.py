"""Pictures by OpenAI's image models: from words, and from pictures with an optional mask."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Literal

from viralai_sdk.interfaces.adapter import ImageAdapter, StreamingAdapter
from viralai_sdk.interfaces.errors import AIError, EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.joining import join_pictures
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import (
    END,
    Answer,
    Compute,
    Download,
    FilePart,
    MediaPayload,
    Parallel,
    Send,
    Steps,
    StreamSteps,
)
from viralai_sdk.providers.chat_common import SHAPE_ERRORS
from viralai_sdk.providers.openai.base import OpenAIAdapter
from viralai_sdk.providers.openai.errors import error_from_stream
from viralai_sdk.providers.openai.forms import form_fields, mask_with_alpha
from viralai_sdk.providers.openai.pictures import FACTS, Reader, billed, decode
from viralai_sdk.providers.openai.sizes import choose_size, size_warning

PER_CALL = 10
"""Most pictures of one request."""
MAX_PROMPT = 32_000
MAX_REFERENCES = 16
MAX_REFERENCE_BYTES = 50 * 1024 * 1024
REFERENCE_TYPES = ("image/png", "image/webp", "image/jpeg")
PARTIALS = 2
"""Partial pictures of a stream when the caller does not say how many."""


class OpenAIImageService(OpenAIAdapter, ImageAdapter, StreamingAdapter):
    """Pictures from OpenAI."""

    vendor_fields = frozenset(
        {"background", "complexity", "input_fidelity", "moderation", "output_compression", "output_format", "quality"}
        | {"partial_images", "safety_identifier"}
    )

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        warnings = [
            CallWarning(kind="unsupported", parameter=name, message="the provider has no such setting; left out.")
            for name in ("negative_prompt", "seed")
            if getattr(request, name) is not None
        ]
        if request.style:
            message = f"the provider has no styles; 'Style: {request.style}' was added to the prompt."
            warnings.append(CallWarning(kind="adjusted", parameter="style", message=message))
        if len(prompt_of(request)) > MAX_PROMPT:
            raise self.unsupported(f"more than {MAX_PROMPT:,} characters of prompt", hint="Shorten it.")
        if len(request.reference_images) > MAX_REFERENCES:
            raise self.unsupported(f"more than {MAX_REFERENCES} reference images", hint="Give fewer.")
        for media in request.reference_images:
            if media.media_type not in REFERENCE_TYPES or len(media.data) >= MAX_REFERENCE_BYTES:
                raise self.unsupported("with this reference image", hint="Give PNG, WebP or JPEG files below 50 MB.")
        if request.num_images > PER_CALL:
            message = f"the provider makes {PER_CALL} in one call; several calls run at once."
            warnings.append(CallWarning(kind="adjusted", parameter="num_images", message=message))
        if "size" not in request.options and (adjusted := size_warning(request, model)):
            warnings.append(adjusted)
        return warnings

    def quantities(self, request: ImageGenerationRequest, model: str) -> dict[str, float]:
        """The number of pictures. How many tokens one takes is not known before, so no price is made up from the prompt alone."""
        return {"image": request.num_images}

    def steps(self, request: ImageGenerationRequest, model: str) -> Steps[MediaPayload]:
        if request.num_images <= PER_CALL:
            return (yield from self._pictures(request, model, request.num_images))
        first = -(-request.num_images // 2)
        counts = (first, request.num_images - first)
        results = yield Parallel([self._pictures(request, model, count) for count in counts])
        return join_pictures(results)

    def _pictures(self, request: ImageGenerationRequest, model: str, count: int) -> Steps[MediaPayload]:
        """One request for up to ten pictures."""
        answer: Answer = yield (yield from self._opening(request, model, count, stream=False))
        return (yield from self._read(answer, count))

    def streams(self, request: ImageGenerationRequest, model: str) -> bool:
        """One picture of a GPT image model: a stream's events do not say which of several pictures they belong to."""
        number = request.options.get("n") or request.num_images
        return number == 1 and not model.startswith("dall-e")

    def stream(self, request: ImageGenerationRequest, model: str) -> StreamSteps[MediaPayload]:
        """Partial pictures, then the finished one. `partial_images` among the options says how many of them (0 to 3)."""
        reader = Reader()
        event = yield (yield from self._opening(request, model, 1, stream=True))
        while event is not END:
            event = yield reader.feed(event)
        return reader.finish()

    def _opening(
        self, request: ImageGenerationRequest, model: str, count: int, *, stream: bool
    ) -> Generator[Compute, Any, Send]:
        """The request that asks for the pictures, whole or as a stream."""
        fields = {
            "model": model,
            "prompt": prompt_of(request),
            "n": count if count > 1 else None,
            "size": choose_size(request, model),
            # GPT image models always answer base64 and do not take the field; the DALL-E models answer addresses without it.
            "response_format": "b64_json" if model.startswith("dall-e") else None,
        }
        body = self.body(request, fields)
        # Not open to `options`: the answer is read in the way it was asked for.
        if stream:
            body |= {"stream": True, "partial_images": body.get("partial_images", PARTIALS)}
        else:
            for name in ("stream", "partial_images"):
                body.pop(name, None)
        expect: Literal["sse", "body"] = "sse" if stream else "body"
        if request.reference_images:
            parts = yield from self._parts(request)
            return Send("POST", "/images/edits", fields=form_fields(body), files=parts, creates=True, expect=expect)
        return Send("POST", "/images/generations", json=body, creates=True, expect=expect)

    def _parts(self, request: ImageGenerationRequest) -> Generator[Compute, Any, list[FilePart]]:
        """The file parts of an edit. One picture is `image`, several are `image[]`."""
        name = "image" if len(request.reference_images) == 1 else "image[]"
        parts = [FilePart(name, media.filename, media.data, media.media_type) for media in request.reference_images]
        if request.mask is not None:
            mask = yield Compute(mask_with_alpha, (request.mask.data,))
            parts.append(FilePart("mask", "mask.png", mask, "image/png"))
        return parts

    def _read(self, answer: Answer, wanted: int) -> Steps[MediaPayload]:
        """Pictures out of an answer; addresses are fetched."""
        data = answer.json()
        try:
            if data.get("error"):
                raise error_from_stream(data["error"])
            items: list[dict[str, Any]] = list(data.get("data") or ())
            found = [(item.get("b64_json"), item.get("url")) for item in items]
            revised = [item["revised_prompt"] for item in items if item.get("revised_prompt")]
            metadata = {name: data[name] for name in FACTS if isinstance(data.get(name), str)}
        except AIError:
            raise
        except SHAPE_ERRORS as error:
            raise MalformedResponseError(f"the answer is no list of pictures ({error!r}).") from error
        blobs = []
        for encoded, url in found:
            if encoded:
                blobs.append(decode(encoded))
            elif isinstance(url, str) and url:
                blobs.append((yield Download(url)))
        if not blobs:
            raise EmptyResultError("the answer holds no picture.")
        if revised:
            metadata["revised_prompt"] = revised[0] if len(revised) == 1 else revised
        return MediaPayload(
            blobs=blobs,
            quantities=billed(data.get("usage")) or {"image": len(blobs)},
            metadata=metadata,
            warnings=missing(wanted, len(blobs)),
            request_id=answer.headers.get("x-request-id"),
        )


def prompt_of(request: ImageGenerationRequest) -> str:
    """The prompt, with the style as its last line."""
    return f"{request.prompt}\n\nStyle: {request.style}" if request.style else request.prompt


def missing(wanted: int, got: int) -> list[CallWarning]:
    """A note when fewer pictures came than were asked for."""
    if got >= wanted:
        return []
    message = f"{got} of {wanted} pictures came."
    return [CallWarning(kind="other", parameter="num_images", message=message)]
