"""`ai.speech`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from viralai_sdk.helpers.base import Helper, Provider
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.speech import (
    MultilingualSpeechRequest,
    SpeechSynthesisRequest,
    SpeechSynthesisResponse,
    Voice,
)
from viralai_sdk.interfaces.streaming import MediaChunk, media_chunk


class SpeechHelper(Helper[SpeechSynthesisResponse]):
    """`await ai.speech("…")`."""

    service = AIServiceType.SPEECH_SYNTHESIS
    request_class = SpeechSynthesisRequest

    async def __call__(
        self,
        text: str,
        *,
        voice_id: str | None = None,
        language: str = "en",
        speed: float = 1.0,
        pitch: float = 0.0,
        output_format: str | None = None,
        provider: Provider = None,
        model: str | None = None,
        timeout: float | None = None,
        fallback: bool = True,
        options: Mapping[str, Any] | None = None,
        dry_run: bool = False,
        **more: Any,
    ) -> SpeechSynthesisResponse:
        """Speak a text. Parameters as in `SpeechSynthesisRequest`; `more`: volume, ssml, instructions, seed.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`.
        """
        request = self.request(
            text,
            voice_id=voice_id,
            language=language,
            speed=speed,
            pitch=pitch,
            output_format=output_format,
            options=options,
            **more,
        )
        served: SpeechSynthesisResponse = await self._serve(request, dry_run, provider, model, timeout, fallback)
        return served

    async def stream(
        self,
        text: str,
        *,
        voice_id: str | None = None,
        language: str = "en",
        speed: float = 1.0,
        pitch: float = 0.0,
        output_format: str | None = None,
        provider: Provider = None,
        model: str | None = None,
        timeout: float | None = None,
        fallback: bool = True,
        options: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> AsyncIterator[MediaChunk[SpeechSynthesisResponse]]:
        """Speak a text and hear it as it is made: each chunk's `.data` is the next bytes of the provider's recording, the last chunk
        carries `.response`, the whole recording verified and stored. Parameters and errors as for the plain call.

        The bytes are what the provider sends: for "pcm", and for "wav" where only raw samples are streamed, they have no header; the
        stored file has one.

        A failure before the first piece moves to the next provider of the chain; after it, it is raised. A provider that does not
        stream gives no piece, only the last chunk, whose response says so in a warning. Leaving the loop early cancels the call.
        """
        request = self.request(
            text,
            voice_id=voice_id,
            language=language,
            speed=speed,
            pitch=pitch,
            output_format=output_format,
            options=options,
            **more,
        )
        chunks = self._stream(request, media_chunk, provider, model, timeout, fallback)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    async def voices(self, provider: Provider = None, language: str | None = None) -> list[Voice]:
        """Voices of a provider, the default one when none is named; all or those of a language."""
        return await self._manager.voices(provider, language)

    async def multilingual(
        self,
        segments: Sequence[Mapping[str, str]] | MultilingualSpeechRequest,
        *,
        provider: Provider = None,
        model: str | None = None,
        fallback: bool = True,
        **parameters: Any,
    ) -> SpeechSynthesisResponse:
        """Several languages in one recording (WAV): segments of {"text", "language", "voice_id"?}, silence between them."""
        if not isinstance(segments, MultilingualSpeechRequest):
            segments = MultilingualSpeechRequest(segments=[dict(part) for part in segments], **parameters)
        return await self._manager.multilingual(segments, provider=provider, model=model, fallback=fallback)
