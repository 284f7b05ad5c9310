"""From what a request wishes to the values of a graph: prompt, size, seed, frames, pictures."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError, UnsupportedCapabilityError
from viralai_sdk.interfaces.records import CallWarning, WarningKind
from viralai_sdk.providers.comfyui.graph import Graph, fill, is_link, links_of, literal, placeholders, title
from viralai_sdk.providers.comfyui.parameters import SEED_INPUTS, Names, Place, every, fold, put, set_parameters

FRAME_INPUTS = ("length", "video_frames", "num_frames", "frame_count", "frames")
RATE_INPUTS = ("fps", "frame_rate")
SPOKEN = ("text", "speech", "script", "dialogue", "prompt", "positive", "lyrics")
VOICE_INPUTS = ("voice", "voice_id", "speaker", "narrator", "voice_name")
DEFAULT_STEP = 8
"""Latent pictures are eighths of the pixels."""
DEFAULT_RATE = 24.0
MIN_SIDE = 16


@dataclass(slots=True)
class Wishes:
    """What a request asks of a workflow. None leaves a value as the workflow has it.

    Attributes:
        ratio: width by height, used when no size is given: the workflow's own number of pixels is kept.
        style: goes to a place of its own, else to the end of the prompt.
        seeded: the seed was asked for, and not drawn by us.
        images, mask: names of uploaded files.
        voice: who speaks.
        asked: names out of `words` that were asked for; what takes none of them is told.
        values: further parameters by name.
    """

    prompt: str | None = None
    negative: str | None = None
    width: int | None = None
    height: int | None = None
    ratio: float | None = None
    style: str | None = None
    seed: int = 0
    seeded: bool = False
    count: int | None = None
    seconds: float | None = None
    rate: float | None = None
    images: Sequence[str] = ()
    mask: str | None = None
    speech: bool = False
    voice: str | None = None
    asked: Sequence[str] = ()
    words: Mapping[str, Any] = field(default_factory=dict)
    """Further values for placeholders only, such as language and voice."""
    values: Mapping[str, Any] = field(default_factory=dict)


class Injector:
    """Puts wishes into a copy of a graph and notes what finds no place."""

    def __init__(self, names: Names, wishes: Wishes) -> None:
        self._wishes = wishes
        self._names = Names(copy.deepcopy(names.graph), names.schema, names.exposed)
        self.warnings: list[CallWarning] = []
        self._styled = False
        """The workflow has a place of its own for the style."""

    def inject(self) -> Graph:
        """The graph with everything in its place.

        Raises:
            InvalidRequestError: a value does not fit, or a placeholder stays empty.
            UnsupportedCapabilityError: a picture or a voice is given that the workflow has no place for.
        """
        wishes = self._wishes
        filled = self._placeholders()
        self._text(filled)
        self._pictures(filled)
        if wishes.seconds is None:
            self._size(filled)
            self._count(filled)
        else:
            self._film(filled)
        self._everywhere("seed", SEED_INPUTS, wishes.seed, filled)
        self._asked(filled)
        if values := {**self._voice(filled), **wishes.values}:
            self._names.graph = set_parameters(self._names, values)
        left = placeholders(self._names.graph)
        if left:
            raise InvalidRequestError(
                f"the workflow has placeholders that nothing fills: {', '.join(left)}.",
                hint='Give them: options={"parameters": {"name": value}}.',
            )
        return self._names.graph

    def _note(self, kind: WarningKind, parameter: str, message: str) -> None:
        self.warnings.append(CallWarning(kind=kind, parameter=parameter, message=message))

    def _placeholders(self) -> set[str]:
        """Fill `${name}` where the name is one of the request's; gives the names that were used."""
        wishes, graph = self._wishes, self._names.graph
        found = placeholders(graph)
        rate = wishes.rate or DEFAULT_RATE
        self._styled = "style" in found
        prompt = self._prompt()
        values: dict[str, Any] = {
            "prompt": prompt,
            "positive": prompt,
            "text": prompt,
            "negative_prompt": wishes.negative or "",
            "negative": wishes.negative or "",
            "seed": wishes.seed,
            "fps": _whole(rate),
            "num_images": wishes.count or 1,
            "batch_size": wishes.count or 1,
            **wishes.words,
        }
        width, height = self._fresh_size(found)
        values |= {"width": width, "height": height}
        if wishes.seconds is not None:
            values |= {"duration": wishes.seconds, "frames": max(1, round(wishes.seconds * rate))}
        if wishes.images:
            values |= {"image": wishes.images[0]} | {f"image{n}": name for n, name in enumerate(wishes.images, 1)}
        if wishes.mask:
            values["mask"] = wishes.mask
        given = {name: value for name, value in values.items() if name in found and value is not None}
        given = {name: value for name, value in given.items() if name not in wishes.values}
        for key, name in {place for word in given for place in found[word]}:
            inputs = graph[key]["inputs"]
            inputs[name] = literal(fill(inputs[name], given))
        return set(given)

    def _fresh_size(self, found: Mapping[str, Any]) -> tuple[int | None, int | None]:
        wishes = self._wishes
        if wishes.width and wishes.height:
            return wishes.width, wishes.height
        if "width" not in found and "height" not in found:
            return None, None
        return _shape(1024 * 1024 if wishes.seconds is None else 832 * 480, wishes.ratio or 1.0, 64)

    # --- words -------------------------------------------------------------------------------------------------------

    def _prompt(self) -> str | None:
        wishes = self._wishes
        if wishes.prompt is None or not wishes.style or self._styled:
            return wishes.prompt
        return f"{wishes.prompt}, {wishes.style}"

    def _text(self, filled: set[str]) -> None:
        wishes = self._wishes
        roles = self._names.roles()
        taken = True
        if wishes.prompt is not None and not filled & {"prompt", "positive", "text"}:
            places = self._spoken() if wishes.speech else []
            places = places or roles.get("positive") or self._titled("positive", "prompt", "text") or self._only_text()
            taken = bool(places)
            if not places:
                self._note("unsupported", "prompt", "the workflow has no place for the prompt; it was left out.")
            for place in places:
                put(self._names, place, self._prompt())
        if wishes.style and not self._styled:
            if taken:
                self._note("adjusted", "style", f"the workflow has no style; {wishes.style!r} was added to the prompt.")
            else:
                self._note("unsupported", "style", "the workflow has no place for a style; it was left out.")
        if wishes.negative is not None and not filled & {"negative", "negative_prompt"}:
            places = roles.get("negative") or self._titled("negative")
            if not places:
                self._note("unsupported", "negative_prompt", "the workflow has no negative prompt; it was left out.")
            for place in places:
                put(self._names, place, wishes.negative)

    def _asked(self, filled: set[str]) -> None:
        """Tell which of the words that were asked for no placeholder took."""
        for name in self._wishes.asked:
            if name not in filled and name not in self._wishes.values:
                self._note("unsupported", name, f"the workflow has no place for the {name}; it was left out.")

    def _voice(self, filled: set[str]) -> dict[str, str]:
        """The parameter that chooses the voice. Speaking with another voice than the one asked for is no result."""
        voice, values = self._wishes.voice, self._wishes.values
        if not voice or "voice" in filled or any(name in values for name in VOICE_INPUTS):
            return {}
        for name in VOICE_INPUTS:
            if every(self._names, (name,)):
                return {name: voice}
        raise UnsupportedCapabilityError(
            f"the workflow has no voice to choose; {voice!r} is given.",
            hint="Leave voice_id out, or take a workflow with an input 'voice' or a placeholder ${voice}.",
        )

    def _spoken(self) -> list[Place]:
        for word in SPOKEN[:4]:
            places = self._titled(word) or [place for place, _ in self._names.settable() if place.input == word]
            if len(places) == 1:
                return places
        return []

    def _titled(self, *words: str) -> list[Place]:
        """Main inputs of the nodes whose title holds one of the words; a positive one never speaks of the negative."""
        for word in words:
            found = []
            for key, node in self._names.graph.items():
                name = fold(title(node))
                main = self._names.main_input(key)
                if word in name and ("negative" in name) == (word == "negative") and main:
                    value = node["inputs"][main]
                    if isinstance(value, str):
                        found.append(Place(key, main))
            if found:
                return found
        return []

    def _only_text(self) -> list[Place]:
        """The one multi-line text of the workflow, when there is just one."""
        found = [
            place
            for place, described in self._names.settable()
            if (described is not None and described.kind == "STRING" and described.options.get("multiline"))
            or (described is None and place.input in ("text", "prompt"))
        ]
        return found if len(found) == 1 else []

    # --- pictures ----------------------------------------------------------------------------------------------------

    def _pictures(self, filled: set[str]) -> None:
        wishes = self._wishes
        loaders = [
            key for key, node in self._names.graph.items() if node["class_type"] in ("LoadImage", "LoadImageOutput")
        ]
        masks = [key for key, node in self._names.graph.items() if node["class_type"] == "LoadImageMask"]
        masks += [key for key in loaders if "mask" in fold(title(self._names.graph[key]))]
        loaders = [key for key in loaders if key not in masks]
        if wishes.images and not any(name.startswith("image") for name in filled):
            if len(wishes.images) > len(loaders):
                raise UnsupportedCapabilityError(
                    f"the workflow loads {len(loaders)} pictures; {len(wishes.images)} are given.",
                    hint="Take a workflow with as many LoadImage nodes, such as the template 'img2img'.",
                )
            for key, name in zip(loaders, wishes.images, strict=False):
                put(self._names, Place(key, "image"), name)
        if wishes.mask and "mask" not in filled:
            if not masks:
                raise UnsupportedCapabilityError("the workflow loads no mask.", hint="It needs a LoadImageMask node.")
            put(self._names, Place(masks[0], "image"), wishes.mask)

    # --- size, number, length ----------------------------------------------------------------------------------------

    def _size(self, filled: set[str]) -> None:
        wishes = self._wishes
        if filled & {"width", "height"} or (wishes.ratio is None and not wishes.width):
            return
        if wishes.images and not wishes.width:
            return  # an edit keeps the size of its picture
        canvases = self._canvases()
        if not canvases:
            if wishes.width or (wishes.ratio and not math.isclose(wishes.ratio, 1.0)):
                self._note("unsupported", "aspect_ratio", "the workflow has no size to set; it keeps its own.")
            return
        for key in canvases:
            width, height = self._side(key, "width"), self._side(key, "height")
            if width is None or height is None:
                continue
            step = int(self._bound(Place(key, "width"), "step") or DEFAULT_STEP)
            wanted = (wishes.width, wishes.height) if wishes.width and wishes.height else None
            size = (
                (_snap(wanted[0], step), _snap(wanted[1], step))
                if wanted
                else _shape(width * height, wishes.ratio or 1.0, max(step, DEFAULT_STEP))
            )
            if wanted and size != wanted:
                self._note(
                    "adjusted", "size", f"{wanted[0]}x{wanted[1]} became {size[0]}x{size[1]}: steps of {step} pixels."
                )
            put(self._names, Place(key, "width"), size[0])
            put(self._names, Place(key, "height"), size[1])

    def _side(self, key: str, name: str) -> int | None:
        place = self._names.source(Place(key, name))
        value = self._names.graph[place.node]["inputs"].get(place.input) if place else None
        return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def _canvases(self) -> list[str]:
        """Nodes whose width and height are the result's: those the sampler's latent comes from, else those that start from nothing."""
        graph = self._names.graph
        sized = [key for key in graph if self._side(key, "width") is not None and self._side(key, "height") is not None]
        todo = [
            node["inputs"]["latent_image"][0] for node in graph.values() if is_link(node["inputs"].get("latent_image"))
        ]
        behind: set[str] = set()
        while todo:
            key = todo.pop()
            if key not in behind and key in graph:
                behind.add(key)
                todo += [source for _, source, _ in links_of(graph[key])]
        found = [key for key in sized if key in behind]
        if found:
            return found
        fresh = [
            key for key in sized if not [name for name, _, _ in links_of(graph[key]) if name not in ("width", "height")]
        ]
        sizes = {(self._side(key, "width"), self._side(key, "height")) for key in fresh}
        return fresh if len(sizes) == 1 else (sized if len(sized) == 1 else [])

    def _count(self, filled: set[str]) -> None:
        count = self._wishes.count
        if count is None or filled & {"num_images", "batch_size"}:
            return
        places = [place for key in self._canvases() if (place := self._names.source(Place(key, "batch_size")))]
        if not places:
            places = every(self._names, ("batch_size",))
        if not places and count > 1:
            self._note("adjusted", "num_images", "the workflow has no batch size; it makes as many as it makes.")
        for place in places if count > 1 or self._canvases() else ():
            put(self._names, place, count)

    def _film(self, filled: set[str]) -> None:
        wishes = self._wishes
        self._size(filled)
        assert wishes.seconds is not None
        rates = every(self._names, RATE_INPUTS)
        present = [self._names.graph[place.node]["inputs"].get(place.input) for place in rates]
        own = next((float(value) for value in present if isinstance(value, (int, float))), DEFAULT_RATE)
        rate = wishes.rate or own
        if wishes.rate and "fps" not in filled:
            self._everywhere("fps", RATE_INPUTS, wishes.rate, filled)
        if filled & {"frames", "duration"}:
            return
        frames = max(1, round(wishes.seconds * rate))
        places = every(self._names, FRAME_INPUTS) or [
            place for key in self._canvases() if (place := self._names.source(Place(key, "batch_size")))
        ]
        if not places:
            self._note("unsupported", "duration", "the workflow has no length to set; it keeps its own.")
        for place in places:
            low, step = int(self._bound(place, "min") or 1), int(self._bound(place, "step") or 1)
            high = int(self._bound(place, "max") or 1 << 20)
            count = min(max(low + round((frames - low) / step) * step, low), high)
            if count != frames:
                self._note(
                    "adjusted",
                    "duration",
                    f"{frames} frames became {count} ({count / rate:.2f} s): the model makes {low}, {low + step}, … frames.",
                )
            put(self._names, place, count)

    def _everywhere(self, word: str, inputs: Iterable[str], value: float, filled: set[str]) -> None:
        """Set every literal input of these names, inside each one's own range."""
        places = every(self._names, inputs)
        if not places and word == "fps":
            self._note("unsupported", word, "the workflow has no frame rate to set; it keeps its own.")
        if not places and word == "seed" and self._wishes.seeded and "seed" not in filled:
            self._note("unsupported", word, "the workflow has no seed to set; it was left out.")
        for place in places:
            old = self._names.graph[place.node]["inputs"].get(place.input)
            if isinstance(old, str):
                continue
            low, high = self._bound(place, "min"), self._bound(place, "max")
            fitted = min(max(value, low if low is not None else value), high if high is not None else value)
            if fitted != value:
                self._note("adjusted", word, f"{value:g} became {fitted:g}, the nearest that the workflow takes.")
            described = self._names.describe(place)
            whole = described.kind == "INT" if described else isinstance(old, int)
            put(self._names, place, round(fitted) if whole else float(fitted) if word == "fps" else fitted)

    def _bound(self, place: Place, name: str) -> float | None:
        described = self._names.describe(self._names.source(place) or place) or self._names.describe(place)
        value = described.options.get(name) if described else None
        return value if isinstance(value, (int, float)) else None


def _whole(value: float) -> float | int:
    return int(value) if float(value).is_integer() else value


def _snap(value: int, step: int) -> int:
    return max(MIN_SIDE, round(value / step) * step) if step > 1 else max(1, value)


def _shape(area: int, ratio: float, step: int) -> tuple[int, int]:
    """The size of a ratio with about as many pixels."""
    width = math.sqrt(area * ratio)
    return _snap(round(width), step), _snap(round(width / ratio), step)
