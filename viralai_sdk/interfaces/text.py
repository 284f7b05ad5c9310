"""Text generation: request, response, stream chunk and the service that serves them."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field, PydanticUserError, field_validator

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.records import Usage
from viralai_sdk.interfaces.requests import Request, check_words
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.service import AIService

ROLES = ("system", "developer", "user", "assistant")


class TextGenerationRequest(Request):
    """Ask for text.

    Attributes:
        prompt: what is asked; goes last when `messages` are given. May be left out when `messages` are given.
        system: how to behave; the old name `system_prompt` is accepted.
        messages: earlier turns, each {"role": system|developer|user|assistant, "content": str}.
        images: pictures the model shall look at.
        response_schema: JSON schema the answer must follow; `schema=` takes a schema or a pydantic model.
        response_format: "text" or "json"; the latter asks for any JSON object.
        max_tokens: longest answer in tokens. None: the provider's default.
        temperature: 0 to 2. None: the provider's default (several vendors dropped it in 2026).
        top_p: 0 to 1.
        stop: sequences that end the answer; the old name `stop_sequences` is accepted.
        seed: for repeatable answers where the provider has it.
    """

    prompt: str = ""
    system: str | None = None
    messages: list[dict[str, str]] = Field(default_factory=list)
    images: list[MediaInput] = Field(default_factory=list, exclude=True)
    response_schema: dict[str, Any] | None = None
    response_format: Literal["text", "json"] | None = None
    max_tokens: int | None = Field(default=None, ge=1, le=2_000_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    stop: list[str] = Field(default_factory=list, max_length=16)
    seed: int | None = None
    schema_model: Any = Field(default=None, exclude=True, repr=False)
    """The pydantic model that `schema=` was, so that `parsed` is an instance of it."""

    def __init__(self, *args: Any, **data: Any) -> None:
        given = data.pop("schema", None)
        if isinstance(given, type) and issubclass(given, BaseModel):
            data |= {"response_schema": _schema_of(given), "schema_model": given}
        elif isinstance(given, Mapping):
            data["response_schema"] = dict(given)
        elif given is not None:
            raise InvalidRequestError(
                f"schema: a {type(given).__name__} is no schema.",
                hint="Give a JSON schema as a dict, or a pydantic model class.",
            )
        if not args and not data.get("prompt") and data.get("messages"):
            data["messages"], data["prompt"] = _split_last_turn(data["messages"])
        elif not args and "prompt" not in data:
            data["prompt"] = ""
        super().__init__(*args, **data)

    @classmethod
    def _aliases(cls) -> dict[str, str]:
        return {"system_prompt": "system", "stop_sequences": "stop"}

    @field_validator("prompt")
    @classmethod
    def _words(cls, value: str) -> str:
        return check_words(value, "prompt")

    @field_validator("stop", mode="before")
    @classmethod
    def _one_stop(cls, value: Any) -> Any:
        words = [value] if isinstance(value, str) else (value or [])
        if isinstance(words, Sequence) and "" in words:
            raise ValueError("has an empty sequence, which every answer would begin with")
        return words

    @field_validator("messages")
    @classmethod
    def _turns(cls, value: list[dict[str, str]]) -> list[dict[str, str]]:
        for number, turn in enumerate(value):
            if turn.keys() != {"role", "content"} or turn["role"] not in ROLES:
                raise ValueError(f"turn {number} must be {{'role': one of {', '.join(ROLES)}, 'content': text}}")
            turn["content"] = check_words(turn["content"], f"the content of turn {number}")
        return value

    @field_validator("system")
    @classmethod
    def _system(cls, value: str | None) -> str | None:
        return check_words(value, "system") if value and value.strip() else None

    @field_validator("images", mode="before")
    @classmethod
    def _pictures(cls, value: Any) -> list[MediaInput]:
        return MediaInput.take_all(value, field="images")

    @property
    def system_prompt(self) -> str | None:
        """Old name of `system`."""
        return self.system

    @property
    def stop_sequences(self) -> list[str] | None:
        """Old name of `stop`."""
        return self.stop or None

    def turns(self) -> list[dict[str, str]]:
        """All turns in order, the prompt last; the system text is not among them."""
        return [*self.messages, {"role": "user", "content": self.prompt}]


def _split_last_turn(messages: Any) -> tuple[Any, str]:
    last = messages[-1] if isinstance(messages, Sequence) else None
    if not isinstance(last, Mapping) or last.get("role") != "user":
        raise InvalidRequestError(
            "messages: without a prompt the last turn must be the user's.",
            hint="Give prompt=…, or end with a user turn.",
        )
    if last.keys() != {"role", "content"} or not isinstance(last["content"], str):
        raise InvalidRequestError(
            "messages: the last turn must be {'role': 'user', 'content': text}.",
            hint="Pictures go into images=….",
        )
    return messages[:-1], last["content"]


def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    try:
        return model.model_json_schema()
    except PydanticUserError as error:
        raise InvalidRequestError(
            f"schema: {model.__name__} has no JSON schema ({error.message.splitlines()[0]}).",
            hint="Use fields of plain types.",
        ) from error


class TextGenerationResponse(Response):
    """The answer. `parsed` holds the structured value when a schema was given; `finish_reason` why the text ended."""

    text: str
    parsed: Any = None
    usage: Usage = Field(default_factory=Usage)
    finish_reason: Literal["stop", "length", "tool_calls", "other"] = "stop"

    @property
    def provider(self) -> str:
        """Old name of `provider_used`."""
        return self.provider_used

    @property
    def model(self) -> str | None:
        """Old name of `model_used`."""
        return self.model_used

    @property
    def cost_estimate(self) -> float | None:
        """Old name of `cost_usd`."""
        return self.cost_usd

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class TextChunk:
    """A piece of a streamed answer. The last one has no text and carries the whole `response`."""

    text: str
    response: TextGenerationResponse | None = None


class TextGenerationService(AIService):
    """Turns a prompt into text."""

    service: ClassVar[AIServiceType] = AIServiceType.TEXT_GENERATION

    @abstractmethod
    async def generate(self, request: TextGenerationRequest) -> TextGenerationResponse:
        """Answer the request.

        Raises:
            AIError: see `viralai_sdk.interfaces.errors`; an empty answer is an `EmptyResultError`.
        """

    async def generate_structured(self, prompt: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Answer as a value that follows the JSON schema."""
        response = await self.generate(TextGenerationRequest(prompt=prompt, schema=schema))
        value = response.parsed if response.parsed is not None else json.loads(response.text)
        return dict(value)

    async def chat(self, messages: Sequence[Mapping[str, str]], **kwargs: Any) -> TextGenerationResponse:
        """Answer the last user turn of a conversation."""
        return await self.generate(TextGenerationRequest(messages=[dict(turn) for turn in messages], **kwargs))
