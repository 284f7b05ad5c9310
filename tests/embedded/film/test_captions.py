import itertools
import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.providers.embedded.film import FilmPlanError, TimedWord, captions_srt, captions_vtt
from viralai_sdk.providers.embedded.film.captions import LINE_WIDTH, columns, cues

STAMP = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"


@dataclass
class Parsed:
    """A WebVTT cue as a reader sees it."""

    start: float
    end: float
    lines: list[str]
    stamps: list[float]


def seconds(match: tuple[str, ...]) -> float:
    return int(match[0]) * 3600 + int(match[1]) * 60 + int(match[2]) + int(match[3]) / 1000


def parse_vtt(text: str) -> list[Parsed]:
    """A strict reader of the part of WebVTT that captions use; it knows nothing of the writer."""
    head, *blocks = text.rstrip("\n").split("\n\n")
    assert head.strip() == "WEBVTT"
    parsed = []
    for block in blocks:
        timing, *lines = block.split("\n")
        match = re.fullmatch(rf"{STAMP} --> {STAMP}", timing)
        assert match, timing
        stamps = [seconds(found) for line in lines for found in re.findall(f"<{STAMP}>", line)]
        plain = [re.sub(f"<{STAMP}>", "", line) for line in lines]
        assert not any("<" in line or ">" in line for line in plain)
        plain = [line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for line in plain]
        parsed.append(Parsed(seconds(match.groups()[:4]), seconds(match.groups()[4:]), plain, stamps))
    return parsed


TOKENS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=50)


@st.composite
def spoken(draw: st.DrawFn) -> list[TimedWord]:
    moment, words = draw(st.floats(0, 5)), []
    for token in draw(st.lists(TOKENS, max_size=30)):
        length = draw(st.floats(0.02, 2.0))
        words.append(TimedWord(token, moment, moment + length))
        moment += length + draw(st.sampled_from([0.0, 0.05, 1.0]))
    return words


@given(spoken())
def test_captions_survive_a_round_trip_through_a_webvtt_reader(words: list[TimedWord]) -> None:
    parsed = parse_vtt(captions_vtt(words))
    said = "".join("".join(word.text.split()) for word in words)
    assert "".join("".join("".join(cue.lines).split()) for cue in parsed) == said
    for cue in parsed:
        assert 1 <= len(cue.lines) <= 2
        assert all(columns(line) <= LINE_WIDTH for line in cue.lines)
        assert cue.start < cue.end
        assert all(cue.start < stamp < cue.end for stamp in cue.stamps)
        assert cue.stamps == sorted(cue.stamps)
    assert all(a.end <= b.start for a, b in itertools.pairwise(parsed))


@given(spoken(), st.floats(0.5, 20))
def test_no_caption_outlasts_the_film(words: list[TimedWord], until: float) -> None:
    assert all(cue.end <= until + 0.001 for cue in parse_vtt(captions_vtt(words, until=until)))


def words_of(text: str, step: float = 0.3) -> list[TimedWord]:
    return [TimedWord(token, i * step, i * step + step) for i, token in enumerate(text.split())]


def test_each_word_after_the_first_carries_its_own_time() -> None:
    assert captions_vtt(words_of("a red fox")) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\na <00:00:00.300>red <00:00:00.600>fox\n"
    )


def test_markup_in_speech_stays_text() -> None:
    assert "1 &lt; 2 &amp; 3 --&gt;" in re.sub(r"<[\d:.]+>", "", captions_vtt(words_of("1 < 2 & 3 -->")))


def test_a_cue_ends_with_its_sentence_and_at_a_pause() -> None:
    assert [cue.text for cue in cues(words_of("It snows. A fox"))] == ["It snows.", "A fox"]
    paused = [TimedWord("one", 0, 0.3), TimedWord("two", 2.0, 2.3)]
    assert [cue.text for cue in cues(paused)] == ["one", "two"]


def test_two_lines_come_out_alike_in_length() -> None:
    (cue,) = cues(words_of("the whole valley begins to shine like gold", 0.2))
    assert cue.text == "the whole valley begins\nto shine like gold"


def test_wide_scripts_count_double_and_take_no_spaces() -> None:
    (cue, *_) = cues([TimedWord("狐狸", 0, 0.5), TimedWord("在雪里", 0.5, 1.0)])
    assert cue.text == "狐狸在雪里"
    assert columns("狐狸") == 4


def test_a_word_longer_than_a_line_is_continued_on_the_next() -> None:
    (cue,) = cues([TimedWord("x" * 40, 0.0, 4.0)])
    assert cue.text == "x" * 32 + "\n" + "x" * 8
    assert cue.words[1].start == 2.0


def test_subrip_numbers_its_cues() -> None:
    assert captions_srt(words_of("Hi. There")) == (
        "1\n00:00:00,000 --> 00:00:00,300\nHi.\n\n2\n00:00:00,300 --> 00:00:00,950\nThere\n"
    )


def test_nothing_said_gives_an_empty_but_valid_file() -> None:
    assert captions_vtt([]) == "WEBVTT\n"
    assert captions_vtt([TimedWord("  ", 0, 1)]) == "WEBVTT\n"
    assert captions_srt([]) == ""


@pytest.mark.parametrize(
    "words",
    [
        [TimedWord("a", -1, 0)],
        [TimedWord("a", 1, 0.5)],
        [TimedWord("a", float("nan"), 1)],
        [TimedWord("a", 0, float("inf"))],
        [TimedWord("a", 2, 3), TimedWord("b", 1, 2)],
    ],
)
def test_impossible_times_are_refused(words: list[TimedWord]) -> None:
    with pytest.raises(FilmPlanError, match="words"):
        captions_vtt(words)
