"""Pictures by rules: the procedural painter as an image service."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from viralai_sdk.interfaces.adapter import ImageAdapter
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import Blob, Compute, MediaPayload, Steps
from viralai_sdk.providers.embedded.drawing import STYLES, Drawing, draw

LARGEST_SIDE = 4096
"""Pixels; the painter works in memory."""


class EmbeddedImageService(ImageAdapter):
    """The painter. `options={"draft": True}` paints at half the size and enlarges, about four times faster."""

    is_model = False

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        if request.reference_images:
            raise self.unsupported(
                "edit or follow given pictures", hint="Choose a model for that: ai.image(…, provider=…)."
            )
        if max(request.size()) > LARGEST_SIDE:
            raise self.unsupported(f"pictures with a side above {LARGEST_SIDE} pixels")
        return []

    def quantities(self, request: ImageGenerationRequest, model: str) -> dict[str, float]:
        return {"image": request.num_images}

    def steps(self, request: ImageGenerationRequest, model: str) -> Steps[MediaPayload]:
        payload: MediaPayload = yield Compute(_paint, (request,))
        return payload


def _paint(request: ImageGenerationRequest, report: Callable[..., None], workspace: Any = None) -> MediaPayload:
    width, height = request.size()
    blobs, drawing = [], None
    for number in range(request.num_images):

        def tell(fraction: float, stage: str, preview: Image.Image | None, done: int = number) -> None:
            report((done + fraction) / request.num_images, stage, jpeg(preview))

        drawing = draw(
            request.prompt,
            width,
            height,
            seed=(request.seed or 0) + number,
            style=request.style,
            negative_prompt=request.negative_prompt,
            draft=bool(request.options.get("draft")),
            progress=tell,
        )
        blobs.append(Blob(png(drawing.image), "image/png"))
    assert drawing is not None
    return MediaPayload(
        model="procedural-image",
        blobs=blobs,
        quantities={"image": len(blobs)},
        metadata=facts(drawing, request.seed or 0),
        warnings=ignored_words(drawing),
    )


def facts(drawing: Drawing, seed: int) -> dict[str, Any]:
    """What the painter understood, for the response's metadata."""
    return {
        "engine": drawing.engine,
        "seed": seed,
        "style": drawing.style,
        "scene": drawing.scene,
        "used_words": list(drawing.used),
        "ignored_words": list(drawing.ignored),
        "styles": list(STYLES),
    }


def ignored_words(drawing: Drawing) -> list[CallWarning]:
    """The words of the prompt that changed nothing, as a warning."""
    if not drawing.ignored:
        return []
    words = ", ".join(drawing.ignored[:12])
    return [
        CallWarning(
            kind="unsupported", parameter="prompt", message=f"painted by rules; these words changed nothing: {words}"
        )
    ]


def png(image: Image.Image) -> bytes:
    """A picture as PNG; level 4 is twice as fast as the default and hardly larger."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def jpeg(preview: Image.Image | None) -> bytes | None:
    """A preview as a small JPEG."""
    if preview is None:
        return None
    buffer = io.BytesIO()
    preview.convert("RGB").save(buffer, "JPEG", quality=70)
    return buffer.getvalue()
