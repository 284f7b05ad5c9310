"""What the services and the client share: addresses and headers, the server's descriptions, uploads, and the job's life."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from viralai_sdk.interfaces.adapter import JobAdapter
from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError, MalformedResponseError
from viralai_sdk.interfaces.media import EXTENSIONS, MediaInput
from viralai_sdk.interfaces.service import AIServiceConfig
from viralai_sdk.interfaces.steps import (
    Answer,
    Blob,
    FilePart,
    JobProgress,
    JobTicket,
    Listen,
    MediaPayload,
    Parallel,
    Send,
    Steps,
)
from viralai_sdk.providers.comfyui import job
from viralai_sdk.providers.comfyui.convert import classes_of, convert
from viralai_sdk.providers.comfyui.errors import error_from_answer
from viralai_sdk.providers.comfyui.events import JobEar
from viralai_sdk.providers.comfyui.graph import Graph, api_graph, format_of, named_graph
from viralai_sdk.providers.comfyui.schema import MISSING, NodeClass, check_graph, read_class, read_schema, refuse

DEFAULT_URL = "http://localhost:8188"
SUBFOLDER = "viralai"
"""Where uploads go in the server's input folder."""
MAX_NAME_BYTES = 200
"""Of an uploaded file's name; disks take 255, and the server may add a number."""
FEW_CLASSES = 24
"""Up to so many classes are asked for one by one; more come with the whole list."""


class ComfyUIBase(JobAdapter):
    """Speaks to one server."""

    first_poll = 0.4

    def __init__(self, config: AIServiceConfig) -> None:
        custom = config.custom_config
        config.base_url = config.base_url or custom.get("endpoint") or custom.get("base_url")
        super().__init__(config)
        self.memory = job.ServerMemory()

    @property
    def base_url(self) -> str:
        """The server's address, which may have a path."""
        return (self.config.base_url or DEFAULT_URL).rstrip("/")

    def validate_config(self) -> None:
        """Refuse headers that are no mapping of texts.

        Raises:
            ConfigurationError: they are none.
        """
        given = self.config.custom_config.get("headers", {})
        if not isinstance(given, Mapping) or not all(isinstance(value, str) for value in given.values()):
            raise ConfigurationError("comfyui: `headers` must map header names to texts.", provider="comfyui")

    def headers(self) -> Mapping[str, str]:
        """Headers for HTTP and WebSocket alike: ComfyUI itself knows no login, the proxies in front of it do."""
        headers = dict(self.config.custom_config.get("headers") or {})
        key = self.config.secret()
        if key and "authorization" not in {name.lower() for name in headers}:
            headers["Authorization"] = f"Bearer {key}"
        return headers

    def error(self, answer: Answer) -> AIError:
        """Read ComfyUI's error body, JSON or not."""
        return error_from_answer(answer)

    # --- the server's descriptions -----------------------------------------------------------------------------------

    def describe(self, classes: Iterable[str], *, fresh: bool = False) -> Steps[dict[str, NodeClass]]:
        """Descriptions of node classes; those that the server does not have are absent. Kept until asked for `fresh`."""
        memory = self.memory
        if fresh:
            memory.classes.clear()
            memory.whole = False
        wanted = list(dict.fromkeys(classes))
        missing = [name for name in wanted if name not in memory.classes and not memory.whole]
        if len(missing) > FEW_CLASSES:
            yield from self.describe_all()
        elif missing:
            answers = yield Parallel([self._describe_one(name) for name in missing])
            for name, found in zip(missing, answers, strict=True):
                if isinstance(found, AIError):
                    raise found
                memory.classes[name] = found
        return {name: memory.classes[name] for name in wanted if memory.classes.get(name) is not None}

    def describe_all(self) -> Steps[dict[str, NodeClass]]:
        """Descriptions of all classes."""
        answer = yield Send("GET", "/object_info")
        self.memory.classes = dict(read_schema(answer.json()))
        self.memory.whole = True
        return dict(self.memory.classes)

    def _describe_one(self, name: str) -> Steps[NodeClass | None]:
        answer = yield Send("GET", f"/object_info/{quote(name, safe='')}")
        row = answer.json().get(name)
        return read_class(name, row) if isinstance(row, dict) else None

    def probe(self) -> Steps[dict[str, Any]]:
        """The server's own facts: version, memory, devices.

        Raises:
            MalformedResponseError: what answers there is no ComfyUI.
        """
        answer = yield Send("GET", "/system_stats")
        data = answer.json()
        if not isinstance(data, dict) or not isinstance(data.get("system"), dict):
            raise MalformedResponseError(
                "what answers at this address is no ComfyUI server.",
                billed="no",
                hint=f"Asked: {self.base_url}/system_stats.",
            )
        self.memory.version = str(data["system"].get("comfyui_version") or "unknown")
        return data

    def to_graph(self, data: Mapping[str, Any]) -> Steps[Graph]:
        """The graph of a workflow in any format that can be converted."""
        kind = format_of(data)
        if kind == "named":
            return named_graph(data)
        if kind == "api":
            return api_graph(data)
        classes = classes_of(data)
        return convert(data, (yield from self.describe(classes)))

    def check_runs(self, graph: Graph, *, allow_partial: bool = False) -> Steps[None]:
        """Check classes and input names against the server. What it says is asked for anew before anything is refused.

        Args:
            allow_partial: a missing input stops only what depends on it, which the server sorts out.

        Raises:
            InvalidRequestError: what is wrong, all of it, with the nearest right names.
        """
        classes = [node["class_type"] for node in graph.values()]
        try:
            schema = yield from self.describe(classes)
            if check_graph(graph, schema):
                schema = yield from self.describe(classes, fresh=True)
                problems = check_graph(graph, schema)
                if any("no such class" in problem for problem in problems):
                    problems = check_graph(graph, (yield from self.describe_all()))
                if allow_partial:
                    problems = [problem for problem in problems if not problem.endswith(MISSING)]
                if problems:
                    raise refuse(problems)
        except AIError as error:
            # A proxy may hide /object_info; then the server's own check has to do.
            if error.status not in (401, 403, 404):
                raise

    def upload(self, media: MediaInput, name: str | None = None) -> Steps[str]:
        """Store a file in the server's input folder; gives what loader nodes take. Named by content: the same file is stored once."""
        digest = hashlib.sha256(media.data).hexdigest()[:32]
        filename = digest + _ending(media) if name is None else _plain_name(name)
        part = FilePart("image", filename, media.data, media.media_type)
        answer = yield Send("POST", "/upload/image", fields=[("type", "input"), ("subfolder", SUBFOLDER)], files=[part])
        stored = answer.json()
        folder = stored.get("subfolder") or ""
        return f"{folder}/{stored['name']}" if folder else str(stored["name"])

    # --- the job -----------------------------------------------------------------------------------------------------

    @abstractmethod
    def submit(self, request: Any, model: str) -> Steps[JobTicket]:
        """Queue the request's workflow."""

    def post(
        self, ticket: JobTicket, graph: Graph, extra: Mapping[str, Any], *, allow_partial: bool = False
    ) -> Steps[dict[str, Any]]:
        """Check a graph and queue it; see `job.post`."""
        yield from self.check_runs(graph, allow_partial=allow_partial)
        answer = yield from job.post(self.memory, ticket, graph, extra, allow_partial=allow_partial)
        return answer

    def poll(self, ticket: JobTicket) -> Steps[JobProgress]:
        return (yield from job.poll(self.memory, ticket))

    def cancel(self, ticket: JobTicket) -> Steps[bool]:
        return (yield from job.cancel(self.memory, ticket))

    def listen(self, ticket: JobTicket) -> Listen | None:
        if "client_id" not in ticket.state or self.config.custom_config.get("websocket") is False:
            return None
        ear = JobEar(ticket.remote_id, ticket.state.get("nodes") or {}, ticket.state.get("senders") or ())
        self.memory.ears[ticket.remote_id] = ear
        path, params, first = job.listen_path(ticket)
        return Listen(path, ear, params, {}, first)

    def caught(self, ticket: JobTicket) -> list[Blob]:
        """Pictures that came over the socket instead of being stored."""
        ear = self.memory.ears.get(ticket.remote_id)
        return [Blob(data) for _, data in ear.pictures] if ear is not None else []

    def collect(self, ticket: JobTicket, progress: JobProgress) -> Steps[MediaPayload]:
        raise AssertionError("a service says itself what its result is")


def _ending(media: MediaInput) -> str:
    """By content; a 3D model or latent, whose bytes tell nothing, keeps its file's own, for loaders go by it."""
    known = EXTENSIONS.get(media.media_type)
    own = media.path.suffix.lower() if media.path is not None else ""
    return known or (own if re.fullmatch(r"\.[a-z0-9]{1,16}", own) else ".bin")


def _plain_name(name: str) -> str:
    """A server takes `../x.png` at its word and stumbles over names that no disk holds (HTTP 500, as if it were ill)."""
    if (
        not name.strip(". ")
        or re.search(r"[/\\\x00-\x1f\x7f]", name)
        or len(name.encode("utf-8", "replace")) > MAX_NAME_BYTES
    ):
        raise InvalidRequestError(
            f"name: {name[:60]!r} cannot be a file's name on the server.",
            hint=f"Give a plain name without folders, at most {MAX_NAME_BYTES} bytes, or none.",
        )
    return name
