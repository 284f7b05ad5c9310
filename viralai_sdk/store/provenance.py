"""Writes into a media file where it came from, without touching a pixel, a sample or an offset."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape, unescape

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.store.isobmff import Box, Reader
from viralai_sdk.store.pictures import jpeg_segments, png_chunks
from viralai_sdk.store.redact import redact
from viralai_sdk.store.sound import read_wav

GENERATOR = "viralai-sdk"
KEY = "viralai"
PROMPT_CHARACTERS = 200
MAX_RECORD = 32_768
"""Longest record in bytes: it must fit into one JPEG comment."""
XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""The box of an MP4 file that holds XMP (XMP specification, part 3)."""
_NAMESPACE = "urn:viralai:provenance:1"
APPENDABLE = ("video/mp4", "video/quicktime", "audio/mp4")
"""Types that take the record at the end of the file."""


def make_record(
    *,
    provider: str,
    model: str | None,
    engine: str | None = None,
    is_model: bool = True,
    seed: int | None = None,
    prompt: str | None = None,
    created: str | None = None,
    **more: str,
) -> dict[str, str]:
    """The record of one result. Of the prompt it keeps its SHA-256 and its first 200 characters; `created` is ISO 8601."""
    given = {
        "provider": provider,
        "model": model,
        "engine": engine,
        "is_model": "true" if is_model else "false",
        "seed": None if seed is None else str(seed),
        "prompt": prompt,
        "created": created,
        **more,
    }
    return _complete({name: value for name, value in given.items() if value is not None})


def stamp(data: bytes, media_type: str, record: Mapping[str, str]) -> bytes:
    """The same file with the record in it: PNG text chunk, JPEG comment, WAV INFO, ID3 frame, XMP box of MP4.

    Other formats, and files whose structure leaves no safe place, come back untouched. A `prompt` in the record is shortened and hashed.
    """
    write = _WRITERS.get(media_type)
    if write is None:
        return data
    text = _encode(record)
    try:
        return write(data, text)
    except AIError:
        return data  # a reader did not find its way: leave such a file as it came


def append_stamp(path: Path, media_type: str, record: Mapping[str, str]) -> bool:
    """Add the record at the end of an MP4, MOV or M4A file on disk; False when the format has no such place.

    Raises:
        OSError: the file cannot be written; it is then as it was.
    """
    if media_type not in APPENDABLE:
        return False
    with path.open("rb+") as file:
        size = file.seek(0, io.SEEK_END)
        if not _can_append(file, size):
            return False
        try:
            file.seek(size)
            file.write(_xmp_box(_encode(record)))
            file.flush()
        except OSError:
            file.truncate(size)
            raise
    return True


def read_stamp(path: Path) -> dict[str, str] | None:
    """The record in a file; None when it has none, or one that is not ours.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        read = _FINDERS.get(sniff(file.read(64)) or "")
        try:
            text = read(file, file.seek(0, io.SEEK_END)) if read else None
        except AIError:
            return None
    return _decode(text) if text else None


def _complete(record: Mapping[str, str]) -> dict[str, str]:
    full = {"generator": GENERATOR, **{str(name): str(value) for name, value in record.items()}}
    prompt = full.get("prompt")
    if prompt is not None and "prompt_sha256" not in full:
        full["prompt_sha256"] = hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest()
        full["prompt"] = prompt[:PROMPT_CHARACTERS]
    return full


def _encode(record: Mapping[str, str]) -> bytes:
    full = redact(_complete(record))
    text = json.dumps(full, separators=(",", ":")).encode("ascii")
    while len(text) > MAX_RECORD:
        longest = max(full, key=lambda name: len(full[name]))
        full[longest] = full[longest][: len(full[longest]) // 2]
        text = json.dumps(full, separators=(",", ":")).encode("ascii")
    return text


def _decode(text: bytes) -> dict[str, str] | None:
    try:
        record = json.loads(text)
    except ValueError:
        return None
    if not isinstance(record, dict) or record.get("generator") != GENERATOR:
        return None
    return {str(name): str(value) for name, value in record.items()}


# --- PNG ------------------------------------------------------------------------------------------------------------------------------


def _png(data: bytes, text: bytes) -> bytes:
    content = b"tEXt" + KEY.encode() + b"\0" + text
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    return b"".join((memoryview(data)[:33], chunk, memoryview(data)[33:])) if data[12:16] == b"IHDR" else data


def _find_png(file: BinaryIO, size: int) -> bytes | None:
    file.seek(0)
    wanted = KEY.encode() + b"\0"
    for kind, content, _ in png_chunks(file.read(min(size, 1 << 20))):
        if kind == b"tEXt" and content[: len(wanted)] == wanted:
            return bytes(content[len(wanted) :])
        if kind == b"IDAT":
            break
    return None


# --- JPEG -----------------------------------------------------------------------------------------------------------------------------


def _jpeg(data: bytes, text: bytes) -> bytes:
    """A comment behind the leading application segments, so that JFIF and Exif keep their place and an engine's own comment comes later."""
    at = 2
    for marker, start, stop in jpeg_segments(data):
        if not 0xE0 <= marker <= 0xEF or start != at + 4:
            break
        at = stop
    comment = KEY.encode() + b":" + text
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
    return b"".join((memoryview(data)[:at], segment, memoryview(data)[at:]))


def _find_jpeg(file: BinaryIO, size: int) -> bytes | None:
    file.seek(0)
    data = file.read(min(size, 1 << 20))
    wanted = KEY.encode() + b":"
    for marker, start, stop in jpeg_segments(data):
        if marker == 0xFE and data[start : start + len(wanted)] == wanted:
            return data[start + len(wanted) : stop]
    return None


# --- WAV ------------------------------------------------------------------------------------------------------------------------------


def _wav(data: bytes, text: bytes) -> bytes:
    """A LIST INFO chunk at the end. Sizes that a streaming writer left open are filled in, or players would read the text as sound."""
    shape = read_wav(io.BytesIO(data), len(data))
    end = shape.data_start + shape.data_size
    if shape.header_size_wrong:
        body = bytearray(data[:end])
        body[shape.data_start - 4 : shape.data_start] = shape.data_size.to_bytes(4, "little")
    else:
        body = bytearray(data)
    body += b"\0" * (len(body) & 1)
    comment = KEY.encode() + b":" + text + b"\0"
    comment += b"\0" * (len(comment) & 1)
    info = b"INFOICMT" + len(comment).to_bytes(4, "little") + comment
    body += b"LIST" + len(info).to_bytes(4, "little") + info
    if len(body) - 8 >= 1 << 32:
        return data
    body[4:8] = (len(body) - 8).to_bytes(4, "little")
    return bytes(body)


def _find_wav(file: BinaryIO, size: int) -> bytes | None:
    shape = read_wav(file, size)
    at = shape.data_start + shape.data_size + (shape.data_size & 1)
    wanted = KEY.encode() + b":"
    while at + 8 <= size:
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"LIST" and length < 1 << 20:
            _, found, rest = file.read(length).partition(b"ICMT")
            if found and rest[4 : 4 + len(wanted)] == wanted:
                return rest[4 + len(wanted) : 4 + int.from_bytes(rest[:4], "little")].rstrip(b"\0")
        at += 8 + length + (length & 1)
    return None


# --- MP3 ------------------------------------------------------------------------------------------------------------------------------


def _mp3(data: bytes, text: bytes) -> bytes:
    """An ID3v2 text frame: in a new tag, or as the first frame of a plain existing one."""
    content = b"\0" + KEY.encode() + b"\0" + text
    if not data.startswith(b"ID3"):
        frame = b"TXXX" + len(content).to_bytes(4, "big") + b"\0\0" + content
        return b"ID3\x03\0\0" + _synchsafe(len(frame)) + frame + data
    if len(data) < 10 or data[3] not in (3, 4) or data[5]:
        return data  # unsynchronised or extended tags would have to be rewritten
    version, size = data[3], _from_synchsafe(data[6:10])
    frame = (
        b"TXXX" + (_synchsafe(len(content)) if version == 4 else len(content).to_bytes(4, "big")) + b"\0\0" + content
    )
    return b"".join((data[:6], _synchsafe(size + len(frame)), frame, memoryview(data)[10:]))


def _find_mp3(file: BinaryIO, size: int) -> bytes | None:
    file.seek(0)
    head = file.read(10)
    if len(head) < 10 or not head.startswith(b"ID3") or head[3] not in (3, 4):
        return None
    end = min(10 + _from_synchsafe(head[6:10]), size)
    wanted = b"\0" + KEY.encode() + b"\0"
    at = 10
    while at + 10 <= end:
        file.seek(at)
        frame = file.read(10)
        length = _from_synchsafe(frame[4:8]) if head[3] == 4 else int.from_bytes(frame[4:8], "big")
        if not frame[:4].strip(b"\0") or at + 10 + length > end:
            break
        if frame[:4] == b"TXXX":
            content = file.read(length)
            if content.startswith(wanted):
                return content[len(wanted) :]
        at += 10 + length
    return None


def _synchsafe(value: int) -> bytes:
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def _from_synchsafe(data: bytes) -> int:
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


# --- MP4, MOV, M4A --------------------------------------------------------------------------------------------------------------------


def _mp4(data: bytes, text: bytes) -> bytes:
    return data + _xmp_box(text) if _can_append(io.BytesIO(data), len(data)) else data


def _can_append(file: BinaryIO, size: int) -> bool:
    """Not behind a box that lasts "to the end of the file", nor behind the index of fragments, which is found from the end."""
    last: Box | None = None
    try:
        for box in Reader(file, size).boxes(0, size):
            last = box
    except AIError:
        return False
    return last is not None and not last.open_ended and last.kind != b"mfra" and last.end == size


def _xmp_box(text: bytes) -> bytes:
    packet = (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:v="{_NAMESPACE}">'
        f"<xmp:CreatorTool>{GENERATOR}</xmp:CreatorTool><v:record>{escape(text.decode('ascii'))}</v:record>"
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()
    return (24 + len(packet)).to_bytes(4, "big") + b"uuid" + XMP_UUID + packet


def _find_mp4(file: BinaryIO, size: int) -> bytes | None:
    found: bytes | None = None
    for box in Reader(file, size).boxes(0, size):
        if box.kind == b"uuid" and 16 < box.end - box.start < 1 << 20:
            file.seek(box.start)
            content = file.read(box.end - box.start)
            match = re.search(rb"<v:record>([^<]*)</v:record>", content)
            if content.startswith(XMP_UUID) and match and _NAMESPACE.encode() in content:
                found = unescape(match.group(1).decode("utf-8", "replace")).encode()
    return found


_WRITERS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "audio/wav": _wav,
    "audio/mpeg": _mp3,
    **dict.fromkeys(APPENDABLE, _mp4),
}
_FINDERS: dict[str, Callable[[BinaryIO, int], bytes | None]] = {
    "image/png": _find_png,
    "image/jpeg": _find_jpeg,
    "audio/wav": _find_wav,
    "audio/mpeg": _find_mp3,
    **dict.fromkeys(APPENDABLE, _find_mp4),
}
