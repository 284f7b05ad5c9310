"""What the film services share: the wished shape of a film, and what of it is adjusted."""

from __future__ import annotations

from collections.abc import Sequence

from viralai_sdk.interfaces.errors import MalformedResponseError
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.video import RESOLUTIONS, VideoGenerationRequest
from viralai_sdk.providers.google_common.sizes import FILM_RATIOS, nearest_ratio, ratio_warning

SIDES = {"360p": 360, "720p": 720, "1080p": 1080, "4k": 2160}
"""Resolutions of the APIs → short side in pixels."""


def film_prompt(request: VideoGenerationRequest, *, speaks: bool) -> str:
    """The prompt, with style and spoken words as its last lines."""
    lines = [request.prompt]
    if request.style:
        lines.append(f"Style: {request.style}")
    if request.narration and speaks:
        lines.append(f'A narrator says: "{request.narration}"')
    return "\n\n".join(lines)


def prompt_warnings(request: VideoGenerationRequest, *, speaks: bool) -> list[CallWarning]:
    """Notes about what went into the prompt."""
    warnings = []
    if request.style:
        message = f"the provider has no styles; 'Style: {request.style}' was added to the prompt."
        warnings.append(CallWarning(kind="adjusted", parameter="style", message=message))
    if request.narration and speaks:
        message = "the words to be spoken were added to the prompt; the model may change them."
        warnings.append(CallWarning(kind="adjusted", parameter="narration", message=message))
    elif request.narration:
        message = "the model makes silent films; the words are left out."
        warnings.append(CallWarning(kind="unsupported", parameter="narration", message=message))
    return warnings


def film_ratio(request: VideoGenerationRequest) -> str:
    """The offered ratio that is nearest to the wished one."""
    return nearest_ratio(request.ratio(), FILM_RATIOS)


def film_resolution(request: VideoGenerationRequest, offered: Sequence[str]) -> str | None:
    """The smallest offered resolution that is large enough, else the largest; None when it was left open or there is no choice."""
    wanted = _short_side(request)
    if wanted is None or not offered:
        return None
    return next((name for name in offered if SIDES[name] >= wanted), offered[-1])


def shape_warnings(request: VideoGenerationRequest, offered: Sequence[str]) -> list[CallWarning]:
    """Notes about another ratio or resolution."""
    warnings = ratio_warning(request.ratio(), f"the ratio {request.ratio():.2f}", film_ratio(request))
    wanted = _short_side(request)
    if wanted is None:
        return warnings
    chosen = film_resolution(request, offered)
    if chosen is None:
        message = "the model has one resolution only; the setting is not sent."
        warnings.append(CallWarning(kind="unsupported", parameter="resolution", message=message))
    elif SIDES[chosen] != wanted:
        message = f"{wanted} lines are not offered; {chosen} was asked for."
        warnings.append(CallWarning(kind="adjusted", parameter="resolution", message=message))
    return warnings


def _short_side(request: VideoGenerationRequest) -> int | None:
    if request.resolution in RESOLUTIONS:
        return RESOLUTIONS[request.resolution]
    if request.resolution or request.width or request.height:
        return min(request.size())
    return None


def refuse_storage(uri: str) -> MalformedResponseError:
    """The error for a film that the provider put into the caller's own storage."""
    return MalformedResponseError(
        f"the film is finished and lies in Cloud Storage at {uri}; fetching it from there is not part of this SDK.",
        billed="yes",
        hint="Take it from there, or leave storageUri (gcs_uri) out: then the film comes in the answer.",
    )
