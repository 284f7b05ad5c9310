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
    """Recordings: `await ai.speech("The fox goes home.", language="en-us")`; `help(ai.speech.__call__)` explains the parameters."""

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
        """Speak a text.

        Args:
            text: what is said.
            voice_id: an id out of `await ai.speech.voices()`; None lets the provider choose one for the language.
            language: BCP 47 tag such as "en" or "pt-BR".
            speed: 1.0 is the voice's own; 0.25 to 4.
            pitch: semitones, -20 to 20.
            output_format: wav, mp3, opus, flac, aac or pcm; None takes the provider's best common one.
            more: further fields of `SpeechSynthesisRequest`: volume, ssml, instructions, seed.
            provider, model, timeout, fallback, options, dry_run: as for `ai.text`.

        Returns:
            The recording as a verified file: `.audio_path`, `.duration` (seconds), `.word_timings`. With `dry_run` a `Plan`.

        Raises:
            InvalidRequestError, UnsupportedCapabilityError, BudgetExceededError, ConfigurationError: nothing was sent.
            ContentPolicyError: refused for its content; no other provider was asked.
            StorageError: it could be written nowhere; `rescued` says where it lies, if anywhere.
            AllProvidersFailedError: nobody of several could serve it; a single provider's own error is raised as it is, such as
                AuthenticationError, RateLimitError, ProviderTimeoutError. All are `AIError`, with `.billed` and `.hint`.
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
        """Voices of a provider, the default one when none is named; all or those of a language (BCP 47 tag).

        Raises:
            AIError: the provider could not be asked.
        """
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
        """Several languages in one recording (WAV): segments of {"text", "language", "voice_id"?}, silence between them.

        `transition_duration` is that silence in seconds; further parameters are those of `MultilingualSpeechRequest`. Errors as for
        the plain call.
        """
        if not isinstance(segments, MultilingualSpeechRequest):
            segments = MultilingualSpeechRequest(segments=[dict(part) for part in segments], **parameters)
        return await self._manager.multilingual(segments, provider=provider, model=model, fallback=fallback)
