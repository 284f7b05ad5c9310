import io
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from viralai_sdk.providers.embedded.film import isobmff
from viralai_sdk.providers.embedded.film.isobmff import Box, MalformedBoxError, avif_sequence_to_mp4, parse_boxes

LEAVES = st.builds(Box, st.sampled_from([b"free", b"ftyp", b"mvhd", b"uuid"]), st.binary(max_size=40))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        lambda kind, children: Box(kind, children=children),
        st.sampled_from([b"moov", b"trak", b"udta"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


def avif(frames: int = 3) -> bytes:
    pictures = [Image.new("RGB", (64, 36), (90 + 40 * i, 120, 60)) for i in range(frames)]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "AVIF", save_all=True, append_images=pictures[1:], duration=100, speed=10)
    return buffer.getvalue()


def top(data: bytes) -> dict[bytes, Box]:
    return {box.kind: box for box in parse_boxes(data)}


@given(st.lists(TREES, max_size=4))
def test_what_is_written_is_read_back(boxes: list[Box]) -> None:
    data = b"".join(box.to_bytes() for box in boxes)
    assert parse_boxes(data) == boxes


@given(st.binary(max_size=300))
def test_any_bytes_are_boxes_or_a_clear_error(data: bytes) -> None:
    try:
        boxes = parse_boxes(data)
    except MalformedBoxError:
        return
    assert all(len(box.kind) == 4 for box in boxes)


@given(position=st.integers(0, 900), value=st.integers(0, 255))
def test_a_damaged_sequence_gives_a_film_or_a_clear_error(position: int, value: int) -> None:
    damaged = bytearray(_SEQUENCE)
    damaged[position % len(damaged)] = value
    try:
        film = avif_sequence_to_mp4(bytes(damaged))
    except MalformedBoxError:
        return
    assert film[4:8] == b"ftyp"


_SEQUENCE = avif()


def test_the_rewrite_makes_an_ordinary_video_track() -> None:
    film = top(avif_sequence_to_mp4(_SEQUENCE, comment="made by rules ✓"))
    assert list(film) == [b"ftyp", b"moov", b"mdat"]
    assert film[b"ftyp"].payload[:4] == b"isom"
    assert b"avif" not in film[b"ftyp"].payload
    track = film[b"moov"].find(b"trak")
    assert track.find(b"mdia", b"hdlr").payload[8:12] == b"vide"
    assert [box.kind for box in track.children] == [b"tkhd", b"mdia"]
    assert struct.unpack_from(">Q", film[b"moov"].find(b"mvhd").payload, 24)[0] == 300
    assert struct.unpack_from(">Q", track.find(b"tkhd").payload, 28)[0] == 300
    assert "made by rules ✓".encode() in film[b"moov"].find(b"udta").to_bytes()


def test_chunk_offsets_point_at_the_same_samples_after_the_rewrite() -> None:
    film = avif_sequence_to_mp4(_SEQUENCE, comment="x" * 1000)

    def chunk(data: bytes) -> bytes:
        table = top(data)[b"moov"].find(b"trak", b"mdia", b"minf", b"stbl", b"stco").payload
        (offset,) = struct.unpack_from(">I", table, 8)
        return data[offset : offset + 60]

    assert chunk(film) == chunk(_SEQUENCE)


def test_the_same_sequence_gives_the_same_bytes_at_any_time() -> None:
    track = top(avif_sequence_to_mp4(_SEQUENCE))[b"moov"].find(b"trak")
    assert track.find(b"tkhd").payload[4:20] == bytes(16)


def test_a_single_picture_is_no_sequence() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 36)).save(buffer, "AVIF", speed=10)
    with pytest.raises(MalformedBoxError, match="no image sequence"):
        avif_sequence_to_mp4(buffer.getvalue())


def test_sizes_of_64_bits_and_to_the_end_are_read() -> None:
    assert parse_boxes(struct.pack(">I4sQ", 1, b"mdat", 20) + b"data") == [Box(b"mdat", b"data")]
    assert parse_boxes(struct.pack(">I4s", 0, b"mdat") + b"rest") == [Box(b"mdat", b"rest")]
    with pytest.raises(MalformedBoxError, match="64-bit"):
        parse_boxes(struct.pack(">I4s", 1, b"mdat"))


@pytest.mark.parametrize(
    ("kind", "payload", "message"),
    [
        (b"hdlr", bytes(8) + b"soun" + bytes(12), "handler"),
        (b"stco", struct.pack(">III", 0, 1, 1), "outside"),
        (b"stco", struct.pack(">II", 0, 5), "lists 5 chunks"),
        (b"mdhd", bytes(32), "time scale"),
        (b"mdhd", b"", "too short"),
        (b"tkhd", b"\1\0\0\0", "too short"),
    ],
)
def test_a_broken_track_is_named(kind: bytes, payload: bytes, message: str) -> None:
    boxes = parse_boxes(_SEQUENCE)
    for box in boxes:
        for inner in box.walk():
            if inner.kind == kind and box.kind == b"moov":
                inner.payload = payload
    with pytest.raises(MalformedBoxError, match=message):
        avif_sequence_to_mp4(b"".join(box.to_bytes() for box in boxes))


def test_a_second_track_is_refused() -> None:
    boxes = parse_boxes(_SEQUENCE)
    movie = next(box for box in boxes if box.kind == b"moov")
    movie.children.append(movie.find(b"trak"))
    with pytest.raises(MalformedBoxError, match="one track"):
        avif_sequence_to_mp4(b"".join(box.to_bytes() for box in boxes))


def test_a_missing_box_is_named() -> None:
    with pytest.raises(MalformedBoxError, match="'trak'"):
        avif_sequence_to_mp4(Box(b"moov", b"").to_bytes() + Box(b"mdat", b"x").to_bytes())


def test_a_file_without_a_movie_cannot_be_edited(tmp_path: Path) -> None:
    file = tmp_path / "no.mp4"
    file.write_bytes(Box(b"free", b"nothing").to_bytes())
    with pytest.raises(MalformedBoxError, match="moov"):
        isobmff.offer_text_tracks(file)
    assert file.read_bytes() == Box(b"free", b"nothing").to_bytes()
