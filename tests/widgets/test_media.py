"""Results as bytes for a page: as they are, or masked; bounded; never an error that tells whose they are."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.media_files import picture, recording
from viralai_sdk.compare.cells import Cell
from viralai_sdk.interfaces.errors import EmptyResultError, StorageError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_widgets import media
from viralai_widgets.media import MediaShelf, Medium, prepare, preview


def cell_of(response: Response | None) -> Cell:
    return Cell("arm", "p001", "a fox", response=response)


def image(path: Path) -> Cell:
    return cell_of(ImageGenerationResponse(provider_used="openai", generation_time=1, image_paths=[str(path)]))


def test_an_open_picture_is_the_file_itself(tmp_path: Path) -> None:
    path = picture(tmp_path / "a.png", (64, 64))
    assert prepare(image(path), blind=False) == Medium("image/png", path.read_bytes())


def test_a_file_too_large_for_a_page_goes_in_its_smaller_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "AS_IT_IS_BYTES", 10)
    assert prepare(image(picture(tmp_path / "a.png", (64, 64))), blind=False).media_type == "image/jpeg"


def test_a_blind_recording_is_a_plain_wav(tmp_path: Path) -> None:
    path = recording(tmp_path / "a.wav")
    speech = SpeechSynthesisResponse(provider_used="openai", generation_time=1, audio_path=str(path), duration=1.0)
    assert prepare(cell_of(speech), blind=False).data == path.read_bytes()
    masked = prepare(cell_of(speech), blind=True)
    assert masked.media_type == "audio/wav"
    assert masked.data != path.read_bytes()


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmptyResultError):
        prepare(cell_of(None), blind=False)
    with pytest.raises(StorageError, match=r"gone\.png cannot be read"):
        prepare(image(tmp_path / "gone.png"), blind=False)


def test_a_preview_is_small_and_no_picture_is_none(tmp_path: Path) -> None:
    small = preview(picture(tmp_path / "a.png", (1600, 1200)).read_bytes())
    assert small is not None
    assert len(small.data) <= media.PREVIEW_BYTES
    assert preview(b"no picture") is None


async def test_each_medium_is_prepared_once_while_it_is_kept_and_memory_is_bounded() -> None:
    shelf, made = MediaShelf(limit=25), []

    def maker(name: str) -> Any:
        return lambda: (made.append(name), Medium("image/png", b"0123456789"))[1]

    await asyncio.gather(shelf.get("a", maker("a")))
    await shelf.get("a", maker("a"))
    for name in ("b", "c", "d"):
        await shelf.get(name, maker(name))
    await shelf.get("d", maker("d"))
    await shelf.get("a", maker("a"))
    assert made == ["a", "b", "c", "d", "a"]
    shelf.clear()
    await shelf.get("a", maker("a"))
    assert made[-1] == "a"
    assert len(made) == 6
