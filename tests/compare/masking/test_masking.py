"""What masking does to pictures, films, sound and text, known to the pixel and the decibel."""

from __future__ import annotations

import io
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.compare.media import response_of, tone, write_film, write_wav
from tests.media_files import film
from viralai_sdk.compare import masking_film
from viralai_sdk.compare.decode.sounds import decode_sound, encode_wav, loudness
from viralai_sdk.compare.masking import mask
from viralai_sdk.compare.masking_boxes import X264, scrub_mp4
from viralai_sdk.compare.masking_sound import matched
from viralai_sdk.interfaces.errors import (
    ConfigurationError,
    EmptyResultError,
    InvalidRequestError,
    MalformedResponseError,
    StorageError,
)
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.store.measure import measure
from viralai_sdk.store.provenance import make_record, stamp


def shown(data: bytes | None) -> Image.Image:
    return Image.open(io.BytesIO(data or b""))


@pytest.fixture
def no_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)


def test_a_photo_lying_down_is_put_upright(tmp_path: Path) -> None:
    picture = Image.new("RGB", (60, 40), (0, 0, 255))
    picture.paste((255, 0, 0), (0, 0, 60, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn to the right
    exif[0x010E] = "made by openai"
    picture.save(tmp_path / "one.jpg", exif=exif, quality=95)
    masked = mask(response_of(tmp_path / "one.jpg"))
    assert (masked.width, masked.height) == (40, 60)
    right, left = shown(masked.data).getpixel((36, 30)), shown(masked.data).getpixel((4, 30))
    assert isinstance(right, tuple)
    assert isinstance(left, tuple)
    assert right[0] > 200 > 60 > right[2]
    assert left[2] > 200 > 60 > left[0]
    assert not shown(masked.data).getexif()
    assert b"openai" not in (masked.data or b"")


def test_transparency_lies_on_white_and_palettes_become_colours(tmp_path: Path) -> None:
    Image.new("RGBA", (32, 32), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    Image.new("P", (32, 32), 0).save(tmp_path / "palette.gif")
    Image.new("LA", (32, 32), (0, 128)).save(tmp_path / "grey.png")
    Image.new("CMYK", (32, 32), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=95)
    pixels = {
        path.name: np.asarray(shown(mask(response_of(path)).data).getpixel((16, 16))) for path in tmp_path.iterdir()
    }
    assert (pixels["clear.png"] >= 253).all()
    assert abs(pixels["grey.png"] - 127).max() < 4
    assert pixels["print.jpg"][0] > 180 > 80 > pixels["print.jpg"][1]
    assert pixels["palette.gif"].shape == (3,)


def test_sixteen_bit_grey_keeps_its_brightness(tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 32768, np.uint16)).save(tmp_path / "deep.png")
    pixel = shown(mask(response_of(tmp_path / "deep.png")).data).getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert abs(int(pixel[0]) - 128) < 4


def test_a_colour_profile_is_applied_and_dropped(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (32, 32), (10, 200, 30)).save(tmp_path / "tagged.png", icc_profile=lab)
    Image.new("RGB", (32, 32), (10, 200, 30)).save(tmp_path / "broken.png", icc_profile=b"not a profile")
    for name in ("tagged.png", "broken.png"):
        masked = mask(response_of(tmp_path / name))
        assert "icc_profile" not in shown(masked.data).info
        assert abs(np.asarray(shown(masked.data).getpixel((5, 5))) - np.array([10, 200, 30])).max() < 5


def test_pictures_are_made_smaller_and_never_larger(tmp_path: Path) -> None:
    Image.new("RGB", (900, 300)).save(tmp_path / "wide.png")
    assert mask(response_of(tmp_path / "wide.png"), side=300).width == 300
    assert mask(response_of(tmp_path / "wide.png"), side=300).height == 100
    assert mask(response_of(tmp_path / "wide.png"), side=2000).width == 900


def test_one_picture_of_several_is_chosen(tmp_path: Path) -> None:
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    Image.new("RGB", (60, 40)).save(tmp_path / "b.png")
    response = response_of(tmp_path / "a.png", tmp_path / "b.png")
    assert mask(response, which=1).width == 60
    with pytest.raises(InvalidRequestError, match="no picture 2"):
        mask(response, which=2)


def test_loud_and_quiet_recordings_become_equally_loud(tmp_path: Path) -> None:
    write_wav(tmp_path / "loud.wav", tone(300, 3.0, amplitude=0.9))
    write_wav(tmp_path / "quiet.wav", tone(300, 3.0, amplitude=0.01))
    levels = []
    for name in ("loud.wav", "quiet.wav"):
        (tmp_path / "out.wav").write_bytes(mask(response_of(tmp_path / name)).data or b"")
        levels.append(loudness(decode_sound(tmp_path / "out.wav"))[0])
    assert levels == pytest.approx([-23.0, -23.0], abs=0.2)
    (tmp_path / "out.wav").write_bytes(mask(response_of(tmp_path / "loud.wav"), loudness=-16).data or b"")
    assert loudness(decode_sound(tmp_path / "out.wav"))[0] == pytest.approx(-16, abs=0.2)


def test_what_is_too_short_to_measure_is_matched_by_its_level(tmp_path: Path) -> None:
    peaks = []
    for amplitude in (0.5, 0.02):
        write_wav(tmp_path / "short.wav", tone(300, 0.2, amplitude=amplitude))
        (tmp_path / "out.wav").write_bytes(mask(response_of(tmp_path / "short.wav")).data or b"")
        peaks.append(float(np.abs(decode_sound(tmp_path / "out.wav").samples).max()))
    assert peaks[0] == pytest.approx(peaks[1], rel=0.02)


def test_matching_never_clips_and_silence_stays_silent(tmp_path: Path) -> None:
    click = np.zeros(48_000, np.float32)
    click[::4800] = 0.5
    write_wav(tmp_path / "click.wav", click)
    (tmp_path / "out.wav").write_bytes(mask(response_of(tmp_path / "click.wav"), loudness=-5).data or b"")
    assert float(np.abs(decode_sound(tmp_path / "out.wav").samples).max()) <= 0.99
    write_wav(tmp_path / "still.wav", np.zeros(48_000, np.float32))
    masked = mask(response_of(tmp_path / "still.wav"))
    assert not any((masked.data or b"")[44:])
    assert masked.duration == pytest.approx(1.0)


def test_text_loses_only_white_space_at_line_ends(tmp_path: Path) -> None:
    assert mask(response_of("\n  one  \n\n two\t\n\n")).text == "  one\n\n two"


def test_a_film_turned_by_a_note_is_turned_for_real(tmp_path: Path) -> None:
    plain = film(tmp_path / "film.mp4", (320, 180)).read_bytes()
    at = plain.index(b"tkhd") + 4 + 40  # the matrix of the track's head
    quarter = b"".join(v.to_bytes(4, "big", signed=True) for v in (0, 65536, 0, -65536, 0, 0, 180 << 16, 0, 1 << 30))
    (tmp_path / "turned.mp4").write_bytes(plain[:at] + quarter + plain[at + 36 :])
    masked = mask(response_of(tmp_path / "turned.mp4"))
    assert (masked.width, masked.height) == (180, 320)


def test_a_films_sound_is_matched_too_and_stays_in_step(tmp_path: Path) -> None:
    write_film(tmp_path / "film.mp4", seconds=2.0, sound=tone(440, 2.0, amplitude=0.9))
    masked = mask(response_of(tmp_path / "film.mp4"), side=160)
    (tmp_path / "out.mp4").write_bytes(masked.data or b"")
    assert loudness(decode_sound(tmp_path / "out.mp4"))[0] == pytest.approx(-23, abs=0.6)
    found = measure(tmp_path / "out.mp4", "video")
    assert found.has_audio
    assert found.duration == pytest.approx(2.0, abs=0.1)
    assert found.fps == pytest.approx(12, abs=0.5)


def test_webm_and_mp4_come_out_alike(tmp_path: Path) -> None:
    write_film(tmp_path / "one.webm", seconds=1.0, codec="libvpx-vp9")
    write_film(tmp_path / "two.mp4", seconds=1.0)
    one, two = (mask(response_of(tmp_path / name)) for name in ("one.webm", "two.mp4"))
    assert (one.media_type, one.width, one.height) == (two.media_type, two.width, two.height)
    for masked in (one, two):
        with av.open(io.BytesIO(masked.data or b"")) as container:
            assert container.streams.video[0].codec_context.name == "h264"
            assert not container.metadata.get("encoder")


def test_without_pyav_an_mp4_loses_every_word_but_no_picture(tmp_path: Path, no_pyav: None) -> None:
    original = film(tmp_path / "film.mp4").read_bytes()
    assert X264 in original
    record = make_record(provider="runway", model="gen-9", prompt="a wombat")
    (tmp_path / "film.mp4").write_bytes(stamp(original, "video/mp4", record))
    masked = mask(response_of(tmp_path / "film.mp4"))
    assert masked.data is not None
    for word in (b"runway", b"gen-9", b"wombat", b"x264", b"Lavf", b"Lavc", b"VideoHandler", b"udta"):
        assert word not in masked.data
    assert decoded(masked.data) == decoded(original)


def decoded(data: bytes) -> list[bytes]:
    module: Any = av
    with module.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="rgb24").tobytes() for frame in container.decode(video=0)]


def test_without_pyav_what_cannot_be_done_says_so(tmp_path: Path, no_pyav: None) -> None:
    write_film(tmp_path / "one.webm", seconds=0.5, codec="libvpx-vp9")
    with pytest.raises(ConfigurationError, match=r"viralai-sdk\[video\]"):
        mask(response_of(tmp_path / "one.webm"))
    (tmp_path / "one.mp3").write_bytes(b"ID3" + bytes(100))
    with pytest.raises(ConfigurationError, match=r"viralai-sdk\[video\]"):
        mask(response_of(tmp_path / "one.mp3"))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("film") / "one.mp4"
    return write_film(path, seconds=0.5, size=(64, 48), sound=tone(440, 0.5)).read_bytes()


@settings(max_examples=150, deadline=None)
@given(at=st.floats(0, 1), patch=st.binary(min_size=1, max_size=12), cut=st.floats(0, 1))
def test_damaged_boxes_never_grow_a_film_and_never_fail_otherwise(
    sample: bytes, at: float, patch: bytes, cut: float
) -> None:
    boxes = sample.index(b"moov")
    place = int(boxes - 4 + at * (len(sample) - boxes - len(patch)))
    damaged = sample[:place] + patch + sample[place + len(patch) :]
    for data in (damaged, sample[: int(cut * len(sample))]):
        try:
            assert len(scrub_mp4(data)) == len(data)
        except (MalformedResponseError, ConfigurationError):
            continue


def test_a_recording_too_long_to_be_heard_whole_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_wav(tmp_path / "long.wav", tone(300, 2.0))
    half = decode_sound(path, limit=1.0)
    with pytest.raises(InvalidRequestError, match="15 minutes"):
        matched(half, None)


def test_a_pyav_without_x264_is_named_as_the_cause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_film(tmp_path / "one.mp4", seconds=0.5)

    class Poorer:
        def __init__(self, target: Any) -> None:
            self._target = target

        def add_stream(self, name: str, **more: Any) -> Any:
            return self._target.add_stream(f"{name}-of-another-build", **more)

    def wrapped(target: Any, image: Any, picture: Any, side: int) -> Any:
        return coder(Poorer(target), image, picture, side)

    coder = masking_film._coder
    monkeypatch.setattr(masking_film, "_coder", wrapped)
    with pytest.raises(ConfigurationError, match="cannot write"):
        mask(response_of(tmp_path / "one.mp4"))


def test_a_film_with_captions_is_not_passed_on_half_hidden(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "said.mp4"), "w") as container:
        picture: Any = container.add_stream("libx264", rate=10)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        words: Any = container.add_mux_stream("mov_text", rate=1000)
        for _ in range(10):
            container.mux(picture.encode(av.VideoFrame.from_image(Image.new("RGB", (64, 64)))))
        container.mux(picture.encode(None))
        packet = av.Packet(b"\0\x06wombat")
        packet.stream, packet.pts, packet.dts, packet.duration = words, 0, 0, 500
        packet.time_base = Fraction(1, 1000)
        container.mux(packet)
    data = (tmp_path / "said.mp4").read_bytes()
    assert b"wombat" in data
    with pytest.raises(ConfigurationError, match="captions"):
        scrub_mp4(data)
    assert b"wombat" not in (mask(response_of(tmp_path / "said.mp4")).data or b"")


def test_without_pyav_wav_still_has_the_common_form(tmp_path: Path, no_pyav: None) -> None:
    stereo = np.stack([tone(500, 10.0, rate=22_050), tone(500, 10.0, rate=22_050)], axis=1)
    write_wav(tmp_path / "one.wav", stereo, rate=22_050)
    (tmp_path / "out.wav").write_bytes(mask(response_of(tmp_path / "one.wav")).data or b"")
    found = decode_sound(tmp_path / "out.wav")
    assert (found.rate, found.samples.shape) == (48_000, (480_000, 1))
    strengths = np.abs(np.fft.rfft(found.mono()))
    assert int(strengths.argmax()) == 5000  # 500 Hz in a spectrum of 0.1 Hz a step
    assert strengths[5000] > 500 * np.median(strengths)
    assert loudness(found)[0] == pytest.approx(-23, abs=0.2)


def test_failures_are_the_familys(tmp_path: Path) -> None:
    for gone in ("gone.png", "gone.wav", "gone.mp4"):
        with pytest.raises(StorageError):
            mask(response_of(tmp_path / gone))
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 50)
    with pytest.raises(MalformedResponseError):
        mask(response_of(tmp_path / "bad.png"))
    (tmp_path / "bad.mp4").write_bytes(b"\0\0\0\x10ftypisom" + b"x" * 90)
    with pytest.raises(MalformedResponseError):
        mask(response_of(tmp_path / "bad.mp4"))
    (tmp_path / "still.mp4").write_bytes(encode_wav(np.zeros((4800, 1), np.float32), 48_000))
    with pytest.raises(EmptyResultError):
        mask(response_of(tmp_path / "still.mp4"))
    with pytest.raises(EmptyResultError):
        mask(response_of(None))
    with pytest.raises(InvalidRequestError, match="side"):
        mask(response_of("words"), side=3)
    with pytest.raises(InvalidRequestError, match="Response"):
        mask(Response(provider_used="nobody"))
