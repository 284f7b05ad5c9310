"""Pictures by Vertex: the native image models, and Imagen."""

from __future__ import annotations

from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.joining import join_pictures
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import Compute, MediaPayload, Parallel, Steps
from viralai_sdk.providers.google_common.catalog import flagged
from viralai_sdk.providers.google_common.image import ContentImageService, check_references, style_warning
from viralai_sdk.providers.google_common.sizes import IMAGEN_RATIOS, image_warnings
from viralai_sdk.providers.vertex.base import VertexAdapter
from viralai_sdk.providers.vertex.imagen import FIELDS, PER_CALL, open_mask, predict_body, read_predictions


class VertexImagenService(VertexAdapter, ContentImageService):
    """Pictures from Vertex. Models named imagen-… draw by `:predict`, all others by generateContent."""

    def check(self, request: ImageGenerationRequest, model: str) -> list[CallWarning]:
        if not is_imagen(model):
            return super().check(request, model)
        edits = flagged(self.get_provider_name(), model, "edit")
        if request.reference_images and not edits:
            hint = "Take a native image model, such as gemini-3.1-flash-image."
            raise self.unsupported(f"edits with {model}", hint=hint)
        if edits and not request.reference_images:
            raise self.unsupported(f"pictures from words alone with {model}", hint="Take imagen-4.0-generate-001.")
        check_references(self, request)
        warnings = style_warning(request.style)
        if request.seed is not None:
            message = "a seed rules the invisible watermark out; it was switched off."
            warnings.append(CallWarning(kind="adjusted", parameter="seed", message=message))
        if request.num_images > PER_CALL:
            message = f"the provider makes {PER_CALL} in one call; several calls run at once."
            warnings.append(CallWarning(kind="adjusted", parameter="num_images", message=message))
        if request.reference_images:
            return warnings
        return warnings + image_warnings(request, IMAGEN_RATIOS, self.classes(model))

    def steps(self, request: ImageGenerationRequest, model: str) -> Steps[MediaPayload]:
        if not is_imagen(model):
            return (yield from super().steps(request, model))
        mask = (yield Compute(open_mask, (request.mask.data,))) if request.mask is not None else None
        full, rest = divmod(request.num_images, PER_CALL)
        counts = [PER_CALL] * full + ([rest] if rest else [])
        if len(counts) == 1:
            return (yield from self._predict(request, model, counts[0], mask, 0))
        branches = [
            self._predict(request, model, count, mask, PER_CALL * number) for number, count in enumerate(counts)
        ]
        results = yield Parallel(branches)
        return join_pictures(results)

    def _predict(
        self, request: ImageGenerationRequest, model: str, count: int, mask: bytes | None, shift: int
    ) -> Steps[MediaPayload]:
        settings = self.config.custom_config
        configured = {name: settings[name] for name in sorted(FIELDS & settings.keys())}
        body = predict_body(request, count, self.classes(model), configured, mask, shift)
        answer = yield from self.call(model, "predict", body)
        return read_predictions(answer, count)


def is_imagen(model: str) -> bool:
    """Whether a model draws by `:predict`."""
    return model.rpartition("/")[2].startswith("imagen")


VertexImagenGenerationService = VertexImagenService
