"""Pictures by Stability's v2beta stable-image API: ultra, core, sd3.5, and the edits that fit a request."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.adapter import ImageAdapter
from viralai_sdk.interfaces.errors import AIError, ContentPolicyError, EmptyResultError, MalformedResponseError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.joining import join_pictures
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.requests import ratio_value
from viralai_sdk.interfaces.steps import Answer, Blob, Compute, FilePart, MediaPayload, Parallel, Send, Steps
from viralai_sdk.providers.stability.errors import error_from_answer
from viralai_sdk.providers.stability.masks import mask_in_grey
from viralai_sdk.providers.stability.models import canonical, flag, route_of
from viralai_sdk.providers.stability.shapes import nearest_ratio, preset

MAX_PROMPT = 10_000
MAX_BODY = 10 * 1024 * 1024
MAX_SEED = 4_294_967_294
PICTURES = ("image/jpeg", "image/png", "image/webp")
STRENGTH = 0.65
"""How far the result may go from a given picture, where the request does not say: 0 repeats it, 1 ignores it."""
INPAINT = "edit/inpaint"
OF = {
    "generate/ultra": {"style_preset", "strength"},
    "generate/core": {"style_preset"},
    "generate/sd3": {"style_preset", "strength", "cfg_scale"},
    INPAINT: {"grow_mask"},
    "control/sketch": {"control_strength"},
    "control/structure": {"control_strength"},
    "control/style": {"fidelity"},
}
"""Route → vendor fields that may stand in the configuration as defaults."""


class StabilityImageService(ImageAdapter):
    """Pictures from Stability AI.

    A request with a mask is an inpainting, whichever model it names; one with a picture starts from that picture. Configuration:
    any of the vendor's fields as defaults.
    """

    def headers(self) -> Mapping[str, str]:
        key = self.config.secret()
        return {"Authorization": f"Bearer {key}"} if key else {}

    def error(self, answer: Answer) -> AIError:
        """Read the vendor's error body."""
        return error_from_answer(answer)

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        route = self._route(request, model)
        self._check_limits(request, model, route)
        warnings: list[CallWarning] = []

        def note(kind: Any, parameter: str, message: str) -> None:
            warnings.append(CallWarning(kind=kind, parameter=parameter, message=message))

        if request.mask is not None and route_of(model) != INPAINT:
            note("adjusted", "model", f"masks are served by inpaint; {model} was not asked.")
        if request.style and _preset(request, route) is None and "style_preset" not in request.options:
            note(
                "adjusted",
                "style",
                f"the provider has no such style; 'Style: {request.style}' was added to the prompt.",
            )
        if request.seed is not None and not 0 <= request.seed <= MAX_SEED:
            note("adjusted", "seed", f"seeds are 0 to {MAX_SEED}; {_seed(request.seed)} was asked for.")
        if request.num_images > 1:
            note("adjusted", "num_images", f"the provider makes one in a call; {request.num_images} calls run at once.")
            if request.seed is not None:
                note("other", "seed", "each picture has a seed of its own, counted up from the one given.")
        self._note_shape(request, route, note)
        return warnings

    def _note_shape(self, request: ImageGenerationRequest, route: str, note: Any) -> None:
        if request.reference_images:
            if "aspect_ratio" in request.model_fields_set or request.width or request.height:
                note("unsupported", "aspect_ratio", "the result keeps the given picture's size.")
            return
        if "aspect_ratio" in request.options:
            return
        chosen = nearest_ratio(request.ratio())
        if abs(math.log(ratio_value(chosen) / request.ratio())) > 0.01:
            note("adjusted", "aspect_ratio", f"this ratio is not offered; {chosen} was asked for.")
        if request.width or request.height:
            note("adjusted", "width/height", f"sizes cannot be chosen; about one megapixel at {chosen} was asked for.")

    def _check_limits(self, request: ImageGenerationRequest, model: str, route: str) -> None:
        if len(request.prompt) > MAX_PROMPT:
            raise self.unsupported(f"more than {MAX_PROMPT:,} characters of prompt", hint="Shorten it.")
        if len(request.reference_images) > 1:
            raise self.unsupported("more than one reference image", hint="Give one.")
        files = [*request.reference_images, *([request.mask] if request.mask else [])]
        for media in files:
            if media.media_type not in PICTURES:
                raise self.unsupported(f"{media.media_type} as a picture", hint="Give a JPEG, PNG or WebP file.")
        if sum(len(media.data) for media in files) > MAX_BODY - 64 * 1024:
            raise self.unsupported("pictures above 10 MiB", hint="Make them smaller, or JPEGs.")
        if route.startswith("generate/") and files and flag(model, "no_image"):
            raise self.unsupported(f"reference_images with {model}", hint="Take stable-image-ultra or sd3.5-large.")
        if not route.startswith("generate/") and not files:
            raise self.unsupported(f"{model} without a picture", hint="Give reference_images=[…].")

    def quantities(self, request: ImageGenerationRequest, model: str) -> dict[str, float]:
        """The number of pictures."""
        return {"image": request.num_images}

    def steps(self, request: ImageGenerationRequest, model: str) -> Steps[MediaPayload]:
        parts = yield from self._parts(request)
        if request.num_images == 1:
            return (yield from self._picture(request, model, parts, 0))
        results = yield Parallel([self._picture(request, model, parts, place) for place in range(request.num_images)])
        return join_pictures(results)

    def _route(self, request: ImageGenerationRequest, model: str) -> str:
        return INPAINT if request.mask is not None else route_of(model)

    def _parts(self, request: ImageGenerationRequest) -> Steps[list[FilePart]]:
        parts = [FilePart("image", media.filename, media.data, media.media_type) for media in request.reference_images]
        if request.mask is not None:
            mask = yield Compute(mask_in_grey, (request.mask.data,))
            parts.append(FilePart("mask", "mask.png", mask, "image/png"))
        return parts

    def _picture(
        self, request: ImageGenerationRequest, model: str, parts: list[FilePart], place: int
    ) -> Steps[MediaPayload]:
        """One call for one picture."""
        route = self._route(request, model)
        fields = self._fields(request, model, route, place)
        # The vendor wants multipart even where no file goes along; its own examples add an empty part for that.
        files = parts or [FilePart("none", "none", b"", "application/octet-stream")]
        path = f"/v2beta/stable-image/{route}"
        answer: Answer = yield Send("POST", path, fields=fields, files=files, creates=True)
        return read(answer, "inpaint" if route == INPAINT else canonical(model))

    def _fields(self, request: ImageGenerationRequest, model: str, route: str, place: int) -> list[tuple[str, str]]:
        custom = self.config.custom_config
        given = bool(request.reference_images)
        named = _preset(request, route)
        wants_style = request.style and named is None and "style_preset" not in request.options
        prompt = f"{request.prompt}\n\nStyle: {request.style}" if wants_style else request.prompt
        fields: dict[str, Any] = {"prompt": prompt, "output_format": "png"}
        if route == "generate/sd3":
            fields["model"] = canonical(model)
            fields["mode"] = "image-to-image" if given else "text-to-image"
        if given and route in ("generate/sd3", "generate/ultra"):
            fields["strength"] = STRENGTH
        if not given:
            fields["aspect_ratio"] = nearest_ratio(request.ratio())
        if request.negative_prompt:
            fields["negative_prompt"] = request.negative_prompt
        if request.seed is not None:
            fields["seed"] = _seed(request.seed + place)
        if named:
            fields["style_preset"] = named
        allowed = OF.get(route, set()) | {"output_format"}
        if not given:
            allowed = allowed - {"strength"}
        configured = {name: custom[name] for name in allowed & custom.keys()}
        return _texts({**fields, **configured, **request.options})


def read(answer: Answer, model: str) -> MediaPayload:
    """The picture in an answer, whichever of the two forms it has.

    Raises:
        ContentPolicyError: it was filtered; the blurred picture that came in its place is not given out.
        EmptyResultError, MalformedResponseError: there is none.
    """
    kind = answer.headers.get("content-type", "")
    metadata: dict[str, Any] = {}
    if kind.startswith("image/"):
        data, reason, seed = answer.body, answer.headers.get("finish-reason"), answer.headers.get("seed")
    else:
        body = answer.json()
        if not isinstance(body, dict):
            raise MalformedResponseError("the answer is no object.")
        data, reason, seed = _decode(body.get("image")), body.get("finish_reason"), body.get("seed")
    if reason == "CONTENT_FILTERED":
        raise ContentPolicyError(
            "the provider filtered the picture; what it sent in its place is blurred.",
            billed="maybe",
            hint="Change the prompt; the provider's rules do not allow this.",
        )
    if not data:
        raise EmptyResultError("the answer holds no picture.")
    found = sniff(data[:64])
    if found is None or not found.startswith("image/"):
        raise MalformedResponseError(f"what came as a picture is none; it starts with {data[:16]!r}.", billed="yes")
    if isinstance(seed, (int, str)) and str(seed).isdigit():
        metadata["seed"] = int(seed)
    return MediaPayload(
        model=model,
        blobs=[Blob(data, found)],
        quantities={"image": 1},
        metadata=metadata,
        request_id=answer.headers.get("x-request-id"),
    )


def _preset(request: ImageGenerationRequest, route: str) -> str | None:
    """The preset of a request's style; edits take none."""
    return preset(request.style) if request.style and route.startswith("generate/") else None


def _decode(encoded: Any) -> bytes:
    if not encoded:
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise MalformedResponseError("the picture in the answer is not base64.", billed="yes") from error


def _seed(seed: int) -> int:
    """A seed in the vendor's range. 0 would mean "any", which is not what somebody who gives a seed wants."""
    return seed % (MAX_SEED + 1) or MAX_SEED


def _texts(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Form fields: booleans in lower case; None leaves a field out."""
    return [
        (name, str(value).lower() if isinstance(value, bool) else str(value))
        for name, value in fields.items()
        if value is not None
    ]
