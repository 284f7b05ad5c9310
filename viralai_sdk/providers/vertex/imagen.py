"""Imagen's `:predict`: bodies, masks and answers. Google lets it run out in favour of the native image models."""

from __future__ import annotations

import base64
import io
from typing import Any

from viralai_sdk.interfaces.errors import (
    ContentPolicyError,
    EmptyResultError,
    InvalidRequestError,
    MalformedResponseError,
)
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import Answer, MediaPayload
from viralai_sdk.providers.google_common.base import join
from viralai_sdk.providers.google_common.errors import POLICY_HINT
from viralai_sdk.providers.google_common.films import refuse_storage
from viralai_sdk.providers.google_common.image import with_style
from viralai_sdk.providers.google_common.reading import SHAPE_ERRORS, decode, media, word
from viralai_sdk.providers.google_common.sizes import IMAGEN_RATIOS, image_ratio, size_class
from viralai_sdk.providers.google_common.text import given

PER_CALL = 4
"""Most pictures of one request."""
FIELDS = frozenset(
    {"addWatermark", "editConfig", "editMode", "enhancePrompt", "guidanceScale", "includeSafetyAttributes", "language"}
    | {"outputOptions", "personGeneration", "safetySetting", "sampleImageSize", "storageUri"}
)
"""Parameters that may stand in the configuration file as defaults."""


def predict_body(
    request: ImageGenerationRequest,
    count: int,
    classes: tuple[str, ...],
    configured: dict[str, Any],
    mask: bytes | None,
    shift: int,
) -> dict[str, Any]:
    """The body of one request for `count` pictures; `shift` keeps the seeds of several requests apart."""
    instance: dict[str, Any] = {"prompt": with_style(request.prompt, request.style)}
    if request.reference_images:
        instance["referenceImages"] = references(request, mask)
    edits = mask is not None
    parameters = {
        "sampleCount": count,
        # An edit keeps the shape of its picture.
        "aspectRatio": None if request.reference_images else image_ratio(request, IMAGEN_RATIOS),
        "sampleImageSize": None if request.reference_images else size_class(request, classes),
        "negativePrompt": request.negative_prompt,
        "seed": None if request.seed is None else request.seed + shift,
        # A watermark rules a seed out; without one, the vendor's default stays.
        "addWatermark": None if request.seed is None else False,
        "includeRaiReason": True,
        "editMode": "EDIT_MODE_INPAINT_INSERTION" if edits else None,
    }
    options = dict(request.options)
    labels = options.pop("labels", None)
    joined = join(join(configured, given(parameters)), options)
    return given({"instances": [instance], "parameters": joined, "labels": labels})


def references(request: ImageGenerationRequest, mask: bytes | None) -> list[dict[str, Any]]:
    """The pictures of an edit, numbered from 1, and the mask."""
    listed = [
        {"referenceType": "REFERENCE_TYPE_RAW", "referenceId": number, "referenceImage": encoded(item)}
        for number, item in enumerate(request.reference_images, 1)
    ]
    if mask is not None:
        listed.append(
            {
                "referenceType": "REFERENCE_TYPE_MASK",
                "referenceId": len(listed) + 1,
                "referenceImage": encoded(MediaInput(mask)),
                "maskImageConfig": {"maskMode": "MASK_MODE_USER_PROVIDED"},
            }
        )
    return listed


def encoded(item: MediaInput) -> dict[str, str]:
    """A picture as Imagen and Veo take it."""
    return {"bytesBase64Encoded": base64.b64encode(item.data).decode("ascii"), "mimeType": item.media_type}


def open_mask(data: bytes, **runner: Any) -> bytes:
    """A mask as the vendor reads it, a PNG that is white where the picture may change, out of one whose transparent or white part may.

    Args:
        runner: what the runner gives every computation; the work is too short to report and needs no files.

    Raises:
        InvalidRequestError: the bytes cannot be read as a picture.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data)) as mask:
            mask.load()
            clear = mask.has_transparency_data
            grey = ImageOps.invert(mask.convert("RGBA").getchannel("A")) if clear else mask.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InvalidRequestError("mask: the file cannot be read as a picture.", hint="Give a PNG.") from error
    buffer = io.BytesIO()
    grey.point(lambda level: 255 if level >= 128 else 0).save(buffer, "PNG")
    return buffer.getvalue()


def read_predictions(answer: Answer, wanted: int) -> MediaPayload:
    """The pictures of an answer.

    Raises:
        ContentPolicyError: all of them were filtered out.
        EmptyResultError, MalformedResponseError: there is none to give.
    """
    data = answer.json()
    try:
        # With safety attributes on, an entry about the prompt stands among the pictures.
        items = [item for item in data.get("predictions") or () if item.get("contentType") != "Positive Prompt"]
        filtered = [str(item["raiFilteredReason"]) for item in items if item.get("raiFilteredReason")]
        stored = [uri for item in items if (uri := word(item.get("gcsUri")))]
        found = [item["bytesBase64Encoded"] for item in items if item.get("bytesBase64Encoded")]
        prompts = [text for item in items if (text := word(item.get("prompt")))]
    except SHAPE_ERRORS as error:
        raise MalformedResponseError(f"the answer is no list of pictures ({error!r}).") from error
    blobs = [media(decode(encoded), "image") for encoded in found]
    if not blobs:
        if filtered:
            raise ContentPolicyError(filtered[0], billed="no", hint=POLICY_HINT)
        if stored:
            raise refuse_storage(", ".join(stored))
        raise EmptyResultError("the answer holds no picture.")
    warnings = []
    if len(blobs) < wanted:
        why = f": {filtered[0]}" if filtered else "."
        message = f"{len(blobs)} of {wanted} pictures came{why}"
        warnings.append(CallWarning(kind="other", parameter="num_images", message=message))
    metadata = {"revised_prompt": prompts[0]} if prompts else {}
    return MediaPayload(blobs=blobs, quantities={"image": float(len(blobs))}, metadata=metadata, warnings=warnings)
