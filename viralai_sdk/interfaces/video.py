"""Video generation: request, response and the service that serves them."""

from __future__ import annotations

import re
from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from viralai_sdk.interfaces.image import fit
from viralai_sdk.interfaces.jobs import JobStatus, VideoStatus
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import Request, check_ratio, check_shape, check_side, check_words, ratio_value
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService

RESOLUTIONS = {
    "360p": 360,
    "480p": 480,
    "540p": 540,
    "720p": 720,
    "1080p": 1080,
    "1440p": 1440,
    "2k": 1440,
    "2160p": 2160,
    "4k": 2160,
}
"""Named resolutions → short side in pixels."""


_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})", re.ASCII)


class VideoGenerationRequest(Request):
    """Ask for a film.

    Attributes:
        prompt: what it shows.
        duration: seconds, above 0 and at most 600.
        aspect_ratio: width:height; None leaves it to the platform, else 16:9.
        platform: a preset such as "tiktok" or "youtube_shorts", which sets ratio, size and fps where they are open.
        resolution: "720p", "1080p", …, or "1280x720".
        fps: frames a second, 1 to 120.
        style, negative_prompt, seed: as for images.
        image, last_image: pictures the film starts from and ends with.
        narration: text to be spoken in the film, where the provider can.
    """

    prompt: str
    duration: float = Field(default=5.0, gt=0, le=600)
    style: str | None = Field(default=None, max_length=200)
    aspect_ratio: str | None = None
    platform: str | None = None
    resolution: str | None = None
    fps: int | None = Field(default=None, ge=1, le=120)
    negative_prompt: str | None = Field(default=None, max_length=20_000)
    seed: int | None = None
    image: MediaInput | None = Field(default=None, exclude=True)
    last_image: MediaInput | None = Field(default=None, exclude=True)
    narration: str | None = None
    width: int | None = None
    height: int | None = None

    @field_validator("prompt")
    @classmethod
    def _words(cls, value: str) -> str:
        return check_words(value, "prompt")

    @field_validator("narration")
    @classmethod
    def _narration(cls, value: str | None) -> str | None:
        return None if value is None else check_words(value, "narration")

    @field_validator("aspect_ratio")
    @classmethod
    def _ratio(cls, value: str | None) -> str | None:
        return check_ratio(value)

    @field_validator("width", "height")
    @classmethod
    def _side(cls, value: int | None) -> int | None:
        return check_side(value)

    @field_validator("resolution")
    @classmethod
    def _resolution(cls, value: str | None) -> str | None:
        if value is None:
            return None
        word = value.strip().lower()
        if word in RESOLUTIONS:
            return word
        if size := _SIZE.fullmatch(word):
            width, height = check_side(int(size[1])), check_side(int(size[2]))
            check_shape(width, height)
            return word
        raise ValueError(f"is unknown; give one of {', '.join(RESOLUTIONS)} or a size such as 1280x720")

    @field_validator("image", "last_image", mode="before")
    @classmethod
    def _picture(cls, value: Any, info: ValidationInfo) -> MediaInput | None:
        return None if value is None else MediaInput.take(value, field=info.field_name or "image")

    @model_validator(mode="after")
    def _shape(self) -> VideoGenerationRequest:
        check_shape(self.width, self.height)
        return self

    def ratio(self) -> float:
        """Width divided by height; 16:9 when left open."""
        if self.width and self.height:
            return self.width / self.height
        if self.resolution and "x" in self.resolution and not (self.width or self.height):
            width, height = self.resolution.split("x")
            return int(width) / int(height)
        return ratio_value(self.aspect_ratio or "16:9")

    def size(self, short_side: int = 720) -> tuple[int, int]:
        """(width, height) in pixels; `short_side` when the request leaves the resolution open."""
        if self.width or self.height:
            return fit(self.width, self.height, self.ratio(), short_side)
        if self.resolution and "x" in self.resolution:
            width, height = (int(part) for part in self.resolution.split("x"))
            return width, height
        short = RESOLUTIONS.get(self.resolution or "", short_side)
        ratio = self.ratio()
        long = round(short * max(ratio, 1 / ratio))
        width, height = fit(None, None, ratio, long)
        return width + width % 2, height + height % 2  # every video codec wants even sides


class VideoGenerationResponse(Response):
    """The film, stored and verified; or, from `check_status`-style services of old code, the job that will make it."""

    video_path: str | None = None
    job_id: str | None = None
    status: VideoStatus = VideoStatus.COMPLETED
    error_message: str | None = None
    duration: float | None = None
    """Seconds, measured on the file."""


class VideoGenerationService(AIService):
    """Turns a prompt into a film. Old code's `AIVideoGenerationService` is the same class."""

    service: ClassVar[AIServiceType] = AIServiceType.VIDEO_GENERATION

    @abstractmethod
    async def generate_video(self, request: VideoGenerationRequest) -> VideoGenerationResponse:
        """Make the film and wait for it.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`; no film is an `EmptyResultError`, never a response without a path.
        """

    async def check_status(self, job_id: str) -> JobStatus:
        """State of a job of this service.

        Raises:
            JobLostError: nobody knows this job. An unknown id is never "completed".
        """
        raise self.unknown_job(job_id)

    async def wait_for_completion(self, job_id: str, timeout: float = 300) -> JobStatus:
        """Wait until the job is over, at most `timeout` seconds; then its last state."""
        raise self.unknown_job(job_id)


AIVideoGenerationService = VideoGenerationService
