"""Pictures by the models that draw in generateContent ("nano banana"): from words, and from words with pictures."""

from __future__ import annotations

from collections.abc import Mapping

from viralai_sdk.interfaces.adapter import ImageAdapter
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.joining import join_pictures
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import MediaPayload, Parallel, Steps
from viralai_sdk.providers.google_common.base import GoogleAdapter
from viralai_sdk.providers.google_common.catalog import limit
from viralai_sdk.providers.google_common.content import Gathered, read, read_usage
from viralai_sdk.providers.google_common.reading import decode, media
from viralai_sdk.providers.google_common.sizes import NATIVE_RATIOS, image_ratio, image_warnings, size_class
from viralai_sdk.providers.google_common.text import IMAGE_TYPES, given, inline_parts

DEFAULT_CLASS = "1K"
"""Size class of a picture when none is asked for."""
CHARS_PER_TOKEN = 4.0
"""Rule of thumb for English text."""
REFERENCE_TOKENS = 1120
"""Input tokens of a reference picture, where the catalog states no others."""


class ContentImageService(GoogleAdapter, ImageAdapter):
    """Pictures from a Gemini model."""

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        if request.mask is not None:
            raise self.unsupported(
                "edits inside a mask", hint="Leave the mask out and say in words what shall change and what shall stay."
            )
        check_references(self, request)
        warnings = self.unsupported_warnings(request, {"negative_prompt": None})
        warnings += style_warning(request.style)
        if request.num_images > 1:
            message = f"the provider makes one picture in a call; {request.num_images} calls run at once."
            warnings.append(CallWarning(kind="adjusted", parameter="num_images", message=message))
            if request.seed is not None:
                message = f"each picture gets its own seed, from {request.seed} on."
                warnings.append(CallWarning(kind="adjusted", parameter="seed", message=message))
        return warnings + image_warnings(request, NATIVE_RATIOS, self.classes(model))

    def quantities(self, request: ImageGenerationRequest, model: str) -> dict[str, float]:
        """Tokens of the pictures, which depend on their size class, and of what is asked.

        Nothing when the catalog does not state the tokens of this size; the number of pictures when it states none for the model.
        """
        provider = self.get_provider_name()
        spent = limit(provider, model, "image_tokens", None)
        if spent is None:
            return {"image": request.num_images}
        named = self._size(request, model)
        if named not in spent:
            return {}
        asked = len(with_style(request.prompt, request.style)) / CHARS_PER_TOKEN
        asked += len(request.reference_images) * limit(provider, model, "reference_tokens", REFERENCE_TOKENS)
        return {"input_token": asked * request.num_images, "output_image_token": spent[named] * request.num_images}

    def _size(self, request: ImageGenerationRequest, model: str) -> str:
        """The size class that will be drawn; options and configuration may name another than the request does."""
        body = self.body({"generationConfig": {"imageConfig": self._shape(request, model)}}, request.options)
        config = body["generationConfig"]
        shape = config.get("imageConfig") if isinstance(config, Mapping) else None
        named = shape.get("imageSize") if isinstance(shape, Mapping) else None
        return named if isinstance(named, str) else DEFAULT_CLASS

    def _shape(self, request: ImageGenerationRequest, model: str) -> dict[str, str]:
        ratio, size = image_ratio(request, NATIVE_RATIOS), size_class(request, self.classes(model))
        return given({"aspectRatio": ratio, "imageSize": size})

    def classes(self, model: str) -> tuple[str, ...]:
        """Size classes of a model."""
        return tuple(limit(self.get_provider_name(), model, "image_sizes", ("1K", "2K", "4K")))

    def steps(self, request: ImageGenerationRequest, model: str) -> Steps[MediaPayload]:
        if request.num_images == 1:
            return (yield from self._picture(request, model, 0))
        results = yield Parallel([self._picture(request, model, number) for number in range(request.num_images)])
        return join_pictures(results)

    def _picture(self, request: ImageGenerationRequest, model: str, number: int) -> Steps[MediaPayload]:
        """One call; `number` keeps the seeds of several apart."""
        parts = [*inline_parts(request.reference_images), {"text": with_style(request.prompt, request.style)}]
        config = given(
            {
                "responseModalities": ["IMAGE"],
                "seed": None if request.seed is None else request.seed + number,
                "imageConfig": self._shape(request, model) or None,
            }
        )
        body = self.body({"contents": [{"role": "user", "parts": parts}], "generationConfig": config}, request.options)
        answer = yield from self.call(model, "generateContent", body)
        return pictures(read(answer))


def pictures(gathered: Gathered) -> MediaPayload:
    """The pictures of an answer.

    Raises:
        ContentPolicyError, EmptyResultError, MalformedResponseError: there is none to give.
    """
    gathered.check_refusal()
    blobs = [media(decode(file.get("data")), "image") for file in gathered.files]
    if not blobs:
        raise gathered.empty("a picture", read_usage(gathered.usage))
    metadata = {"response_id": gathered.response_id} if gathered.response_id else {}
    if gathered.text.strip():
        metadata["text"] = gathered.text.strip()
    quantities = gathered.token_quantities("image") or {"image": float(len(blobs))}
    return MediaPayload(blobs=blobs, model=gathered.model, quantities=quantities, metadata=metadata)


def check_references(service: GoogleAdapter, request: ImageGenerationRequest) -> None:
    """Raises:
    UnsupportedCapabilityError: a reference picture is of a kind that the provider does not take.
    """
    if any(media.media_type not in IMAGE_TYPES for media in request.reference_images):
        raise service.unsupported("with this reference image", hint="Give PNG, JPEG or WebP files.")


def with_style(prompt: str, style: str | None) -> str:
    """The prompt, with the style as its last line."""
    return f"{prompt}\n\nStyle: {style}" if style else prompt


def style_warning(style: str | None) -> list[CallWarning]:
    """A note about where the style went."""
    if not style:
        return []
    message = f"the provider has no styles; 'Style: {style}' was added to the prompt."
    return [CallWarning(kind="adjusted", parameter="style", message=message)]
