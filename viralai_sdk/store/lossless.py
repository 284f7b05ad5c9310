"""Proves that Ogg and FLAC files are whole, which their tag readers do not look at."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from viralai_sdk.store.measured import malformed, truncated

_TAIL = 1 << 18
"""The last FLAC frame lies within this many bytes of the end: a frame of 65,535 samples in stereo at 16 bits fits."""
_BLOCK_SIZES = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)


def _table(polynomial: int, bits: int) -> tuple[int, ...]:
    top, mask = 1 << bits - 1, (1 << bits) - 1
    table = []
    for value in range(256):
        crc = value << bits - 8
        for _ in range(8):
            crc = (crc << 1 ^ polynomial if crc & top else crc << 1) & mask
        table.append(crc)
    return tuple(table)


_CRC8 = _table(0x07, 8)
_CRC16 = _table(0x8005, 16)


def check_ogg(file: BinaryIO, size: int) -> None:
    """Walk all pages.

    Raises:
        MalformedResponseError: the last page is cut off, or the pages do not line up.
    """
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(27)
        if len(head) < 27:
            raise truncated("Ogg file")
        if head[:4] != b"OggS":
            raise malformed("the Ogg file is damaged: its pages do not line up.")
        lacing = file.read(head[26])
        at += 27 + head[26] + sum(lacing)
        if len(lacing) < head[26] or at > size:
            raise truncated("Ogg file")


def check_flac(file: BinaryIO, size: int) -> int:
    """Number of samples up to the end of the last frame, whose checksum is proven.

    Raises:
        MalformedResponseError: the file is cut off or damaged.
    """
    file.seek(4)
    at, block, total = 4, 0, 0
    while True:
        file.seek(at)
        head = file.read(4)
        if len(head) < 4:
            raise truncated("FLAC file")
        length = int.from_bytes(head[1:], "big")
        if head[0] & 0x7F == 0:
            info = file.read(18)
            if len(info) < 18:
                raise truncated("FLAC file")
            block, total = int.from_bytes(info[:2], "big"), int.from_bytes(info[13:18], "big") & 0xFFFFFFFFF
        at += 4 + length
        if head[0] & 0x80:
            break
    start = max(at, size - _TAIL)
    file.seek(start)
    tail = file.read(size - start)
    if tail[-128:-125] == b"TAG":  # some taggers add an MP3 habit at the end
        tail = tail[:-128]
    reached = next(_whole_frames(tail, block), 0)
    if not reached or reached < total:
        raise truncated("FLAC file")
    return total or reached


def _whole_frames(tail: bytes, block: int) -> Iterator[int]:
    """Sample position after each frame that ends exactly where `tail` ends, looked for from the end."""
    at = len(tail)
    while (at := tail.rfind(b"\xff", 0, at)) >= 0:
        if tail[at + 1 : at + 2] in (b"\xf8", b"\xf9"):
            reached = _frame_end(tail[at : at + 16], block)
            if reached and _crc16(memoryview(tail)[at:]) == 0:
                yield reached


def _frame_end(head: bytes, block: int) -> int:
    """Sample position after the frame that starts here, 0 when no frame does."""
    try:
        first, used = _coded_number(head, 4)
        code, rate = head[2] >> 4, head[2] & 15
        samples = _BLOCK_SIZES[code]
        if code in (6, 7):
            width = code - 5
            samples = int.from_bytes(head[used : used + width], "big") + 1
            used += width
        used += {12: 1, 13: 2, 14: 2}.get(rate, 0)
        crc = 0
        for byte in head[:used]:
            crc = _CRC8[crc ^ byte]
        if crc != head[used] or not samples:
            return 0
    except (IndexError, struct.error):
        return 0
    return samples + (first if head[1] & 1 else first * block)


def _coded_number(head: bytes, at: int) -> tuple[int, int]:
    """(number, offset behind it) of the UTF-8 like coding."""
    lead = head[at]
    more = 0
    while lead & 0x80 >> more:
        more += 1
    value = lead & 0x7F >> more
    for byte in head[at + 1 : at + max(more, 1)]:
        value = value << 6 | byte & 0x3F
    return value, at + max(more, 1)


def _crc16(data: memoryview) -> int:
    """0 over a whole frame with its checksum."""
    crc = 0
    for byte in data:
        crc = crc << 8 & 0xFFFF ^ _CRC16[crc >> 8 ^ byte]
    return crc
