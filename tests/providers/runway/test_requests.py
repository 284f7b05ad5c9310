"""What Runway is asked for: the nearest of what a model offers, with a note for everything that differs from the request."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.providers.runway.support import (
    IMAGE,
    SPEECH,
    VIDEO,
    body,
    film,
    first_send,
    notes,
    picture,
    pictures,
    say,
    service,
)
from viralai_sdk.interfaces import errors as e
from viralai_sdk.providers.runway.choose import nearest_named
from viralai_sdk.providers.runway.models import catalog

RED = "data:image/png;base64," + base64.b64encode(picture()).decode()


def test_a_film_from_words() -> None:
    step = first_send(service("video").submit(film(seed=3), VIDEO))
    assert (step.method, step.path, step.creates) == ("POST", "/v1/text_to_video", True)
    assert step.json == {"model": VIDEO, "promptText": "a fox", "ratio": "1280:720", "duration": 5, "seed": 3}
    assert service("video").headers() == {"X-Runway-Version": "2024-11-06", "Authorization": "Bearer sim-key"}
    assert notes("video", film(seed=3), VIDEO) == []


def test_a_film_from_a_picture() -> None:
    request = film(image=picture(), aspect_ratio="9:16", duration=10)
    step = first_send(service("video").submit(request, "gen4_turbo"))
    assert step.path == "/v1/image_to_video"
    assert step.json["promptImage"] == RED
    assert (step.json["ratio"], step.json["duration"]) == ("720:1280", 10)


def test_first_and_last_frame() -> None:
    made = body("video", film(image=picture(), last_image=picture()), "veo3.1")
    assert made["promptImage"] == [{"uri": RED, "position": "first"}, {"uri": RED, "position": "last"}]


@pytest.mark.parametrize(
    ("fields", "model", "expected", "noted"),
    [
        ({"duration": 5}, "veo3.1", {"duration": 4}, [("adjusted", "duration")]),
        ({"duration": 7.2}, "veo3.1", {"duration": 8}, [("adjusted", "duration")]),
        ({"duration": 60}, VIDEO, {"duration": 10}, [("adjusted", "duration")]),
        ({"duration": 0.4}, VIDEO, {"duration": 2}, [("adjusted", "duration")]),
        ({"duration": 12}, "seedance2", {"duration": 12}, []),
        ({"aspect_ratio": "1:1"}, VIDEO, {"ratio": "1280:720"}, [("adjusted", "aspect_ratio")]),
        ({"aspect_ratio": "9:16"}, VIDEO, {"ratio": "720:1280"}, []),
        ({"resolution": "1080p", "duration": 8}, "veo3.1", {"ratio": "1920:1080"}, []),
        ({"resolution": "4k", "duration": 8}, "veo3.1", {"ratio": "1920:1080"}, [("adjusted", "resolution")]),
        (
            {"resolution": "1080p", "aspect_ratio": "9:16"},
            "hailuo3",
            {"ratio": "9:16", "resolution": "2k"},
            [("adjusted", "resolution")],
        ),
        ({"negative_prompt": "rain", "duration": 4}, "veo3.1", {"negativePrompt": "rain"}, []),
        ({"negative_prompt": "rain"}, VIDEO, {}, [("unsupported", "negative_prompt")]),
        ({"seed": 3}, "kling2.5_turbo_pro", {}, [("unsupported", "seed")]),
        ({"fps": 24, "narration": "Hello."}, VIDEO, {}, [("unsupported", "fps"), ("unsupported", "narration")]),
        ({"style": "noir"}, VIDEO, {"promptText": "a fox\n\nStyle: noir"}, [("adjusted", "style")]),
        ({"aspect_ratio": "9:16"}, "h3_max", {}, [("unsupported", "aspect_ratio")]),
        ({"options": {"duration": "auto", "ratio": "960:960"}}, "seedance2", {"duration": "auto"}, []),
        ({"options": {"duration": 9}}, VIDEO, {"duration": 9}, []),
    ],
)
def test_the_nearest_that_is_offered(
    fields: dict[str, Any], model: str, expected: dict[str, Any], noted: list[tuple[str, str]]
) -> None:
    made = body("video", film(**fields), model)
    assert expected.items() <= made.items()
    assert notes("video", film(**fields), model) == noted
    assert "seed" not in made


@pytest.mark.parametrize(
    ("model", "fields", "ratio", "noted"),
    [
        ("wan3", {"resolution": "1080p"}, "auto_1080p", []),
        ("kling_4", {"aspect_ratio": "1:1"}, "auto_720p", [("unsupported", "aspect_ratio")]),
        ("happyhorse_1_0", {"aspect_ratio": "1:1"}, None, [("unsupported", "aspect_ratio")]),
    ],
)
def test_models_that_keep_the_first_pictures_ratio(
    model: str, fields: dict[str, Any], ratio: str | None, noted: list[tuple[str, str]]
) -> None:
    request = film(image=picture(), **fields)
    assert body("video", request, model).get("ratio") == ratio
    assert notes("video", request, model) == noted


def test_configuration_gives_vendor_defaults_and_options_win() -> None:
    made = body(
        "video",
        film(options={"audio": False}, duration=4),
        "veo3.1",
        audio=True,
        negativePrompt="rain",
        poll_interval=1,
        sparkle=1,
    )
    assert (made["audio"], made["negativePrompt"]) == (False, "rain")
    assert not {"poll_interval", "sparkle"} & made.keys()
    assert service("video", poll_interval=1).first_poll == 1


@pytest.mark.parametrize(
    ("kind", "request_", "model", "words"),
    [
        ("video", film(), "gen4_turbo", "text to video with gen4_turbo"),
        ("video", film(prompt="x" * 1001), VIDEO, "1,000 characters"),
        ("video", film(prompt="😀" * 501), VIDEO, "1,002"),
        ("video", film(last_image=picture()), "veo3.1", "last frame"),
        ("video", film(image=picture(), last_image=picture()), VIDEO, "last frame"),
        ("video", film(image=picture(kind="GIF")), VIDEO, "image/gif"),
        ("video", film(options={"outputFormat": "png_sequence"}), VIDEO, "sequences"),
        ("video", film(), IMAGE, "gen4_image"),
        ("image", pictures(), "gen4_image_turbo", "without reference_images"),
        ("image", pictures(reference_images=[picture()] * 4), IMAGE, "more than 3"),
        ("image", pictures(reference_images=picture()), "recraft_v4_1_flash", "reference_images with"),
        ("image", pictures(reference_images=picture(), mask=picture()), IMAGE, "masks"),
        ("image", pictures(), VIDEO, "gen4.5"),
        ("speech", say(ssml=True), SPEECH, "SSML"),
        ("speech", say(text="x" * 1001), SPEECH, "1,000"),
        ("speech", say(output_format="wav"), SPEECH, "wav"),
        ("speech", say(output_format="flac"), "seed_audio", "flac"),
        ("speech", say(voice_id="Maya"), "seed_audio", "preset voices"),
        ("speech", say(), VIDEO, "gen4.5"),
    ],
)
def test_what_cannot_be_done_is_refused_before_sending(kind: str, request_: Any, model: str, words: str) -> None:
    with pytest.raises(e.UnsupportedCapabilityError, match=words):
        service(kind).check(request_, model)
    assert service(kind).quantities(request_, model) == {}


def test_large_pictures_are_refused_before_sending() -> None:
    large = picture() + bytes(4_000_000)
    with pytest.raises(e.UnsupportedCapabilityError, match=r"3\.7 MB"):
        service("video").check(film(image=large), VIDEO)


def test_pictures_from_words_and_references() -> None:
    request = pictures(aspect_ratio="16:9", seed=1, reference_images=[picture()], options={"contentModeration": {}})
    made = body("image", request, IMAGE)
    assert made == {
        "model": IMAGE,
        "promptText": "a fox",
        "ratio": "1280:720",
        "seed": 1,
        "referenceImages": [{"uri": RED}],
        "contentModeration": {},
    }


@pytest.mark.parametrize(
    ("fields", "model", "ratio", "noted"),
    [
        ({"aspect_ratio": "1:1"}, IMAGE, "1024:1024", []),
        ({"width": 1920, "height": 1080}, IMAGE, "1920:1080", []),
        ({"width": 1000, "height": 1000}, IMAGE, "1024:1024", [("adjusted", "width/height")]),
        ({"aspect_ratio": "10:1"}, IMAGE, "1808:768", [("adjusted", "aspect_ratio")]),
        ({"aspect_ratio": None}, "gpt_image_2", "auto", []),
        ({"options": {"ratio": "auto"}}, "gpt_image_2", "auto", []),
        ({"negative_prompt": "rain"}, IMAGE, "1024:1024", [("unsupported", "negative_prompt")]),
        ({"seed": 1}, "gpt_image_2", "1920:1920", [("unsupported", "seed")]),
        ({"style": "noir"}, IMAGE, "1024:1024", [("adjusted", "style")]),
        ({"num_images": 2, "seed": 1}, IMAGE, "1024:1024", [("adjusted", "num_images"), ("other", "seed")]),
    ],
)
def test_sizes_and_notes_of_pictures(
    fields: dict[str, Any], model: str, ratio: str, noted: list[tuple[str, str]]
) -> None:
    assert body("image", pictures(**fields), model)["ratio"] == ratio
    assert notes("image", pictures(**fields), model) == noted


def test_masks_where_a_model_takes_them() -> None:
    made = body("image", pictures(reference_images=picture(), mask=picture()), "ideogram_4_5")
    assert made["maskUri"] == RED
    assert "ratio" not in made


def test_speech() -> None:
    made = body("speech", say(voice_id="noah", language="de", pitch=2, volume=0.5, speed=2, seed=1), SPEECH)
    assert made == {
        "model": SPEECH,
        "promptText": "hello there",
        "voice": {"type": "runway-preset", "presetId": "Noah"},
    }
    assert body("speech", say(), SPEECH, voice="Rina")["voice"]["presetId"] == "Rina"
    request = say(language="pt-BR", speed=2, seed=1, pitch=1, output_format="mp3", instructions="Whisper.")
    assert {"languageCode": "pt", "speed": 1.2, "seed": 1}.items() <= body("speech", request, "eleven_v3").items()
    assert notes("speech", request, "eleven_v3") == [
        ("other", "output_format"),
        ("adjusted", "speed"),
        ("unsupported", "pitch"),
        ("unsupported", "instructions"),
    ]
    assert notes("speech", say(language="de", speed=2, volume=2), SPEECH) == [
        ("unsupported", "speed"),
        ("other", "language"),
        ("unsupported", "volume"),
    ]
    sound = say(pitch=1.6, output_format="opus")
    assert {"pitchRate": 2, "outputFormat": "ogg_opus"}.items() <= body("speech", sound, "seed_audio").items()
    assert notes("speech", sound, "seed_audio") == [("adjusted", "pitch")]


def test_voices_are_the_presets() -> None:
    with pytest.raises(StopIteration) as done:
        next(service("speech").voice_steps("de"))
    voices = done.value.value
    assert len(voices) == 49
    assert (voices[0].id, voices[0].provider) == ("Maya", "runway")


@pytest.mark.parametrize(
    ("fields", "model", "quantities"),
    [
        ({"duration": 4}, VIDEO, {"second": 4}),
        ({"duration": 8, "resolution": "1080p"}, "veo3.1", {"second": 8}),
        ({"duration": 5, "resolution": "1080p"}, "seedance2", {"second_1080p": 5}),
        ({"duration": 5, "resolution": "4k"}, "seedance2", {"second_4k": 5}),
        ({"duration": 5, "resolution": "720p"}, "seedance2", {"second": 5}),
        ({"duration": 5, "resolution": "2k"}, "hailuo3", {"second_1080p": 5}),
    ],
)
def test_amounts_before_sending(fields: dict[str, Any], model: str, quantities: dict[str, float]) -> None:
    assert service("video").quantities(film(**fields), model) == quantities


def test_amounts_of_pictures_and_speech() -> None:
    assert service("image").quantities(pictures(num_images=3), IMAGE) == {"image": 3}
    assert service("speech").quantities(say(), SPEECH) == {"character": 11}
    assert catalog().models[IMAGE].price({"image": 3}) == pytest.approx(0.15)


def test_a_model_the_catalog_lacks_is_taken_to_be_like_the_default() -> None:
    assert body("video", film(), "gen5")["ratio"] == "1280:720"


def test_named_resolutions() -> None:
    assert nearest_named(("auto_480p", "auto_720p", "auto_1080p"), 700) == "auto_720p"
    assert nearest_named(("768p", "2k"), 2160) == "2k"


def test_the_catalogs_defaults_have_prices_and_do_not_end_soon() -> None:
    for service_, name in catalog().defaults.items():
        model = catalog().models[name]
        assert service_ in model.services
        assert model.prices
        assert model.retires is None
    assert all(model.source for model in catalog().models.values())
