"""Cells: what one arm made of one prompt, one time. A failure is a cell as well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from viralai_sdk.interfaces import errors
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse

RESPONSES: Mapping[AIServiceType, type[Response]] = {
    AIServiceType.TEXT_GENERATION: TextGenerationResponse,
    AIServiceType.IMAGE_GENERATION: ImageGenerationResponse,
    AIServiceType.VIDEO_GENERATION: VideoGenerationResponse,
    AIServiceType.SPEECH_SYNTHESIS: SpeechSynthesisResponse,
}

Value: TypeAlias = float | int | str | bool | None
"""A measured value; None when it could not be measured."""


@dataclass(slots=True)
class Cell:
    """One arm × prompt × repeat.

    Attributes:
        arm: name of the arm.
        prompt: id of the prompt in its set, such as "p003".
        words: what was really sent.
        repeat: 0 for the first time.
        response, error: exactly one of them is there.
        seconds: from the start of the call to its end, failures included.
        metrics: objective measurements by name; see `viralai_sdk.compare.metrics`.
        stopped: there is no result because whoever ran the comparison stopped it. That says nothing about the arm, so it is no failure.
    """

    arm: str
    prompt: str
    words: str
    repeat: int = 0
    response: Response | None = None
    error: AIError | None = None
    seconds: float = 0.0
    metrics: dict[str, Value] = field(default_factory=dict)
    stopped: bool = False

    @property
    def ok(self) -> bool:
        """There is a result."""
        return self.response is not None

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the other cells of its comparison."""
        return self.arm, self.prompt, self.repeat

    def to_dict(self, service: AIServiceType) -> dict[str, Any]:
        """As JSON data; `read_cell` reads it back."""
        return {
            "arm": self.arm,
            "prompt": self.prompt,
            "words": self.words,
            "repeat": self.repeat,
            "service": service.short,
            "seconds": self.seconds,
            "response": _response_data(self.response) if self.response is not None else None,
            "error": _error_data(self.error) if self.error is not None else None,
            "metrics": dict(self.metrics),
            **({"stopped": True} if self.stopped else {}),
        }


def read_cell(data: Mapping[str, Any]) -> Cell:
    """A cell out of what `Cell.to_dict` wrote.

    Raises:
        InvalidRequestError: it is no such data.
    """
    try:
        kind = RESPONSES[service_type(data["service"])]
        return Cell(
            arm=data["arm"],
            prompt=data["prompt"],
            words=data["words"],
            repeat=data["repeat"],
            response=kind.model_validate(data["response"]) if data["response"] is not None else None,
            error=_read_error(data["error"]) if data["error"] is not None else None,
            seconds=data["seconds"],
            metrics=dict(data["metrics"]),
            stopped=data.get("stopped") is True and data["error"] is not None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequestError(f"a saved cell cannot be read: {type(error).__name__}: {error}.") from error


def _response_data(response: Response) -> dict[str, Any]:
    """With absolute paths: what is read back is often read in another working folder."""
    data = response.model_dump(mode="json")
    for field_name in ("image_paths", "video_path", "audio_path"):
        value = data.get(field_name)
        if isinstance(value, list):
            data[field_name] = [str(Path(path).absolute()) for path in value]
        elif value:
            data[field_name] = str(Path(value).absolute())
    return data


def _error_data(error: AIError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "message": error.message,
        "provider": error.provider,
        "service": error.service,
        "retryable": error.retryable,
        "billed": error.billed,
        "hint": error.hint,
        "status": error.status,
        "request_id": error.request_id,
    }


def _read_error(data: Mapping[str, Any]) -> AIError:
    details = dict(data)
    found = getattr(errors, details.pop("type"), AIError)
    kind = found if isinstance(found, type) and issubclass(found, AIError) else AIError
    return kind(details.pop("message"), **details)
