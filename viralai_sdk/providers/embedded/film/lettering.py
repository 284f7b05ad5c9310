"""Captions drawn into the picture: a rounded translucent plate, the word being spoken in colour."""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from .captions import LINE_WIDTH, Cue, glue_before
from .plan import TimedWord

SAFE_AREA = 0.05
"""Share of each side that captions keep clear."""
_KEPT_PLATES = 64
_SMALLEST = 9  # pixels of font size below which lettering is a smudge
_INK, _SPOKEN, _PLATE = (255, 255, 255, 255), (255, 214, 92, 255), (10, 12, 20, 168)
_RIGHT_TO_LEFT = {"R", "AL"}
# The font that Pillow carries holds little more than ASCII. Where it lacks a letter, a font of the machine that has
# them all is taken; these names cover what Linux, macOS and Windows bring. Without one, captions stay out of the
# picture, and the film says so.
_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "Arial Unicode.ttf",
    "segoeui.ttf",
)
_LOOKALIKES = str.maketrans({"–": "-", "—": "-", "‑": "-", "\u00a0": " ", "‚": ",", "„": '"'})

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@lru_cache(maxsize=32)
def _builtin(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache(maxsize=64)
def _system(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:  # Pillow's word for "no such font on this machine"
        return None


def _shape(font: Font, character: str) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _covers(font: Font, characters: Iterable[str]) -> bool:
    """Whether `font` has its own glyph for every character. A missing one is drawn as the "missing glyph" box, so
    shapes tell."""
    missing = {_shape(font, c) for c in ("\U000f0000", "\U0010fffd")}
    return all(c.isspace() or _shape(font, c) not in missing for c in characters)


def pick_font(texts: Sequence[str], size: int) -> Font | None:
    """A font that can write all of `texts` from left to right, or None: the built-in one, else one of this
    machine's."""
    characters = sorted(set("".join(texts)))
    if any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in characters):
        return None
    builtin = _builtin(size)
    if _covers(builtin, characters):
        return builtin
    if any(unicodedata.combining(c) for c in characters):
        return None
    candidates = (_system(name, size) for name in _SYSTEM_FONTS)
    return next((font for font in candidates if font is not None and _covers(font, characters)), None)


@dataclass(frozen=True, slots=True)
class Plate:
    """A drawn caption and where its top left corner goes in the frame."""

    picture: Image.Image
    corner: tuple[int, int]


class CaptionLayer:
    """Puts the cue of a moment onto frames of one size. Use `for_film` to make one; it says no when the captions
    cannot be drawn."""

    def __init__(self, track: Sequence[Cue], frame: tuple[int, int], font: Font) -> None:
        self._track = tuple(track)
        self._frame = frame
        self._font = font
        self._drawn: dict[tuple[int, int], Plate] = {}
        self._lock = threading.Lock()

    @classmethod
    def for_film(cls, track: Sequence[Cue], frame: tuple[int, int]) -> CaptionLayer | str:
        """A layer for `track`, or the reason in plain words why its captions cannot be drawn into frames of this
        size."""
        width, height = frame
        inner = width * (1 - 2 * SAFE_AREA)
        size = int(min(height * 0.062, inner / (LINE_WIDTH * 0.56)))
        if size < _SMALLEST:
            return f"captions are not burned in: {width}x{height} is too small to read them"
        texts = [_written(word.text) for cue in track for word in cue.words]
        font = pick_font(texts, size)
        if font is None:
            return (
                "captions are not burned in: no font at hand can write them (installing DejaVu Sans or Noto Sans "
                "helps with most); they are in the WebVTT text and, with H.264, in the file's caption track"
            )
        widest = max((_width(font, line) for cue in track for line in cue.lines), default=0.0)
        if widest > inner - size:  # wide letters (MMMM) outgrow the average that the size was chosen for
            size = int(size * (inner - size) / widest)
            font = pick_font(texts, max(size, 1))
            if font is None or size < _SMALLEST:
                return f"captions are not burned in: their lines do not fit {width}x{height} at a readable size"
        return cls(track, frame, font)

    def onto(self, picture: Image.Image, moment: float) -> None:
        """Draw the caption of `moment` (seconds) onto `picture`, in place; nothing when there is none."""
        for index, cue in enumerate(self._track):
            if cue.start <= moment < cue.end:
                begun = [i for i, word in enumerate(cue.words) if word.start <= moment]
                plate = self._plate(index, begun[-1] if begun else 0)
                picture.paste(plate.picture, plate.corner, plate.picture)
                return

    def _plate(self, index: int, spoken: int) -> Plate:
        key = (index, spoken)
        with self._lock:  # frames are made by two threads
            plate = self._drawn.get(key)
            if plate is None:
                if len(self._drawn) >= _KEPT_PLATES:
                    self._drawn.clear()
                plate = self._drawn[key] = self._draw(self._track[index], spoken)
            return plate

    def _draw(self, cue: Cue, spoken: int) -> Plate:
        """The plate is drawn at three times its size and reduced, because Pillow's rounded corners have hard edges;
        text is not."""
        font, (frame_width, frame_height) = self._font, self._frame
        top, bottom = font.getbbox("Ag")[1], font.getbbox("Agpy")[3]
        step = (bottom - top) * 1.32
        pad_x, pad_y = (bottom - top) * 0.62, (bottom - top) * 0.42
        widths = [_width(font, line) for line in cue.lines]
        width = round(max(widths) + 2 * pad_x)
        height = round(step * (len(cue.lines) - 1) + (bottom - top) + 2 * pad_y)
        big = Image.new("L", (width * 3, height * 3), 0)
        ImageDraw.Draw(big).rounded_rectangle((0, 0, width * 3 - 1, height * 3 - 1), pad_y * 3 * 1.1, fill=_PLATE[3])
        picture = Image.new("RGBA", (width, height), (*_PLATE[:3], 0))
        picture.putalpha(big.resize((width, height), Image.Resampling.BOX))
        ink = ImageDraw.Draw(picture)
        number = 0
        for row, (line, line_width) in enumerate(zip(cue.lines, widths, strict=True)):
            x, y = (width - line_width) / 2, pad_y + row * step - top
            for i, word in enumerate(line):
                text = _written(word.text)
                if i:
                    x += font.getlength(glue_before(line[i - 1].text, word.text))
                ink.text((x, y), text, font=font, fill=_SPOKEN if number == spoken else _INK)
                x += font.getlength(text)
                number += 1
        margin = round(frame_height * SAFE_AREA)
        return Plate(picture, ((frame_width - width) // 2, frame_height - margin - height))


def _width(font: Font, line: Sequence[TimedWord]) -> float:
    total = 0.0
    for i, word in enumerate(line):
        if i:
            total += font.getlength(glue_before(line[i - 1].text, word.text))
        total += font.getlength(_written(word.text))
    return total


def _written(text: str) -> str:
    """`text` composed, with typographic signs that the built-in font lacks written as their plain relatives."""
    return unicodedata.normalize("NFC", text).translate(_LOOKALIKES)
