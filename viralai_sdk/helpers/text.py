"""`ai.text`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from viralai_sdk.helpers.base import Helper, Provider
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.text import TextChunk, TextGenerationRequest, TextGenerationResponse


class TextHelper(Helper[TextGenerationResponse]):
    """Texts: `await ai.text("Write 3 hooks about tea")`; `help(ai.text.__call__)` explains the parameters."""

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
            prompt: what is asked.
            system: how to behave.
            messages: earlier turns, each {"role": "user" or "assistant", "content": "…"}.
            images: pictures to look at: paths, bytes or PIL pictures.
            schema: JSON schema or pydantic model; the value is in `.parsed`.
            max_tokens: longest answer in tokens.
            temperature: 0 to 2; top_p: 0 to 1. None is the provider's default.
            stop: texts that end the answer.
            seed: for repeatable answers, where the provider has that.
            provider, model: who serves this call; None takes the default. `provider` may be "openai:gpt-6-luna".
            timeout: seconds for one attempt.
            fallback: False stays with the first provider.
            options: vendor fields, passed through untouched.
            dry_run: give a `Plan` instead, and send nothing.

        Returns:
            The answer: `.text`, `.parsed`, `.usage` (tokens), `.cost_usd` (USD, None when unknown), `.warnings`.

        Raises:
            InvalidRequestError, UnsupportedCapabilityError, BudgetExceededError, ConfigurationError: nothing was sent.
            ContentPolicyError: refused for its content; no other provider was asked.
            AllProvidersFailedError: nobody of several could serve it; a single provider's own error is raised as it is, such as
                AuthenticationError, RateLimitError, ProviderTimeoutError. All are `AIError`, with `.billed` and `.hint`.
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
        chunks = self._stream(request, _chunk, provider, model, timeout, fallback)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk


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


def _chunk(piece: str | None, response: TextGenerationResponse | None) -> TextChunk:
    return TextChunk(piece or "", response)
