"""Measuring tells the truth about whole files and a typed error about everything else."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.store import samples
from viralai_sdk.interfaces.errors import AIError, EmptyResultError, MalformedResponseError, StorageError
from viralai_sdk.store.measure import Measured, measure

FRAGMENTED = (("movflags", "frag_keyframe+empty_moov"),)
IMAGES = {
    "png": samples.image("PNG"),
    "jpeg": samples.image("JPEG"),
    "progressive": samples.image("JPEG", progressive=True),
    "gif": samples.image("GIF"),
    "webp": samples.image("WEBP"),
    "avif": samples.image("AVIF"),
}
FILMS = {
    "mp4": samples.film(),
    "mp4 with sound": samples.film(sound=True),
    "fragmented": samples.film(options=FRAGMENTED, sound=True),
    "mov": samples.film("mov"),
    "webm": samples.film("webm", "libvpx"),
    "live webm": samples.film("webm", "libvpx", seekable=False),
}
SOUNDS = {
    "wav": samples.wav(),
    "mp3": samples.sound("mp3", "libmp3lame"),
    "streamed mp3": samples.sound("mp3", "libmp3lame", seekable=False),
    "opus": samples.sound("ogg", "libopus"),
    "flac": samples.sound("flac", "flac"),
    "aac": samples.sound("adts", "aac"),
    "m4a": samples.sound("ipod", "aac"),
    "webm": samples.film("webm", picture=False, sound=True),
}
ALL = [
    *((name, "image", data) for name, data in IMAGES.items()),
    *((name, "video", data) for name, data in FILMS.items()),
    *((name, "audio", data) for name, data in SOUNDS.items()),
]
BY_NAME = pytest.mark.parametrize(("name", "kind", "data"), ALL, ids=[f"{kind}-{name}" for name, kind, _ in ALL])
SMALL = [(name, kind, data) for name, kind, data in ALL if len(data) < 30_000]


@pytest.mark.parametrize("name", IMAGES)
def test_the_size_of_every_picture_format_is_read(name: str) -> None:
    found = measure(IMAGES[name], "image")
    assert (found.width, found.height, found.duration) == (48, 32, None)


@pytest.mark.parametrize("name", FILMS)
def test_a_film_s_size_length_and_rate_agree_with_ffmpeg(name: str) -> None:
    found = measure(FILMS[name], "video")
    with av.open(io.BytesIO(FILMS[name]), "r") as container:
        length = container.duration / 1e6 if container.duration else 1.0
        assert found.has_audio == bool(container.streams.audio)
    assert (found.width, found.height, found.has_video) == (64, 48, True)
    assert found.fps == pytest.approx(10)
    assert found.duration == pytest.approx(length, abs=0.001)


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_s_length_rate_and_channels_are_read(name: str) -> None:
    found = measure(SOUNDS[name], "audio")
    assert found.duration == pytest.approx(0.5 if name == "wav" else 1.0, abs=0.05)
    assert (found.sample_rate, found.channels) == (8000 if name == "wav" else 48000, 1)
    assert found.has_audio
    assert not found.has_video


@BY_NAME
def test_a_file_on_disk_measures_like_its_bytes(name: str, kind: str, data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(data)
    assert measure(path, kind) == measure(data, kind)


@BY_NAME
def test_half_a_file_is_an_error(name: str, kind: str, data: bytes) -> None:
    if "mp3" in name or name.startswith("live"):
        data = data[:40]  # these formats are made of independent pieces: half of one is a shorter recording
    with pytest.raises(MalformedResponseError):
        measure(data[: len(data) // 2], kind)


@pytest.mark.parametrize("kind", ["image", "video", "audio"])
def test_nothing_is_an_empty_result(kind: str) -> None:
    with pytest.raises(EmptyResultError):
        measure(b"", kind)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "an HTML page"),
        (b'{"error": {"message": "no"}}', "JSON"),
        (b"<Error><Code>AccessDenied</Code></Error>", "an XML document"),
        (b"Service unavailable", "plain text"),
        (bytes(500), "zero bytes"),
        (b"\x01\x02\x03\xfe", "unknown bytes"),
        (samples.wav(), "audio/wav"),
    ],
)
def test_the_error_says_what_the_bytes_are_instead(data: bytes, told: str) -> None:
    with pytest.raises(MalformedResponseError, match=told):
        measure(data, "image")


def test_an_error_page_does_not_spill_a_signed_address() -> None:
    page = b"<html>https://x.example/a?X-Goog-Signature=deadbeef0123"
    with pytest.raises(MalformedResponseError) as caught:
        measure(page, "video")
    assert "deadbeef" not in str(caught.value)


def test_a_picture_is_no_film_and_a_silent_film_no_sound() -> None:
    with pytest.raises(MalformedResponseError, match="image/png"):
        measure(IMAGES["png"], "video")
    with pytest.raises(MalformedResponseError, match="no sound track"):
        measure(FILMS["mp4"], "audio")
    with pytest.raises(MalformedResponseError, match="no picture track"):
        measure(SOUNDS["m4a"], "video")
    with pytest.raises(MalformedResponseError, match="no sound track"):
        measure(FILMS["webm"], "audio")
    with pytest.raises(MalformedResponseError, match="no picture track"):
        measure(SOUNDS["webm"], "video")


def test_a_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot read"):
        measure(tmp_path / "gone.png", "image")


def test_a_wrong_png_checksum_is_found() -> None:
    data = bytearray(IMAGES["png"])
    data[60] ^= 1
    with pytest.raises(MalformedResponseError, match="checksum"):
        measure(bytes(data), "image")


def _png(width: int, height: int, *, pixels: bytes = b"x", header: bytes = b"IHDR", colour: int = 2) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = chunk(header, struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + (chunk(b"IDAT", pixels) if pixels else b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (_png(20_000, 20_000), "limit is 200 million"),
        (_png(0, 5), "no size"),
        (_png(5, 5, pixels=b""), "no pixels"),
        (_png(5, 5, pixels=b"not deflate"), "unpacked"),
        (_png(5, 5, header=b"gAMA"), "begin with its header"),
        (_png(5, 5, colour=9), "pixel format"),
        (b"GIF89a" + struct.pack("<HHBBB", 60_000, 60_000, 0, 0, 0) + b";", "limit is 200 million"),
        (b"GIF89a" + struct.pack("<HHBBB", 6, 6, 0, 0, 0) + b";", "no frame"),
        (b"GIF89a" + struct.pack("<HHBBB", 6, 6, 0, 0, 0) + b"Q", "unknown block"),
        (b"\xff\xd8\xff\xe0\x00\x02\xff\xda\x00\x02\xff\xd9", "no frame header"),
        (b"\xff\xd8\xff\xe0\x00\x00", "no length"),
        (b"\xff\xd8\xff\xe0\x00\x02\x00\x00\x00\x00", "line up"),
        (b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8L" + struct.pack("<I", 10) + b"\x00" * 10, "no signature"),
        (b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8 " + struct.pack("<I", 10) + b"\x00" * 10, "no start code"),
        (b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x00" * 10, "no pixels"),
    ],
)
def test_pictures_that_only_look_like_pictures_are_refused(data: bytes, told: str) -> None:
    with pytest.raises(MalformedResponseError, match=told):
        measure(data, "image")


def test_large_and_extended_webp_and_many_frames_are_read() -> None:
    frames = [Image.new("RGBA", (20, 10), (shade, 0, 0, 128)) for shade in (0, 120, 250)]
    for kind in ("WEBP", "GIF"):
        buffer = io.BytesIO()
        frames[0].save(buffer, kind, save_all=True, append_images=frames[1:], lossless=True)
        assert (measure(buffer.getvalue(), "image").width, measure(buffer.getvalue(), "image").height) == (20, 10)
        with pytest.raises(MalformedResponseError):
            measure(buffer.getvalue()[:-1], "image")


def test_a_large_jpeg_is_measured_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viralai_sdk.store.pictures.DECODED_WHOLE", 10)
    monkeypatch.setattr("viralai_sdk.store.pictures._decode_small", None)
    assert measure(IMAGES["jpeg"], "image").width == 48
    with pytest.raises(MalformedResponseError, match="cut off"):
        measure(IMAGES["progressive"][:-2], "image")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ('<svg xmlns="http://www.w3.org/2000/svg" width="30px" height="20"/>', (30, 20)),
        ('<svg viewBox="0 0 64 32"><path d="M0 0"/></svg>', (64, 32)),
        ("<svg/>", (None, None)),
    ],
)
def test_drawings_are_read_by_their_head(text: str, size: tuple[int | None, int | None]) -> None:
    found = measure(text.encode(), "image")
    assert (found.width, found.height) == size


@pytest.mark.parametrize(
    "text",
    [
        "<svg><path></svg>",
        '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]><svg>&a;</svg>',
        '<?xml version="1.0"?><html><svg/></html>',
    ],
)
def test_broken_or_tricky_drawings_are_refused(text: str) -> None:
    with pytest.raises(MalformedResponseError):
        measure(text.encode(), "image")


def test_a_streamed_wav_header_is_measured_by_the_file() -> None:
    data = bytearray(samples.wav(0.5))
    for size in (0xFFFFFFFF, 0x7FFFFFFF):
        data[4:8] = data[40:44] = size.to_bytes(4, "little")
        assert measure(bytes(data), "audio").duration == pytest.approx(0.5)
    data[4:8] = data[40:44] = bytes(4)
    assert measure(bytes(data), "audio").duration == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (samples.wav(0), EmptyResultError),
        (b"RIFF\x24\0\0\0WAVE", MalformedResponseError),
        (samples.wav()[:36], MalformedResponseError),
        (samples.wav()[:12] + b"data\4\0\0\0abcd", MalformedResponseError),
        (samples.wav()[:12] + b"fmt \4\0\0\0abcd" + bytes(16), MalformedResponseError),
        (samples.wav()[:22] + b"\0\0" + samples.wav()[24:], MalformedResponseError),
        (samples.wav()[:20] + b"\x55\0\1\0" + b"\x40\x1f\0\0" + bytes(8) + samples.wav()[36:], MalformedResponseError),
    ],
)
def test_a_wav_without_sound_or_format_is_an_error(data: bytes, error: type[AIError]) -> None:
    with pytest.raises(error):
        measure(data, "audio")


def test_the_end_of_a_flac_file_is_proven() -> None:
    data = SOUNDS["flac"]
    assert measure(data + b"TAG" + bytes(125), "audio").duration == 1.0
    unknown = bytearray(data)
    unknown[21] &= 0xF0
    unknown[22:26] = bytes(4)  # a streaming encoder does not know the number of samples
    assert measure(bytes(unknown), "audio").duration == pytest.approx(1.0)
    for cut in (1, 100, len(data) - 50):
        with pytest.raises(MalformedResponseError):
            measure(data[:-cut], "audio")


def test_files_that_begin_well_but_hold_no_sound_are_refused() -> None:
    for data in (b"ID3\x04\0\0\0\0\0\0" + bytes(200), b"\xff\xf1" + bytes(50), b"OggS" + bytes(30), b"fLaC"):
        with pytest.raises(AIError):
            measure(data, "audio")


def _box(kind: bytes, content: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def test_boxes_of_64_bit_size_and_open_end_are_read() -> None:
    data = FILMS["mp4"]
    boxes, at = {}, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        boxes[data[at + 4 : at + 8]] = data[at + 8 : at + size]
        at += size
    head = _box(b"ftyp", boxes[b"ftyp"]) + _box(b"moov", boxes[b"moov"])
    assert measure(head + _box(b"mdat", boxes[b"mdat"], wide=True), "video").duration == 1.0
    assert measure(head + struct.pack(">I4s", 0, b"mdat") + boxes[b"mdat"], "video").duration == 1.0
    assert measure(head + _box(b"mdat", boxes[b"mdat"]) + bytes(9), "video").duration == 1.0
    for broken, told in (
        (head, "no media"),
        (_box(b"ftyp", boxes[b"ftyp"]) + _box(b"mdat", b"abc"), "not finished"),
        (head + struct.pack(">I4s", 4, b"mdat") + bytes(20), "less than its own head"),
        (head + _box(b"mdat", boxes[b"mdat"]) + b"ab", "cut off"),
        (head + struct.pack(">I4s", 1, b"mdat"), "cut off"),
    ):
        with pytest.raises(MalformedResponseError, match=told):
            measure(broken, "video")


def test_a_film_that_lasts_zero_seconds_is_an_empty_result() -> None:
    ftyp = _box(b"ftyp", b"isom" + bytes(4))
    hdlr = _box(b"hdlr", bytes(8) + b"vide" + bytes(12))
    mdhd = _box(b"mdhd", bytes(12) + struct.pack(">II", 1000, 0) + bytes(4))
    moov = _box(b"moov", _box(b"trak", _box(b"mdia", mdhd + hdlr)))
    with pytest.raises(EmptyResultError):
        measure(ftyp + moov + _box(b"mdat", b"x"), "video")


def test_a_film_turned_by_a_quarter_is_measured_as_shown() -> None:
    data = bytearray(FILMS["mp4"])
    at = data.index(b"tkhd") + 4
    data[at + 40 : at + 48] = struct.pack(">ii", 0, 0x10000)
    found = measure(bytes(data), "video")
    assert (found.width, found.height) == (48, 64)


def test_a_file_of_countless_boxes_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viralai_sdk.store.isobmff.MAX_BOXES", 100)
    with pytest.raises(MalformedResponseError, match="more than 100"):
        measure(_box(b"ftyp", b"isom" + bytes(4)) + _box(b"free", b"") * 200, "video")


def test_webm_without_pyav_proves_the_structure_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    assert measure(FILMS["webm"], "video") == Measured("video/webm")
    for broken in (FILMS["webm"][:-1], FILMS["webm"][:3], FILMS["webm"][:4], b"\x1aE\xdf\xa3\x00" + bytes(20)):
        with pytest.raises(MalformedResponseError):
            measure(broken, "video")
    with pytest.raises(MalformedResponseError, match="line up"):
        measure(FILMS["webm"].replace(b"\x18\x53\x80\x67", b"\x18\x53\x80\x66", 1), "video")


def _typed(data: bytes, kind: str) -> None:
    try:
        found = measure(data, kind)
    except AIError:
        return
    assert found.duration is None or found.duration > 0


@pytest.mark.parametrize(("name", "kind", "data"), SMALL, ids=[f"{kind}-{name}" for name, kind, _ in SMALL])
def test_cut_anywhere_it_is_measured_or_a_typed_error(name: str, kind: str, data: bytes) -> None:
    step = 1 if len(data) < 2500 else 37
    for length in range(0, len(data), step):
        _typed(data[:length], kind)


@pytest.mark.parametrize(
    ("name", "kind", "data"), [row for row in SMALL if row[1] == "image" or row[0] in ("mp4", "mov", "wav")]
)
def test_every_cut_of_a_sized_format_is_found(name: str, kind: str, data: bytes) -> None:
    for length in range(len(data)):
        with pytest.raises(AIError):
            measure(data[:length], kind)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SMALL), st.data())
def test_flipped_anywhere_it_is_measured_or_a_typed_error(sample: tuple[str, str, bytes], data: st.DataObject) -> None:
    _, kind, content = sample
    changed = bytearray(content)
    spots = st.integers(0, min(len(content), 600) - 1) | st.integers(0, len(content) - 1)
    for at in data.draw(st.lists(spots, min_size=1, max_size=8)):
        changed[at] = data.draw(st.integers(0, 255))
    _typed(bytes(changed), kind)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([b"", *(content[:40] for _, _, content in ALL)]),
    st.binary(max_size=300),
    st.sampled_from(["image", "video", "audio"]),
)
def test_any_bytes_behind_any_head_are_measured_or_a_typed_error(head: bytes, rest: bytes, kind: str) -> None:
    _typed(head + rest, kind)


def test_a_film_whose_head_counts_more_than_its_frames_keeps_its_rate() -> None:
    """Some writers let the track's head count an edit's offset: 10 frames a second would read as 8."""
    data = bytearray(FILMS["mp4"])
    at = data.index(b"mdhd") + 4 + 16
    length = int.from_bytes(data[at : at + 4], "big")
    data[at : at + 4] = (length * 5 // 4).to_bytes(4, "big")
    assert measure(bytes(data), "video").fps == pytest.approx(10)
