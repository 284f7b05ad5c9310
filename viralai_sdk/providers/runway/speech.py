"""Speech by Runway's `text_to_speech`."""

from __future__ import annotations

import re
from typing import Any

from viralai_sdk.interfaces.adapter import SpeechAdapter
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import Steps
from viralai_sdk.providers.runway.models import Limits, catalog, limits
from viralai_sdk.providers.runway.tasks import Plan, RunwayTasks

KIND = AIServiceType.SPEECH_SYNTHESIS
ROUTE = "text_to_speech"
FORMATS = {"wav": "wav", "mp3": "mp3", "opus": "ogg_opus"}


class RunwaySpeechService(RunwayTasks, SpeechAdapter):
    """Speech from Runway. Voices are the vendor's presets, by name."""

    def plan(self, request: SpeechSynthesisRequest, model: str) -> Plan:
        taken = limits(KIND, model, ROUTE)
        if taken is None:
            raise self.unsupported(f"speech with {model}", hint="Take eleven_multilingual_v2.")
        if request.ssml:
            raise self.unsupported("SSML markup", hint="Give plain text.")
        self.check_prompt(request.text, taken.prompt)
        plan = Plan(ROUTE, {"promptText": request.text}, quantities={"character": float(len(request.text))})
        self._voice(plan, request, model, taken)
        self._format(plan, request, taken)
        self._delivery(plan, request, model, taken)
        self.finish_body(plan, model, request.options, taken.fields)
        return plan

    def _voice(self, plan: Plan, request: SpeechSynthesisRequest, model: str, taken: Limits) -> None:
        if "voice" not in taken.required:
            if request.voice_id:
                hint = 'Give options={"voice": {"type": "reference-audio", "audioUri": …}}, or take an eleven_ model.'
                raise self.unsupported(f"preset voices with {model}", hint=hint)
            return
        names: list[str] = catalog().extra["voices"]
        wanted = request.voice_id or str(self.config.custom_config.get("voice", names[0]))
        known = next((name for name in names if name.lower() == wanted.lower()), wanted)
        plan.body["voice"] = {"type": "runway-preset", "presetId": known}

    def _format(self, plan: Plan, request: SpeechSynthesisRequest, taken: Limits) -> None:
        if request.output_format is None:
            return
        if taken.formats:
            name = FORMATS.get(request.output_format)
            if name is None:
                raise self.unsupported(f"{request.output_format} recordings", hint=f"Ask for {', '.join(FORMATS)}.")
            plan.body["outputFormat"] = name
        elif request.output_format == "mp3":
            plan.note("other", "output_format", "the model chooses the format itself.")
        else:
            raise self.unsupported(
                f"{request.output_format} recordings with this model", hint="Leave output_format out."
            )

    def _delivery(self, plan: Plan, request: SpeechSynthesisRequest, model: str, taken: Limits) -> None:
        self._speed(plan, request, taken)
        code = re.split(r"[-_]", request.language)[0].lower()
        semitones = round(request.pitch)
        wishes: list[tuple[str, str, Any]] = [
            ("seed", "seed", request.seed),
            ("pitch", "pitchRate", semitones or None),
            ("language", "languageCode", code if "language" in request.model_fields_set and code != "auto" else None),
        ]
        for name, field, value in wishes:
            if value is None:
                continue
            if field in taken.fields:
                plan.body[field] = value
            elif name != "language":
                plan.note("unsupported", name, "the model has no such setting; left out.")
            else:
                plan.note("other", name, f"{model} hears the language from the text itself; the setting is not sent.")
        if plan.body.get("pitchRate") is not None and semitones != request.pitch:
            plan.note("adjusted", "pitch", f"pitch is in whole semitones here; {semitones} was asked for.")
        for name, neutral in (("volume", 1.0), ("instructions", None)):
            if getattr(request, name) != neutral:
                plan.note("unsupported", name, "the provider has no such setting; left out.")

    def _speed(self, plan: Plan, request: SpeechSynthesisRequest, taken: Limits) -> None:
        if request.speed == 1.0:
            return
        if "speed" not in taken.fields:
            plan.note("unsupported", "speed", "the model has no such setting; left out.")
            return
        low, high = taken.speeds or (request.speed, request.speed)
        speed = plan.body["speed"] = min(max(request.speed, low), high)
        if speed != request.speed:
            plan.note("adjusted", "speed", f"speed is {low:g} to {high:g} here; {speed:g} was asked for.")

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        """The preset voices, from the catalog. Each speaks what its model speaks, so none is left out."""
        yield from ()
        provider = self.get_provider_name()
        return [Voice(id=name, name=name, language="multi", provider=provider) for name in catalog().extra["voices"]]

    def _wanted(self, urls: list[str]) -> list[str]:
        return urls[:1]
