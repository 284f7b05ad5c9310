"""Speech by a compatible server's `/audio/speech`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import Steps
from viralai_sdk.providers.compatible.service import CompatibleAdapter
from viralai_sdk.providers.openai.speech import OpenAISpeechService


class CompatibleSpeechService(CompatibleAdapter, OpenAISpeechService):
    """Speech in a voice that the server knows."""

    def check(self, request: SpeechSynthesisRequest, model: str) -> list[CallWarning]:
        self.check_model(model)
        if not request.voice_id and not self.config.custom_config.get("voice"):
            raise self.unsupported("speech without a voice_id", hint="Every server has voices of its own: name one.")
        return super().check(request, model)

    def body(self, request: Request, fields: Mapping[str, Any]) -> dict[str, Any]:
        assert isinstance(request, SpeechSynthesisRequest)
        chosen = self.config.custom_config.get("response_format", self.dialect.speech_format)
        return super().body(request, {**fields, "response_format": request.output_format or chosen})

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        """Those that the configuration names (`voices`, or the one `voice`): the dialect has no route that lists any."""
        yield from ()
        custom = self.config.custom_config
        named = custom.get("voices") or [custom.get("voice")]
        provider = self.get_provider_name()
        return [Voice(id=str(name), name=str(name), language="multi", provider=provider) for name in named if name]
