"""A stamped file carries its origin and is otherwise the same."""

from __future__ import annotations

import io
import json
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.store import samples
from viralai_sdk.store.measure import measure
from viralai_sdk.store.provenance import append_stamp, make_record, read_stamp, stamp
from viralai_sdk.store.redact import register_secret

RECORD = make_record(
    provider="openai",
    model="gpt-image",
    engine=None,
    seed=7,
    prompt="ein Füchslein " * 40,
    created="2026-11-05T10:00:00Z",
)
FILES = {
    "image/png": samples.image("PNG"),
    "image/jpeg": samples.image("JPEG"),
    "audio/wav": samples.wav(),
    "audio/mpeg": samples.sound("mp3", "libmp3lame", seekable=False),
    "video/mp4": samples.film(sound=True),
    "video/quicktime": samples.film("mov"),
    "audio/mp4": samples.sound("ipod", "aac"),
}
UNTOUCHED = {
    "image/webp": samples.image("WEBP"),
    "image/gif": samples.image("GIF"),
    "image/avif": samples.image("AVIF"),
    "audio/flac": samples.sound("flac", "flac"),
    "audio/ogg": samples.sound("ogg", "libopus"),
    "video/webm": samples.film("webm", "libvpx"),
}


def _decoded(data: bytes, media_type: str) -> object:
    if media_type.startswith("image/"):
        return np.asarray(Image.open(io.BytesIO(data))).tobytes()
    if media_type == "audio/wav":
        with wave.open(io.BytesIO(data)) as file:
            return file.getparams(), file.readframes(file.getnframes())
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.to_ndarray().tobytes() for frame in container.decode()]


def _read(data: bytes, tmp_path: Path) -> dict[str, str] | None:
    path = tmp_path / "stamped"
    path.write_bytes(data)
    return read_stamp(path)


@pytest.mark.parametrize("media_type", FILES)
def test_a_stamp_is_read_back_and_changes_no_pixel_or_sample(media_type: str, tmp_path: Path) -> None:
    data = FILES[media_type]
    marked = stamp(data, media_type, RECORD)
    assert _read(marked, tmp_path) == RECORD
    assert _decoded(marked, media_type) == _decoded(data, media_type)
    kind = media_type.partition("/")[0]
    assert measure(marked, kind) == measure(data, kind)


@pytest.mark.parametrize("media_type", UNTOUCHED)
def test_formats_without_a_safe_place_come_back_untouched(media_type: str, tmp_path: Path) -> None:
    assert stamp(UNTOUCHED[media_type], media_type, RECORD) is UNTOUCHED[media_type]
    assert _read(UNTOUCHED[media_type], tmp_path) is None


def test_the_record_names_the_origin_and_keeps_the_prompt_short() -> None:
    assert RECORD["generator"] == "viralai-sdk"
    assert RECORD["is_model"] == "true"
    assert RECORD["seed"] == "7"
    assert len(RECORD["prompt"]) == 200
    assert len(RECORD["prompt_sha256"]) == 64
    assert "engine" not in RECORD


def test_a_secret_in_a_prompt_does_not_travel_with_the_picture() -> None:
    register_secret("prov-5ecret-value-123")
    marked = stamp(
        FILES["image/png"], "image/png", {"prompt": "use prov-5ecret-value-123 and https://a.b/c?sig=abcdef"}
    )
    assert b"prov-5ecret" not in marked
    assert b"sig=abcdef" not in marked


def test_pillow_reads_the_png_record_without_decoding() -> None:
    picture = Image.open(io.BytesIO(stamp(FILES["image/png"], "image/png", RECORD)))
    assert json.loads(picture.info["viralai"])["provider"] == "openai"


def test_an_engine_s_own_png_and_jpeg_comments_stay(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", '{"nodes": []}')
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=info)
    marked = stamp(buffer.getvalue(), "image/png", RECORD)
    assert Image.open(io.BytesIO(marked)).info["workflow"] == '{"nodes": []}'
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "JPEG", comment="made by an engine", exif=_exif())
    marked = stamp(buffer.getvalue(), "image/jpeg", RECORD)
    picture = Image.open(io.BytesIO(marked))
    assert picture.info["comment"] == b"made by an engine"
    assert picture.getexif()[0x0131] == "an engine"
    assert _read(marked, tmp_path) == RECORD


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0131] = "an engine"
    return exif


def test_a_tagged_mp3_keeps_its_tags(tmp_path: Path) -> None:
    bare = FILES["audio/mpeg"][FILES["audio/mpeg"].index(b"\xff\xfb") :]
    tagged = b"ID3\x04\0\0\0\0\0\x11TIT2\0\0\0\x07\0\0\x03a song" + bare
    marked = stamp(tagged, "audio/mpeg", RECORD)
    assert _read(marked, tmp_path) == RECORD
    with av.open(io.BytesIO(marked), "r") as container:
        assert container.metadata["title"] == "a song"
    assert _read(stamp(bare, "audio/mpeg", RECORD), tmp_path) == RECORD
    odd = b"ID3\x04\0\x80" + tagged[6:]  # unsynchronised
    assert stamp(odd, "audio/mpeg", RECORD) is odd


def test_stamping_repairs_a_streamed_wav_header(tmp_path: Path) -> None:
    data = bytearray(FILES["audio/wav"])
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    marked = stamp(bytes(data), "audio/wav", RECORD)
    assert _decoded(marked, "audio/wav") == _decoded(FILES["audio/wav"], "audio/wav")
    assert int.from_bytes(marked[4:8], "little") == len(marked) - 8
    assert _read(marked, tmp_path) == RECORD


@pytest.mark.parametrize("media_type", ["video/mp4", "video/quicktime", "audio/mp4"])
def test_a_large_film_is_stamped_at_its_end(media_type: str, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(FILES[media_type])
    assert append_stamp(path, media_type, RECORD)
    assert path.read_bytes().startswith(FILES[media_type])
    assert path.read_bytes() == stamp(FILES[media_type], media_type, RECORD)
    assert read_stamp(path) == RECORD


def test_a_film_whose_end_is_taken_stays_as_it_is(tmp_path: Path) -> None:
    fragmented = samples.film(options=(("movflags", "frag_keyframe+empty_moov"),))
    open_end = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\0mdat1234"
    assert fragmented[-4:] == len(fragmented[fragmented.rindex(b"mfra") - 4 :]).to_bytes(4, "big")
    for data in (fragmented, open_end, fragmented[:-3]):
        path = tmp_path / "film"
        path.write_bytes(data)
        assert stamp(data, "video/mp4", RECORD) is data
        assert not append_stamp(path, "video/mp4", RECORD)
        assert path.read_bytes() == data
    assert not append_stamp(path, "image/png", RECORD)


def test_foreign_and_damaged_files_have_no_stamp(tmp_path: Path) -> None:
    for data in (
        b"",
        b"hello",
        *FILES.values(),
        FILES["image/png"][:50],
        b"ID3\x02\0\0\0\0\0\0",
        b"ID3\x04\0\0\0\0\0\x20TXXX",
    ):
        assert _read(data, tmp_path) is None
    for text in (b"not json", b'{"generator":"other"}', b"[]"):
        info = PngImagePlugin.PngInfo()
        info.add_text("viralai", text.decode())
        buffer = io.BytesIO()
        Image.new("RGB", (4, 4)).save(buffer, "PNG", pnginfo=info)
        assert _read(buffer.getvalue(), tmp_path) is None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.dictionaries(st.text(max_size=8), st.text(max_size=300), max_size=4))
def test_any_record_survives_in_any_format(
    tmp_path_factory: pytest.TempPathFactory, media_type: str, record: dict[str, str]
) -> None:
    marked = stamp(FILES[media_type], media_type, record)
    found = _read(marked, tmp_path_factory.mktemp("stamp"))
    if record.get("generator", "viralai-sdk") == "viralai-sdk":
        assert found is not None
        assert found["generator"] == "viralai-sdk"


def test_an_enormous_record_is_cut_to_fit(tmp_path: Path) -> None:
    marked = stamp(FILES["image/jpeg"], "image/jpeg", {"note": "x" * 200_000, "provider": "openai"})
    found = _read(marked, tmp_path)
    assert found is not None
    assert found["provider"] == "openai"
    assert len(marked) < len(FILES["image/jpeg"]) + 33_000


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(FILES)), st.data())
def test_damaged_files_neither_break_stamping_nor_reading(
    tmp_path_factory: pytest.TempPathFactory, media_type: str, data: st.DataObject
) -> None:
    content = bytearray(stamp(FILES[media_type], media_type, RECORD))
    for at in data.draw(st.lists(st.integers(0, min(len(content), 700) - 1), max_size=6)):
        content[at] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    stamp(bytes(content), media_type, RECORD)
    _read(bytes(content), tmp_path_factory.mktemp("damaged"))
