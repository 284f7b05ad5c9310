"""What can be set in a graph, and by which names people find it.

People name a parameter by node id and input (`3.seed`), by a node's title (`Positive Prompt`), by a class that occurs once
(`KSampler.steps`), by its place at the sampler (`positive`, `negative`), by a primitive node's title, by an exposed name of the app
mode, or by a `${placeholder}` in the file.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.providers.comfyui.graph import (
    PLACEHOLDER,
    Graph,
    fill,
    is_link,
    label,
    links_of,
    literal,
    placeholders,
    title,
)
from viralai_sdk.providers.comfyui.schema import PLAIN, Input, Schema, check_value

TEXT_INPUTS = (
    "text",
    "prompt",
    "positive_prompt",
    "text_g",
    "text_l",
    "clip_l",
    "t5xxl",
    "tags",
    "caption",
    "value",
    "string",
)
"""Names under which text encoders and text primitives hold their words, the likeliest first."""
SEED_INPUTS = ("seed", "noise_seed")
_SEPARATOR = re.compile(r"[./]")


@dataclass(frozen=True, slots=True)
class Place:
    """One input of one node."""

    node: str
    input: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that can be set.

    Attributes:
        name: shortest name that means only this; `node.input` always does as well.
        type: INT, FLOAT, STRING, BOOLEAN, COMBO; a guess from the value when the server was not asked.
        minimum, maximum: of a number, None when open or unknown.
        choices: of a combo.
        value: what it is now.
        also: further names, such as its place at the sampler.
    """

    name: str
    node: str
    input: str
    type: str
    value: Any
    class_type: str
    title: str = ""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[Any, ...] | None = None
    also: tuple[str, ...] = ()


@dataclass(slots=True)
class Names:
    """The names of a graph's parameters."""

    graph: Graph
    schema: Schema | None = None
    exposed: Mapping[str, Sequence[Place]] = field(default_factory=dict)

    def settable(self) -> Iterator[tuple[Place, Input | None]]:
        """Every literal input, and those that the class has but the file leaves out."""
        for key, node in self.graph.items():
            known = self.schema.get(node["class_type"]) if self.schema else None
            inputs = node["inputs"]
            described = {item.name: item for item in known.flat(inputs) if item.widget} if known else {}
            for name in dict.fromkeys([*inputs, *described]):
                if not is_link(inputs.get(name)):
                    yield Place(key, name), described.get(name)

    def roles(self) -> dict[str, list[Place]]:
        """Places known by what they do: the sampler's two texts."""
        found: dict[str, list[Place]] = {}
        for key, node in self.graph.items():
            inputs = node["inputs"]
            if "positive" in inputs or "negative" in inputs:
                if not any(name in inputs for name in (*SEED_INPUTS, "sampler", "latent_image", "cfg", "model")):
                    continue
                for role in ("positive", "negative"):
                    if role in inputs and (place := self._words(key, role, role)):
                        _add(found, role, place)
            elif node["class_type"] == "BasicGuider" and (place := self._words(key, "conditioning", "positive")):
                _add(found, "positive", place)
        same = [place for place in found.get("negative", ()) if place in found.get("positive", ())]
        if same:
            # A negative made out of the positive (ConditioningZeroOut) has no words of its own.
            found["negative"] = [place for place in found["negative"] if place not in same]
        return {role: places for role, places in found.items() if places}

    def _words(self, key: str, name: str, role: str) -> Place | None:
        """Where the text comes from that flows into an input: back through whatever lies between."""
        other = "negative" if role == "positive" else "positive"
        todo, seen = [(key, name)], set()
        while todo:
            at, through = todo.pop(0)
            value = self.graph.get(at, {"inputs": {}})["inputs"].get(through)
            if not is_link(value) or value[0] in seen:
                continue
            source = value[0]
            seen.add(source)
            inputs = self.graph[source]["inputs"]
            # A node with both (a ControlNet, LTXVConditioning) hands each on through an output of its own.
            both = "positive" in inputs and "negative" in inputs
            for word in TEXT_INPUTS:
                if word in inputs and (place := self.source(Place(source, word))) is not None:
                    return place
            passed = [role] if both else [link for link, _, _ in links_of(self.graph[source]) if link != other]
            todo += [(source, link) for link in passed if link not in ("clip", "vae", "model", "control_net")]
        return None

    def source(self, place: Place) -> Place | None:
        """The place where a literal sits that reaches this input: itself, or a primitive node in front of it."""
        for _ in range(32):
            inputs = self.graph[place.node]["inputs"]
            value = inputs.get(place.input)
            if not is_link(value):
                return place if place.input in inputs else None
            behind = self.graph[value[0]]["inputs"]
            if len(behind) != 1 or not self._primitive(value[0], next(iter(behind))):
                return None
            place = Place(value[0], next(iter(behind)))
        return None

    def _primitive(self, key: str, name: str) -> bool:
        """True for nodes that only hold a value: setting it there is setting it here."""
        kind = self.graph[key]["class_type"]
        known = self.schema.get(kind) if self.schema else None
        if known is not None and known.outputs:
            return known.outputs[0] in PLAIN or (known.outputs[0] == "*" and name == "value")
        return kind.startswith("Primitive") or name in ("value", "string", "number", "int", "float", "boolean")

    def table(self) -> dict[str, list[Place]]:
        """Every name → the places it means, the surest kinds of names first. A name with several places is ambiguous or a group."""
        found: dict[str, list[Place]] = {}
        layers = (self._exposed(), self._roles(), self._titles(), self._classes(), self._inputs())
        for layer in layers:
            taken: dict[str, list[Place]] = {}
            for name, place in layer:
                if fold(name) not in found:
                    _add(taken, fold(name), place)
            found |= taken
        return found

    def _exposed(self) -> Iterator[tuple[str, Place]]:
        for name, places in self.exposed.items():
            yield from ((name, place) for place in places)

    def _roles(self) -> Iterator[tuple[str, Place]]:
        for role, places in self.roles().items():
            for place in places:
                for name in ("positive", "prompt") if role == "positive" else ("negative", "negative_prompt"):
                    yield name, place

    def _titles(self) -> Iterator[tuple[str, Place]]:
        rows = [place for place, _ in self.settable()]
        for place in rows:
            node = self.graph[place.node]
            named = title(node)
            if not named or named == node["class_type"]:
                continue
            yield f"{named}.{place.input}", place
            if place.input == self.main_input(place.node):
                yield named, place

    def main_input(self, key: str) -> str | None:
        """The one input a node is about: its only literal, or a primitive's value, an encoder's text, a loader's file."""
        inputs: list[str] = [name for name, value in self.graph[key]["inputs"].items() if not is_link(value)]
        if len(inputs) == 1:
            return inputs[0]
        return next((name for name in (*TEXT_INPUTS, "image", "audio", "video", "file") if name in inputs), None)

    def _classes(self) -> Iterator[tuple[str, Place]]:
        for place, _ in self.settable():
            yield f"{self.graph[place.node]['class_type']}.{place.input}", place

    def _inputs(self) -> Iterator[tuple[str, Place]]:
        for place, _ in self.settable():
            yield place.input, place

    def find(self, name: str) -> list[Place]:
        """The places of a name.

        Raises:
            InvalidRequestError: nobody has that name, or several do; the message names the nearest or the candidates.
        """
        exact = self._exact(name)
        if exact is not None:
            return [exact]
        table = self.table()
        places = table.get(fold(name))
        if places is None:
            known = [*self.known(), *placeholders(self.graph)]
            raise InvalidRequestError(
                f"the workflow has no parameter {name!r}.",
                hint=suggest(fold(name), [*known, *table], f"It has: {', '.join(known[:24])}."),
            )
        if len(places) > 1 and fold(name) not in {fold(item) for item in self.exposed}:
            candidates = ", ".join(
                f"{place.node}.{place.input} ({label(self.graph, place.node)})" for place in places[:6]
            )
            raise InvalidRequestError(f"{name!r} means several parameters: {candidates}.", hint="Name one by its node.")
        return places

    def _exact(self, name: str) -> Place | None:
        """`node.input`; both may hold dots, so every place to part them is tried."""
        for match in _SEPARATOR.finditer(name):
            node, word = name[: match.start()], name[match.end() :]
            for key in self._nodes(node):
                inputs = self.graph[key]["inputs"]
                known = self.schema.get(self.graph[key]["class_type"]) if self.schema else None
                if word in inputs or (known and known.accepts(word, inputs)):
                    return Place(key, word)
        return None

    def _nodes(self, name: str) -> list[str]:
        """Nodes of an id, else of a title, else of a class; none when that is not one node."""
        if name in self.graph:
            return [name]
        for word in (title, lambda node: node["class_type"]):
            keys = [key for key, node in self.graph.items() if word(node) and fold(word(node)) == fold(name)]
            if keys:
                return keys if len(keys) == 1 else []
        return []

    def known(self) -> list[str]:
        """Names that mean one parameter, the shortest of each."""
        return [parameter.name for parameter in self.parameters()]

    def parameters(self) -> list[Parameter]:
        """Everything that can be set, in the graph's order; `${placeholders}` by their own names."""
        names: dict[Place, list[str]] = {}
        for name, places in self.table().items():
            if len(places) == 1:
                names.setdefault(places[0], []).append(name)
        shown = {place for places in self.exposed.values() for place in places}
        listed = []
        for place, described in self.settable():
            node = self.graph[place.node]
            value = node["inputs"].get(place.input, described.default if described else None)
            words = names.get(place, [])
            if place not in shown:
                words = sorted(words, key=len)
            if isinstance(value, str) and PLACEHOLDER.search(value):
                words = [*PLACEHOLDER.findall(value), *words]
            own = f"{place.node}.{place.input}"
            listed.append(
                Parameter(
                    name=words[0] if words else own,
                    node=place.node,
                    input=place.input,
                    type=described.kind if described else guess(value),
                    value=value,
                    class_type=node["class_type"],
                    title=title(node),
                    minimum=_number(described, "min"),
                    maximum=_number(described, "max"),
                    step=_number(described, "step"),
                    choices=tuple(described.choices) if described and described.choices is not None else None,
                    also=(*words[1:], own) if words else (),
                )
            )
        return listed

    def describe(self, place: Place) -> Input | None:
        """What the server says of an input, None when it was not asked or does not say."""
        node = self.graph[place.node]
        known = self.schema.get(node["class_type"]) if self.schema else None
        return known.accepts(place.input, node["inputs"]) if known else None


def set_parameters(names: Names, values: Mapping[str, Any], *, cut_links: bool = False) -> Graph:
    """A copy of the graph with values set.

    Args:
        cut_links: an input that is fed by a link is cut off from it; otherwise that is an error.

    Raises:
        InvalidRequestError: no such name, several of it, a value of the wrong kind or out of range, or an input that is a link.
    """
    graph = copy.deepcopy(names.graph)
    rest = _fill_placeholders(graph, values)
    # What a choice brings (the inputs of a dynamic combo) can only be named after the choice.
    for name, value in sorted(rest.items(), key=lambda item: item[0].count(".")):
        now = Names(graph, names.schema, names.exposed)
        for place in now.find(name):
            put(now, place, value, cut_links=cut_links, name=name)
    return graph


def _fill_placeholders(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    found = placeholders(graph)
    given = {name: value for name, value in values.items() if name in found}
    for place in {place for name in given for place in found[name]}:
        inputs = graph[place[0]]["inputs"]
        inputs[place[1]] = literal(fill(inputs[place[1]], given))
    return {name: value for name, value in values.items() if name not in found}


def put(names: Names, place: Place, value: Any, *, cut_links: bool = False, name: str = "") -> None:
    """Set one place in the graph of `names`. A link to a primitive node is followed: the wire stays whole.

    Raises:
        InvalidRequestError: the value does not fit, or the input is fed by a link.
    """
    graph = names.graph
    inputs = graph[place.node]["inputs"]
    if is_link(inputs.get(place.input)) and not cut_links and not is_link(value):
        source = names.source(place)
        if source is None:
            feeding = inputs[place.input][0]
            raise InvalidRequestError(
                f"{name or place.input!r} of {label(graph, place.node)} is fed by {label(graph, feeding)}; setting it would cut the link.",
                hint="Set it there, or pass cut_links=True.",
            )
        place, inputs = source, graph[source.node]["inputs"]
    described = names.describe(place)
    if is_link(value):
        if value[0] not in graph:
            raise InvalidRequestError(
                f"{name or place.input!r} is to be linked to node {value[0]!r}, which is not there."
            )
    elif described is not None and described.widget:
        value = _fitted(described, value)
        if problem := check_value(described, value):
            raise InvalidRequestError(f"{name or place.input!r} of {label(graph, place.node)} {problem}")
    elif described is None:
        _same_kind(inputs.get(place.input), value, f"{name or place.input!r} of {label(graph, place.node)}")
    elif described.kind != "*":
        raise InvalidRequestError(
            f"{name or place.input!r} of {label(graph, place.node)} takes a link ({described.kind}), not a value."
        )
    inputs[place.input] = value if is_link(value) else literal(value)


def _fitted(described: Input, value: Any) -> Any:
    """Whole floats for an INT are what JSON and spreadsheets make of integers; ints serve as floats."""
    if described.kind == "INT" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _same_kind(old: Any, new: Any, what: str) -> None:
    """Without a schema the present value tells the kind."""
    kinds = {"INT": (int,), "FLOAT": (int, float), "STRING": (str,), "BOOLEAN": (bool,)}
    kind = guess(old)
    if kind == "INT" and isinstance(new, float):
        kind = "FLOAT"
    if (
        old is not None
        and kind in kinds
        and (not isinstance(new, kinds[kind]) or (kind != "BOOLEAN" and isinstance(new, bool)))
    ):
        raise InvalidRequestError(f"{what} must be {kind}, not {new!r}.")


def guess(value: Any) -> str:
    """Type of a literal by its look."""
    if isinstance(value, bool):
        return "BOOLEAN"
    if isinstance(value, (int, float)):
        return "INT" if isinstance(value, int) else "FLOAT"
    return "STRING" if isinstance(value, str) else "*"


def fold(name: str) -> str:
    """Names are compared without regard to case, blanks and hyphens."""
    return re.sub(r"[\s\-]+", "_", name.strip().lower())


def _number(described: Input | None, key: str) -> float | None:
    value = described.options.get(key) if described else None
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _add(table: dict[str, list[Place]], name: str, place: Place) -> None:
    places = table.setdefault(name, [])
    if place not in places:
        places.append(place)


def every(names: Names, inputs: Iterable[str]) -> list[Place]:
    """All literal places whose input has one of these names, and those a primitive feeds."""
    found: dict[Place, None] = {}
    for key, node in names.graph.items():
        for name in inputs:
            if name in node["inputs"] and (place := names.source(Place(key, name))):
                found[place] = None
    return list(found)
