"""`ai.video`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viralai_sdk.helpers.base import Helper, Provider, seconds_of
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.video import VideoGenerationRequest, VideoGenerationResponse
from viralai_sdk.services.job_handles import JobHandle


class _Untouched(str):
    """A default that can be told from the same text given by the caller."""

    __slots__ = ()


SIXTEEN_NINE = _Untouched("16:9")


class VideoHelper(Helper[VideoGenerationResponse]):
    """`await ai.video("…")`."""

    service = AIServiceType.VIDEO_GENERATION
    request_class = VideoGenerationRequest

    async def __call__(
        self,
        prompt: str,
        *,
        duration: float = 5.0,
        aspect_ratio: str | None = SIXTEEN_NINE,
        platform: str | None = None,
        resolution: str | None = None,
        fps: int | None = None,
        image: Any = None,
        provider: Provider = None,
        model: str | None = None,
        timeout: float | None = None,
        fallback: bool = True,
        options: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        **more: Any,
    ) -> VideoGenerationResponse:
        """Generate a film and wait for it.

        Args:
            platform: sets ratio, size and fps where they are left open, see `viralai_sdk.config.platforms`.
            more: further fields of `VideoGenerationRequest`: style, negative_prompt, seed, last_image, narration, width, height.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`. After a timeout the provider's job goes on; `ai.jobs.resume()` collects it.
        """
        request = self.request(
            prompt,
            duration=duration,
            aspect_ratio=_left_open(aspect_ratio),
            platform=platform,
            resolution=resolution,
            fps=fps,
            image=image,
            options=options,
            **more,
        )
        served: VideoGenerationResponse = await self._serve(request, dry_run, provider, model, timeout, fallback)
        return served

    async def submit(
        self,
        prompt: str,
        *,
        duration: float = 5.0,
        aspect_ratio: str | None = SIXTEEN_NINE,
        provider: Provider = None,
        model: str | None = None,
        timeout: float | None = None,
        fallback: bool = True,
        **more: Any,
    ) -> JobHandle:
        """Start a film and come back as soon as the provider has accepted it. Parameters as for the plain call.

        Returns:
            A handle; its `.id` finds the job again in a fresh kernel: `ai.jobs(job_id)`.
        """
        request = self.request(prompt, duration=duration, aspect_ratio=_left_open(aspect_ratio), **more)
        tail = {"provider": provider, "model": model, "fallback": fallback, "timeout": seconds_of(timeout)}
        return await self._manager.jobs.submit(self.service, request, **tail)


def _left_open(ratio: str | None) -> str | None:
    return None if ratio is SIXTEEN_NINE else ratio
