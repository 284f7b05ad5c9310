"""What OpenAI's three services share: headers, error reading, and how vendor options reach a body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.steps import Answer
from viralai_sdk.providers.openai.errors import error_from_answer


class OpenAIAdapter(Adapter):
    """Base of everything that speaks OpenAI's dialect."""

    vendor_fields: ClassVar[frozenset[str]] = frozenset()
    """Body fields that may stand in the configuration file as defaults, such as `quality: high`."""

    def headers(self) -> Mapping[str, str]:
        """The key, and the organisation and project it acts for when the configuration names them. A server without keys gets none."""
        headers = {}
        if key := self.config.secret():
            headers["Authorization"] = f"Bearer {key}"
        if organization := self.config.custom_config.get("organization"):
            headers["OpenAI-Organization"] = str(organization)
        if project := self.config.custom_config.get("project"):
            headers["OpenAI-Project"] = str(project)
        return headers

    def error(self, answer: Answer) -> AIError:
        """Read OpenAI's error body; the HTTP status decides where the body says nothing."""
        return error_from_answer(answer)

    def body(self, request: Request, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The body: configured vendor defaults, then what the request says, then its `options`, which win. None leaves a field out."""
        configured = {
            name: self.config.custom_config[name] for name in self.vendor_fields & self.config.custom_config.keys()
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return {**configured, **given, **request.options}
