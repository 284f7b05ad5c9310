"""`ComfyUIClient`: one server, directly: queue a workflow, follow it, fetch what it made.

It drives the same steps as the services, through the SDK's own runner; it holds no connection and no state of the server's.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

from viralai_sdk.interfaces.errors import ConfigurationError, StorageError
from viralai_sdk.interfaces.image import ImageGenerationService
from viralai_sdk.interfaces.jobs import JobStatus, VideoStatus
from viralai_sdk.interfaces.media import EXTENSIONS, MediaInput, sniff
from viralai_sdk.interfaces.names import AIProvider
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import Blob, JobTicket, Pause, Send, Steps
from viralai_sdk.providers.comfyui import job
from viralai_sdk.providers.comfyui.base import DEFAULT_URL, ComfyUIBase
from viralai_sdk.providers.comfyui.graph import Graph, api_graph, format_of, named_graph, read_workflow
from viralai_sdk.providers.comfyui.outputs import Kind, OutputFile, files_of, texts_of
from viralai_sdk.providers.comfyui.parameters import Names, set_parameters
from viralai_sdk.providers.comfyui.schema import NodeClass
from viralai_sdk.providers.comfyui.workflow import ComfyUIWorkflow

DEFAULT_FOLDER = Path("outputs") / "comfyui"
STATES = {
    "queued": VideoStatus.PENDING,
    "running": VideoStatus.PROCESSING,
    "finished": VideoStatus.COMPLETED,
    "unknown": VideoStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class QueuedPrompt:
    """A workflow that the server accepted. `node_errors` is empty unless a part was refused and `allow_partial` was given."""

    prompt_id: str
    number: float | None = None
    node_errors: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComfyUIFile:
    """One file of a result, on this machine."""

    path: Path
    node: str
    filename: str
    kind: Kind
    type: str
    media_type: str | None


@dataclass(slots=True)
class ComfyUIResult:
    """What a workflow made. Also readable as a mapping with `video_path`, `image_paths`, `audio_path`, `execution_time`, …"""

    prompt_id: str
    files: list[ComfyUIFile]
    texts: dict[str, list[str]]
    outputs: dict[str, Any]
    execution_time: float | None = None
    cached_nodes: list[str] = field(default_factory=list)

    def of(self, kind: Kind) -> list[str]:
        """Paths of the files of a kind; stored ones, or temporary ones when nothing is stored."""
        found = [file for file in self.files if file.kind == kind]
        return [str(file.path) for file in [file for file in found if file.type == "output"] or found]

    @property
    def image_paths(self) -> list[str]:
        """Paths of the pictures."""
        return self.of("image")

    @property
    def video_path(self) -> str | None:
        """Path of the first film."""
        return next(iter(self.of("video")), None)

    @property
    def audio_path(self) -> str | None:
        """Path of the first recording."""
        return next(iter(self.of("audio")), None)

    def __getitem__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self, name):
            raise KeyError(name)
        return getattr(self, name)

    def get(self, name: str, default: Any = None) -> Any:
        """As a mapping's `get`."""
        try:
            return self[name]
        except KeyError:
            return default


class ComfyUIClient:
    """One ComfyUI server.

    Args:
        url: its address; it may have a path, as behind a proxy.
        headers: sent with every HTTP request and with the WebSocket's opening.
        api_key: sent as a Bearer token, for proxies.
        timeout: seconds for a single request.
        folder: where results are put; `outputs/comfyui` by default.
        websocket: False polls only, without live progress.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        headers: Mapping[str, str] | None = None,
        api_key: str | None = None,
        timeout: float = 60,
        folder: str | Path | None = None,
        websocket: bool = True,
    ) -> None:
        custom = {"headers": dict(headers or {}), "websocket": websocket}
        config = AIServiceConfig(
            AIProvider.COMFYUI, api_key, timeout=timeout, custom_config=custom, base_url=_checked(url)
        )
        self._server = _Direct(config)
        self._server.validate_config()
        self._folder = Path(folder) if folder is not None else DEFAULT_FOLDER
        self._watches: dict[str, tuple[Any, JobTicket]] = {}

    @property
    def url(self) -> str:
        """The server's address."""
        return self._server.base_url

    async def __aenter__(self) -> ComfyUIClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening to jobs. They go on."""
        watches = [watch for watch, _ in self._watches.values()]
        self._watches.clear()
        for watch in watches:
            await watch.aclose()

    async def connect(self, url: str | None = None) -> dict[str, Any]:
        """See that the server is there; gives its facts (`/system_stats`). A URL makes this client one of that server.

        Raises:
            ProviderUnavailableError, ProviderTimeoutError: nobody answers.
            MalformedResponseError: what answers is no ComfyUI.
        """
        if url is not None:
            self._server.config.base_url = _checked(url)
            self._server.memory = job.ServerMemory()
        stats: dict[str, Any] = await self._drive(self._server.probe())
        return stats

    async def _drive(self, steps: Steps[Any]) -> Any:
        return await _standalone().drive(self._server, steps)

    # --- running -----------------------------------------------------------------------------------------------------

    async def queue_prompt(
        self,
        workflow: Mapping[str, Any] | ComfyUIWorkflow | str | Path,
        *,
        allow_partial: bool = False,
        front: bool = False,
        number: float | None = None,
        targets: Iterable[str] | None = None,
        extra_data: Mapping[str, Any] | None = None,
        previews: bool = True,
        on_progress: Callable[[Any], None] | None = None,
    ) -> QueuedPrompt:
        """Queue a workflow, checked against the server before.

        Args:
            allow_partial: run what can run when the server refuses a part of it.
            front, number: place in the queue; lower numbers come first.
            targets: output nodes to run, by id; the others are skipped.
            on_progress: gets progress events, previews among them.

        Raises:
            InvalidRequestError: it cannot run there, and why.
        """
        ticket, answer = await self._post(
            workflow,
            {
                "extra_data": {"preview_method": "auto" if previews else "none", **(extra_data or {})},
                **({"front": True} if front else {}),
                **({"number": number} if number is not None else {}),
                **({"partial_execution_targets": list(targets)} if targets is not None else {}),
            },
            allow_partial,
            on_progress,
        )
        return QueuedPrompt(ticket.remote_id, answer.get("number"), answer.get("node_errors") or {})

    async def _post(
        self, workflow: Any, extra: Mapping[str, Any], allow_partial: bool, on_progress: Callable[[Any], None] | None
    ) -> tuple[JobTicket, dict[str, Any]]:
        graph = await self._graph(workflow)
        ticket = job.new_ticket(graph)
        watch = _standalone().watch(self._server, on_progress)
        try:
            answer = await watch.drive(self._server.post(ticket, graph, extra, allow_partial=allow_partial))
        except BaseException:
            await watch.aclose()
            raise
        self._watches[ticket.remote_id] = (watch, ticket)
        return ticket, answer

    async def _graph(self, workflow: Any) -> Graph:
        if isinstance(workflow, ComfyUIWorkflow):
            if workflow.format == "save":
                await workflow.prepare(self)
            return workflow.graph
        graph: Graph = await self._drive(self._server.to_graph(read_workflow(workflow)))
        return graph

    async def get_result(
        self, prompt_id: str, *, timeout: float | None = None, folder: str | Path | None = None, download: bool = True
    ) -> ComfyUIResult:
        """Wait for a job, queued here or elsewhere, and fetch its files.

        Raises:
            TimeoutError: not finished after `timeout` seconds; it goes on, and may be asked for again.
            JobFailedError, JobCancelledError: how it ended, with the node and the reason.
            JobLostError: the server does not know it (any more).
        """
        watch, ticket = self._watches.get(prompt_id) or (None, JobTicket(prompt_id, {"accepted": True}))
        if watch is None:
            watch = _standalone().watch(self._server)
        try:
            async with asyncio.timeout(timeout):
                progress = await watch.wait(ticket)
        except TimeoutError:
            self._watches[prompt_id] = (watch, ticket)
            raise
        except BaseException:
            await self._forget(prompt_id, watch)
            raise
        try:
            entry = progress.result or {}
            found = files_of(entry.get("outputs") or {})
            blobs = await watch.drive(job.fetch(self.url, found, entry)) if download and found else []
            target = Path(folder) if folder is not None else self._folder
            files = [
                await asyncio.to_thread(_store, target, file, blob) for file, blob in zip(found, blobs, strict=False)
            ]
            for number, blob in enumerate(self._server.caught(ticket), 1):
                sent = OutputFile("websocket", f"{prompt_id[:8]}_{number}.png", "", "output")
                files.append(await asyncio.to_thread(_store, target, sent, blob))
        finally:
            await self._forget(prompt_id, watch)
        return ComfyUIResult(
            prompt_id,
            files,
            texts_of(entry.get("outputs") or {}),
            dict(entry.get("outputs") or {}),
            _seconds(entry),
            job.cached_nodes(entry),
        )

    wait_for_result = get_result

    async def _forget(self, prompt_id: str, watch: Any) -> None:
        self._watches.pop(prompt_id, None)
        await watch.aclose()

    async def run(
        self,
        workflow: Mapping[str, Any] | ComfyUIWorkflow | str | Path,
        *,
        timeout: float | None = None,
        folder: str | Path | None = None,
        **details: Any,
    ) -> ComfyUIResult:
        """Queue a workflow and wait for what it makes. When the waiting is cancelled, so is the job.

        Raises:
            See `queue_prompt` and `get_result`.
        """
        queued = await self.queue_prompt(workflow, **details)
        try:
            return await self.get_result(queued.prompt_id, timeout=timeout, folder=folder)
        except asyncio.CancelledError:
            await asyncio.shield(self.cancel(queued.prompt_id))
            raise

    async def status(self, prompt_id: str) -> JobStatus:
        """Where a job is now. An unknown one is failed, never completed."""

        def steps() -> Steps[job.Look]:
            return (yield from job.look_up(self._server.memory, prompt_id))

        found: job.Look = await self._drive(steps())
        state = STATES[found.place]
        if found.entry is not None:
            status = found.entry.get("status") or {}
            kinds = {row[0] for row in status.get("messages") or ()}
            if found.entry.get("cancelled") or "execution_interrupted" in kinds:
                state = VideoStatus.CANCELLED
            elif found.entry.get("failed") or status.get("status_str") == "error":
                state = VideoStatus.FAILED
        return JobStatus(job_id=prompt_id, status=state, stage=found.place, queue_position=found.ahead)

    async def cancel(self, prompt_id: str, *, timeout: float = 10) -> bool:
        """Stop a job, waiting or running, and see that it stopped. False when it was over, or does not stop in time."""
        _, ticket = self._watches.get(prompt_id) or (None, JobTicket(prompt_id, {"accepted": True}))
        try:
            async with asyncio.timeout(timeout):
                return bool(await self._drive(self._server.cancel(ticket)))
        except TimeoutError:
            return False

    # --- the server --------------------------------------------------------------------------------------------------

    async def describe(self, classes: Iterable[str]) -> dict[str, NodeClass]:
        """Descriptions of node classes; absent ones are left out."""
        found: dict[str, NodeClass] = await self._drive(self._server.describe(classes, fresh=True))
        return found

    async def object_info(self) -> dict[str, NodeClass]:
        """Descriptions of all node classes."""
        found: dict[str, NodeClass] = await self._drive(self._server.describe_all())
        return found

    async def upload(self, file: Any, name: str | None = None) -> str:
        """Store any file, also one of a result, in the server's input folder; gives the value for a loader node."""
        media = MediaInput.take(file.path if isinstance(file, ComfyUIFile) else file, field="file", kind=None)
        stored: str = await self._drive(self._server.upload(media, name))
        return stored

    async def get(self, path: str, **params: Any) -> Any:
        """Any route that answers JSON, such as `/queue` or `/models/checkpoints`."""

        def steps() -> Steps[Any]:
            answer = yield Send("GET", path, params=params or None)
            return answer.json()

        return await self._drive(steps())

    async def models(self, folder: str = "checkpoints") -> list[str]:
        """Model files of a folder."""
        return list(await self.get(f"/models/{folder}"))

    async def free(self, *, unload_models: bool = True, free_memory: bool = True) -> None:
        """Let the server give back memory; `free_memory` also forgets the results of earlier runs."""

        def steps() -> Steps[None]:
            yield Send("POST", "/free", json={"unload_models": unload_models, "free_memory": free_memory})
            yield Pause(0.05)

        await self._drive(steps())

    # --- names of older code -----------------------------------------------------------------------------------------

    def load_workflow(self, path: str | Path) -> dict[str, Any]:
        """A workflow file as it is."""
        return read_workflow(path)

    def inject_parameters(self, workflow: Mapping[str, Any], parameters: Mapping[str, Any]) -> Graph:
        """A workflow in API format (or with named nodes) with values set by name; see `ComfyUIWorkflow.set_parameters`."""
        data = read_workflow(workflow)
        graph = named_graph(data) if format_of(data) == "named" else api_graph(data)
        return set_parameters(Names(graph), parameters)


class _Direct(ComfyUIBase, ImageGenerationService):
    """The client's own adapter; it serves no requests."""

    def submit(self, request: Any, model: str) -> Steps[JobTicket]:
        raise AssertionError("a client posts workflows, not requests")

    async def generate_image(self, request: Any) -> Any:
        raise AssertionError("a client posts workflows, not requests")


def _standalone() -> Any:
    # The runner lives above the providers; this is the way up that `Adapter` itself takes.
    return importlib.import_module("viralai_sdk.services.standalone")


def _checked(url: str) -> str:
    text = url.strip().rstrip("/")
    if "://" not in text:
        text = f"http://{text}"
    if not re.match(r"https?://[^/\s]+", text):
        raise ConfigurationError(
            f"{url!r} is no address of a server.", provider="comfyui", hint="Such as http://localhost:8188."
        )
    return text


def _seconds(entry: Mapping[str, Any]) -> float | None:
    """How long the server worked, by its own clock."""
    times = [
        row[1].get("timestamp")
        for row in (entry.get("status") or {}).get("messages") or ()
        if row[0] in ("execution_start", "execution_success", "execution_error", "execution_interrupted")
    ]
    known = [value for value in times if isinstance(value, (int, float))]
    return (max(known) - min(known)) / 1000 if len(known) > 1 else None


def _store(folder: Path, file: OutputFile, blob: Blob) -> ComfyUIFile:
    """Put a file where results go, under a name of ours: what the server calls it is kept only as far as it is a plain word."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = (blob.data or b"") if blob.path is None else None
        media_type = blob.media_type or sniff((data or b"")[:64])
        known = EXTENSIONS.get(media_type or "")
        suffix = PurePosixPath(file.filename).suffix.lower()
        ending = known or (
            suffix if re.fullmatch(r"\.(latent|json|txt|svg|glb|gltf|obj|exr|safetensors)", suffix) else ".bin"
        )
        digest = hashlib.sha256(data).hexdigest() if data is not None else _digest(blob.path)
        stem = re.sub(r"[^\w-]+", "_", PurePosixPath(file.filename).stem)[:60].strip("_") or "result"
        path = folder / f"{stem}_{digest[:10]}{ending}"
        if data is not None:
            path.write_bytes(data)
        elif blob.path is not None:
            shutil.move(blob.path, path)
    except OSError as error:
        rescued = str(blob.path) if blob.path else None
        raise StorageError(
            f"a result could not be written to {folder}: {error.strerror}.", rescued=rescued, billed="no"
        ) from error
    return ComfyUIFile(path, file.node, file.filename, file.kind, file.type, media_type)


def _digest(path: Path | None) -> str:
    assert path is not None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
