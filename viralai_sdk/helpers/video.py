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
    """Films: `await ai.video("a lighthouse at dusk", duration=6)`; `help(ai.video.__call__)` explains the parameters."""

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
            prompt: what it shows.
            duration: seconds, above 0 and at most 600; a provider that has fixed lengths takes the nearest and says so.
            aspect_ratio: width:height; left out it is the platform's, else 16:9.
            platform: such as "tiktok"; sets ratio, size and fps where they are left open, see `viralai_sdk.config.platforms`.
            resolution: "720p", "1080p", …, or "1280x720" (pixels).
            fps: frames a second, 1 to 120.
            image: picture that the film starts from: a path, bytes or a PIL picture.
            more: further fields of `VideoGenerationRequest`: style, negative_prompt, seed, last_image, narration, width, height.
            provider, model, timeout, fallback, options, dry_run: as for `ai.text`.

        Returns:
            The film as a verified file: `.video_path`, `.duration` (seconds). With `dry_run` a `Plan`.

        Raises:
            InvalidRequestError, UnsupportedCapabilityError, BudgetExceededError, ConfigurationError: nothing was sent.
            ContentPolicyError: refused for its content; no other provider was asked.
            StorageError: it could be written nowhere; `rescued` says where it lies, if anywhere.
            AllProvidersFailedError: nobody of several could serve it; a single provider's own error is raised as it is, such as
                AuthenticationError, RateLimitError, ProviderTimeoutError. All are `AIError`, with `.billed` and `.hint`.
            JobFailedError, JobLostError, JobCancelledError: the provider's job came to nothing.
            ProviderTimeoutError: it took too long; the provider's job goes on, and `ai.jobs.resume()` collects it.
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
