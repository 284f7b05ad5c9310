"""SSML: markup works, its words map back to the visible text, and what is malformed is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.providers.embedded.voice import VoiceError, speak
from viralai_sdk.providers.embedded.voice.ssml import parse, to_markup


@pytest.mark.parametrize("engine", ["espeak-ng", "formant"])
def test_a_break_lengthens_the_speech_by_its_time(engine: str) -> None:
    short = speak("<speak>one <break time='100ms'/> two</speak>", ssml=True, engine=engine)
    long = speak("<speak>one <break time='1.6s'/> two</speak>", ssml=True, engine=engine)
    assert long.duration - short.duration == pytest.approx(1.5, abs=0.25)
    assert [word.text for word in long.words] == ["one", "two"]
    assert long.words[1].start - long.words[0].end > 1.3


@pytest.mark.parametrize("engine", ["espeak-ng", "formant"])
def test_words_are_the_visible_text_not_the_markup(engine: str) -> None:
    document = (
        '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis"><p>Hello <emphasis>big</emphasis> &amp; bad '
        '<sub alias="World Wide Web">W3C of</sub> &lt;now&gt;</p><metadata>hidden</metadata><s>the end.</s></speak>'
    )
    spoken = speak(document, ssml=True, engine=engine)
    assert [word.text for word in spoken.words] == ["Hello", "big", "&", "bad", "W3C", "of", "<now>", "the", "end."]
    edges = [edge for word in spoken.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    alias = spoken.words[4].end - spoken.words[4].start + spoken.words[5].end - spoken.words[5].start
    assert alias > 0.6, "the alias takes three words of time"


def test_prosody_slows_and_a_fragment_needs_no_speak_element() -> None:
    plain = speak("some words here", ssml=True, engine="espeak-ng")
    slow = speak("<prosody rate='50%'>some words here</prosody>", ssml=True, engine="espeak-ng")
    assert slow.duration > 1.5 * plain.duration


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<speak>open", r"line 1, column"),
        ("<speak>\n a & b</speak>", r"line 2, column"),
        ("fragment <b>bold</speak>", "mismatched tag"),
        ("<!DOCTYPE speak [<!ENTITY a 'b'>]><speak>&a;</speak>", "DOCTYPE"),
        ("<speak><break time='soon'/>x</speak>", "500ms"),
        ("<speak>a\0b</speak>", "not well-formed"),
        ("<speak>a\ud800b</speak>", "XML does not allow"),
    ],
)
def test_malformed_markup_is_refused_with_a_reason(document: str, reason: str) -> None:
    with pytest.raises(VoiceError, match=reason) as caught:
        speak(document, ssml=True)
    assert caught.value.kind == "ssml"


def test_markup_without_text_is_empty() -> None:
    with pytest.raises(VoiceError) as caught:
        speak("<speak><break/></speak>", ssml=True)
    assert caught.value.kind == "empty"


def test_what_has_no_effect_is_noted() -> None:
    document = parse(
        "<speak><audio src='x'>sound</audio><phoneme ph='a'>b</phoneme><mark name='m'/><break time='99s'/>"
        "<voice name='Bob' xml:lang='de'>ja</voice><lang xml:lang='fr'>oui</lang><break strength='weak'/></speak>"
    )
    notes = " ".join(document.notes)
    for part in ("<audio>", "<phoneme>", "<mark>", "30 s", "<voice name=...>"):
        assert part in notes
    markup, _ = to_markup(document)
    assert "src" not in markup
    assert '<voice xml:lang="fr">' in markup
    assert '<break time="30000ms"/>' in markup
    assert '<break time="200ms"/>' in markup
    note = speak("<prosody rate='slow'>hi</prosody>", ssml=True, engine="formant").notes
    assert "<prosody> is not honoured" in note[0]


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40))
def test_positions_in_the_markup_lead_back_to_the_visible_text(text: str) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    document = parse(f"<speak><prosody rate='slow'>{escaped}</prosody></speak>")
    markup, positions = to_markup(document)
    assert document.visible == text
    assert len(markup) == len(positions)
    assert positions == sorted(positions)
    assert sorted(set(positions)) == list(range(len(text) + 1))
