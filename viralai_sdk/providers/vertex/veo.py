"""Veo: bodies, durations, prices and answers of its long-running operations."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    EmptyResultError,
    JobFailedError,
    MalformedResponseError,
)
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import MediaPayload
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.google_common.base import join
from viralai_sdk.providers.google_common.catalog import find, flagged, limit
from viralai_sdk.providers.google_common.errors import POLICY_HINT, error_from_object
from viralai_sdk.providers.google_common.films import film_prompt, film_ratio, film_resolution, refuse_storage
from viralai_sdk.providers.google_common.reading import SHAPE_ERRORS, count, decode, media, word
from viralai_sdk.providers.google_common.text import given
from viralai_sdk.providers.vertex.imagen import encoded

INSTANCE_FIELDS = ("mask", "referenceImages", "video")
"""Vendor options that belong to the instance, not to the parameters."""
FIELDS = frozenset(
    {
        "compressionQuality",
        "enhancePrompt",
        "generateAudio",
        "personGeneration",
        "pubsubTopic",
        "resizeMode",
        "storageUri",
    }
)
"""Parameters that may stand in the configuration file as defaults."""
OPERATION = re.compile(r"(?:projects/[^/?#]+/locations/[^/?#]+/)?publishers/google/models/[^/?#]+/operations/[^/?#]+")
RESOLUTIONS = ("720p", "1080p")
"""What models take that the catalog does not know."""


def resolutions(model: str) -> tuple[str, ...]:
    """Resolutions of a model."""
    return tuple(limit("vertex", model, "resolutions", RESOLUTIONS))


def speaks(model: str) -> bool:
    """Whether a model makes sound. Only the second generation does not."""
    return not flagged("vertex", model, "silent")


def seconds_of(request: VideoGenerationRequest, model: str) -> int | None:
    """The offered duration that is long enough; None when the film would have to be longer than the model makes."""
    offered = limit("vertex", model, "durations", ())
    wanted = math.ceil(request.duration - 0.001)
    if not offered:
        return max(1, wanted)
    return next((seconds for seconds in offered if seconds >= wanted), None)


def duration_warnings(request: VideoGenerationRequest, seconds: int) -> list[CallWarning]:
    """A note about a longer film than was asked for."""
    if abs(seconds - request.duration) < 0.01:
        return []
    message = f"{request.duration:g} s are not offered; {seconds} s were asked for."
    return [CallWarning(kind="adjusted", parameter="duration", message=message)]


def quantities(request: VideoGenerationRequest, model: str) -> dict[str, float]:
    """Billed seconds, by the unit that the model's price has for the resolution."""
    seconds = (seconds_of(request, model) or 0) * _samples(request)
    resolution = film_resolution(request, resolutions(model)) or "720p"
    row = find("vertex", model)
    unit = f"second_{resolution}"
    # 4k without a price of its own is unknown; below it, the plain price holds.
    return {unit if resolution == "4k" or (row and unit in row.prices) else "second": float(seconds)}


def _samples(request: VideoGenerationRequest) -> int:
    return count(request.options, "sampleCount") or 1


def order(request: VideoGenerationRequest, model: str, configured: Mapping[str, Any]) -> dict[str, Any]:
    """The body that starts an operation."""
    sound = speaks(model)
    instance = {
        "prompt": film_prompt(request, speaks=sound),
        "image": encoded(request.image) if request.image is not None else None,
        "lastFrame": encoded(request.last_image) if request.last_image is not None else None,
    }
    parameters = {
        "sampleCount": 1,
        "durationSeconds": seconds_of(request, model),
        "aspectRatio": film_ratio(request),
        "resolution": film_resolution(request, resolutions(model)),
        "fps": request.fps,
        "seed": request.seed,
        "negativePrompt": request.negative_prompt,
        "generateAudio": True if request.narration and sound else None,
    }
    options = dict(request.options)
    labels = options.pop("labels", None)
    extra = {name: options.pop(name) for name in INSTANCE_FIELDS if name in options}
    joined = join(join(configured, given(parameters)), options)
    return given({"instances": [{**given(instance), **extra}], "parameters": joined, "labels": labels})


def operation_name(data: Any) -> str:
    """Name of a started operation.

    Raises:
        MalformedResponseError: the answer names none. The name becomes part of an address, so it must look like one.
    """
    name = word(data.get("name")) if isinstance(data, dict) else None
    if name is None or OPERATION.fullmatch(name) is None:
        raise MalformedResponseError("the answer names no operation.", billed="maybe")
    return name


def finished(data: Any) -> Mapping[str, Any] | None:
    """The response of an operation, None while it runs.

    Raises:
        JobFailedError, ContentPolicyError: it ended in an error.
        MalformedResponseError: it is no operation.
    """
    if not isinstance(data, dict):
        raise MalformedResponseError("the answer is no operation.")
    if data.get("done") is not True:
        return None
    if error := data.get("error"):
        raise operation_error(error)
    response = data.get("response")
    if not isinstance(response, dict):
        raise MalformedResponseError("the operation is done, but has neither a response nor an error.", billed="yes")
    return response


def operation_error(error: Any) -> AIError:
    """The error that an operation ended in. What an answer to a request would mean is over for a job."""
    found = error_from_object(error)
    if isinstance(found, ContentPolicyError):
        return found
    return JobFailedError(f"the film was not made ({found.message}).")


def films(response: Mapping[str, Any], billed: Mapping[str, float]) -> MediaPayload:
    """The films of a finished operation.

    Args:
        billed: seconds by their unit, as they were ordered.

    Raises:
        ContentPolicyError: all were filtered out.
        EmptyResultError, MalformedResponseError: there is none to give.
    """
    try:
        found = list(response.get("videos") or ())
        stored = [uri for item in found if (uri := word(item.get("gcsUri")))]
        data = [item["bytesBase64Encoded"] for item in found if item.get("bytesBase64Encoded")]
        why = "; ".join(str(text) for text in response.get("raiMediaFilteredReasons") or ())[:500]
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(
            f"the operation's response has a wrong shape ({error!r}).", billed="yes"
        ) from error
    filtered = count(response, "raiMediaFilteredCount") or 0
    blobs = [media(decode(item), "video") for item in data]
    if not blobs:
        if filtered or why:
            raise ContentPolicyError(why or "the film was filtered out.", billed="maybe", hint=POLICY_HINT)
        if stored:
            raise refuse_storage(", ".join(stored))
        raise EmptyResultError("the operation ended without a film.")
    warnings = []
    if filtered:
        message = f"{filtered} more were filtered out: {why or 'no reason given'}"
        warnings.append(CallWarning(kind="other", parameter=None, message=message))
    share = len(blobs) / (len(blobs) + filtered)
    amounts = {unit: amount * share for unit, amount in billed.items()}
    return MediaPayload(blobs=blobs, quantities=amounts, warnings=warnings)
