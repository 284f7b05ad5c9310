"""The helpers of `ViralAI`: arguments → request → pipeline → response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, ClassVar, Generic, TypeVar

from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_sdk.interfaces.image import ImageGenerationRequest, ImageGenerationResponse
from viralai_sdk.interfaces.names import AIProvider, AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import (
    MultilingualSpeechRequest,
    SpeechSynthesisRequest,
    SpeechSynthesisResponse,
    Voice,
)
from viralai_sdk.interfaces.text import TextChunk, TextGenerationRequest, TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationRequest, VideoGenerationResponse
from viralai_sdk.services.job_handles import JobHandle
from viralai_sdk.services.manager import AIServiceManager
from viralai_sdk.services.plan import Plan, plan
from viralai_sdk.services.streaming import stream

R = TypeVar("R", bound=Response)
Provider = AIProvider | str | None
_TAIL = ("provider", "model", "timeout", "fallback", "session_id")


class _Untouched(str):
    """A default that can be told from the same text given by the caller."""

    __slots__ = ()


SIXTEEN_NINE = _Untouched("16:9")


class Helper(Generic[R]):
    """What the four helpers share."""

    service: ClassVar[AIServiceType]
    request_class: ClassVar[type[Request]]

    def __init__(self, manager: AIServiceManager) -> None:
        self._manager = manager

    def request(self, subject: Any, **parameters: Any) -> Request:
        """The request of a prompt and the helper's parameters; None means not given."""
        given = {name: value for name, value in parameters.items() if value is not None}
        if isinstance(subject, self.request_class):
            self._nothing_beside(given)
            return subject
        if subject is not None:
            given[self.request_class.subject] = subject
        return self.request_class(**given)

    def _nothing_beside(self, given: Mapping[str, Any]) -> None:
        """A request says everything itself: what stands beside it would silently do nothing.

        Raises:
            InvalidRequestError: something does.
        """
        fields = self.request_class.model_fields
        for name, value in given.items():
            if name not in fields or value != fields[name].get_default(call_default_factory=True):
                raise InvalidRequestError(
                    f"{name}: was given beside a request, which has its own.", hint="Put it into the request."
                )

    def planned(self, subject: Any, **parameters: Any) -> Plan:
        """What the call would do, without doing it."""
        tail = {name: parameters.pop(name) for name in ("provider", "model", "fallback") if name in parameters}
        call = self._manager.call(self.service, self.request(subject, **parameters), **tail)
        return plan(self._manager.runtime, call)

    async def _serve(
        self,
        request: Request,
        dry_run: bool,
        provider: Provider,
        model: str | None,
        timeout: float | None,
        fallback: bool,
    ) -> Any:
        call = self._manager.call(
            self.service, request, provider=provider, model=model, fallback=fallback, timeout=_seconds(timeout)
        )
        if dry_run:
            return plan(self._manager.runtime, call)
        return await self._manager.run_call(call)

    async def batch(self, items: Iterable[Any], *, concurrency: int = 8, **shared: Any) -> BatchResult:
        """Serve many requests, at most `concurrency` at once.

        Args:
            items: prompts, mappings of this helper's parameters, or requests.
            shared: parameters for all of them; an item's own win.

        Returns:
            Results in the order of the items; a failed one is its error. Nothing is lost when one fails.

        Raises:
            InvalidRequestError: `concurrency` below 1, or an item that is none of these. Nothing has been sent then.
        """
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidRequestError(f"concurrency must be 1 or more, not {concurrency!r}.")
        if isinstance(items, (str, bytes, Mapping, Request)):
            raise InvalidRequestError(
                "a batch takes a list of prompts, not one.", hint="Put it into brackets: [prompt]."
            )
        _seconds(shared.get("timeout"))
        jobs = [_item(item, self.request_class, shared) for item in items]
        gate = asyncio.Semaphore(concurrency)

        async def one(parameters: dict[str, Any]) -> Response | AIError:
            async with gate:
                try:
                    served: Response = await self._one(**parameters)
                except AIError as error:
                    return error
                return served

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(parameters)) for parameters in jobs]
        return BatchResult([task.result() for task in tasks], [_words(parameters) for parameters in jobs])

    async def _one(self, subject: Any, **parameters: Any) -> R:
        tail = {name: parameters.pop(name) for name in _TAIL if name in parameters}
        request = self.request(subject, **parameters)
        served: R = await self._manager.run(self.service, request, **tail)  # type: ignore[assignment]
        return served


class TextHelper(Helper[TextGenerationResponse]):
    """`await ai.text("…")`."""

    service = AIServiceType.TEXT_GENERATION
    request_class = TextGenerationRequest

    async def __call__(
        self,
        prompt: str | None = None,
        *,
        provider: Provider = None,
        model: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, str]] | None = None,
        images: Any = None,
        schema: Any = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        timeout: float | None = None,
        fallback: bool = True,
        options: Mapping[str, Any] | None = None,
        dry_run: bool = False,
    ) -> TextGenerationResponse:
        """Generate text.

        Args:
            prompt: what is asked. The other parameters are those of `TextGenerationRequest`.
            schema: JSON schema or pydantic model; the value is in `.parsed`.
            provider, model: who serves this call; None takes the default. `provider` may be "openai:gpt-6-luna".
            timeout: seconds for one attempt.
            fallback: False stays with the first provider.
            options: vendor fields, passed through untouched.
            dry_run: give a `Plan` instead, and send nothing.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`.
        """
        request = self.request(prompt, **_text_fields(locals()))
        served: TextGenerationResponse = await self._serve(request, dry_run, provider, model, timeout, fallback)
        return served

    async def stream(
        self,
        prompt: str | None = None,
        *,
        provider: Provider = None,
        model: str | None = None,
        system: str | None = None,
        messages: Sequence[Mapping[str, str]] | None = None,
        images: Any = None,
        schema: Any = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        stop: str | Sequence[str] | None = None,
        seed: int | None = None,
        timeout: float | None = None,
        fallback: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[TextChunk]:
        """Generate text piece by piece; the last chunk carries `.response`. Parameters and errors as for the plain call.

        A failure before the first piece moves to the next provider of the chain; after it, it is raised.
        """
        request = self.request(prompt, **_text_fields(locals()))
        call = self._manager.call(
            self.service, request, provider=provider, model=model, fallback=fallback, timeout=_seconds(timeout)
        )
        async with aclosing(stream(self._manager, call)) as chunks:
            async for chunk in chunks:
                yield chunk


class ImageHelper(Helper[ImageGenerationResponse]):
    """`await ai.image("…")`."""

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
        """Generate pictures. Parameters as in `ImageGenerationRequest`; the tail (provider … dry_run) as for `ai.text`.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`.
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
        tail = {"provider": provider, "model": model, "fallback": fallback, "timeout": _seconds(timeout)}
        return await self._manager.jobs.submit(self.service, request, **tail)


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


_TEXT_FIELDS = (
    "system",
    "messages",
    "images",
    "schema",
    "max_tokens",
    "temperature",
    "top_p",
    "stop",
    "seed",
    "options",
)


def _text_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    """The request's fields out of a text helper's arguments, which two helpers share."""
    fields = {name: given[name] for name in _TEXT_FIELDS}
    if fields["messages"] is not None:
        turns = fields["messages"]
        if isinstance(turns, Sequence) and all(isinstance(turn, Mapping) for turn in turns):
            fields["messages"] = [dict(turn) for turn in turns]
    return fields


def _left_open(ratio: str | None) -> str | None:
    return None if ratio is SIXTEEN_NINE else ratio


def _seconds(timeout: float | None) -> float | None:
    if timeout is not None and not 0 < timeout < float("inf"):
        raise InvalidRequestError(f"timeout must be a number of seconds above 0, not {timeout!r}.")
    return timeout


def _item(item: Any, request_class: type[Request], shared: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(item, str):
        return {**shared, "subject": item}
    if isinstance(item, request_class):
        return {**{name: shared[name] for name in _TAIL if name in shared}, "subject": item}
    if isinstance(item, Mapping):
        own = dict(item)
        subject = own.pop(request_class.subject, None)
        return {**shared, **own, "subject": subject}
    raise InvalidRequestError(f"a batch takes prompts, mappings and requests, not a {type(item).__name__}.")


def _words(parameters: Mapping[str, Any]) -> str:
    subject = parameters["subject"]
    return subject.words() if isinstance(subject, Request) else str(subject or "")
