"""Films by Vertex: Veo's long-running operations, and the omni models' interactions."""

from __future__ import annotations

from typing import Any

from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.steps import JobProgress, JobTicket, MediaPayload, Send, Steps
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.google_common.base import quoted
from viralai_sdk.providers.google_common.films import prompt_warnings, shape_warnings
from viralai_sdk.providers.google_common.interactions import InteractionsVideoService
from viralai_sdk.providers.google_common.text import IMAGE_TYPES
from viralai_sdk.providers.vertex import veo
from viralai_sdk.providers.vertex.base import VertexAdapter


class VEOVideoService(VertexAdapter, InteractionsVideoService):
    """Films from Vertex. Models named veo-… work in operations, all others in interactions. Films come in the answer or go to the
    caller's own storage; no address is ever fetched."""

    downloads = False

    def check(self, request: VideoGenerationRequest, model: str) -> list[CallWarning]:
        if not is_veo(model):
            return super().check(request, model)
        seconds = veo.seconds_of(request, model)
        if seconds is None:
            hint = "Ask for a shorter film; several can be joined."
            raise self.unsupported(f"films of {request.duration:g} s with {model}", hint=hint)
        if request.last_image is not None and request.image is None:
            raise self.unsupported("a film with a last picture and no first one", hint="Give image= as well.")
        for item in (request.image, request.last_image):
            if item is not None and item.media_type not in IMAGE_TYPES:
                raise self.unsupported(f"with {item.media_type} files", hint="Give a PNG or JPEG file.")
        warnings = prompt_warnings(request, speaks=veo.speaks(model))
        return warnings + shape_warnings(request, veo.resolutions(model)) + veo.duration_warnings(request, seconds)

    def quantities(self, request: VideoGenerationRequest, model: str) -> dict[str, float]:
        """Seconds by resolution for Veo; the price of the other models' films is not known before."""
        return veo.quantities(request, model) if is_veo(model) else {}

    def submit(self, request: VideoGenerationRequest, model: str) -> Steps[JobTicket]:
        if not is_veo(model):
            return (yield from super().submit(request, model))
        settings = self.config.custom_config
        configured = {name: settings[name] for name in sorted(veo.FIELDS & settings.keys())}
        answer = yield from self.call(model, "predictLongRunning", veo.order(request, model, configured))
        name = veo.operation_name(answer.json())
        return JobTicket(name, {"operation": name, "quantities": veo.quantities(request, model)})

    def poll(self, ticket: JobTicket) -> Steps[JobProgress]:
        name = ticket.state.get("operation")
        if name is None:
            return (yield from super().poll(ticket))
        signed = yield from self.credentials.sign_in()
        path = f"/{self.version}/{quoted(name.partition('/operations/')[0])}:fetchPredictOperation"
        look = Send("POST", path, json={"operationName": name}, headers=signed.headers)
        response = veo.finished((yield from self.look(look, "the operation")))
        return self.running("in progress") if response is None else JobProgress(over="done", result=response)

    def collect(self, ticket: JobTicket, progress: JobProgress) -> Steps[MediaPayload]:
        if "operation" not in ticket.state:
            return (yield from super().collect(ticket, progress))
        billed: Any = ticket.state.get("quantities") or {}
        payload = veo.films(progress.result, billed)
        payload.metadata["operation"] = ticket.remote_id
        return payload

    def cancel(self, ticket: JobTicket) -> Steps[bool]:
        """Interactions can be cancelled; Veo's operations run to their end."""
        if "operation" in ticket.state:
            return False
        return (yield from super().cancel(ticket))


def is_veo(model: str) -> bool:
    """Whether a model works in operations."""
    return model.rpartition("/")[2].startswith("veo")


VEOVideoGenerationService = VEOVideoService
