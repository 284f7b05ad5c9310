"""Reads the structured value out of an answer, the same way for every provider."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel, ValidationError

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.names import shorten
from viralai_sdk.interfaces.steps import TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest
from viralai_sdk.services.schemas import misfit

_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def wants_json(request: TextGenerationRequest) -> bool:
    """True when the answer is to be a value: by a schema, or by `response_format="json"`."""
    return request.response_schema is not None or request.response_format == "json"


def parse_structured(payload: TextPayload, request: TextGenerationRequest) -> Any:
    """The value of an answer to a request with a schema: an instance of the pydantic model when one was given, else plain
    JSON values that follow the JSON schema.

    A Markdown fence around the JSON is taken off, since several models cannot help adding it; nothing else is guessed.

    Raises:
        MalformedResponseError: the answer is not JSON, was cut off, or does not follow the schema.
    """
    value = payload.parsed
    if value is None:
        text = payload.text
        fenced = _FENCE.match(text)
        try:
            value = json.loads(fenced[1] if fenced else text)
        except (ValueError, RecursionError) as error:
            cut = " It was cut off at max_tokens." if payload.finish_reason == "length" else ""
            raise MalformedResponseError(
                f"the answer is not the JSON that was asked for.{cut}", billed="yes"
            ) from error
    if request.schema_model is not None:
        return _as_model(value, request.schema_model)
    wrong = None if request.response_schema is None else misfit(request.response_schema, value)
    if wrong is not None:
        raise _not_followed(wrong)
    return value


def _as_model(value: Any, model: type[BaseModel]) -> BaseModel:
    if isinstance(value, model):
        return value
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = shorten(".".join(str(part) for part in first["loc"]), 120) or "the value"
        raise _not_followed(f"{where}: {first['msg']}") from error


def _not_followed(reason: str) -> MalformedResponseError:
    return MalformedResponseError(f"the answer does not follow the schema: {reason}.", billed="yes")
