"""How each kind of response looks: the result first, one caption line, then what was not as asked."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import BaseModel

from viralai_sdk.interfaces.display.files import (
    EMBEDDED_AUDIO_BYTES,
    Thumbnail,
    contact_sheet,
    data_url,
    file_line,
    poster,
    relative_url,
    thumbnail,
)
from viralai_sdk.interfaces.display.markup import (
    BLOCK,
    CODE,
    FAILED,
    GRID,
    MUTED,
    PROSE,
    ROUND,
    Html,
    clean,
    el,
    label,
    lines,
    name,
)
from viralai_sdk.interfaces.display.table import rows_of, table_html
from viralai_sdk.interfaces.errors import AIError, AllProvidersFailedError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.media import EXTENSIONS
from viralai_sdk.interfaces.records import Artifact
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse

SHOWN_SIDE: Final = 480
"""Longest side at which one picture or film is laid out, in CSS pixels; the thumbnail has more for sharp screens."""
SHOWN_CHARS: Final = 50_000
"""Most characters of a text that a cell shows. `.text` always has all."""

_PRELOAD: Final = "none"
"""Lab makes relative addresses right only after the browser has seen them; a player that preloads would first ask for a wrong one."""

_TYPES: Final = {ending: media_type for media_type, ending in EXTENSIONS.items()} | {".jpeg": "image/jpeg"}


def body(response: Response, side: int = SHOWN_SIDE, chars: int = SHOWN_CHARS) -> Html:
    """The result itself, without caption, laid out at most `side` CSS pixels wide and high."""
    if isinstance(response, ImageGenerationResponse):
        return _pictures(response, side)
    if isinstance(response, VideoGenerationResponse):
        return _film(response, side)
    if isinstance(response, SpeechSynthesisResponse):
        return _recording(response)
    if isinstance(response, TextGenerationResponse):
        return _text(response, chars)
    return Html("")


def page(response: Response) -> Html:
    """The whole output of a cell that ends in a response."""
    return el("figure", body(response), el("figcaption", caption(response), notes(response)), style=BLOCK)


def caption(response: Response) -> Html:
    """provider · model · seconds · price, as the response words it."""
    return el("div", name(response.caption()), style=MUTED)


def notes(response: Response) -> Html:
    """What the result does not honour as asked, and which providers failed before."""
    return lines([*_warnings(response), *_failures(response)])


def _warnings(response: Response) -> list[Html]:
    rows = []
    for warning in response.warnings:
        about = el("span", " ", el("code", name(warning.parameter))) if warning.parameter else ""
        kind = "note" if warning.kind == "other" else warning.kind
        rows.append(el("span", el("strong", kind), about, ": ", name(warning.message)))
    return rows


def _failures(response: Response) -> list[Html]:
    rows = []
    for attempt in response.attempts:
        if attempt.outcome not in ("failed", "skipped"):
            continue
        what = f" {attempt.outcome}" + (f" after {attempt.seconds:.1f} s" if attempt.outcome == "failed" else "")
        why = ": ".join(part for part in (attempt.error, attempt.message) if part)
        bill = {"no": "", "maybe": " · may have been billed", "yes": " · was billed"}[attempt.billed]
        rows.append(el("span", el("strong", name(attempt.provider)), what, " · " if why else "", name(why), bill))
    return rows


def about(response: Response) -> str:
    """The words the result was asked with, as far as known: what a picture shows to people who cannot see it."""
    words = response.metadata.get("prompt") or response.metadata.get("text")
    return label(words) if words else f"made by {label(response.provider_used)}"


def _artifact(response: Response, path: str) -> Artifact | None:
    return next((item for item in response.artifacts if str(item.path) == path), None)


def _fitted(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height, 1))
    return max(round(width * scale), 1), max(round(height * scale), 1)


def _pictures(response: ImageGenerationResponse, side: int) -> Html:
    many = len(response.image_paths) > 1
    columns = 2 if len(response.image_paths) in (2, 4) else 3
    shown = []
    for number, path in enumerate(response.image_paths, 1):
        alt = about(response) + (f" ({number} of {len(response.image_paths)})" if many else "")
        shown.append(_picture(path, alt, side // 2 if many else side, 40_000 if many else None))
    return el("div", *shown, style=f"{GRID};max-width:{columns * (side // 2 + 14)}px") if many else el("div", *shown)


def _picture(path: str, alt: str, side: int, limit: int | None) -> Html:
    small = thumbnail(path, side * 4 // 3, limit) if limit else thumbnail(path)
    if small is None:
        return el("div", el("div", "No preview: ", name(alt)), el("div", file_line(path), style=MUTED))
    width, height = _fitted(*small.full, side)
    image = el("img", src=small.url, alt=alt, width=width, height=height, style=f"{ROUND};height:auto")
    url = relative_url(path)
    linked = el("a", image, href=url, target="_blank", rel="noopener", title="Open the full picture") if url else image
    facts = f"{small.full[0]} × {small.full[1]}"
    return el("div", linked, el("div", file_line(path, facts), style=MUTED), style=f"max-width:{max(width, 200)}px")


def _film(response: VideoGenerationResponse, side: int) -> Html:
    path = response.video_path
    if path is None:
        state = f"Job {label(response.job_id or 'without id')}: {response.status.value}"
        return el("div", state, " · " if response.error_message else "", name(response.error_message or ""))
    known = _artifact(response, path)
    first = poster(path)
    size = first.full if first else (known.width or 16, known.height or 9) if known else (16, 9)
    width, height = _fitted(*size, side) if max(size) > 16 else (side, side * 9 // 16)
    url = relative_url(path)
    facts = [f"{response.duration:.1f} s" if response.duration else None, f"{size[0]} × {size[1]}" if first else None]
    details = el("div", file_line(path, *facts), style=MUTED)
    if url is None:
        still = el("img", src=first.url, alt=about(response), width=width, height=height, style=ROUND) if first else ""
        return el(
            "div", still, details, el("div", "Outside this notebook's folder, so it plays only there.", style=MUTED)
        )
    player = el(
        "video",
        el("a", "Open the film", href=url),
        src=url,
        poster=first.url if first else None,
        width=width,
        height=height,
        controls=True,
        loop=True,
        preload=_PRELOAD,
        title=about(response),
        aria_label=about(response),
        style=ROUND,
    )
    return el("div", player, details)


def _recording(response: SpeechSynthesisResponse) -> Html:
    path = response.audio_path
    known = _artifact(response, path)
    media_type = known.media_type if known else _TYPES.get(path[path.rfind(".") :].lower(), "audio/wav")
    source = relative_url(path) or data_url(path, media_type, EMBEDDED_AUDIO_BYTES)
    rate = f"{response.sample_rate / 1000:g} kHz" if response.sample_rate else None
    details = el("div", file_line(path, f"{response.duration:.1f} s", rate), style=MUTED)
    if source is None:
        return details
    spoken = about(response)
    player = el(
        "audio",
        el("a", "Open the recording", href=source),
        src=source,
        controls=True,
        preload=_PRELOAD,
        title=spoken,
        aria_label=spoken,
        style="width:100%;max-width:480px",
    )
    return el("div", player, details)


def _text(response: TextGenerationResponse, chars: int) -> Html:
    text = clean(response.text)
    shown = text if len(text) <= chars else text[:chars] + "…"
    parts = []
    if response.parsed is None:
        parts.append(el("div", shown, dir="auto", style=PROSE))
    else:
        parts.append(_structured(response.parsed))
        raw = el("div", shown, dir="auto", style=CODE)
        parts.append(el("details", el("summary", "Answer as sent", style=MUTED), raw))
    if len(text) > chars:
        parts.append(el("div", f"The first {chars:,} of {len(text):,} characters; .text has all.", style=MUTED))
    if response.finish_reason == "length":
        parts.append(lines(["The answer stops here because it reached the token limit (max_tokens)."]))
    return el("div", *parts)


def _structured(value: Any) -> Html:
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    rows = rows_of(plain)
    if rows is not None:
        return table_html(rows)
    return el("pre", json.dumps(plain, indent=2, ensure_ascii=False, default=str), style=CODE)


def error_body(error: AIError) -> Html:
    """A failure as what it is: its class, its words, what to do, and whether it may have cost money."""
    where = f" at {label(error.provider)}" if error.provider else ""
    parts = [el("div", el("strong", type(error).__name__), where), el("div", name(error.message, 600))]
    if isinstance(error, AllProvidersFailedError):
        parts += [el("div", name(f"{item.provider}: {item.error}", 200), style=MUTED) for item in error.attempts]
    if error.hint:
        parts.append(el("div", name(error.hint, 600), style=MUTED))
    bill = {"no": "Nothing was charged.", "maybe": "It may have been billed.", "yes": "It was billed."}[error.billed]
    return el("div", *parts, el("div", bill, style=MUTED), style=FAILED)


def picture_of(response: Response) -> Thumbnail | None:
    """One bounded picture that stands for the response where HTML is not shown."""
    if isinstance(response, ImageGenerationResponse) and response.image_paths:
        if len(response.image_paths) > 1:
            return contact_sheet(response.image_paths)
        return thumbnail(response.image_paths[0])
    if isinstance(response, VideoGenerationResponse) and response.video_path:
        return poster(response.video_path)
    return None


def plain(response: Response) -> str:
    """The response for a terminal, a log or a screen reader: the text or the paths, the caption, the notes."""
    rows: list[str] = []
    if isinstance(response, TextGenerationResponse):
        rows += [clean(response.text)]
    elif isinstance(response, ImageGenerationResponse):
        rows += [label(path, 1000) for path in response.image_paths]
    elif isinstance(response, VideoGenerationResponse):
        state = f"job {response.job_id}: {response.status.value}"
        rows += [label(response.video_path or state, 1000)]
    elif isinstance(response, SpeechSynthesisResponse):
        rows += [f"{label(response.audio_path, 1000)} ({response.duration:.1f} s)"]
    rows.append(f"— {label(response.caption())}")
    for warning in response.warnings:
        of = f" ({warning.parameter})" if warning.parameter else ""
        rows.append(label(f"! {warning.kind}{of}: {warning.message}"))
    return "\n".join(rows)
