"""`ComfyUIWorkflow`: a workflow file, its parameters, and running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.providers.comfyui.convert import classes_of, convert, exposed, exposed_outputs
from viralai_sdk.providers.comfyui.graph import (
    Format,
    Graph,
    api_graph,
    format_of,
    label,
    named_graph,
    placeholders,
    read_workflow,
)
from viralai_sdk.providers.comfyui.parameters import Names, Parameter, Place, set_parameters
from viralai_sdk.providers.comfyui.schema import Schema, is_file
from viralai_sdk.providers.comfyui.templates import load_template, templates

if TYPE_CHECKING:
    from viralai_sdk.providers.comfyui.client import ComfyUIClient, ComfyUIResult


@dataclass(frozen=True, slots=True)
class MissingModel:
    """A file that a workflow names and the server does not have. `url` and `directory` where the file tells them."""

    name: str
    node: str
    input: str
    has: tuple[str, ...] = ()
    url: str | None = None
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class MissingNode:
    """A class that the server does not have. `pack` is the custom-node package, where the file tells it."""

    class_type: str
    nodes: tuple[str, ...]
    pack: str | None = None


@dataclass(slots=True)
class Requirements:
    """What a server lacks for a workflow."""

    models: list[MissingModel] = field(default_factory=list)
    nodes: list[MissingNode] = field(default_factory=list)

    def __bool__(self) -> bool:
        """True when something is missing."""
        return bool(self.models or self.nodes)


class ComfyUIWorkflow:
    """A workflow, and the values to run it with.

    workflow = ComfyUIWorkflow("portrait.json", client=ComfyUIClient("http://localhost:8188"))
    await workflow.prepare()                         # ask the server for types, ranges and choices; needed for the save format
    workflow.set_parameters({"prompt": "a fox", "KSampler.steps": 30})
    result = await workflow.execute()
    """

    def __init__(
        self, source: str | Path | bytes | Mapping[str, Any] | None = None, *, client: ComfyUIClient | None = None
    ) -> None:
        self.client = client
        self._data: dict[str, Any] = {}
        self._graph: Graph | None = None
        self._schema: Schema | None = None
        self._exposed: dict[str, list[Place]] = {}
        if source is not None:
            self.load_workflow(source)

    def load_workflow(self, path: str | Path | bytes | Mapping[str, Any]) -> ComfyUIWorkflow:
        """Load a workflow: a path to JSON or to a PNG made by ComfyUI, JSON text, a mapping, or a bundled template's name.

        Raises:
            InvalidRequestError: it cannot be read, or is no workflow.
        """
        known = isinstance(path, str) and path in templates() and not Path(path).is_file()
        self._data = load_template(str(path)) if known else read_workflow(path)
        kind = format_of(self._data)
        self._graph = named_graph(self._data) if kind == "named" else api_graph(self._data) if kind == "api" else None
        self._exposed = {}
        return self

    @property
    def format(self) -> Format:
        """The format that was loaded."""
        return format_of(self._data)

    @property
    def graph(self) -> Graph:
        """The graph as it would be posted.

        Raises:
            ConfigurationError: a save-format workflow before `prepare`.
        """
        if self._graph is None:
            raise ConfigurationError(
                "a workflow in save format is converted with the server's help.",
                hint="Call `await workflow.prepare(client)` first, or export it: File → Export (API).",
            )
        return self._graph

    async def prepare(self, client: ComfyUIClient | None = None) -> ComfyUIWorkflow:
        """Ask the server what its node classes are: converts the save format, and gives parameters their types and ranges.

        Raises:
            InvalidRequestError: what cannot be converted, and why.
        """
        server = self._client(client)
        if self._graph is None:
            schema = await server.describe(classes_of(self._data))
            return self.use_schema(schema)
        return self.use_schema(await server.describe([node["class_type"] for node in self._graph.values()]))

    def use_schema(self, schema: Schema) -> ComfyUIWorkflow:
        """`prepare` with descriptions that are already there; see `schema.read_schema`."""
        self._schema = schema
        if self._graph is None:
            self._graph = convert(self._data, schema)
            self._exposed = exposed(self._data, self._graph)
        return self

    def _client(self, client: ComfyUIClient | None) -> ComfyUIClient:
        self.client = client or self.client
        if self.client is None:
            raise ConfigurationError(
                "the workflow has no server.", hint="Give one: ComfyUIWorkflow(path, client=ComfyUIClient(url))."
            )
        return self.client

    def parameters(self) -> list[Parameter]:
        """Everything that can be set: name, node, type, range, choices, present value."""
        return Names(self.graph, self._schema, self._exposed).parameters()

    def set_parameters(
        self, params: Mapping[str, Any] | None = None, *, cut_links: bool = False, **named: Any
    ) -> ComfyUIWorkflow:
        """Set values by name: `3.seed`, a title, `KSampler.steps`, `positive`, a placeholder, …; all of them or none.

        Args:
            cut_links: an input fed by another node is cut off from it; otherwise that is an error.

        Raises:
            InvalidRequestError: no such name, several of it, a wrong value, or a link in the way.
        """
        names = Names(self.graph, self._schema, self._exposed)
        self._graph = set_parameters(names, {**(params or {}), **named}, cut_links=cut_links)
        return self

    def placeholders(self) -> list[str]:
        """Names of the `${placeholders}` that are still to be filled."""
        return list(placeholders(self.graph))

    @property
    def outputs(self) -> list[str]:
        """Ids of the output nodes that the app mode shows, if it does."""
        return [key for key in exposed_outputs(self._data) if self._graph is None or key in self._graph]

    async def requirements(self, client: ComfyUIClient | None = None) -> Requirements:
        """Model files and custom nodes that the server lacks."""
        return missing(self._data, self._graph, await self._client(client).object_info())

    async def execute(
        self,
        client: ComfyUIClient | None = None,
        *,
        timeout: float | None = None,
        folder: str | Path | None = None,
        on_progress: Callable[[Any], None] | None = None,
        **details: Any,
    ) -> ComfyUIResult:
        """Run it and fetch what it made; see `ComfyUIClient.run`.

        Raises:
            InvalidRequestError: placeholders are left: a picture of the words "${subject}" is what nobody asked for.
        """
        server = self._client(client)
        if self._graph is None:
            await self.prepare(server)
        if left := self.placeholders():
            raise InvalidRequestError(
                f"the workflow has placeholders that nothing fills: {', '.join(left)}.",
                hint=f"workflow.set_parameters({left[0]}=...)",
            )
        return await server.run(self, timeout=timeout, folder=folder, on_progress=on_progress, **details)


def missing(data: Mapping[str, Any], graph: Graph | None, schema: Schema) -> Requirements:
    """What a server with these classes lacks for a workflow, converted or not."""
    found = Requirements()
    packs, files = _told(data)
    if graph is None:
        kinds = [name for name in classes_of(data) if name not in schema]
        if kinds:
            found.nodes = [MissingNode(name, (), packs.get(name)) for name in kinds]
            return found
        graph = convert(data, schema)
    absent: dict[str, list[str]] = {}
    for key, node in graph.items():
        known = schema.get(node["class_type"])
        if known is None:
            absent.setdefault(node["class_type"], []).append(label(graph, key))
            continue
        for item in known.flat(node["inputs"]):
            value = node["inputs"].get(item.name)
            if is_file(value) and item.choices is not None and value not in item.choices:
                url, directory = files.get(str(value), (None, None))
                has = tuple(map(str, item.choices))
                found.models.append(MissingModel(str(value), label(graph, key), item.name, has, url, directory))
    found.nodes = [MissingNode(name, tuple(keys), packs.get(name)) for name, keys in absent.items()]
    return found


def _told(data: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, tuple[str | None, str | None]]]:
    """What a save-format file tells of itself: class → package, model file → (address, folder)."""
    packs: dict[str, str] = {}
    files: dict[str, tuple[str | None, str | None]] = {}
    for node in _nodes(data):
        properties = node.get("properties")
        if not isinstance(properties, Mapping):
            continue
        pack = properties.get("cnr_id") or properties.get("aux_id")
        if isinstance(pack, str):
            packs[str(node.get("type"))] = pack
        for row in properties.get("models") or ():
            if isinstance(row, Mapping) and isinstance(row.get("name"), str):
                files[row["name"]] = (row.get("url"), row.get("directory"))
    return packs, files


def _nodes(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    definitions = data.get("definitions")
    inner = definitions.get("subgraphs") if isinstance(definitions, Mapping) else None
    levels = [data, *(level for level in inner or () if isinstance(level, Mapping))]
    return [
        node
        for level in levels
        if isinstance(level.get("nodes"), list)
        for node in level["nodes"]
        if isinstance(node, Mapping)
    ]
