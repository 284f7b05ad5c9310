"""What was asked of a picture or film and what came: size and ratio."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viralai_sdk.compare.cells import Value
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.requests import check_ratio, ratio_value


def compliance(width: int, height: int, parameters: Mapping[str, Any]) -> dict[str, Value]:
    """Whether the size was kept, and the error of the ratio in per cent; None where nothing was asked."""
    asked = _size(parameters)
    ratio = asked[0] / asked[1] if all(asked) else _ratio(parameters.get("aspect_ratio"))
    given = [(want, got) for want, got in zip(asked, (width, height), strict=True) if want]
    return {
        "size_kept": all(want == got for want, got in given) if given else None,
        "ratio_error": abs(width / height / ratio - 1) * 100 if ratio else None,
    }


def _size(parameters: Mapping[str, Any]) -> tuple[int, int]:
    """(width, height) asked for, 0 where a side was left open."""
    resolution = str(parameters.get("resolution") or "").lower()
    wide, cross, high = resolution.partition("x")
    if cross and wide.isdigit() and high.isdigit():
        return int(wide), int(high)
    return int(parameters.get("width") or 0), int(parameters.get("height") or 0)


def _ratio(asked: Any) -> float | None:
    """A ratio that was asked for. One that is none was refused before anything was sent, so nothing is asked here."""
    try:
        checked = check_ratio(str(asked)) if asked else None
    except (ValueError, AIError):
        return None
    return ratio_value(checked) if checked else None
