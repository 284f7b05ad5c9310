"""The embedded engines as services: what they refuse, what they say of themselves, and how they report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.doubles import client, png
from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError, UnsupportedCapabilityError


async def test_what_an_engine_cannot_do_is_refused_before_it_starts(home: Path) -> None:
    ai = client({}, home)
    refused: list[Any] = [
        ai.image("a", reference_images=png()),
        ai.image("a", width=5000, height=5000),
        ai.video("a", duration=121),
        ai.video("a", fps=61),
        ai.video("a", last_image=png()),
        ai.text("a", images=png()),
    ]
    for call in refused:
        with pytest.raises(UnsupportedCapabilityError) as caught:
            await call
        assert caught.value.billed == "no"


async def test_what_changes_nothing_is_said(home: Path) -> None:
    ai = client({}, home)
    text = await ai.text("a summary of the fox", temperature=0.5, top_p=0.5)
    assert {"temperature", "top_p"} <= {note.parameter for note in text.warnings}
    speech = await ai.speech("hello", instructions="whisper")
    assert "instructions" in {note.parameter for note in speech.warnings}
    image = await ai.image("a fox with a quaxolotl", width=64, height=64, seed=-3)
    assert image.metadata["seed"] == -3
    assert "quaxolotl" in image.metadata["ignored_words"]
    assert image.cost_usd == 0
    assert "made by rules" in image.caption()


async def test_the_same_seed_gives_the_same_pixels_and_several_pictures_differ(home: Path) -> None:
    ai = client({}, home)
    one, again = [await ai.image("a fox", width=64, height=64, seed=4) for _ in range(2)]
    assert one.artifacts[0].sha256 == again.artifacts[0].sha256
    several = await ai.image("a fox", width=64, height=64, num_images=2, options={"draft": True})
    assert len({artifact.sha256 for artifact in several.artifacts}) == 2


async def test_a_film_is_narrated_and_starts_from_a_picture(home: Path) -> None:
    ai = client({}, home)
    film = await ai.video("a fox", duration=1, width=64, height=48, fps=8, narration="a fox", image=png())
    assert film.metadata["voice_engine"]
    assert film.duration == pytest.approx(film.artifacts[0].duration)
    broken = png()[:60]
    with pytest.raises(AIError, match="decoded"):
        await ai.video("a fox", duration=1, width=64, height=48, image=broken)


async def test_engines_that_fail_are_told_as_ours(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from viralai_sdk.providers.embedded import speech, text, video
    from viralai_sdk.providers.embedded.film import FilmPlanError, NoVideoEncoderError
    from viralai_sdk.providers.embedded.writing import WritingError

    ai = client({}, home)
    with pytest.raises(InvalidRequestError):
        await ai.speech("hello", voice_id="nobody-has-this-voice")
    for raised, expected in (
        (FilmPlanError("scenes", "too odd"), InvalidRequestError),
        (NoVideoEncoderError("none"), ConfigurationError),
    ):

        def shoot(*_: Any, error: Exception = raised, **__: Any) -> Any:
            raise error

        monkeypatch.setattr(video, "shoot", shoot)
        with pytest.raises(expected):
            await ai.video("a fox", duration=1, width=64, height=48)

    def write(*_: Any, **__: Any) -> Any:
        raise WritingError("no", hint="ask otherwise")

    monkeypatch.setattr(text, "write", write)
    with pytest.raises(InvalidRequestError):
        await ai.text("hello")
    monkeypatch.setattr(speech, "available_formats", lambda: ("wav",))
    with pytest.raises(UnsupportedCapabilityError, match="PyAV"):
        await ai.speech("hello", output_format="mp3")
    assert await ai.speech.voices(language="en")
