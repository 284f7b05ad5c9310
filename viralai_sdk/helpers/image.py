"""`ai.image`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

from viralai_sdk.helpers.base import Helper, Provider
from viralai_sdk.interfaces.image import ImageGenerationRequest, ImageGenerationResponse
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.streaming import MediaChunk, media_chunk


class ImageHelper(Helper[ImageGenerationResponse]):
    """Pictures: `await ai.image("a red fox in the snow", aspect_ratio="16:9")`; `help(ai.image.__call__)` explains the parameters."""

    service = AIServiceType.IMAGE_GENERATION
    request_class = ImageGenerationRequest

    async def __call__(
        self,
        prompt: str,
        *,
        provider: Provider = None,
        model: str | None = None,
        style: str | None = None,
        aspect_ratio: str | None = "1:1",
        negative_prompt: str | None = None,
        num_images: int = 1,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
        reference_images: Any = None,
        mask: Any = None,
        timeout: float | None = None,
        fallback: bool = True,
        options: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> ImageGenerationResponse:
        """Generate pictures.

        Args:
            prompt: what they show.
            style: such as "watercolor"; free text, providers use it as they can.
            aspect_ratio: width:height such as "16:9", or "square", "portrait", "landscape".
            negative_prompt: what they must not show, where the provider has that.
            num_images: how many, 1 to 16.
            width, height: pixels, 16 to 8192; one alone gets the other from the ratio, both win over it.
            seed: the same seed gives the same picture, where the provider has that.
            reference_images: pictures to start from: paths, bytes or PIL pictures, one or a list.
            mask: picture whose transparent or white part may change; needs a reference picture.
            provider, model, timeout, fallback, options, dry_run: as for `ai.text`.

        Returns:
            The pictures as verified files: `.first_image`, `.image_paths`. What the provider left out or adjusted is in `.warnings`,
            the price in `.cost_usd` (USD, None when unknown). With `dry_run` a `Plan`.

        Raises:
            InvalidRequestError, UnsupportedCapabilityError, BudgetExceededError, ConfigurationError: nothing was sent.
            ContentPolicyError: refused for its content; no other provider was asked.
            StorageError: it could be written nowhere; `rescued` says where it lies, if anywhere.
            AllProvidersFailedError: nobody of several could serve it; a single provider's own error is raised as it is, such as
                AuthenticationError, RateLimitError, ProviderTimeoutError. All are `AIError`, with `.billed` and `.hint`.
        """
        request = self.request(
            prompt,
            style=style,
            aspect_ratio=aspect_ratio,
            negative_prompt=negative_prompt,
            num_images=num_images,
            width=width,
            height=height,
            seed=seed,
            reference_images=reference_images,
            mask=mask,
            options=options,
        )
        served: ImageGenerationResponse = await self._serve(request, dry_run, provider, model, timeout, fallback)
        return served

    async def stream(
        self,
        prompt: str,
        *,
        style: str | None = None,
        aspect_ratio: str | None = "1:1",
        negative_prompt: str | None = None,
        num_images: int = 1,
        width: int | None = None,
        height: int | None = None,
        seed: int | None = None,
        reference_images: Any = None,
        mask: Any = None,
        provider: Provider = None,
        model: str | None = None,
        timeout: float | None = None,
        fallback: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[MediaChunk[ImageGenerationResponse]]:
        """Generate a picture and see it grow: each chunk's `.data` is a whole file with a coarser state of it, the last chunk carries
        `.response`. Parameters and errors as for the plain call; `options={"partial_images": 3}` asks for more or fewer states.

        A failure before the first piece moves to the next provider of the chain; after it, it is raised. A provider that does not
        stream gives no piece, only the last chunk, whose response says so in a warning. Leaving the loop early cancels the call.
        """
        request = self.request(
            prompt,
            style=style,
            aspect_ratio=aspect_ratio,
            negative_prompt=negative_prompt,
            num_images=num_images,
            width=width,
            height=height,
            seed=seed,
            reference_images=reference_images,
            mask=mask,
            options=options,
        )
        chunks = self._stream(request, media_chunk, provider, model, timeout, fallback)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk
