"""The child process that holds espeak-ng: `python -I -S espeak_worker.py`, one request on stdin, frames on stdout.

The library is GPL, keeps one global random state and may abort; a process of its own answers all three. It lives for
one request, because only a freshly loaded library gives the same bytes for the same text (and starting costs ~20 ms).
Standard library only, and nothing of this package: the parent starts this file by its path, not as a module.

Frames are a 5-byte header (kind, little-endian length) and a payload:
`I` JSON facts about the voice · `A` samples (int16) · `V` JSON events [type, position, length, sample, phoneme] ·
`E` JSON {"kind", "message"} · `L` JSON list of voices · `Z` the end.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
from ctypes import POINTER, Structure, Union, c_char, c_char_p, c_int, c_long, c_short, c_ubyte, c_uint, c_void_p
from typing import Any, BinaryIO

HEADER = struct.Struct("<cI")
AUDIO_OUTPUT_SYNCHRONOUS = 2
# Without the last bit the library calls exit() when its data is missing; the first two ask for phoneme events in IPA.
INITIALIZE_PHONEME_EVENTS, INITIALIZE_PHONEME_IPA, INITIALIZE_DONT_EXIT = 0x1, 0x2, 0x8000
CHARS_UTF8, SSML = 0x1, 0x10
POSITION_CHARACTER = 1
RATE, VOLUME, PITCH = 1, 2, 3
EVENT_LIST_END, EVENT_PHONEME = 0, 7
BUFFER_MS = 1000


class _EventId(Union):
    _fields_ = [("number", c_int), ("name", c_char_p), ("string", c_char * 8)]


class _Event(Structure):
    _fields_ = [
        ("type", c_int),
        ("unique_id", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_ms", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", _EventId),
    ]


class _Voice(Structure):
    _fields_ = [
        ("name", c_char_p),
        # A chain of (priority byte, tag, NUL), so not a plain string: read by hand in `_tags`.
        ("languages", c_void_p),
        ("identifier", c_char_p),
        ("gender", c_ubyte),
        ("age", c_ubyte),
        ("variant", c_ubyte),
        ("reserved", c_ubyte),
        ("score", c_int),
        ("spare", c_void_p),
    ]


_Callback = ctypes.CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))


class WorkerError(Exception):
    """Something the parent must turn into its own typed error."""


class Frames:
    """Writes frames to the parent."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def send(self, kind: bytes, payload: bytes = b"") -> None:
        self._stream.write(HEADER.pack(kind, len(payload)) + payload)
        self._stream.flush()

    def send_json(self, kind: bytes, value: object) -> None:
        self.send(kind, json.dumps(value).encode())


def load(library: str, data: str) -> tuple[ctypes.CDLL, int]:
    """The initialised library and its sample rate (Hz)."""
    try:
        lib = ctypes.CDLL(library)
    except OSError as error:
        raise WorkerError(f"the espeak-ng library could not be loaded: {error}") from error
    options = INITIALIZE_DONT_EXIT | INITIALIZE_PHONEME_EVENTS | INITIALIZE_PHONEME_IPA
    rate = lib.espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, BUFFER_MS, os.fsencode(data), options)
    if rate <= 0:
        raise WorkerError(f"espeak-ng did not start with the data in {data!r} (answer {rate})")
    lib.espeak_ListVoices.restype = POINTER(POINTER(_Voice))
    lib.espeak_GetCurrentVoice.restype = POINTER(_Voice)
    lib.espeak_Info.restype = c_char_p
    return lib, rate


def _tags(address: int | None) -> list[tuple[str, int]]:
    tags: list[tuple[str, int]] = []
    while address and (priority := ctypes.string_at(address, 1)[0]):
        tag = ctypes.string_at(address + 1)
        tags.append((tag.decode("utf-8", "replace"), priority))
        address += 2 + len(tag)
    return tags


def _list(lib: ctypes.CDLL, spec: _Voice | None) -> list[dict[str, Any]]:
    found = lib.espeak_ListVoices(ctypes.byref(spec) if spec is not None else None)
    voices: list[dict[str, Any]] = []
    index = 0
    while found[index]:
        voice = found[index].contents
        voices.append(
            {
                "name": voice.name.decode("utf-8", "replace").strip(),
                "identifier": voice.identifier.decode("utf-8", "replace"),
                "gender": {1: "male", 2: "female"}.get(voice.gender),
                "tags": _tags(voice.languages),
            }
        )
        index += 1
    return voices


def list_voices(lib: ctypes.CDLL) -> dict[str, Any]:
    """Languages and variants the data folder holds, and the library's version."""
    wanted = ctypes.create_string_buffer(b"variant")
    variants = _list(lib, _Voice(languages=ctypes.addressof(wanted)))
    return {"languages": _list(lib, None), "variants": variants, "version": lib.espeak_Info(None).decode()}


def select_voice(lib: ctypes.CDLL, tag: str, variant: str | None) -> None:
    """By properties, since by name plain tags such as en-gb are not found; a variant then goes onto the file's name."""
    wanted = ctypes.create_string_buffer(tag.encode())
    if lib.espeak_SetVoiceByProperties(ctypes.byref(_Voice(languages=ctypes.addressof(wanted)))) != 0:
        raise WorkerError(f"espeak-ng has no voice for {tag!r}")
    if variant is not None:
        identifier = lib.espeak_GetCurrentVoice().contents.identifier
        if lib.espeak_SetVoiceByName(identifier + b"+" + variant.encode()) != 0:
            raise WorkerError(f"espeak-ng could not load the variant {variant!r} of {tag!r}")


def synthesize(lib: ctypes.CDLL, rate: int, request: dict[str, Any], frames: Frames) -> None:
    """Speak the request; samples and events leave while the library is still working."""
    lib.espeak_ng_SetRandSeed.argtypes = [c_long]
    lib.espeak_ng_SetRandSeed(request["seed"])
    select_voice(lib, request["language"], request["variant"])
    for parameter, key in ((RATE, "rate"), (VOLUME, "volume"), (PITCH, "pitch")):
        lib.espeak_SetParameter(parameter, request[key], 0)
    frames.send_json(b"I", {"sample_rate": rate, "version": lib.espeak_Info(None).decode()})

    def on_audio(samples: Any, count: int, events: Any) -> int:
        try:
            listed = []
            index = 0
            while events[index].type != EVENT_LIST_END:
                event = events[index]
                sound = event.id.string.decode("utf-8", "replace") if event.type == EVENT_PHONEME else ""
                listed.append((event.type, event.text_position, event.length, event.sample, sound))
                index += 1
            if listed:
                frames.send_json(b"V", listed)
            if samples and count > 0:
                frames.send(b"A", ctypes.string_at(samples, count * 2))
        except BaseException:
            # ctypes would print and go on; a reader that has gone away (a cancelled call) must end this process.
            os._exit(3)
        return 0

    callback = _Callback(on_audio)
    lib.espeak_SetSynthCallback(callback)
    text = request["text"].encode("utf-8")
    flags = CHARS_UTF8 | (SSML if request["ssml"] else 0)
    buffer = ctypes.create_string_buffer(text)
    lib.espeak_Synth.argtypes = [c_void_p, ctypes.c_size_t, c_uint, c_int, c_uint, c_uint, c_void_p, c_void_p]
    code = lib.espeak_Synth(buffer, len(text) + 1, 0, POSITION_CHARACTER, 0, flags, None, None)
    if code != 0 or lib.espeak_Synchronize() != 0:
        raise WorkerError(f"espeak-ng refused the text (answer {code})")


def serve(request: dict[str, Any], frames: Frames) -> None:
    """Answer one request."""
    try:
        lib, rate = load(request["library"], request["data"])
        if request["op"] == "voices":
            frames.send_json(b"L", list_voices(lib))
        else:
            synthesize(lib, rate, request, frames)
    except WorkerError as error:
        frames.send_json(b"E", {"message": str(error)})
    frames.send(b"Z")


def main() -> None:
    # The library and the C runtime must not be able to write into the frames.
    channel = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    serve(json.loads(sys.stdin.buffer.read()), Frames(channel))
    # Skip the teardown of the library: it has nothing to save, and a crash in it would look like a failed call.
    os._exit(0)


if __name__ == "__main__":
    main()
