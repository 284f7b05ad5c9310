"""Pictures by a compatible server's `/images/generations`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.providers.compatible.service import CompatibleAdapter
from viralai_sdk.providers.openai.image import OpenAIImageService


class CompatibleImageService(CompatibleAdapter, OpenAIImageService):
    """Pictures from words. Edits differ from server to server, so none are sent."""

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        self.check_model(model)
        if request.reference_images:
            raise self.unsupported("pictures from pictures", hint="Choose another provider for edits.")
        # What OpenAI's models draw says nothing about another server's: it is told below what becomes of the size.
        plain = request.model_copy(update={"options": {**request.options, "size": "any"}})
        return [*super().check(plain, model), *self._size_notes(request)]

    def _size_notes(self, request: ImageGenerationRequest) -> list[CallWarning]:
        way = self.dialect.picture_size
        sized = request.width is not None or request.height is not None
        if way == "none" and (sized or request.aspect_ratio not in (None, "1:1")):
            message = "the server takes neither size nor ratio; left out."
            return [CallWarning(kind="unsupported", parameter="aspect_ratio", message=message)]
        if way == "aspect_ratio" and sized:
            message = "the server takes a ratio, no size; the ratio was sent."
            return [CallWarning(kind="adjusted", parameter="width", message=message)]
        return []

    def streams(self, request: ImageGenerationRequest, model: str) -> bool:
        """No: partial pictures are OpenAI's own, and other servers may refuse the fields."""
        return False

    def body(self, request: Request, fields: Mapping[str, Any]) -> dict[str, Any]:
        assert isinstance(request, ImageGenerationRequest)
        sent = {**fields, "size": None, "response_format": self.dialect.picture_format}
        open_size = request.aspect_ratio is None and not (request.width or request.height)
        width, height = request.size()
        if open_size or self.dialect.picture_size == "none":
            return super().body(request, sent)
        if self.dialect.picture_size == "size":
            sent["size"] = f"{width}x{height}"
        elif self.dialect.picture_size == "width_height":
            sent |= {"width": width, "height": height}
        else:
            sized = request.width is not None or request.height is not None
            sent["aspect_ratio"] = _ratio(width, height) if sized else request.aspect_ratio
        return super().body(request, sent)


def _ratio(width: int, height: int) -> str:

    divisor = math.gcd(width, height)
    return f"{width // divisor}:{height // divisor}"
