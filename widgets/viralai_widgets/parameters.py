"""The fields of a panel's form: which parameters each service offers, and how what was typed becomes arguments of a helper."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from viralai_sdk.config.platforms import platforms
from viralai_sdk.interfaces.errors import InvalidRequestError

RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "21:9")


def _field(name: str, label: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"name": name, "label": label, "kind": kind, **more}


def _number(name: str, label: str, low: float, high: float, step: float = 1) -> dict[str, Any]:
    return _field(name, label, "number", min=low, max=high, step=step)


def _choice(name: str, label: str, choices: list[str]) -> dict[str, Any]:
    return _field(name, label, "choice", choices=choices)


def fields_of(service: str) -> list[dict[str, Any]]:
    """The form of a service, as the page draws it. An empty field is not sent, so that the helper's own default holds."""
    seed = _number("seed", "Seed", 0, 2**31 - 1)
    ratio = _choice("aspect_ratio", "Aspect ratio", list(RATIOS))
    forms = {
        "text": [
            _field("system", "System prompt"),
            _number("temperature", "Temperature", 0, 2, 0.1),
            _number("max_tokens", "Most tokens", 1, 2_000_000),
            seed,
        ],
        "image": [ratio, _field("style", "Style"), _field("negative_prompt", "Not shown"), seed],
        "video": [
            _number("duration", "Seconds", 1, 600, 0.5),
            ratio,
            _choice("platform", "Platform", sorted(platforms())),
            _field("style", "Style"),
            seed,
        ],
        "speech": [
            _field("voice_id", "Voice"),
            _field("language", "Language"),
            _number("speed", "Speed", 0.25, 4, 0.05),
            _field("instructions", "Instructions"),
        ],
    }
    return forms[service]


def arguments_of(service: str, values: Mapping[str, Any], more: str) -> dict[str, Any]:
    """Arguments for a helper: the filled fields, and what the JSON field adds; it wins.

    Raises:
        InvalidRequestError: a number is none, or the JSON text is no object.
    """
    given: dict[str, Any] = {}
    known = {field["name"]: field for field in fields_of(service)}
    for name, value in values.items():
        if value is None or value == "":
            continue
        given[name] = _number_of(known[name], value) if known.get(name, {}).get("kind") == "number" else value
    return {**given, **_object(more)}


def _number_of(field: Mapping[str, Any], value: Any) -> float | int:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InvalidRequestError(f"{field['label']}: {str(value)[:40]!r} is no number.") from None
    if not field["min"] <= number <= field["max"]:
        raise InvalidRequestError(
            f"{field['label']} must be between {field['min']} and {field['max']}, not {number:g}."
        )
    return int(number) if number.is_integer() and float(field["step"]).is_integer() else number


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidRequestError(
            f"the JSON field cannot be read: {error}.",
            hint='Such as {"num_images": 2, "options": {"quality": "high"}}.',
        ) from None
    if not isinstance(found, dict):
        raise InvalidRequestError("the JSON field must be an object: {…}.")
    return found
