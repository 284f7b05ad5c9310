"""The three services: ordinary requests, served by a workflow."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from viralai_sdk.interfaces.adapter import ImageAdapter, SpeechAdapter, VideoAdapter
from viralai_sdk.interfaces.errors import ConfigurationError, JobFailedError
from viralai_sdk.interfaces.image import ImageGenerationRequest
from viralai_sdk.interfaces.media import MediaInput
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest, Voice
from viralai_sdk.interfaces.steps import JobProgress, JobTicket, MediaPayload, Steps
from viralai_sdk.interfaces.video import VideoGenerationRequest
from viralai_sdk.providers.comfyui import job
from viralai_sdk.providers.comfyui.base import ComfyUIBase
from viralai_sdk.providers.comfyui.convert import exposed, exposed_outputs
from viralai_sdk.providers.comfyui.graph import Graph, format_of, title
from viralai_sdk.providers.comfyui.inject import VOICE_INPUTS, Injector, Wishes
from viralai_sdk.providers.comfyui.outputs import Kind, choose, files_of
from viralai_sdk.providers.comfyui.parameters import Names, fold, put
from viralai_sdk.providers.comfyui.schema import Schema
from viralai_sdk.providers.comfyui.templates import Chosen, choose_workflow

if TYPE_CHECKING:
    from viralai_sdk.providers.comfyui.client import ComfyUIClient, ComfyUIResult

SETTINGS = ("workflow", "parameters", "output", "allow_partial", "front", "number", "extra_data", "previews")
"""Options that are not parameters of the workflow; every other option is one."""
MAX_SEED = 2**32
SURE = ("style", "num_images")
"""Adjustments that hold whatever the server says of its nodes' steps and ranges."""


class ComfyUIService(ComfyUIBase):
    """A service that runs a workflow. The settings `workflow` (or `workflow_path`, or `workflows` by service),
    `parameters`, `output` and `checkpoint` shape it."""

    short: ClassVar[str]
    kind: ClassVar[Kind]

    def __init__(self, config: AIServiceConfig, workflow_path: str | None = None) -> None:
        super().__init__(config)
        self.workflow_path = (
            workflow_path
            or config.custom_config.get("workflow")
            or config.custom_config.get("workflow_path")
            or (config.custom_config.get("workflows") or {}).get(self.short)
        )
        self.endpoint = self.base_url

    def validate_config(self) -> None:
        """Refuse a workflow that is not there.

        Raises:
            ConfigurationError: no such file or template.
        """
        super().validate_config()
        if not isinstance(self.config.custom_config.get("parameters", {}), Mapping):
            raise ConfigurationError("comfyui: `parameters` must map names to values.", provider="comfyui")
        choose_workflow("", self.workflow_path, self.short, reference=False)

    def trial_model(self) -> str | None:
        """Without a workflow of the user's, one that needs no model files: which of them a server has is not what is tried."""
        custom = self.config.custom_config
        named = self.config.model_name not in ("", "default") or self.workflow_path or custom.get("checkpoint")
        return None if named else f"test_{self.kind}"

    @property
    def client(self) -> ComfyUIClient:
        """A client of the same server."""
        from viralai_sdk.providers.comfyui.client import ComfyUIClient

        return ComfyUIClient(self.base_url, headers=self.headers())

    def load_workflow(self, path: str | None = None) -> dict[str, Any]:
        """A workflow file as it is; the configured one without an argument."""
        return choose_workflow("", path or self.workflow_path, self.short, reference=False).data

    def inject_parameters(self, workflow: Mapping[str, Any], parameters: Mapping[str, Any]) -> Graph:
        """An API-format workflow with values set; see `ComfyUIWorkflow.set_parameters`."""
        graph: Graph = self.client.inject_parameters(workflow, parameters)
        return graph

    async def wait_for_result(self, prompt_id: str, timeout: float | None = None) -> ComfyUIResult:
        """Wait for a queued job; see `ComfyUIClient.get_result`."""
        return await self.client.get_result(prompt_id, timeout=timeout)

    # --- what a request wishes ---------------------------------------------------------------------------------------

    def wishes(self, request: Any) -> Wishes:
        """What a request asks of a workflow, its pictures left out."""
        raise NotImplementedError

    def media(self, request: Any) -> tuple[Sequence[MediaInput], MediaInput | None]:
        """Pictures and mask of a request."""
        return (), None

    def check(self, request: Any, model: str) -> list[CallWarning]:
        """What finds no place in the workflow. Only a graph in API format tells before the server is asked."""
        chosen = self._chosen(request, model)
        if format_of(chosen.data) != "api":
            return []
        images, mask = self.media(request)
        wishes = self._wishes(request, [f"{number}.png" for number in range(len(images))], "mask.png" if mask else None)
        from viralai_sdk.providers.comfyui.graph import api_graph

        injector = Injector(Names(api_graph(chosen.data)), wishes)
        injector.inject()
        return [row for row in injector.warnings if row.kind == "unsupported" or row.parameter in SURE]

    def _settings(self, request: Any) -> dict[str, Any]:
        configured = {name: value for name, value in self.config.custom_config.items() if name in SETTINGS}
        return {**configured, **{name: value for name, value in request.options.items() if name in SETTINGS}}

    def _chosen(self, request: Any, model: str) -> Chosen:
        configured = request.options.get("workflow") or self.workflow_path
        chosen = choose_workflow(model, configured, self.short, reference=bool(self.media(request)[0]))
        chosen.checkpoint = chosen.checkpoint or self.config.custom_config.get("checkpoint")
        return chosen

    def _wishes(self, request: Any, images: Sequence[str], mask: str | None) -> Wishes:
        wishes = self.wishes(request)
        wishes.images, wishes.mask = images, mask
        free = {name: value for name, value in request.options.items() if name not in SETTINGS}
        named = request.options.get("parameters") or {}
        wishes.values = {**(self.config.custom_config.get("parameters") or {}), **named, **free}
        return wishes

    # --- the job -----------------------------------------------------------------------------------------------------

    def submit(self, request: Any, model: str) -> Steps[JobTicket]:
        chosen, settings = self._chosen(request, model), self._settings(request)
        if self.memory.version is None:
            yield from self.probe()
        graph = yield from self.to_graph(chosen.data)
        schema = yield from self._schema(graph)
        images, mask = self.media(request)
        names: list[str] = []
        for media in images:
            name = yield from self.upload(media)
            names.append(name)
        masked = (yield from self.upload(mask)) if mask is not None else None
        wishes = self._wishes(request, names, masked)
        injector = Injector(Names(graph, schema, exposed(chosen.data, graph)), wishes)
        graph = injector.inject()
        if chosen.checkpoint:
            set_checkpoint(graph, schema, chosen.checkpoint)
        known = {warning.message for warning in self.check(request, model)}
        ticket = job.new_ticket(
            graph,
            workflow=chosen.name,
            seed=wishes.seed,
            outputs=wanted_nodes(graph, settings.get("output"), exposed_outputs(chosen.data)),
            warnings=[warning.model_dump() for warning in injector.warnings if warning.message not in known],
        )
        self._fresh_names(graph, ticket)
        yield from self.post(ticket, graph, self._extra(settings), allow_partial=bool(settings.get("allow_partial")))
        return ticket

    def _schema(self, graph: Graph) -> Steps[Schema]:
        return (yield from self.describe(node["class_type"] for node in graph.values()))

    def _fresh_names(self, graph: Graph, ticket: JobTicket) -> None:
        """Give every stored file a name of this job: a server that finds nothing changed would answer with an earlier run's file."""
        if self.config.custom_config.get("keep_prefix"):
            return
        for node in graph.values():
            prefix = node["inputs"].get("filename_prefix")
            if isinstance(prefix, str):
                node["inputs"]["filename_prefix"] = f"{prefix.rstrip('_')}_{ticket.remote_id[:8]}"

    def _extra(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        previews = settings.get("previews", True)
        extra_data = {"preview_method": "auto" if previews else "none", **(settings.get("extra_data") or {})}
        extra: dict[str, Any] = {"extra_data": extra_data}
        return extra | {name: settings[name] for name in ("front", "number") if settings.get(name) is not None}

    def collect(self, ticket: JobTicket, progress: JobProgress) -> Steps[MediaPayload]:
        entry = progress.result if progress.result is not None else {}
        found = files_of(entry.get("outputs") or {})
        chosen = choose(found, self.kind, ticket.state.get("outputs") or ())
        warnings = [CallWarning(**row) for row in ticket.state.get("warnings") or ()]
        if partial := ticket.state.get("partial"):
            warnings.append(CallWarning(kind="other", parameter="workflow", message=f"only a part ran: {partial}"))
        blobs = self.caught(ticket) if not chosen and self.kind == "image" else []
        if chosen:
            if self.kind != "image" and len(chosen) > 1:
                message = f"the workflow made {len(chosen)} files; the first one is given."
                warnings.append(CallWarning(kind="other", parameter="output", message=message))
                chosen = chosen[:1]
            blobs = yield from job.fetch(self.base_url, chosen, entry)
        if not blobs:
            raise self._nothing(ticket, [file.filename for file in found])
        return MediaPayload(
            blobs=blobs,
            model=ticket.state.get("workflow"),
            quantities={self.kind: len(blobs)},
            metadata={
                "seed": ticket.state.get("seed"),
                "prompt_id": ticket.remote_id,
                "workflow": ticket.state.get("workflow"),
                "server_version": self.memory.version,
            },
            warnings=warnings,
            request_id=ticket.remote_id,
        )

    def _nothing(self, ticket: JobTicket, names: Sequence[str]) -> JobFailedError:
        if ticket.state.get("senders") and self.kind == "image":
            return JobFailedError(
                "the pictures were sent over the WebSocket while nobody listened, and the server does not keep them.",
                billed="no",
                hint="Use SaveImage instead of SaveImageWebsocket, or install the extra 'ws'.",
            )
        made = f"It made: {', '.join(names[:6])}." if names else "It made no file."
        return JobFailedError(f"the workflow ran and made no {self.kind}.", billed="no", hint=made)


class ComfyUIImageService(ComfyUIService, ImageAdapter):
    """Pictures by a workflow."""

    short: ClassVar[str] = "image"
    kind: ClassVar[Kind] = "image"

    def quantities(self, request: ImageGenerationRequest, model: str) -> dict[str, float]:
        return {"image": request.num_images}

    def media(self, request: ImageGenerationRequest) -> tuple[Sequence[MediaInput], MediaInput | None]:
        return request.reference_images, request.mask

    def wishes(self, request: ImageGenerationRequest) -> Wishes:
        sized = request.width is not None or request.height is not None
        width, height = request.size() if sized else (None, None)
        return Wishes(
            prompt=request.prompt,
            style=request.style,
            words={"style": request.style or ""},
            negative=request.negative_prompt,
            width=width,
            height=height,
            ratio=request.ratio(),
            seed=seed_of(request.seed),
            seeded=request.seed is not None,
            count=request.num_images,
        )


class ComfyUIVideoGenerationService(ComfyUIService, VideoAdapter):
    """Films by a workflow."""

    short: ClassVar[str] = "video"
    kind: ClassVar[Kind] = "video"
    first_poll = 0.5

    def quantities(self, request: VideoGenerationRequest, model: str) -> dict[str, float]:
        return {"second": request.duration}

    def media(self, request: VideoGenerationRequest) -> tuple[Sequence[MediaInput], MediaInput | None]:
        return [media for media in (request.image, request.last_image) if media is not None], None

    def wishes(self, request: VideoGenerationRequest) -> Wishes:
        sized = bool(request.width or request.height or request.resolution)
        width, height = request.size() if sized else (None, None)
        return Wishes(
            prompt=request.prompt,
            style=request.style,
            negative=request.negative_prompt,
            width=width,
            height=height,
            ratio=request.ratio(),
            seed=seed_of(request.seed),
            seeded=request.seed is not None,
            seconds=request.duration,
            rate=float(request.fps) if request.fps else None,
            asked=["narration"] if request.narration else [],
            words={"style": request.style or "", "narration": request.narration or ""},
        )


class ComfyUIAudioService(ComfyUIService, SpeechAdapter):
    """Sound by a workflow: speech where the workflow has a speaking model, else music and noises from words."""

    short: ClassVar[str] = "speech"
    kind: ClassVar[Kind] = "audio"

    def quantities(self, request: SpeechSynthesisRequest, model: str) -> dict[str, float]:
        return {"character": len(request.text)}

    def check(self, request: SpeechSynthesisRequest, model: str) -> list[CallWarning]:
        usual = {"pitch": 0.0, "volume": 1.0, "output_format": None, "instructions": None}
        if request.ssml:
            raise self.unsupported("SSML", hint="A workflow would read the markup aloud; give plain text.")
        found = [
            CallWarning(kind="unsupported", parameter=name, message="the workflow decides this; left out.")
            for name, value in usual.items()
            if getattr(request, name) != value
        ]
        return [*found, *super().check(request, model)]

    def wishes(self, request: SpeechSynthesisRequest) -> Wishes:
        # "en" is what a call without a language has as well: telling of it would be telling at every call.
        asked = [] if request.language in ("auto", "en") else ["language"]
        asked += ["speed"] if request.speed != 1.0 else []
        return Wishes(
            prompt=request.text,
            seed=seed_of(request.seed),
            seeded=request.seed is not None,
            speech=True,
            voice=request.voice_id,
            asked=asked,
            words={"language": request.language, "voice": request.voice_id or "", "speed": request.speed},
        )

    def voice_steps(self, language: str | None) -> Steps[list[Voice]]:
        """The voices that the configured workflow's nodes let one choose from; none when it has no such choice."""
        chosen = choose_workflow("", self.workflow_path, self.short, reference=False)
        schema = yield from self._schema((yield from self.to_graph(chosen.data)))
        found = [
            choice
            for known in schema.values()
            for item in known.inputs
            if item.name in VOICE_INPUTS
            for choice in item.choices or ()
        ]
        return [Voice(id=str(name), name=str(name), language=language or "multi", provider="comfyui") for name in found]


def seed_of(seed: int | None) -> int:
    """The request's seed, or a fresh one: without one the server would answer an identical graph from its cache."""
    return random.randrange(MAX_SEED) if seed is None else abs(seed)  # noqa: S311


def set_checkpoint(graph: Graph, schema: Schema, checkpoint: str) -> None:
    """Name another model file in the workflow's loader.

    Raises:
        InvalidRequestError: the workflow has no single loader, or the server does not have the file.
    """
    names = Names(graph, schema)
    word = next((word for word in ("ckpt_name", "unet_name") if names.table().get(word)), "ckpt_name")
    for place in names.find(word):
        put(names, place, checkpoint)


def wanted_nodes(graph: Graph, output: Any, shown: Sequence[str]) -> list[str]:
    """Ids of the nodes whose files are the result: those named by id, title or class; else those the app mode shows.

    Raises:
        ConfigurationError: nothing has that name.
    """
    if output is None:
        return [key for key in shown if key in graph]
    named = [str(item) for item in (output if isinstance(output, (list, tuple)) else [output])]
    found = []
    for word in named:
        keys = (
            [word]
            if word in graph
            else [key for key, node in graph.items() if fold(word) in (fold(title(node)), fold(node["class_type"]))]
        )
        if not keys:
            raise ConfigurationError(f"the workflow has no node {word!r} for its output.", provider="comfyui")
        found += keys
    return found
