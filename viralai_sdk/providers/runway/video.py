"""Films by Runway: from words, or from a first picture and perhaps a last one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from viralai_sdk.interfaces.adapter import VideoAdapter
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.runway.choose import (
    nearest_duration,
    nearest_named,
    nearest_ratio,
    same_ratio,
    short_side_of,
    sides,
)
from viralai_sdk.providers.runway.models import Limits, catalog, limits
from viralai_sdk.providers.runway.tasks import Plan, RunwayTasks

KIND = AIServiceType.VIDEO_GENERATION


class RunwayVideoService(RunwayTasks, VideoAdapter):
    """Films from Runway."""

    def plan(self, request: VideoGenerationRequest, model: str) -> Plan:
        route = "text_to_video" if request.image is None else "image_to_video"
        taken = limits(KIND, model, route)
        if taken is None:
            hint = "Give image=, or take gen4.5." if request.image is None else "Leave image= out, or take gen4.5."
            raise self.unsupported(f"{route.replace('_', ' ')} with {model}", hint=hint)
        if "sequence" in str(request.options.get("outputFormat", "")):
            raise self.unsupported("picture sequences as a film", hint="Leave outputFormat out.")
        plan = Plan(route, {})
        self._words(plan, request, taken)
        self._frames(plan, request, taken)
        self._shape(plan, request, taken)
        seconds = self._length(plan, request, taken)
        self._rest(plan, request, taken)
        self.finish_body(plan, model, request.options, taken.fields)
        plan.quantities = {_unit(plan.body, model): seconds}
        return plan

    def _words(self, plan: Plan, request: VideoGenerationRequest, taken: Limits) -> None:
        text = request.prompt
        if request.style:
            text = f"{text}\n\nStyle: {request.style}"
            plan.note(
                "adjusted", "style", f"the provider has no styles; 'Style: {request.style}' was added to the prompt."
            )
        self.check_prompt(text, taken.prompt)
        plan.body["promptText"] = text

    def _frames(self, plan: Plan, request: VideoGenerationRequest, taken: Limits) -> None:
        if request.last_image is not None and (request.image is None or not taken.last):
            hint = "Give image= as well." if request.image is None else "Take a model that does, such as veo3.1."
            raise self.unsupported("a last frame in this film", hint=hint)
        if request.image is None:
            return
        first = self.data_uri(request.image, "image")
        if request.last_image is None:
            plan.body["promptImage"] = first
        else:
            last = self.data_uri(request.last_image, "last_image")
            plan.body["promptImage"] = [{"uri": first, "position": "first"}, {"uri": last, "position": "last"}]

    def _shape(self, plan: Plan, request: VideoGenerationRequest, taken: Limits) -> None:
        """Ratio and resolution. Some models keep the first picture's ratio and take the resolution only."""
        size = request.size()
        sized = bool(request.resolution or request.width or request.height)
        named = [ratio for ratio in taken.ratios if ratio.startswith("auto_")] if request.image else []
        if "resolution" in taken.fields and sized:
            plan.body["resolution"] = _named(plan, taken.resolutions, size, sized)
        if named:
            plan.body["ratio"] = _named(plan, named, size, sized)
        if named or "ratio" not in taken.fields:
            if request.aspect_ratio:
                why = (
                    "the film keeps the first picture's ratio."
                    if request.image
                    else "the model takes no ratio; left out."
                )
                plan.note("unsupported", "aspect_ratio", why)
        elif "ratio" not in request.options:
            self._ratio(plan, request, taken, sized)

    def _ratio(self, plan: Plan, request: VideoGenerationRequest, taken: Limits, sized: bool) -> None:
        size = request.size()
        chosen = plan.body["ratio"] = nearest_ratio(taken.ratios, request.ratio(), size)
        pixels = sides(chosen)
        if (request.aspect_ratio or sized) and not same_ratio(chosen, request.ratio()):
            plan.note("adjusted", "aspect_ratio", f"this ratio is not offered; {chosen} was asked for.")
        elif pixels and sized and min(pixels) != min(size):
            plan.note("adjusted", "resolution", f"{size[0]}x{size[1]} is not offered; {chosen} was asked for.")

    def _length(self, plan: Plan, request: VideoGenerationRequest, taken: Limits) -> float:
        given = request.options.get("duration")
        if isinstance(given, (int, float)):
            return float(given)
        seconds = nearest_duration(taken, request.duration)
        if given is None:
            plan.body["duration"] = seconds
            if seconds != request.duration:
                plan.note("adjusted", "duration", f"{request.duration:g} s is not offered; {seconds} s were asked for.")
        return seconds

    def _rest(self, plan: Plan, request: VideoGenerationRequest, taken: Limits) -> None:
        for name, field in (("seed", "seed"), ("negative_prompt", "negativePrompt")):
            value = getattr(request, name)
            if value is not None and field in taken.fields:
                plan.body[field] = value
            elif value is not None:
                plan.note("unsupported", name, "the model has no such setting; left out.")
        for name in ("fps", "narration"):
            if getattr(request, name) is not None:
                plan.note("unsupported", name, "the provider has no such setting; left out.")

    def _wanted(self, urls: list[str]) -> list[str]:
        """The film alone; sound comes in it."""
        return urls[:1]


def _named(plan: Plan, names: Sequence[str], size: tuple[int, int], sized: bool) -> str:
    chosen = nearest_named(names, min(size))
    if sized and short_side_of(chosen) != min(size):
        plan.note("adjusted", "resolution", f"{size[0]}x{size[1]} is not offered; {chosen} was asked for.")
    return chosen


def _unit(body: dict[str, Any], model: str) -> str:
    """The catalog's unit for a second of a film of this size."""
    row = catalog().models.get(model)
    pixels = sides(str(body.get("ratio", "")))
    named = str(body.get("resolution") or body.get("ratio") or "")
    short = min(pixels) if pixels else {"2k": 1440, "auto_1080p": 1080, "1080p": 1080}.get(named, 720)
    unit = "second_4k" if short > 1440 else "second_1080p" if short >= 1000 else "second"
    return unit if row is not None and unit in row.prices else "second"
