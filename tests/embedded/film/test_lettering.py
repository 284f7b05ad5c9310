import pytest
from PIL import Image, ImageChops

from viralai_sdk.providers.embedded.film import TimedWord, lettering
from viralai_sdk.providers.embedded.film.captions import cues
from viralai_sdk.providers.embedded.film.lettering import CaptionLayer, pick_font


def words_of(text: str) -> list[TimedWord]:
    return [TimedWord(token, i * 0.3, i * 0.3 + 0.3) for i, token in enumerate(text.split())]


def layer_for(text: str, frame: tuple[int, int]) -> CaptionLayer:
    made = CaptionLayer.for_film(cues(words_of(text)), frame)
    assert isinstance(made, CaptionLayer), made
    return made


def drawn(layer: CaptionLayer, frame: tuple[int, int], moment: float) -> Image.Image:
    picture = Image.new("RGB", frame, (120, 140, 160))
    layer.onto(picture, moment)
    return picture


@pytest.mark.parametrize("frame", [(320, 180), (1280, 720), (720, 1280), (512, 512)])
@pytest.mark.parametrize("text", ["WWWWWWWWWWWW MMMMMMMMMMMMM WWWWWWWWW WWWWWW", "a fox"])
def test_captions_keep_inside_the_safe_area(frame: tuple[int, int], text: str) -> None:
    picture = drawn(layer_for(text, frame), frame, 0.7)
    changed = ImageChops.difference(picture, Image.new("RGB", frame, (120, 140, 160))).getbbox()
    assert changed is not None
    left, top, right, bottom = changed
    assert left >= frame[0] * 0.04
    assert right <= frame[0] * 0.96
    assert bottom <= frame[1] * 0.955
    assert top > frame[1] * 0.6


def gold(picture: Image.Image) -> tuple[int, int, int, int] | None:
    red, green, blue = picture.split()
    bright = ImageChops.multiply(red.point(lambda v: 255 * (v > 200)), green.point(lambda v: 255 * (v > 150)))
    return ImageChops.multiply(bright, blue.point(lambda v: 255 * (v < 140))).getbbox()


def test_the_word_being_spoken_is_golden_and_moves_on() -> None:
    layer = layer_for("red fox jumps", (640, 360))
    first, last = (gold(drawn(layer, (640, 360), moment)) for moment in (0.1, 0.7))
    assert first is not None
    assert last is not None
    assert first[2] < last[0]


def test_between_cues_the_picture_is_untouched() -> None:
    layer = layer_for("red fox", (640, 360))
    assert gold(drawn(layer, (640, 360), 30.0)) is None


def test_a_tiny_frame_takes_no_captions_and_says_so() -> None:
    assert "too small" in str(CaptionLayer.for_film(cues(words_of("hello")), (64, 36)))


def test_lines_that_cannot_fit_are_left_out_and_it_says_so() -> None:
    wide = CaptionLayer.for_film(cues(words_of("W" * 32)), (190, 400))
    assert "do not fit" in str(wide)


@pytest.mark.parametrize("text", ["שלום", "مرحبا", "\U000e0001\U000f1234"])
def test_scripts_that_cannot_be_set_are_left_out_rather_than_drawn_as_boxes(text: str) -> None:
    assert "no font" in str(CaptionLayer.for_film(cues(words_of(text)), (640, 360)))


def test_without_fonts_on_the_machine_only_what_pillow_brings_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "_SYSTEM_FONTS", ("no-such-font.ttf",))
    assert pick_font(["plain letters"], 20) is not None
    assert pick_font(["Дом"], 20) is None


def test_typographic_dashes_and_quotes_are_written_plainly() -> None:
    layer_for("well – “yes” — he’s here…", (640, 360))


def test_many_words_do_not_pile_up_drawings() -> None:
    text = " ".join(["word"] * 90)
    layer = layer_for(text, (320, 180))
    for i in range(90):
        layer.onto(Image.new("RGB", (320, 180)), i * 0.3 + 0.1)
    assert len(layer._drawn) <= 64
