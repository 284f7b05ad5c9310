"""What a response, a table and a batch show, and what they never do: run, leak, break out of their markup, or grow."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import BaseModel

from tests.html_check import Elements, check_harmless
from tests.media_files import artifact, film, picture, recording
from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.display import (
    Table,
    el,
    escape,
    label,
    mimebundle,
    relative_url,
    thumbnail,
)
from viralai_sdk.interfaces.display.files import THUMBNAIL_BYTES, poster
from viralai_sdk.interfaces.display.table import rows_of
from viralai_sdk.interfaces.errors import AIError, AllProvidersFailedError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.jobs import VideoStatus
from viralai_sdk.interfaces.records import Attempt, CallWarning
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.speech import SpeechSynthesisResponse
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    "</bdi></figure><style>*{display:none}</style>",
    "\u202egnp.exe\x1b[31m\x00\ud800",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The notebook's folder."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def image_of(path: Path | str, **fields: Any) -> ImageGenerationResponse:
    return ImageGenerationResponse(provider_used="openai", image_paths=[str(path)], **fields)


def test_a_picture_comes_inline_with_its_prompt_as_alternative_text_and_a_link_to_the_file(here: Path) -> None:
    response = image_of(picture(here / "out" / "a fox.png"), metadata={"prompt": 'a "red" fox'}, generation_time=2.0)
    bundle = mimebundle(response)
    page = check_harmless(bundle["text/html"])
    (image,) = page.all("img")
    assert image["alt"] == 'a "red" fox'
    assert (image["width"], image["height"]) == ("480", "360")
    assert page.all("a")[0]["href"] == "out/a%20fox.png"
    assert response.caption() in page.text
    assert response.caption() in bundle["text/plain"]
    assert str(here / "out" / "a fox.png") in bundle["text/plain"]


def test_the_inline_picture_is_bounded_and_also_there_for_viewers_without_html(here: Path) -> None:
    bundle = mimebundle(image_of(picture(here / "big.png", (1600, 1600), noise=60)))
    data = base64.b64decode(bundle["image/jpeg"])
    assert len(data) <= THUMBNAIL_BYTES
    assert max(Image.open(io.BytesIO(data)).size) <= 640
    assert bundle["image/jpeg"] in bundle["text/html"]
    assert "image/png" not in bundle
    json.dumps(bundle)


def test_flat_drawings_and_transparent_pictures_stay_png(here: Path) -> None:
    Image.new("RGB", (900, 300), "teal").save(here / "flat.png")
    clear = Image.effect_noise((400, 400), 90).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize((400, 400)))
    clear.save(here / "clear.png")
    assert "image/png" in mimebundle(image_of(here / "flat.png"))
    data = base64.b64decode(mimebundle(image_of(here / "clear.png"))["image/png"])
    assert len(data) <= THUMBNAIL_BYTES
    assert Image.open(io.BytesIO(data)).mode == "RGBA"


def test_a_picture_that_is_too_noisy_for_the_limit_gets_smaller(here: Path) -> None:
    small = thumbnail(picture(here / "noise.png", (640, 640), noise=120), limit=20_000)
    assert small is not None
    assert len(small.data) <= 20_000
    assert small.width < 640
    assert small.full == (640, 640)


def test_a_photograph_taken_sideways_is_shown_upright_with_its_upright_size(here: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (400, 200), "teal").save(here / "side.jpg", exif=exif)
    small = thumbnail(here / "side.jpg")
    assert small is not None
    assert small.full == (200, 400)
    assert (small.width, small.height) == (200, 400)


def test_several_pictures_make_a_grid_and_one_sheet(here: Path) -> None:
    paths = [str(picture(here / f"{n}.png", (300, 300), hue=n * 20)) for n in range(4)]
    bundle = mimebundle(
        ImageGenerationResponse(provider_used="openai", image_paths=paths, metadata={"prompt": "seasons"})
    )
    page = check_harmless(bundle["text/html"])
    assert [image["alt"] for image in page.all("img")] == [f"seasons ({n} of 4)" for n in (1, 2, 3, 4)]
    sheet = bundle.get("image/jpeg") or bundle["image/png"]
    assert max(Image.open(io.BytesIO(base64.b64decode(sheet))).size) <= 640
    assert sum(len(str(image["src"])) for image in page.all("img")) < 4 * 40_000 * 1.4


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40])
def test_a_file_that_is_no_picture_is_named_and_not_shown(here: Path, content: bytes) -> None:
    (here / "broken.png").write_bytes(content)
    bundle = mimebundle(image_of(here / "broken.png", metadata={"prompt": "a fox"}))
    page = check_harmless(bundle["text/html"])
    assert "No preview: " in page.text
    assert page.all("a")[0]["href"] == "broken.png"
    assert bundle.keys() == {"text/plain", "text/html"}


def test_missing_files_are_said_to_be_missing(here: Path) -> None:
    gone = [str(here / "a.png"), str(here / "b.png")]
    shown = [
        ImageGenerationResponse(provider_used="openai", image_paths=gone),
        VideoGenerationResponse(provider_used="runway", video_path=str(here / "a.mp4")),
        SpeechSynthesisResponse(provider_used="elevenlabs", audio_path=str(here.parent / "a.mp3"), duration=1.0),
    ]
    for response in shown:
        bundle = mimebundle(response)
        assert "the file is missing" in check_harmless(bundle["text/html"]).text
        assert bundle.keys() == {"text/plain", "text/html"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_people_or_providers_wrote_becomes_markup(here: Path, attack: str) -> None:
    shared: dict[str, Any] = {
        "provider_used": attack,
        "model_used": attack,
        "metadata": {"prompt": attack},
        "warnings": [CallWarning(kind="adjusted", parameter=attack, message=attack)],
        "attempts": [Attempt(provider=attack, outcome="failed", error=attack, message=attack, billed="maybe")],
    }
    bad_name = attack.encode("utf-8", "ignore").decode().replace("\x00", "").replace("/", "-")
    inside = picture(here / f"{bad_name}.png", (64, 64))
    responses: list[Response] = [
        ImageGenerationResponse(image_paths=[str(inside), attack.replace("\x00", "")], **shared),
        VideoGenerationResponse(video_path=str(film(here / f"{bad_name}.mp4", frames=2)), **shared),
        VideoGenerationResponse(job_id=attack, status=VideoStatus.FAILED, error_message=attack, **shared),
        SpeechSynthesisResponse(audio_path=str(recording(here / f"{bad_name}.wav", 0.1)), duration=0.1, **shared),
        TextGenerationResponse(text=attack.replace("\u202e", ""), **shared),
        TextGenerationResponse(text="x", parsed=[{attack: attack}], **shared),
        TextGenerationResponse(text="x", parsed={"deep": {"er": [attack.replace("\u202e", "")]}}, **shared),
    ]
    error = AllProvidersFailedError(attack, provider=attack, hint=attack, attempts=shared["attempts"])
    batch = BatchResult([*responses, error], prompts=[attack] * 8)
    pages = [mimebundle(response) for response in responses]
    pages += [batch._repr_mimebundle_(), Table([{attack: attack}], caption=attack)._repr_mimebundle_()]
    for bundle in pages:
        check_harmless(bundle["text/html"])
        assert "\x1b" not in bundle["text/plain"]
        bundle["text/plain"].encode("utf-8")


@given(st.text(), st.text())
def test_escaped_text_comes_back_as_text(text: str, attribute: str) -> None:
    page = Elements(el("p", text, title=attribute))
    # Each dollar sign stands in an element of its own, so that Lab does not typeset two prices as a formula.
    assert [tag for tag, _ in page.found] == ["p"] + ["span"] * text.count("$")
    assert escape(escape(text)) == escape(text)
    assert "".join(page.text) == html_text(text)
    assert page.found[0][1]["title"] == html_text(attribute)


def html_text(text: str) -> str:
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", "\ufffd", whole)


def test_direction_controls_are_spelled_out_in_names() -> None:
    assert label("fox\u202egnp.exe") == "fox\\u202egnp.exe"
    assert label("  a\n b\t") == "a b"
    assert label("x" * 500) == "x" * 299 + "…"


def test_addresses_are_relative_to_the_notebook_and_only_for_what_a_server_serves(here: Path, tmp_path: Path) -> None:
    assert relative_url(here / "out" / "a#b c?.mp4") == "out/a%23b%20c%3F.mp4"
    assert relative_url("out/x.png") == "out/x.png"
    assert relative_url(here / "javascript:alert(1)") == "javascript%3Aalert%281%29"
    assert relative_url(tmp_path / "elsewhere.mp4") is None
    assert relative_url(here / ".viralai" / "x.png") is None
    assert relative_url(here) is None
    (tmp_path / "link").symlink_to(here)
    assert relative_url(tmp_path / "link" / "x.png") == "x.png"


def test_a_film_is_played_from_its_file_and_never_put_into_the_notebook(here: Path) -> None:
    path = film(here / "out" / "clip.mp4")
    response = VideoGenerationResponse(
        provider_used="runway", video_path=str(path), duration=2.0, metadata={"prompt": "a ball"}
    )
    bundle = mimebundle(response)
    page = check_harmless(bundle["text/html"])
    (player,) = page.all("video")
    assert player["src"] == "out/clip.mp4"
    assert player["aria-label"] == "a ball"
    assert (player["width"], player["height"]) == ("320", "180")
    assert str(player["poster"]).startswith("data:image/")
    assert base64.b64encode(path.read_bytes())[:100].decode() not in bundle["text/html"]
    assert "image/jpeg" in bundle or "image/png" in bundle


def test_a_film_without_pyav_keeps_its_player(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(here / "clip.mp4", frames=2)
    monkeypatch.setitem(sys.modules, "av", None)
    known = artifact(path, "video/mp4").model_copy(update={"width": 180, "height": 320})
    response = VideoGenerationResponse(provider_used="runway", video_path=str(path), artifacts=[known])
    bundle = mimebundle(response)
    (player,) = check_harmless(bundle["text/html"]).all("video")
    assert (player["width"], player["height"], "poster" in player) == ("180", "320", False)
    assert bundle.keys() == {"text/plain", "text/html"}
    (player,) = Elements(mimebundle(response.model_copy(update={"artifacts": []}))["text/html"]).all("video")
    assert (player["width"], player["height"]) == ("480", "270")


def test_a_film_outside_the_notebooks_folder_shows_its_first_picture_and_its_path(here: Path) -> None:
    path = film(here.parent / "clip.mp4")
    page = check_harmless(
        mimebundle(VideoGenerationResponse(provider_used="runway", video_path=str(path)))["text/html"]
    )
    assert len(page.all("img")) == 1
    assert page.all("video") == []
    assert str(path) in page.text


def test_a_broken_film_has_no_poster(here: Path) -> None:
    (here / "clip.mp4").write_bytes(b"no film")
    assert poster(here / "clip.mp4") is None


def test_a_job_without_a_film_tells_its_state(here: Path) -> None:
    response = VideoGenerationResponse(provider_used="runway", job_id="j1", status=VideoStatus.PROCESSING)
    bundle = mimebundle(response)
    assert "Job j1: processing" in "".join(check_harmless(bundle["text/html"]).text)
    assert "job j1: processing" in bundle["text/plain"]


def test_a_recording_is_played_from_its_file_and_embedded_only_when_small_and_out_of_reach(here: Path) -> None:
    near, far = recording(here / "a.wav"), recording(here.parent / "b.wav")
    large = recording(here.parent / "c.wav", seconds=12)

    def sources(path: Path) -> list[str]:
        response = SpeechSynthesisResponse(
            provider_used="elevenlabs", audio_path=str(path), duration=1.0, sample_rate=22050, metadata={"text": "Hi"}
        )
        page = check_harmless(mimebundle(response)["text/html"])
        assert any("1.0 s · 22.05 kHz" in text for text in ["".join(page.text)])
        return [str(player["src"]) for player in page.all("audio")]

    assert sources(near) == ["a.wav"]
    assert sources(far)[0].startswith("data:audio/wav;base64,")
    assert sources(large) == []


def test_the_media_type_of_an_embedded_recording_comes_from_its_record_or_its_ending(here: Path) -> None:
    far = recording(here.parent / "b.mp3", 0.1)
    response = SpeechSynthesisResponse(provider_used="x", audio_path=str(far), duration=0.1)
    assert 'src="data:audio/mpeg;' in mimebundle(response)["text/html"]
    recorded = response.model_copy(update={"artifacts": [artifact(far, "audio/ogg")]})
    assert 'src="data:audio/ogg;' in mimebundle(recorded)["text/html"]


def test_text_keeps_its_lines_and_says_when_it_was_cut(here: Path) -> None:
    text = "one\n  two <b>\n" + "x" * 60_000
    bundle = mimebundle(TextGenerationResponse(provider_used="cohere", text=text, finish_reason="length"))
    page = check_harmless(bundle["text/html"])
    assert any(part.startswith("one\n  two <b>\n") for part in page.text)
    assert any("The first 50,000 of 60,014 characters" in part for part in page.text)
    assert any("token limit" in part for part in page.text)
    assert bundle["text/plain"].startswith(text)
    assert len(bundle["text/html"]) < 60_000


class Hook(BaseModel):
    text: str
    seconds: float


def test_structured_answers_are_tables_where_they_are_flat_and_json_where_they_are_deep() -> None:
    flat = mimebundle(TextGenerationResponse(provider_used="x", text="{}", parsed=Hook(text="a fox", seconds=2)))
    page = check_harmless(flat["text/html"])
    assert {"text", "a fox", "seconds", "2"} <= set(page.text)
    assert len(page.all("tr")) == 3
    deep = mimebundle(TextGenerationResponse(provider_used="x", text="{}", parsed={"a": {"b": [1]}}))
    assert '"b": [' in "".join(check_harmless(deep["text/html"]).text)
    assert rows_of([{"a": {"b": 1}}]) is None
    assert rows_of([{f"c{n}": 1 for n in range(13)}]) is None
    assert rows_of([]) is None
    assert rows_of("text") is None
    assert rows_of({"a": [[1]]}) is None


def test_warnings_and_failed_attempts_are_told() -> None:
    response = TextGenerationResponse(
        provider_used="openai",
        text="ok",
        warnings=[CallWarning(kind="other", message="the model was busy")],
        attempts=[
            Attempt(provider="gemini", outcome="failed", error="EmptyResultError", seconds=1.26, billed="yes"),
            Attempt(provider="cohere", outcome="skipped"),
            Attempt(provider="openai", outcome="ok"),
        ],
    )
    items = re.findall("<li[^>]*>(.*?)</li>", mimebundle(response)["text/html"])
    words = ["".join(Elements(item).text) for item in items]
    assert words == [
        "note: the model was busy",
        "gemini failed after 1.3 s · EmptyResultError · was billed",
        "cohere skipped",
    ]
    assert "! other: the model was busy" in mimebundle(response)["text/plain"]


def test_a_response_of_another_kind_shows_its_caption() -> None:
    assert "mine · 0.0 s" in mimebundle(Response(provider_used="mine"))["text/html"]


def test_text_colours_are_left_to_the_theme(here: Path) -> None:
    """Readable in any theme: no colour is set on text, and muted text keeps 4.5:1 on both of Lab's backgrounds."""
    batch = BatchResult([image_of(picture(here / "x.png", (64, 64))), AIError("no")])
    styles = " ".join(re.findall('style="([^"]*)"', batch._repr_mimebundle_()["text/html"]))
    assert not re.search("(^|[; ])(color|background)", styles)
    for ink, paper in (((33,) * 3, (255,) * 3), ((255,) * 3, (17,) * 3)):
        muted = tuple(0.8 * over + 0.2 * under for over, under in zip(ink, paper, strict=True))
        assert contrast(muted, paper) >= 4.5


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    def luminance(colour: tuple[float, ...]) -> float:
        linear = [c / 255 / 12.92 if c / 255 <= 0.03928 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_responses_show_themselves(here: Path) -> None:
    response = TextGenerationResponse(provider_used="cohere", text="hi")
    assert response._repr_mimebundle_() == mimebundle(response)
