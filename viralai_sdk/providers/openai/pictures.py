"""Pictures out of answers, whole ones and streams."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from viralai_sdk.interfaces.errors import AIError, EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import Blob, MediaPayload, StreamEvent
from viralai_sdk.providers.chat_common import SHAPE_ERRORS, count
from viralai_sdk.providers.openai.errors import error_from_stream

FACTS = ("background", "output_format", "quality", "size")
"""Fields of an answer that are worth keeping."""


class Reader:
    """Reads the events of one picture: `image_generation.partial_image` and `.completed`, or the same of `image_edit`."""

    def __init__(self) -> None:
        self._payload: MediaPayload | None = None
        self._partials = 0
        self._unreadable = 0

    def feed(self, event: StreamEvent) -> bytes | None:
        """The partial picture that an event brings.

        Raises:
            AIError: the event reports an error, is none, or completes nothing. Not for a partial picture that cannot be read: what
                is paid for is the finished one.
        """
        if self._payload is not None or event.data.startswith("[DONE]"):
            return None
        try:
            data = json.loads(event.data)
            kind = str(data.get("type") or event.name)
            if data.get("error") or kind == "error":
                raise error_from_stream(data.get("error") or data)
            if kind.endswith(".completed"):
                self._payload = completed(data)
            return self._partial(data) if kind.endswith(".partial_image") else None
        except AIError:
            # Some of ours are ValueErrors too.
            raise
        except (*SHAPE_ERRORS, RecursionError) as error:
            raise MalformedResponseError(
                f"the stream holds something that is no event: {event.data[:80]!r}."
            ) from error

    def _partial(self, data: dict[str, Any]) -> bytes | None:
        try:
            picture = decode(data.get("b64_json"))
        except MalformedResponseError:
            self._unreadable += 1
            return None
        self._partials += 1
        return picture.data

    def finish(self) -> MediaPayload:
        """The finished picture, after the stream's end.

        Raises:
            MalformedResponseError: the stream broke off before it came.
        """
        if self._payload is None:
            raise MalformedResponseError(
                f"the stream broke off after {self._partials} partial pictures, without the finished one."
            )
        if self._unreadable:
            message = f"{self._unreadable} partial pictures could not be read."
            self._payload.warnings.append(CallWarning(kind="other", parameter="stream", message=message))
        return self._payload


def completed(data: dict[str, Any]) -> MediaPayload:
    """The payload of a completed event.

    Raises:
        EmptyResultError, MalformedResponseError: there is no picture in it.
    """
    encoded = data.get("b64_json")
    if not encoded:
        raise EmptyResultError("the answer holds no picture.")
    metadata: dict[str, Any] = {name: data[name] for name in FACTS if isinstance(data.get(name), str)}
    if isinstance(data.get("revised_prompt"), str) and data["revised_prompt"]:
        metadata["revised_prompt"] = data["revised_prompt"]
    return MediaPayload(
        blobs=[decode(encoded)], quantities=billed(data.get("usage")) or {"image": 1}, metadata=metadata
    )


def decode(encoded: Any) -> Blob:
    """A picture out of base64.

    Raises:
        MalformedResponseError: no base64, or no picture.
    """
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MalformedResponseError("a picture in the answer is not base64.", billed="yes") from error
    kind = sniff(data[:64])
    if kind is None or not kind.startswith("image/"):
        raise MalformedResponseError(f"what came as a picture is none; it starts with {data[:16]!r}.", billed="yes")
    return Blob(data, kind)


def billed(usage: Any) -> dict[str, float]:
    """Billed tokens. Output is pictures, unless the details say that a part of it was text."""
    text, seen = (count(usage, "input_tokens_details", f"{kind}_tokens") for kind in ("text", "image"))
    made, written = count(usage, "output_tokens"), count(usage, "output_tokens_details", "text_tokens") or 0
    if made is None or (text is None and count(usage, "input_tokens") is None):
        return {}
    amounts: dict[str, float] = {"input_text_token": count(usage, "input_tokens") or 0 if text is None else text}
    amounts |= {"input_image_token": seen} if seen else {}
    amounts["output_image_token"] = max(0, made - written)
    return amounts | ({"output_token": written} if written else {})
