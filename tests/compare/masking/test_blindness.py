"""Nothing in a masked result tells who made it: shown on the media of every provider the simulator plays, and of the embedded engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.doubles import client, home
from viralai_sdk import ViralAI
from viralai_sdk.compare.masking import Masked, mask
from viralai_sdk.interfaces.media import sniff
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.simulator import Simulator
from viralai_sdk.simulator.settings import configuration
from viralai_sdk.simulator.state import SimulatorConfig
from viralai_sdk.store.measure import measure

__all__ = ["home"]
PROMPT = "a quokkafied lighthouse beside the wombatish sea"


CODER = f"Lavc{av.library_versions['libavcodec'][0]}."
"""How FFmpeg's coders sign, also inside the coded sound."""


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(speed=100)) as running:
        yield running


@pytest.fixture
async def ai(sim: Simulator, home: Path) -> Any:
    async with client(configuration(sim.origin, sim.key), home) as made:
        yield made


def telltales(response: Response, *more: str) -> list[str]:
    """Every word that would give the arm away."""
    files = [artifact.path.stem for artifact in response.artifacts]
    words = ["quokkafied", "wombatish", "viralai", "embedded", "x264 - core", CODER, "simulat", *more, *files]
    words += [response.provider_used, response.model_used or "", response.session_id or "", response.call_id or ""]
    return [word for word in words if len(word) > 3]


def is_told(word: str, coded: str, data: bytes) -> bool:
    """A word is in the bytes. One of four or five letters only as it is written, and not in a film's coded pictures: among a million
    bytes there, some four happen to spell it."""
    if len(word) > 5:
        return word.lower().encode(coded) in data.lower()
    return word.encode(coded) in boxes(data)


def boxes(data: bytes) -> bytes:
    """An MP4 file without its coded pictures and sound; any other file as it is."""
    kept, at = b"", 0
    while data[4:8] == b"ftyp" and at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        assert size >= 8
        kept += b"" if kind == b"mdat" else data[at : at + size]
        at += size
    return kept or data


def silent(masked: Masked, words: list[str]) -> bool:
    """None of the words is in the bytes or in what the object shows."""
    assert masked.data is not None
    found = [word for word in words for coded in ("utf-8", "utf-16-le") if is_told(word, coded, masked.data)]
    shown = [word for word in words if word.lower() in repr(masked).lower()]
    assert not found
    assert not shown
    return True


@pytest.mark.parametrize(
    ("provider", "options"),
    [
        ("openai", {"output_format": "png"}),
        ("openai", {"output_format": "jpeg"}),
        ("openai", {"output_format": "webp"}),
        ("gemini", None),
        ("stability", None),
        ("vertex", None),
        ("runway", None),
        ("comfyui", None),
        ("embedded", None),
    ],
)
async def test_a_picture_tells_nothing(ai: ViralAI, provider: str, options: dict[str, Any] | None) -> None:
    response = await ai.image(PROMPT, provider=provider, fallback=False, options=options)
    masked = mask(response, side=512)
    assert silent(masked, telltales(response))
    assert masked.media_type == "image/jpeg"
    assert measure(masked.data or b"", "image").width == masked.width
    assert max(masked.width or 0, masked.height or 0) <= 512
    assert b"Exif" not in (masked.data or b"")
    assert b"ICC_PROFILE" not in (masked.data or b"")


@pytest.mark.parametrize(
    ("provider", "form"),
    [
        ("openai", "wav"),
        ("openai", "mp3"),
        ("openai", "opus"),
        ("openai", "aac"),
        ("openai", "flac"),
        ("openai", "pcm"),
        ("elevenlabs", "mp3"),
        ("google_tts", "wav"),
        ("gemini", "wav"),
        ("runway", None),
        ("embedded", "wav"),
        ("embedded", "mp3"),
    ],
)
async def test_a_recording_tells_nothing_and_has_the_common_form(ai: ViralAI, provider: str, form: str | None) -> None:
    response = await ai.speech(PROMPT, provider=provider, output_format=form, fallback=False)
    masked = mask(response)
    assert silent(masked, telltales(response))
    found = measure(masked.data or b"", "audio")
    assert (masked.media_type, found.sample_rate, found.channels) == ("audio/wav", 48_000, 1)
    assert masked.duration == pytest.approx(response.duration, abs=0.15)
    assert b"LIST" not in (masked.data or b"")[:64]
    assert (masked.data or b"")[36:40] == b"data"


@pytest.mark.parametrize("provider", ["gemini", "vertex", "runway", "comfyui", "embedded"])
async def test_a_film_tells_nothing_and_has_the_common_form(ai: ViralAI, provider: str) -> None:
    parameters: dict[str, Any] = {"duration": 4.0} if provider in ("gemini", "vertex") else {}
    if provider == "embedded":
        parameters = {"duration": 2.0, "resolution": "360p", "narration": PROMPT}
    response = await ai.video(PROMPT, provider=provider, fallback=False, timeout=60, **parameters)
    masked = mask(response, side=320)
    assert silent(masked, telltales(response, "udta", "comment", "VideoHandler", "SoundHandler"))
    assert sniff((masked.data or b"")[:64]) == masked.media_type == "video/mp4"
    found = measure(masked.data or b"", "video")
    assert max(found.width or 0, found.height or 0) <= 320
    assert found.duration == pytest.approx(response.duration, abs=0.2)


async def test_a_text_tells_nothing_beside_its_words(ai: ViralAI) -> None:
    response = await ai.text(PROMPT, provider="openai", fallback=False)
    masked = mask(response)
    assert masked.media_type == "text/plain"
    assert masked.data is None
    assert masked.text == response.text.strip()
    assert repr(masked) == "Masked(text/plain)"


def test_the_check_itself_finds_what_tells() -> None:
    def box(kind: bytes, inside: bytes) -> bytes:
        return (8 + len(inside)).to_bytes(4, "big") + kind + inside

    film = box(b"ftyp", b"isom") + box(b"moov", b"..udta..") + box(b"mdat", CODER.encode() + b" by chance: Comm meta")
    assert is_told("udta", "utf-8", film)
    assert is_told(CODER.upper(), "utf-8", film)
    assert not is_told("meta", "utf-8", film)
    assert is_told("meta", "utf-8", b"any other file with meta in it")
