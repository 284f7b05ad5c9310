"""Reads the structured value out of an answer, the same way for every provider."""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import ValidationError

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.steps import TextPayload
from viralai_sdk.interfaces.text import TextGenerationRequest

_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def wants_json(request: TextGenerationRequest) -> bool:
    """True when the answer is to be a value: by a schema, or by `response_format="json"`."""
    return request.response_schema is not None or request.response_format == "json"


def parse_structured(payload: TextPayload, request: TextGenerationRequest) -> Any:
    """The value of an answer to a request with a schema: an instance of the pydantic model when one was given, else plain JSON values.

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
    if request.schema_model is None or isinstance(value, request.schema_model):
        return value
    try:
        return request.schema_model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the value"
        raise MalformedResponseError(
            f"the answer does not follow the schema: {where}: {first['msg']}.", billed="yes"
        ) from error
