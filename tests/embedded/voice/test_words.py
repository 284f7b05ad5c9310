"""Every visible word has its own time, whatever the engine reports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.providers.embedded.voice import Spoken, speak
from viralai_sdk.providers.embedded.voice.alignment import Event, Token, align, tokens

TEXT = (
    "A letter from the king of the house, for the dog in the snow on the hill; and the cat — said & left. "
    "It costs $3.50 at 10:30 (or 1,200 pounds), e.g. “tomorrow”!"
)


def orderly(spoken: Spoken) -> None:
    edges = [edge for word in spoken.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= spoken.duration


@pytest.mark.parametrize("engine", ["espeak-ng", "formant"])
def test_words_are_the_visible_words_in_order_with_time_for_each(engine: str) -> None:
    spoken = speak(TEXT, engine=engine)
    assert [word.text for word in spoken.words] == [word for word in TEXT.split() if word != "—"]
    orderly(spoken)
    assert all(word.end - word.start > 0.03 for word in spoken.words)


@pytest.mark.parametrize("pair", ["from the", "of the", "for the", "in the", "on the", "and the"])
def test_pairs_the_engine_fuses_are_told_apart(pair: str) -> None:
    spoken = speak(f"apples {pair} garden", engine="espeak-ng")
    assert [word.text for word in spoken.words] == ["apples", *pair.split(), "garden"]
    assert all(word.end - word.start > 0.03 for word in spoken.words)
    orderly(spoken)


def test_a_pause_belongs_to_no_word() -> None:
    spoken = speak("Stop. Go.", engine="espeak-ng")
    stop, go = spoken.words
    assert go.start - stop.end > 0.1


def test_scripts_without_spaces_are_timed_by_character() -> None:
    assert [token.text for token in tokens("你好,世界 OK「はい」がっこう")] == [
        "你", "好,", "世", "界", "OK「", "は", "い」", "がっ", "こ", "う",
    ]  # fmt: skip
    spoken = speak("你好世界", language="cmn", engine="espeak-ng")
    assert [word.text for word in spoken.words] == list("你好世界")
    orderly(spoken)


def test_lone_punctuation_is_no_word_but_spoken_signs_are() -> None:
    assert [token.text for token in tokens(" - a & b … 50 % «ok» ")] == ["a", "&", "b", "50", "%", "«ok»"]


def test_a_span_is_divided_at_phonemes() -> None:
    words = [Token("from", 0, 4), Token("the", 5, 8)]
    first, second = align(words, [Event(0, 0, 700, (0, 100, 390, 430, 600))], 1000, 1000)
    assert (first.start, first.end, second.start, second.end) == (0.0, 0.39, 0.39, 0.7)


def test_words_without_any_event_share_what_there_is() -> None:
    words = [Token("a", 0, 1), Token("b", 2, 3)]
    assert [(word.start, word.end) for word in align(words, [], 100, 100)] == [(0.0, 0.5), (0.5, 1.0)]
    assert align([], [], 100, 100) == ()


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 50), st.integers(0, 90)), max_size=15),
    st.lists(st.integers(0, 1000), max_size=10),
)
def test_spans_never_overlap_whatever_the_engine_says(
    lengths: list[int], jumps: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    words, at = [], 0
    for length in lengths:
        words.append(Token("x" * length, at, at + length))
        at += length + 1
    events, sample = [], 0
    for position, wait, span in jumps:
        sample += wait
        events.append(Event(position, sample, sample + span, tuple(sorted(cuts))))
        sample += span
    timed = align(words, events, 1000, 1000)
    edges = [edge for word in timed for edge in (word.start, word.end)]
    assert len(timed) == len(words)
    assert edges == sorted(edges)
    assert edges[-1] <= 1.0
