"""Media inside an HTML file, up to a size: beyond it a thumbnail stands for a picture or film, and is said to be one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from viralai_sdk.compare.cells import Cell
from viralai_sdk.interfaces.display.files import data_url, poster, thumbnail
from viralai_sdk.interfaces.display.markup import MUTED, Html, clean, el, human_size, label, name
from viralai_sdk.interfaces.display.results import about, body
from viralai_sdk.interfaces.media import EXTENSIONS, sniff
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.store.files import storage_error

_TYPES: Final = {ending: media_type for media_type, ending in EXTENSIONS.items()}
_TAGS: Final = {"image": "img", "video": "video", "audio": "audio"}


def media_files(response: Response) -> list[Path]:
    """The files of a response as absolute paths in its own order, each once."""
    named = [*getattr(response, "image_paths", ())]
    named += [getattr(response, field, None) for field in ("video_path", "audio_path")]
    named += [artifact.path for artifact in response.artifacts]
    return list(dict.fromkeys(Path(path).absolute() for path in named if path))


def media_type(path: Path) -> str | None:
    """What a file is: told by its first bytes, by its ending when they tell nothing. None when neither says.

    Raises:
        StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise storage_error("read", path, error) from error
    return sniff(head) or _TYPES.get(path.suffix.lower())


class Embedding:
    """Embeds media until `limit` bytes are used up."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def result(self, cell: Cell) -> Html:
        """The result of a cell, with everything that is needed to see or hear it."""
        response = cell.response
        assert response is not None
        if isinstance(response, TextGenerationResponse):
            return body(response)
        made = [self._file(path, about(response)) for path in media_files(response)]
        return el("div", *(made or [el("div", clean("no file"))]))

    def _file(self, path: Path, alt: str) -> Html:
        if not path.is_file():
            return el("div", name(path.name), ": ", el("strong", "the file is missing"), style=MUTED)
        size = path.stat().st_size
        kind = media_type(path) or ""
        tag = _TAGS.get(kind.partition("/")[0])
        facts = el("div", name(path.name), f" · {human_size(size)}", style=MUTED)
        if tag is None:
            return facts
        url = data_url(path, kind, self._left)
        if url is None:
            return el("div", self._stand_in(path, tag, alt), facts)
        self._left -= size
        if tag == "img":
            return el("div", el("img", src=url, alt=alt), facts)
        return el("div", el(tag, src=url, controls=True, preload="metadata", aria_label=alt), facts)

    def _stand_in(self, path: Path, tag: str, alt: str) -> Html:
        small = thumbnail(path) if tag == "img" else poster(path) if tag == "video" else None
        what = {
            "img": "A smaller copy",
            "video": "The first picture only" if small else "Not shown",
            "audio": "Not here",
        }[tag]
        note = el("div", el("strong", what), ": the page would have become too large.", style=MUTED)
        return el("div", el("img", src=small.url, alt=label(alt)) if small else "", note)
