"""POST /pictures: square pictures of three sizes."""

from __future__ import annotations

import base64
from typing import Any

from viralai_example_provider.base import ExampleAdapter
from viralai_sdk.interfaces.adapter import ImageAdapter
from viralai_sdk.interfaces.errors import EmptyResultError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import Answer, Blob, MediaPayload, Send, Steps

SIDES = (512, 768, 1024)
MOST = 4
"""Most pictures of one request."""


class ExampleImageService(ExampleAdapter, ImageAdapter):
    """Pictures from Example AI."""

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        if request.reference_images:
            raise self.unsupported("start from a picture", hint="Choose a provider that can.")
        if request.num_images > MOST:
            raise self.unsupported(f"more than {MOST} pictures in one call", hint="Use ai.image.batch.")
        notes = [
            CallWarning(kind="unsupported", parameter=name, message="the provider has no such setting; left out.")
            for name in ("style", "negative_prompt")
            if getattr(request, name) is not None
        ]
        wanted, given = request.size(), side(request)
        if wanted != (given, given):
            message = f"pictures are square: {given}×{given} instead of {wanted[0]}×{wanted[1]}."
            notes.append(CallWarning(kind="adjusted", parameter="aspect_ratio", message=message))
        return notes

    def quantities(self, request: ImageGenerationRequest, model: str) -> dict[str, float]:
        return {"image": request.num_images}

    def steps(self, request: ImageGenerationRequest, model: str) -> Steps[MediaPayload]:
        answer: Answer = yield Send("POST", "/pictures", json=body(request, model), creates=True)
        pictures = [base64.b64decode(item, validate=True) for item in answer.json()["pictures"]]
        if not pictures:
            raise EmptyResultError("the answer holds no picture.")
        return MediaPayload(blobs=[Blob(data) for data in pictures], quantities={"image": len(pictures)})


def side(request: ImageGenerationRequest) -> int:
    """The vendor's side that is nearest to the longer one that is wanted."""
    return min(SIDES, key=lambda offered: abs(offered - max(request.size())))


def body(request: ImageGenerationRequest, model: str) -> dict[str, Any]:
    """The request in the vendor's words."""
    fields = {
        "model": model,
        "description": request.prompt,
        "side": side(request),
        "count": request.num_images,
        "seed": request.seed,
    }
    return {**{name: value for name, value in fields.items() if value is not None}, **request.options}
