"""Pictures by Runway's `text_to_image`, from words and reference pictures."""

from __future__ import annotations

from viralai_sdk.interfaces.adapter import ImageAdapter
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.providers.runway.choose import nearest_ratio, same_ratio, sides
from viralai_sdk.providers.runway.models import Limits, limits
from viralai_sdk.providers.runway.tasks import Plan, RunwayTasks

KIND = AIServiceType.IMAGE_GENERATION
ROUTE = "text_to_image"


class RunwayImageService(RunwayTasks, ImageAdapter):
    """Pictures from Runway. Several pictures are several tasks, which run at once."""

    def plan(self, request: ImageGenerationRequest, model: str) -> Plan:
        taken = limits(KIND, model, ROUTE)
        if taken is None:
            raise self.unsupported(f"pictures with {model}", hint="Take gen4_image.")
        plan = Plan(ROUTE, {}, quantities={"image": float(request.num_images)}, count=request.num_images)
        text = request.prompt
        if request.style:
            text = f"{text}\n\nStyle: {request.style}"
            plan.note(
                "adjusted", "style", f"the provider has no styles; 'Style: {request.style}' was added to the prompt."
            )
        self.check_prompt(text, taken.prompt)
        plan.body["promptText"] = text
        self._references(plan, request, model, taken)
        self._shape(plan, request, taken)
        if request.seed is not None and "seed" in taken.fields:
            plan.body["seed"] = request.seed
        for name, left_out in (
            ("seed", request.seed is not None and "seed" not in taken.fields),
            ("negative_prompt", request.negative_prompt is not None),
        ):
            if left_out:
                plan.note("unsupported", name, "the model has no such setting; left out.")
        if request.num_images > 1:
            plan.note("adjusted", "num_images", f"the pictures are made by {request.num_images} tasks at once.")
            if "seed" in plan.body:
                plan.note("other", "seed", "with one seed the pictures will be alike.")
        self.finish_body(plan, model, request.options, taken.fields)
        return plan

    def _references(self, plan: Plan, request: ImageGenerationRequest, model: str, taken: Limits) -> None:
        given = request.reference_images
        if not given and "referenceImages" in taken.required:
            raise self.unsupported(
                f"pictures without reference_images with {model}", hint="Give one, or take gen4_image."
            )
        if given and "referenceImages" not in taken.fields:
            raise self.unsupported(f"reference_images with {model}", hint="Take gen4_image.")
        if taken.references and len(given) > taken.references:
            raise self.unsupported(f"more than {taken.references} reference images with {model}", hint="Give fewer.")
        if request.mask is not None:
            if "maskUri" not in taken.fields:
                raise self.unsupported(f"masks with {model}", hint="Take ideogram_4_5.")
            plan.body["maskUri"] = self.data_uri(request.mask, "mask")
        if given:
            plan.body["referenceImages"] = [{"uri": self.data_uri(media, "reference_images")} for media in given]

    def _shape(self, plan: Plan, request: ImageGenerationRequest, taken: Limits) -> None:
        if "ratio" not in taken.fields or "ratio" in request.options or "maskUri" in plan.body:
            return
        open_size = request.aspect_ratio is None and not (request.width or request.height)
        if open_size and "auto" in taken.ratios:
            plan.body["ratio"] = "auto"
            return
        size = request.size()
        chosen = plan.body["ratio"] = nearest_ratio(taken.ratios, request.ratio(), size)
        pixels = sides(chosen)
        wanted = [(request.width, 0), (request.height, 1)]
        if not same_ratio(chosen, request.ratio()):
            plan.note("adjusted", "aspect_ratio", f"this ratio is not offered; {chosen} was asked for.")
        elif pixels and any(side and pixels[place] != side for side, place in wanted):
            plan.note("adjusted", "width/height", f"{size[0]}x{size[1]} is not offered; {chosen} was asked for.")
