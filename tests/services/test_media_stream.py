"""Streams of pictures and speech through the whole pipeline: pieces, the whole, fallback, stopping and the journal."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.doubles import IMAGE, chain, client, config, image_provider, png, rows, use
from viralai_sdk.helpers import ImageHelper, SpeechHelper
from viralai_sdk.interfaces import errors
from viralai_sdk.interfaces.adapter import ImageAdapter, StreamingAdapter
from viralai_sdk.interfaces.image import ImageGenerationResponse, ImageGenerationService
from viralai_sdk.interfaces.steps import Blob, Compute, MediaPayload, Report
from viralai_sdk.interfaces.streaming import MediaChunk
from viralai_sdk.simulator import Simulator, SimulatorConfig


async def drained(chunks: AsyncIterator[MediaChunk[Any]]) -> tuple[list[bytes], Any]:
    """The pieces, and the response of the last chunk."""
    found = [chunk async for chunk in chunks]
    assert found[-1].data == b""
    assert all(chunk.data and chunk.response is None for chunk in found[:-1])
    return [chunk.data for chunk in found[:-1]], found[-1].response


class Grows(ImageAdapter, StreamingAdapter):
    """A picture in two states, made here."""

    def steps(self, request: Any, model: str) -> Any:
        yield Report(0.5, "painting")
        return MediaPayload(blobs=[Blob(png(), "image/png")])

    def stream(self, request: Any, model: str) -> Any:
        yield Report(0.1, "mixing colours")
        yield (yield Compute(lambda **_: b"coarse"))
        yield b"finer"
        return MediaPayload(blobs=[Blob(png(), "image/png")])


@pytest.mark.parametrize("wanted", ["mp3", "opus", "aac", "flac"])
async def test_the_pieces_of_speech_are_the_recording_that_is_stored(sim: Simulator, home: Path, wanted: str) -> None:
    ai = client(config(sim), home)
    text = "a long story of a fox and an owl " * 8
    pieces, response = await drained(ai.speech.stream(text, output_format=wanted))
    assert len(pieces) > 1
    plain = await ai.speech(text, output_format=wanted)
    # The stored files tell where they came from, each with its own time; the sound in them is one and the same.
    assert response.duration == plain.duration > 1
    assert Path(response.audio_path).stat().st_size >= len(b"".join(pieces))
    assert b"".join(pieces)[-2000:-200] in Path(response.audio_path).read_bytes()
    assert (response.provider_used, response.warnings) == ("openai", plain.warnings)
    assert response.cost_usd == plain.cost_usd
    assert sim.log[0].body == sim.log[1].body
    assert response.metadata["request_id"]
    await ai.aclose()


async def test_streamed_raw_samples_are_stored_as_a_recording_with_a_header(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)
    pieces, response = await drained(ai.speech.stream("a fox " * 20, output_format="pcm"))
    samples = b"".join(pieces)
    assert response.duration == pytest.approx(len(samples) / 2 / 24_000, abs=0.01)
    assert samples in Path(response.audio_path).read_bytes()
    await ai.aclose()


async def test_a_picture_grows_through_its_partial_states(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)
    pieces, response = await drained(ai.image.stream("a fox", options={"partial_images": 3}))
    sizes = {Image.open(io.BytesIO(piece)).size for piece in pieces}
    assert (len(pieces), sizes) == (3, {(1024, 1024)})
    assert len({hashlib.sha256(piece).digest() for piece in pieces}) == 3
    assert response.cost_source == "catalog"
    assert response.warnings == []
    plain = await ai.image("a fox")
    with Image.open(response.image_paths[0]) as streamed, Image.open(plain.image_paths[0]) as whole:
        assert streamed.tobytes() == whole.tobytes()
    assert response.cost_usd == plain.cost_usd
    assert [row["outcome"] for row in rows_after(home, ai)] == ["ok", "ok"]
    await ai.aclose()


def rows_after(home: Path, ai: Any) -> list[dict[str, Any]]:
    ai.runtime.journal.flush()
    return rows(home)


async def test_several_pictures_come_whole_and_that_is_said(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)
    pieces, response = await drained(ai.image.stream("a fox", num_images=2))
    assert pieces == []
    assert len(response.image_paths) == 2
    assert [(note.kind, note.parameter) for note in response.warnings] == [("unsupported", "stream")]
    await ai.aclose()


async def test_a_provider_that_does_not_stream_gives_the_response_and_a_warning(home: Path) -> None:
    class Own(ImageGenerationService):
        async def generate_image(self, request: Any) -> ImageGenerationResponse:
            path = home / "own.png"
            path.write_bytes(png())
            return ImageGenerationResponse(image_paths=[str(path)], provider_used="own")

    use(IMAGE, plain=image_provider(png()), own=Own)
    for name in ("plain", "own"):
        pieces, response = await drained(client({}, home).image.stream("a fox", provider=name))
        assert pieces == []
        assert Path(response.image_paths[0]).is_file()
        assert [(note.kind, note.parameter) for note in response.warnings] == [("unsupported", "stream")]


async def test_an_engine_may_prepare_before_its_first_piece(home: Path) -> None:
    use(IMAGE, grows=Grows)
    pieces, response = await drained(client({}, home).image.stream("a fox", provider="grows"))
    assert pieces == [b"coarse", b"finer"]
    assert response.artifacts[0].width == 48


async def test_the_chain_moves_on_before_the_first_piece_and_stops_after_it(home: Path) -> None:
    class Early(Grows):
        def stream(self, request: Any, model: str) -> Any:
            yield Report(0.1, "mixing colours")
            raise errors.ProviderUnavailableError("no paint")

    class Late(Grows):
        def stream(self, request: Any, model: str) -> Any:
            yield b"coarse"
            raise errors.ProviderUnavailableError("no paint left")

    class Broken(Grows):
        def stream(self, request: Any, model: str) -> Any:
            yield b"coarse"
            return MediaPayload(blobs=[Blob(b"no picture at all", "image/png")])

    use(IMAGE, early=Early, late=Late, broken=Broken, good=Grows)
    ai = client({"ai_services": chain("early", "good", service="image_generation")}, home)
    pieces, response = await drained(ai.image.stream("a fox"))
    assert pieces == [b"coarse", b"finer"]
    assert [attempt.provider for attempt in response.attempts] == ["early", "good"]
    for name, failure in (("late", errors.ProviderUnavailableError), ("broken", errors.MalformedResponseError)):
        seen = []
        with pytest.raises(failure):
            async for chunk in ai.image.stream("a fox", provider=name):
                seen.append(chunk.data)  # noqa: PERF401
        assert seen == [b"coarse"]


@pytest.mark.parametrize("kind", ["wrong_type", "empty", "reset", "status", "blocked"])
@pytest.mark.parametrize("service", ["speech", "image"])
async def test_a_fault_before_the_first_piece_shows_no_piece(
    sim: Simulator, home: Path, service: str, kind: Any
) -> None:
    ai = client(config(sim, openai={"max_retries": 0}), home)
    sim.faults.add("openai", kind)
    helper: SpeechHelper | ImageHelper = getattr(ai, service)
    seen: list[Any] = []
    expected = errors.ContentPolicyError if kind == "blocked" else errors.AIError
    with pytest.raises(expected):
        async for chunk in helper.stream("a fox " * 100, fallback=False):
            seen.append(chunk)  # noqa: PERF401
    assert seen == []
    await ai.aclose()


@pytest.mark.parametrize(("service", "after"), [("speech", 9000), ("image", 5000)])
async def test_a_stream_that_is_cut_is_an_error(sim: Simulator, home: Path, service: str, after: int) -> None:
    ai = client(config(sim, openai={"max_retries": 0}), home)
    sim.faults.add("openai", "cut", after=after)
    helper: SpeechHelper | ImageHelper = getattr(ai, service)
    with pytest.raises(errors.AIError):
        await drained(helper.stream("a fox " * 100))
    await ai.aclose()


async def test_an_error_in_place_of_the_finished_picture_ends_the_call(sim: Simulator, home: Path) -> None:
    ai = client(config(sim, openai={"max_retries": 0}), home)
    sim.faults.add("openai", "error_chunk", code="moderation_blocked")
    seen = []
    with pytest.raises(errors.ContentPolicyError):
        async for chunk in ai.image.stream("a fox"):
            seen.append(chunk.response)  # noqa: PERF401
    assert seen == [None, None]
    await ai.aclose()


@pytest.mark.parametrize("service", ["speech", "image"])
async def test_leaving_the_loop_early_cancels_the_call(home: Path, service: str) -> None:
    with Simulator(SimulatorConfig(chunk_pause=0.05)) as sim:
        ai = client(config(sim), home)
        helper: SpeechHelper | ImageHelper = getattr(ai, service)
        async for chunk in helper.stream("a long story " * 40):
            if chunk.data:
                break
        async with asyncio.timeout(60):
            while asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.sleep(0.01)
        await ai.aclose()
        assert [row["outcome"] for row in rows(home)] == ["cancelled"]


def test_blocking_streams(sim: Simulator, home: Path) -> None:
    ai = client(config(sim), home)
    sounds = list(ai.sync.speech.stream("a long story " * 20))
    assert len(sounds) > 2
    assert sounds[-1].response.duration > 1
    pictures = list(ai.sync.image.stream("a fox"))
    assert [bool(chunk.data) for chunk in pictures] == [True, True, False]
    assert Path(pictures[-1].response.image_paths[0]).is_file()
    ai.sync.close()


async def test_a_timeout_must_make_sense(home: Path) -> None:
    with pytest.raises(errors.InvalidRequestError, match="timeout"):
        await drained(client({}, home).speech.stream("hello", timeout=0))
