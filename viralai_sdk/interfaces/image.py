"""Image generation: request, response and the service that serves them."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import Field, field_validator, model_validator

from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import (
    MAX_SIDE,
    MIN_SIDE,
    Request,
    check_ratio,
    check_shape,
    check_side,
    check_words,
    ratio_value,
)
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService


class ImageGenerationRequest(Request):
    """Ask for pictures.

    Attributes:
        prompt: what the picture shows.
        style: a word such as "watercolor"; free text, providers use it as they can.
        aspect_ratio: width:height such as "16:9", or "square", "portrait", "landscape".
        negative_prompt: what it must not show, where the provider has that.
        num_images: 1 to 16.
        width, height: pixels; one alone gets the other from the ratio. Both set win over `aspect_ratio`.
        seed: for repeatable pictures where the provider has it.
        reference_images: pictures to start from or to stay close to (an edit).
        mask: picture whose transparent or white part may change; needs a reference image.
    """

    prompt: str
    style: str | None = Field(default=None, max_length=200)
    aspect_ratio: str | None = "1:1"
    negative_prompt: str | None = Field(default=None, max_length=20_000)
    num_images: int = Field(default=1, ge=1, le=16)
    width: int | None = None
    height: int | None = None
    seed: int | None = None
    reference_images: list[MediaInput] = Field(default_factory=list, exclude=True)
    mask: MediaInput | None = Field(default=None, exclude=True)

    @field_validator("prompt")
    @classmethod
    def _words(cls, value: str) -> str:
        return check_words(value, "prompt")

    @field_validator("aspect_ratio")
    @classmethod
    def _ratio(cls, value: str | None) -> str | None:
        return check_ratio(value)

    @field_validator("width", "height")
    @classmethod
    def _side(cls, value: int | None) -> int | None:
        return check_side(value)

    @field_validator("reference_images", mode="before")
    @classmethod
    def _references(cls, value: Any) -> list[MediaInput]:
        return MediaInput.take_all(value, field="reference_images")

    @field_validator("mask", mode="before")
    @classmethod
    def _mask(cls, value: Any) -> MediaInput | None:
        return None if value is None else MediaInput.take(value, field="mask")

    @model_validator(mode="after")
    def _together(self) -> ImageGenerationRequest:
        if self.mask is not None and not self.reference_images:
            raise ValueError("a mask needs a picture it belongs to: give reference_images as well")
        check_shape(self.width, self.height)
        return self

    def ratio(self) -> float:
        """Width divided by height."""
        if self.width and self.height:
            return self.width / self.height
        return ratio_value(self.aspect_ratio or "1:1")

    def size(self, long_side: int = 1024) -> tuple[int, int]:
        """(width, height) in pixels; `long_side` when the request leaves the size open."""
        return fit(self.width, self.height, self.ratio(), long_side)


def fit(width: int | None, height: int | None, ratio: float, long_side: int) -> tuple[int, int]:
    """Complete a size from what is known, inside the allowed sides."""
    if width and height:
        return width, height
    if width:
        height = round(width / ratio)
    elif height:
        width = round(height * ratio)
    else:
        width, height = (long_side, round(long_side / ratio)) if ratio >= 1 else (round(long_side * ratio), long_side)
    return min(max(int(width or 0), MIN_SIDE), MAX_SIDE), min(max(int(height or 0), MIN_SIDE), MAX_SIDE)


class ImageGenerationResponse(Response):
    """The pictures, stored and verified."""

    image_paths: list[str]

    @property
    def first_image(self) -> str | None:
        """Path of the first picture."""
        return self.image_paths[0] if self.image_paths else None


class ImageGenerationService(AIService):
    """Turns a prompt into pictures."""

    service: ClassVar[AIServiceType] = AIServiceType.IMAGE_GENERATION

    @abstractmethod
    async def generate_image(self, request: ImageGenerationRequest) -> ImageGenerationResponse:
        """Make the pictures.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`; no picture is an `EmptyResultError`, never an empty response.
        """

    async def generate_batch(self, requests: list[ImageGenerationRequest]) -> list[ImageGenerationResponse]:
        """Make them one after the other; the first failure is raised. `ai.image.batch` keeps going instead."""
        return [await self.generate_image(request) for request in requests]
