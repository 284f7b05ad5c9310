"""What every adapter for Google's generative APIs shares: where requests go, how they are signed, and how vendor options reach a body."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import quote

from viralai_sdk.interfaces.adapter import Adapter
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Answer, Send, Steps
from viralai_sdk.providers.google_common.credentials import Credentials, SignedIn, hide_token
from viralai_sdk.providers.google_common.errors import error_from_answer

BODY_FIELDS = frozenset(
    {"cachedContent", "generationConfig", "labels", "safetySettings", "serviceTier", "toolConfig", "tools"}
)
"""Fields of a generateContent body that may stand in the configuration file as defaults."""


class GoogleAdapter(Adapter):
    """Base of everything that speaks to the Gemini API or to Vertex."""

    api_version: ClassVar[str]
    """Version in the path; the configuration's `api_version` overrides it."""
    vendor_fields: ClassVar[frozenset[str]] = BODY_FIELDS

    def __init__(self, config: AIServiceConfig) -> None:
        super().__init__(config)
        hide_token(config)

    @cached_property
    def credentials(self) -> Credentials:
        """How this service signs in. Made on first use: a service made by hand gets its key after it was made."""
        return Credentials(self.config)

    def root(self, signed: SignedIn) -> str:
        """Path below which this account's resources lie, such as "/v1"."""
        return f"/{self.version}"

    def model_path(self, model: str, signed: SignedIn) -> str:
        """Path of a model."""
        raise NotImplementedError

    @property
    def version(self) -> str:
        """Version of the API."""
        return str(self.config.custom_config.get("api_version") or self.api_version)

    def error(self, answer: Answer) -> AIError:
        """Read Google's error body; the HTTP status decides where the body says nothing."""
        return error_from_answer(answer)

    def call(self, model: str, method: str, body: Mapping[str, Any]) -> Steps[Answer]:
        """Sign in and call a method of a model; for calls that are billed."""
        signed = yield from self.credentials.sign_in()
        answer: Answer = yield self.request(signed, model, method, body)
        return answer

    def request(self, signed: SignedIn, model: str, method: str, body: Mapping[str, Any]) -> Send:
        """The request for a method of a model."""
        path = f"{self.model_path(model, signed)}:{method}"
        return Send("POST", path, json=dict(body), headers=signed.headers, creates=True)

    def body(self, fields: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
        """The body: configured vendor defaults, then what the request says, then its `options`, which win. Objects are joined field by
        field."""
        settings = self.config.custom_config
        configured = {name: settings[name] for name in sorted(self.vendor_fields & settings.keys())}
        return join(join(configured, fields), options)

    def unsupported_warnings(self, request: Any, neutral: Mapping[str, Any]) -> list[CallWarning]:
        """A note for every setting that differs from its neutral value and that this service does not have."""
        return [
            CallWarning(kind="unsupported", parameter=name, message="the provider has no such setting; left out.")
            for name, value in neutral.items()
            if getattr(request, name) != value
        ]


def join(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two JSON objects as one; the second wins, and objects that both have are joined."""
    joined = dict(base)
    for name, value in over.items():
        old = joined.get(name)
        joined[name] = join(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return joined


def quoted(name: str) -> str:
    """A name as part of a path."""
    return quote(name, safe="/-._@")
