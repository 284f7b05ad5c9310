"""What both services share: the key's header, and how this vendor says no."""

from __future__ import annotations

import json
from collections.abc import Mapping

from viralai_sdk.interfaces.adapter import Adapter, error_for_status
from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, ModelRetiredError
from viralai_sdk.interfaces.steps import Answer


class ExampleAdapter(Adapter):
    """Speaks to Example AI."""

    def headers(self) -> Mapping[str, str]:
        return {"X-Example-Key": self.config.secret() or ""}

    def error(self, answer: Answer) -> AIError:
        """Read {"problem": {"kind", "text"}}; what is no such body leaves it to the HTTP status."""
        kind, text = _problem(answer.body)
        if kind == "not_allowed_content":
            return ContentPolicyError(text or "the content was refused.", status=answer.status)
        if kind == "model_gone":
            return ModelRetiredError(text or "the model is gone.", status=answer.status)
        return error_for_status(answer, text)


def _problem(body: bytes) -> tuple[str, str]:
    try:
        problem = json.loads(body)["problem"]
        return str(problem["kind"]), str(problem["text"])
    except (ValueError, LookupError, TypeError, RecursionError):
        return "", ""
