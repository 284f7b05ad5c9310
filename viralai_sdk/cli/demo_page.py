"""The demo's page: one file without outside parts, readable in light and dark, with media beside it."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from viralai_sdk.cli.demo_items import Item
from viralai_sdk.interfaces.display.markup import Html, el, human_size, join
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse


def page(manifest: Mapping[str, Any], items: Sequence[Item]) -> str:
    """The whole document."""
    rows = {row["path"]: row for row in manifest["items"]}
    figures = {item.ask.name: Figure(item, rows[item.path]) for item in items}
    frame = string.Template(resources.files(__package__).joinpath("demo_page.html").read_text("utf-8"))
    styles = [figures[name].picture(half=True) for name in figures if name.startswith("lighthouse-")]
    return frame.substitute(
        seconds=f"{manifest['seconds']:.1f}",
        hero=figures["fox"].picture(),
        hooks=figures["hooks"].hooks(),
        styles=join(styles),
        sentence=figures["sentence"].recording(),
        film=figures["film"].film(),
        made_with=el("span", manifest["made_with"]),
        created=el("time", manifest["created"][:10], datetime=manifest["created"]),
        python=el("span", manifest["python"]),
    )


class Figure:
    """One item of the page."""

    def __init__(self, item: Item, row: Mapping[str, Any]) -> None:
        self._item = item
        self._row = row

    def _code(self) -> Html:
        return el("pre", el("code", self._item.ask.code()), tabindex="0", aria_label="the call that made this")

    def _caption(self, *facts: str) -> Html:
        about = " · ".join([*facts, human_size(self._row["bytes"])])
        file = el("a", self._row["path"], href=self._row["path"])
        return el(
            "figcaption", el("span", self._row["caption"], class_="by"), el("span", file, f" · {about}", class_="file")
        )

    def picture(self, *, half: bool = False) -> Html:
        """A picture with its caption; a half one also says its style."""
        row = self._row
        image = el(
            "img",
            src=row["path"],
            alt=f"{self._item.ask.words}{', ' + row['parameters']['style'] if half else ''}",
            width=row["width"],
            height=row["height"],
        )
        linked = el("a", image, href=row["path"], title="Open the full picture")
        style = el("h3", row["parameters"]["style"]) if half else ""
        return el("figure", style, linked, self._code(), self._caption(f"{row['width']} × {row['height']}"))

    def hooks(self) -> Html:
        """The text's lines as a list."""
        response = self._item.response
        assert isinstance(response, TextGenerationResponse)
        lines = [line.partition(". ")[2] or line for line in response.text.splitlines() if line.strip()]
        return el("figure", el("ol", *(el("li", line) for line in lines)), self._code(), self._caption())

    def recording(self) -> Html:
        """A player, and the words, each of which lights up when it is said."""
        response = self._item.response
        assert isinstance(response, SpeechSynthesisResponse)
        player = el("audio", src=self._row["path"], controls=True, preload="metadata", aria_label=self._item.ask.words)
        words = [
            el("span", word.text, data_start=f"{word.start:.3f}", data_end=f"{word.end:.3f}")
            for word in response.word_timings
        ]
        spoken = join(part for word in words for part in (word, " ")) if words else self._item.ask.words
        seconds = f"{response.duration:.1f} s"
        return el("figure", el("p", spoken, class_="spoken"), player, self._code(), self._caption(seconds))

    def film(self) -> Html:
        """The film, its scenes and what is in the file."""
        row = self._row
        player = el(
            "video",
            el("a", "Open the film", href=row["path"]),
            src=row["path"],
            width=row["width"],
            height=row["height"],
            controls=True,
            loop=True,
            playsinline=True,
            preload="metadata",
            aria_label=self._item.ask.words,
        )
        scenes = el("ol", *(el("li", scene) for scene in self._item.response.metadata["scenes"]))
        kinds = " + ".join(stream["type"] for stream in row["streams"])
        narration = el("blockquote", row["parameters"]["narration"])
        facts = (f"{row['width']} × {row['height']}", f"{row['duration']:.1f} s", kinds)
        side = el(
            "div", el("h3", "Scenes"), scenes, el("h3", "Narration"), narration, self._code(), self._caption(*facts)
        )
        return el("figure", player, side, class_="film")
