"""WAV files: around raw samples, and with their lengths put right."""

from __future__ import annotations

import struct

SAMPLE_RATE = 24_000
"""Of the vendor's raw samples: mono, signed 16 bit, little endian."""
UNKNOWN = 0xFFFFFFFF


def wrap_pcm(samples: bytes) -> bytes:
    """Raw samples as a WAV file. Half a sample at the end, left by a cut transfer, is dropped."""
    data = samples[: len(samples) // 2 * 2]
    head = struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * 2, 2, 16)
    return head + form + struct.pack("<4sI", b"data", len(data)) + data


def mend_wav(data: bytes) -> bytes:
    """A WAV file whose header states its true length. Streaming encoders write it before they know, and put in 0 or the largest number."""
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        if name == b"data":
            rest = len(data) - position - 8
            if size not in (0, UNKNOWN) and size <= rest:
                return data
            mended = bytearray(data)
            struct.pack_into("<I", mended, position + 4, rest)
            struct.pack_into("<I", mended, 4, len(data) - 8)
            return bytes(mended)
        position += 8 + size + size % 2
    return data
