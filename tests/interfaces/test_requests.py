"""Requests refuse what cannot work, name the field and say how to mend it; they never echo long input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import BaseModel

from tests.doubles import png
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.image import ImageGenerationRequest as Picture
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.media import MAX_INPUT_BYTES, MediaInput
from viralai_sdk.interfaces.requests import MAX_SIDE, MIN_SIDE, check_ratio, ratio_value
from viralai_sdk.interfaces.speech import MultilingualSpeechRequest as Languages
from viralai_sdk.interfaces.speech import SpeechSynthesisRequest as Speech
from viralai_sdk.interfaces.text import TextGenerationRequest as Text
from viralai_sdk.interfaces.video import VideoGenerationRequest as Film

TURN = {"role": "user", "content": "hello"}
HUGE = "x" * 10_000_000
BAD: list[tuple[Any, dict[str, Any], str]] = [
    (Picture, {"prompt": ""}, "prompt"),
    (Picture, {"prompt": " \n\t"}, "prompt"),
    (Picture, {"prompt": "\x00"}, "prompt"),
    (Picture, {"prompt": None}, "prompt"),
    (Picture, {"prompt": 7}, "prompt"),
    (Picture, {}, "prompt"),
    (Picture, {"prompt": HUGE}, "prompt"),
    (Picture, {"prompt": "a \ud800 fox"}, "prompt"),
    (Picture, {"prompt": "a", "width": 0}, "width"),
    (Picture, {"prompt": "a", "width": 10**9}, "width"),
    (Picture, {"prompt": "a", "height": -5}, "height"),
    (Picture, {"prompt": "a", "width": "wide"}, "width"),
    (Picture, {"prompt": "a", "width": 16, "height": 8192}, "width and height"),
    (Picture, {"prompt": "a", "aspect_ratio": "wide"}, "aspect_ratio"),
    (Picture, {"prompt": "a", "aspect_ratio": "landscpe"}, "landscape"),
    (Picture, {"prompt": "a", "aspect_ratio": "0:1"}, "aspect_ratio"),
    (Picture, {"prompt": "a", "aspect_ratio": "100:1"}, "aspect_ratio"),
    (Picture, {"prompt": "a", "aspect_ratio": HUGE}, "aspect_ratio"),
    (Picture, {"prompt": "a", "aspect_ratio": "١:١"}, "aspect_ratio"),
    (Picture, {"prompt": "a", "num_images": 0}, "num_images"),
    (Picture, {"prompt": "a", "num_images": 17}, "num_images"),
    (Picture, {"prompt": "a", "num_imags": 1}, "num_images"),
    (Picture, {"prompt": "a", HUGE: 1}, "no field"),
    (Picture, {"prompt": "a", "style": "\udfff"}, "style"),
    (Picture, {"prompt": "a", "options": {"x": ["\udfff"]}}, "options"),
    (Picture, {"prompt": "a", "options": {"\udfff": 1}}, "options"),
    (Picture, {"prompt": "a", "options": "high"}, "options"),
    (Picture, {"prompt": "a", "mask": png()}, "reference_images"),
    (Film, {"prompt": "a", "duration": -1}, "duration"),
    (Film, {"prompt": "a", "duration": 0}, "duration"),
    (Film, {"prompt": "a", "duration": float("nan")}, "duration"),
    (Film, {"prompt": "a", "duration": float("inf")}, "duration"),
    (Film, {"prompt": "a", "duration": 601}, "duration"),
    (Film, {"prompt": "a", "fps": 0}, "fps"),
    (Film, {"prompt": "a", "resolution": "8k"}, "resolution"),
    (Film, {"prompt": "a", "resolution": "²x²"}, "resolution"),
    (Film, {"prompt": "a", "resolution": "9" * 5000 + "x720"}, "resolution"),
    (Film, {"prompt": "a", "resolution": "8192x16"}, "resolution"),
    (Film, {"prompt": "a", "width": 8192, "height": 16}, "width"),
    (Film, {"prompt": "a", "narration": " "}, "narration"),
    (Film, {"prompt": "a", "last_image": "nowhere.png"}, "last_image"),
    (Speech, {"text": ""}, "text"),
    (Speech, {"text": "a", "speed": float("nan")}, "speed"),
    (Speech, {"text": "a", "speed": 9}, "speed"),
    (Speech, {"text": "a", "language": "?"}, "language"),
    (Speech, {"text": "a", "output_format": "doc"}, "output_format"),
    (Languages, {"segments": []}, "segments"),
    (Languages, {"segments": [{"text": "a"}]}, "segment 0"),
    (Languages, {"segments": [{"text": "", "language": "en"}]}, "segment 0"),
    (Languages, {"segments": [{"text": "\udfff", "language": "en"}]}, "segments"),
    (Text, {"prompt": "", "messages": []}, "prompt"),
    (Text, {"messages": 5}, "messages"),
    (Text, {"messages": "hello"}, "messages"),
    (Text, {"messages": [{"role": "assistant", "content": "hi"}]}, "messages"),
    (Text, {"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages"),
    (Text, {"messages": [{**TURN, "name": "me"}]}, "messages"),
    (Text, {"prompt": "a", "messages": [{"role": "robot", "content": "hi"}]}, "messages"),
    (Text, {"prompt": "a", "messages": [{"role": "user", "content": ""}]}, "turn 0"),
    (Text, {"prompt": "a", "messages": [{"role": "user", "content": "\udfff"}]}, "messages"),
    (Text, {"prompt": "a", "system": "\udfff"}, "system"),
    (Text, {"prompt": "a", "system": HUGE}, "system"),
    (Text, {"prompt": "a", "stop": [""]}, "stop"),
    (Text, {"prompt": "a", "stop": ["x"] * 17}, "stop"),
    (Text, {"prompt": "a", "temperature": float("nan")}, "temperature"),
    (Text, {"prompt": "a", "temperature": 3}, "temperature"),
    (Text, {"prompt": "a", "top_p": 0}, "top_p"),
    (Text, {"prompt": "a", "max_tokens": 0}, "max_tokens"),
    (Text, {"prompt": "a", "schema": "a string"}, "schema"),
    (Text, {"prompt": "a", "images": 5}, "images"),
    (Text, {"prompt": "a", "images": "https://example.test/fox.png"}, "images"),
]


@pytest.mark.parametrize(("kind", "given_", "named"), BAD, ids=lambda value: str(value)[:40])
def test_a_wrong_request_says_which_field_and_why(kind: Any, given_: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        kind(**given_)
    message = str(caught.value)
    assert named in message
    assert len(message) < 600, "long input is never echoed"
    message.encode()


def test_a_mistyped_field_is_answered_with_the_nearest() -> None:
    with pytest.raises(InvalidRequestError, match="Did you mean 'negative_prompt'"):
        Picture("a fox", negativ_prompt="rain")
    with pytest.raises(InvalidRequestError, match="by position"):
        Picture("a fox", "watercolor")


def test_a_model_without_a_schema_is_refused() -> None:
    class Odd(BaseModel):
        model_config = {"arbitrary_types_allowed": True}
        hook: MediaInput

    with pytest.raises(InvalidRequestError, match="schema"):
        Text("a", schema=Odd)


def test_old_names_and_friendly_forms_are_taken() -> None:
    text = Text(messages=[{"role": "system", "content": "be brief"}, TURN], stop="END", system_prompt="kind")
    assert (text.prompt, text.stop, text.system_prompt, text.stop_sequences) == ("hello", ["END"], "kind", ["END"])
    assert [turn["role"] for turn in text.turns()] == ["system", "user"]
    assert Text("a", system=" ").system is None
    assert Speech("hi", output_format=".OGG").output_format == "opus"
    assert Picture("a", aspect_ratio="Landscape").aspect_ratio == "16:9"
    assert Picture("a\x00b").prompt == "ab"


# --- media


def test_media_are_taken_in_every_usual_form(tmp_path: Path) -> None:
    path = tmp_path / "fox.png"
    path.write_bytes(png())
    response = ImageGenerationResponse(provider_used="x", image_paths=[str(path)])
    picture = Image.open(path)
    forms: list[Any] = [
        path,
        str(path),
        png(),
        bytearray(png()),
        memoryview(png()),
        response,
        picture,
        picture.convert("CMYK"),
    ]
    for form in forms:
        media = Picture("a", reference_images=form).reference_images[0]
        assert (media.media_type, media.filename) == ("image/png", "input.png")
        assert "image/png" in repr(media)
        assert MediaInput.take(media, field="x") is media
    assert Text("a", images=[path, png()]).images[0].data == png()
    path.unlink()
    with pytest.raises(InvalidRequestError, match="cannot read"):
        _ = MediaInput(path=path).data
    with pytest.raises(InvalidRequestError, match="cannot read"):
        _ = MediaInput(path=path).media_type


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (b"", "empty bytes"),
        (b"pictures/fox.png", "look like a file name"),
        (b"x" * 5000, "not an image"),
        (b"two\nlines of text", "not an image"),
        (b"\xff\xfe\x00", "not an image"),
        ("missing.png", "no file"),
        ("", "not a file"),
        (".", "not a file"),
        ("a\0b", "no file"),
        ("x" * 100_000, "no file"),
        ("HTTPS://example.test/a.png", "URL"),
        ("data:image/png;base64,AAAA", "URL"),
        (7, "int"),
        ({"path": "x"}, "dict"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_media_that_cannot_be_used_say_what_to_give(form: Any, told: str) -> None:
    for request in (lambda: Picture("a", reference_images=[form]), lambda: Film("a", image=form)):
        with pytest.raises(InvalidRequestError, match=told) as caught:
            request()
        assert len(str(caught.value)) < 600


def test_files_are_refused_by_content_and_size(tmp_path: Path) -> None:
    text, empty, huge = tmp_path / "fox.png", tmp_path / "empty.png", tmp_path / "huge.png"
    text.write_text("I am no picture")
    empty.touch()
    with huge.open("wb") as file:
        file.truncate(MAX_INPUT_BYTES + 1)
    for path, told in ((text, "not an image"), (empty, "empty"), (huge, "limit")):
        with pytest.raises(InvalidRequestError, match=told):
            Picture("a", reference_images=path)
    with pytest.raises(InvalidRequestError, match="limit"):
        Picture("a", reference_images=b"\x89PNG\r\n\x1a\n" + bytes(MAX_INPUT_BYTES))

    class Unsavable:
        mode = "RGB"

        def save(self, *_: Any) -> None:
            raise OSError("no encoder")

    with pytest.raises(InvalidRequestError, match="cannot be used"):
        Picture("a", reference_images=Unsavable())


# --- properties

sides = st.none() | st.integers(MIN_SIDE, MAX_SIDE)


@given(st.integers(1, 9999), st.integers(1, 9999), st.sampled_from(":x/"))
def test_a_ratio_is_kept_or_refused(width: int, height: int, mark: str) -> None:
    text = f" {width} {mark} {height} "
    if 0.1 <= width / height <= 10:
        assert ratio_value(check_ratio(text) or "") == width / height
    else:
        with pytest.raises(ValueError, match="between"):
            check_ratio(text)


@given(st.text(max_size=40))
def test_any_text_is_a_ratio_or_refused(text: str) -> None:
    try:
        found = check_ratio(text)
    except ValueError:
        return
    assert found is not None
    assert 0.1 <= ratio_value(found) <= 10


@given(sides, sides, st.sampled_from(["1:1", "16:9", "9:16", "10:1", "1:10", "2.39:1"]), st.integers(16, 4096))
def test_sizes_stay_inside_the_bounds(width: int | None, height: int | None, ratio: str, long_side: int) -> None:
    try:
        picture = Picture("a", width=width, height=height, aspect_ratio=ratio)
    except InvalidRequestError:
        assert width
        assert height
        assert not 0.1 <= width / height <= 10
        return
    found = picture.size(long_side)
    assert all(MIN_SIDE <= side <= MAX_SIDE for side in found)
    assert width in (None, found[0])
    assert height in (None, found[1])


@given(sides, sides, st.none() | st.sampled_from(["720p", "4k", "640x360", "360x640"]), st.none() | st.just("9:16"))
def test_films_have_one_size_and_its_ratio(width: Any, height: Any, resolution: Any, ratio: Any) -> None:
    try:
        film = Film("a", width=width, height=height, resolution=resolution, aspect_ratio=ratio)
    except InvalidRequestError:
        return
    found = film.size()
    assert all(MIN_SIDE <= side <= MAX_SIDE for side in found)
    if resolution in ("640x360", "360x640") and not (width or height):
        assert f"{found[0]}x{found[1]}" == resolution
        assert film.ratio() == found[0] / found[1]


@pytest.mark.parametrize("levels", [98, 150, 400, 5_000])
def test_what_is_nested_too_deeply_is_refused_before_anything_stumbles_over_it(levels: int) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    if levels < 100:
        assert json.loads(Text("x", schema=schema).to_json())["response_schema"] == schema
        return
    with pytest.raises(InvalidRequestError, match="response_schema: is nested more than 200 levels"):
        Text("x", schema=schema)


def test_what_contains_itself_is_refused() -> None:
    options: dict[str, Any] = {}
    options["again"] = [options]
    with pytest.raises(InvalidRequestError, match=r"options: .* contains itself"):
        Picture("x", options=options)
