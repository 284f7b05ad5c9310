"""SSML, checked before any engine sees it.

espeak-ng reads malformed markup aloud instead of refusing it, so the markup is parsed here as XML, reduced to the
elements that really have an effect, and written out again with a map from every character back to the visible text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from viralai_sdk.providers.embedded.voice.model import VoiceError

LONGEST_BREAK = 30.0
# Pauses in seconds, for engines that take only numbers.
BREAK_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
_HONOURED = {
    "speak": ("xml:lang",),
    "p": (),
    "s": (),
    "prosody": ("rate", "pitch", "volume", "range"),
    "emphasis": ("level",),
    "voice": ("xml:lang",),
    "lang": ("xml:lang",),
    "say-as": ("interpret-as", "format"),
    "break": (),
    "mark": (),
}
_SEPARATES_WORDS = {"p", "s", "break"}
_UNSPOKEN = {"metadata", "meta", "lexicon", "desc"}
_PLAIN_VALUE = re.compile(r"[\w .%+:-]{1,40}\Z")
_OWN_ROOT = re.compile(r"(<\?xml|<!DOCTYPE|(\s*<!--.*?-->)*\s*<([\w-]+:)?speak[\s>/])", re.DOTALL)
_DURATION = re.compile(r"\s*\+?(\d+(?:\.\d*)?|\.\d+)\s*(ms|s)\s*\Z")


@dataclass(frozen=True, slots=True)
class Piece:
    """`text`: visible text (with `spoken`, what is said for it) · `open`/`close`: an element · `break`: a pause (s)."""

    kind: Literal["text", "open", "close", "break"]
    text: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    spoken: str | None = None


@dataclass(frozen=True, slots=True)
class Ssml:
    """A well-formed document as a flat list, and notes about what no engine here honours."""

    pieces: tuple[Piece, ...]
    notes: tuple[str, ...]

    @property
    def visible(self) -> str:
        """The text a reader would see."""
        return "".join(piece.text for piece in self.pieces if piece.kind == "text")

    @property
    def spoken(self) -> str:
        """The text a listener hears: aliases in the place of what they stand for."""
        heard = (piece.text if piece.spoken is None else piece.spoken for piece in self.pieces if piece.kind == "text")
        return "".join(heard)


@dataclass
class _Reader:
    pieces: list[Piece] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    unspoken: int = 0
    aliases: list[str] = field(default_factory=list)

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rsplit(":", 1)[-1].lower()
        self.open.append(name)
        if name == "sub":
            self.aliases.append(attributes.get("alias", ""))
            return
        if name in _UNSPOKEN:
            self.unspoken += 1
        if name in _SEPARATES_WORDS:
            self.pieces.append(Piece("text", " "))
        if name == "break":
            self.pieces.append(Piece("break", seconds=self._break_seconds(attributes)))
        elif name == "phoneme":
            self.notes["SSML <phoneme>: the transcription is not used, the text itself is read"] = None
        elif name == "mark":
            self.notes["SSML <mark>: marks are not reported"] = None
        elif name not in _HONOURED and name not in _UNSPOKEN:
            self.notes[f"SSML <{name}> has no effect here; what is inside it is read"] = None
        elif name not in _UNSPOKEN:
            self.pieces.append(Piece("open", name, self._kept(name, attributes)))

    def end(self, tag: str) -> None:
        name = self.open.pop()
        if name == "sub":
            self.aliases.pop()
        elif name in _UNSPOKEN:
            self.unspoken -= 1
        elif name in _HONOURED and name not in {"break", "mark"}:
            self.pieces.append(Piece("close", name))
        if name in _SEPARATES_WORDS:
            self.pieces.append(Piece("text", " "))

    def data(self, text: str) -> None:
        if self.unspoken:
            return
        if not self.aliases:
            self.pieces.append(Piece("text", text))
            return
        # The alias is said once, with the first of the text it stands for.
        self.pieces.append(Piece("text", text, spoken=self.aliases[-1]))
        self.aliases[-1] = ""

    def _kept(self, name: str, attributes: dict[str, str]) -> tuple[tuple[str, str], ...]:
        kept = []
        for key, value in attributes.items():
            if key in _HONOURED[name] and _PLAIN_VALUE.match(value):
                kept.append((key, value))
            elif not key.startswith("xmlns") and key not in {"version", "xsi:schemaLocation"}:
                self.notes[f"SSML <{name} {key}=...> is not honoured"] = None
        return tuple(kept)

    def _break_seconds(self, attributes: dict[str, str]) -> float:
        if "time" not in attributes:
            return BREAK_STRENGTHS.get(attributes.get("strength", "medium"), BREAK_STRENGTHS["medium"])
        match = _DURATION.match(attributes["time"])
        if match is None:
            raise VoiceError(
                "ssml", f'SSML <break time={attributes["time"]!r}>: write a time such as "500ms" or "1.5s".'
            )
        seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
        if seconds > LONGEST_BREAK:
            self.notes[f"SSML <break>: shortened to {LONGEST_BREAK:.0f} s"] = None
        return min(seconds, LONGEST_BREAK)


def parse(document: str) -> Ssml:
    """Read an SSML document, or a fragment without the outer <speak>.

    Raises VoiceError("ssml") with line and column when it is not well-formed XML, or declares a DTD or entities.
    """
    body = document.strip()
    wrapped = _OWN_ROOT.match(body) is None
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        # The closing tag on its own line keeps the reported line and column true for what the caller wrote.
        parser.Parse(f"<speak>{body}</speak>" if wrapped else body, True)
    except expat.ExpatError as error:
        column = error.offset + 1 - (len("<speak>") if wrapped and error.lineno == 1 else 0)
        reason = expat.ErrorString(error.code)
        raise VoiceError(
            "ssml",
            f"The SSML is not well-formed XML: {reason} (line {error.lineno}, column {max(column, 1)}). "
            "Close every element and write & as &amp; and < as &lt;, or pass ssml=False to read it as plain text.",
        ) from error
    except (UnicodeEncodeError, ValueError) as error:
        raise VoiceError("ssml", f"The SSML holds characters that XML does not allow: {error}.") from error
    return Ssml(tuple(reader.pieces), tuple(reader.notes))


def _refuse_doctype(*_: object) -> None:
    raise VoiceError("ssml", "SSML with a DOCTYPE is not read (entities can be abused): remove the declaration.")


def to_markup(document: Ssml) -> tuple[str, list[int]]:
    """Markup for espeak-ng, and for each of its characters the position in `document.visible` it stands for."""
    parts: list[str] = []
    positions: list[int] = []
    visible = 0

    def write(markup: str) -> None:
        parts.append(markup)
        positions.extend([visible] * len(markup))

    wraps_itself = any(piece.kind == "open" and piece.text == "speak" for piece in document.pieces)
    write("" if wraps_itself else "<speak>")
    for piece in document.pieces:
        if piece.kind == "text":
            if piece.spoken is not None:
                write(escape(piece.spoken))
                visible += len(piece.text)
                continue
            for character in piece.text:
                write(escape(character))
                visible += 1
        elif piece.kind == "open":
            name = "voice" if piece.text == "lang" else piece.text
            write(f"<{name}{''.join(f' {key}={quoteattr(value)}' for key, value in piece.attributes)}>")
        elif piece.kind == "close":
            write(f"</{'voice' if piece.text == 'lang' else piece.text}>")
        else:
            write(f'<break time="{round(piece.seconds * 1000)}ms"/>')
    write("" if wraps_itself else "</speak>")
    return "".join(parts), positions
