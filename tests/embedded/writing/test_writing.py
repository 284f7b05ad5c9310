"""The text engine does what a rule recognises, and says what it is for everything else."""

import random
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viralai_sdk.providers.embedded.writing import WritingError, hooks, key_phrases, summarize, titles, write
from viralai_sdk.providers.embedded.writing.arithmetic import evaluate
from viralai_sdk.providers.embedded.writing.creative import slogans
from viralai_sdk.providers.embedded.writing.data import load
from viralai_sdk.providers.embedded.writing.facts import extract
from viralai_sdk.providers.embedded.writing.grammar import GrammarError, expand, plural, with_article
from viralai_sdk.providers.embedded.writing.segment import count_tokens, sentences

_PATIENT = settings(deadline=None, max_examples=150)

COFFEE = (
    "Cold brew coffee is made without heat. Dr. Smith says it takes 12.5 hours. Coarse grounds sit in cold water "
    'overnight. "It is smooth. It is strong," she adds. Many people drink cold brew coffee in summer. Hot coffee is faster.'
)


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        (f"Summarize: {COFFEE}", "summary"),
        (f"Please summarise the following text in two sentences:\n\n{COFFEE}", "summary"),
        (f"TL;DR: {COFFEE}", "summary"),
        (f"Give me a 2-sentence summary of: {COFFEE}", "summary"),
        (f"key phrases of: {COFFEE}", "key_phrases"),
        (f"Extract the 5 main keywords from {COFFEE}", "key_phrases"),
        ("Write 5 hooks for a video about foxes", "hooks"),
        ("Could you suggest three catchy titles for my video about foxes?", "titles"),
        ("slogan for a bakery", "slogans"),
        ("Write me a short poem about the sea", "poem"),
        ("Extract the emails and links from: a@b.org https://c.org/d.", "extract"),
        ("what is 12*(3+4)", "arithmetic"),
        ("2^10 =", "arithmetic"),
        ("how many words are in: one two three", "statistics"),
        ("How many r's are in strawberry?", "statistics"),
        ("text statistics of: one two", "statistics"),
        ("Expand this image prompt: a red fox", "expand_prompt"),
        ("What is a hook in React?", "explain"),
        ("What is 2026-11-22?", "explain"),
        ("Summarize quantum physics", "explain"),
        ("How many words are there in English?", "explain"),
        ("Who wrote Hamlet?", "explain"),
        ("Write 5 hooks", "explain"),
        ("Summarize:", "explain"),
        ("", "explain"),
    ],
)
def test_trigger_words_decide_the_task(prompt: str, task: str) -> None:
    written = write(prompt)
    assert written.task == task
    assert written.text
    assert written.notes
    assert written.parsed is None
    assert written.engine == "embedded/rules-text@1"
    assert written.finish_reason == "stop"


def test_counts_in_the_prompt_are_honoured_up_to_a_limit() -> None:
    assert len(write("Write 7 hooks for a video about foxes").text.splitlines()) == 7
    assert len(write("three titles about foxes").text.splitlines()) == 3
    many = write("Write 500 hooks about foxes")
    assert len(many.text.splitlines()) == 20
    assert any("500" in note for note in many.notes)
    assert len(sentences(write(f"Summarize the following text in 2 sentences: {COFFEE}").text)) == 2


def test_an_unknown_prompt_gets_one_fixed_answer_that_invents_nothing() -> None:
    answers = {
        write(prompt, seed=seed).text
        for seed, prompt in enumerate(["Who is the king?", "Is it raining?", "äöü", "a" * 900])
    }
    assert len(answers) == 1
    answer = answers.pop()
    assert 'ai.switch("text", "openai")' in answer
    assert "OPENAI_API_KEY" in answer
    assert "not an AI model" in answer


def test_every_example_in_the_fixed_answer_is_recognised() -> None:
    for line in re.findall(r"^- (.+?)(?: \(.*)?$", write("?").text, flags=re.MULTILINE)[:-1]:
        prompt = line.replace("<text>", COFFEE).replace("<topic>", "foxes").replace("<prompt>", "a fox")
        assert write(prompt).task != "explain", line


def test_a_summary_is_made_of_sentences_of_the_text_in_their_order() -> None:
    found = sentences(COFFEE)
    assert found[1] == "Dr. Smith says it takes 12.5 hours."
    assert found[3] == '"It is smooth. It is strong," she adds.'
    for count in range(1, 8):
        chosen = [sentence for sentence in found if sentence in summarize(COFFEE, count)]
        assert summarize(COFFEE, count) == " ".join(chosen)
        assert len(chosen) == min(count, len(found))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. J. R. Smith paid $3.50. He left.", ["Mr. J. R. Smith paid $3.50.", "He left."]),
        ("今天天气很好。我们去公园！你呢？", ["今天天气很好。", "我们去公园！", "你呢？"]),
        ("यह पहला है। यह दूसरा है।", ["यह पहला है।", "यह दूसरा है।"]),
        ("“Go. Now.” He left!", ["“Go. Now.”", "He left!"]),
        ("Is it? Yes... maybe. So do I. Fine", ["Is it?", "Yes... maybe.", "So do I.", "Fine"]),
        ("See No. 5 there. I said no. Then", ["See No. 5 there.", "I said no.", "Then"]),
        ("Title\n\nFirst line\n- one\n- two", ["Title", "First line", "- one", "- two"]),
    ],
)
def test_sentences_survive_abbreviations_decimals_quotes_and_other_scripts(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@_PATIENT
@given(st.text(max_size=400))
def test_no_character_is_lost_between_sentences(text: str) -> None:
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


def test_key_phrases_are_phrases_of_the_text() -> None:
    found = key_phrases(COFFEE, 5)
    assert found[0].lower() == "cold brew coffee"
    assert all(phrase in COFFEE for phrase in found)
    assert key_phrases("人工智能技术的发展和人工智能技术的应用")[0] == "人工智能技术"
    assert key_phrases("the of and") == []


def test_messages_and_system_supply_what_the_prompt_leaves_out() -> None:
    turns = [{"role": "user", "content": COFFEE}]
    assert write("Summarize this.", messages=turns).text == write(f"Summarize: {COFFEE}").text
    assert write("", messages=[{"role": "user", "content": "what is 2+3"}]).text == "2+3 = 5"
    assert write(COFFEE, system="Summarize the text in one sentence.").text == summarize(COFFEE, 1)
    assert write(COFFEE, system="You are a pirate.").task == "explain"


@pytest.mark.parametrize(
    ("expression", "value"),
    [("12*(3+4)", "84"), ("0.1+0.2", "0.3"), ("1/3", "≈ 0.333333333333333"), ("2^10", "1024"), ("-7//2", "-4"), ("7%4", "3"),
     ("2**-2", "0.25"), ("1,000+1", "1001"), ("007+1", "8"), ("-1/10**20", "≈ -0.000000000000000"), ("+5-2", "3")],
)  # fmt: skip
def test_arithmetic_is_exact(expression: str, value: str) -> None:
    assert evaluate(expression) == value


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "(9**99)**99",
        "10**5000",
        "1/0",
        "0**-1",
        "2**0.5",
        "((((",
        "1&2",
        "__import__('os')",
        "True+1",
        "9*" * 150 + "9",
        "2" * 199 + "**999",
    ],
)
def test_arithmetic_refuses_what_is_unsafe_or_has_no_result(expression: str) -> None:
    with pytest.raises(WritingError):
        evaluate(expression)


def test_a_percentage_is_understood_and_a_refused_power_is_an_error() -> None:
    assert write("What is 15% of 80?").text.endswith("= 12")
    with pytest.raises(WritingError, match="too large"):
        write("what is 9**9**9")


def test_extraction_finds_each_kind_and_says_when_there_is_none() -> None:
    text = "Mail a.b@c.org on 3 May 2026 or 2026-06-01, see https://x.org/y?z=1. #fox @me 1,234.5 a.b@c.org"
    assert extract(text, ["email"]) == "a.b@c.org"
    assert extract(text, ["link"]) == "https://x.org/y?z=1"
    assert extract(text, ["date"]) == "3 May 2026\n2026-06-01"
    assert "1,234.5" in extract(text, ["number"]).splitlines()
    assert extract(text, ["hashtag", "mention"]) == "Hashtags:\n#fox\n\nMentions:\n@me"
    assert extract("nothing", ["email"]) == "No email addresses found in the text."


def test_statistics_count_what_was_asked() -> None:
    assert write("How many words and sentences are in: One two. Three!").text == "Words: 3\nSentences: 2"
    assert "3 times" in write("How many r's are in strawberry?").text
    assert "Reading time: about 1 min" in write("Word count of: one two").text


_TOPICS = [
    "cold brew coffee",
    "how to bake bread",
    "running at night",
    "the moon",
    "cats",
    "東京",
    "#hack# & co",
    "iPhone",
    "a" * 300,
]


@pytest.mark.parametrize("make", [hooks, titles, slogans])
@pytest.mark.parametrize("topic", _TOPICS)
def test_twenty_lines_are_different_and_the_same_again_for_a_seed(make: Any, topic: str) -> None:
    lines = make(topic, 20, seed=3)
    assert len(set(lines)) == 20
    assert make(topic, 20, seed=3) == lines
    assert make(topic, 20, seed=4) != lines


@pytest.mark.parametrize("make", [hooks, titles, slogans])
def test_lines_without_topic_or_count_are_errors(make: Any) -> None:
    for arguments in (("  ", 3), ("foxes", 0), ("foxes", 21)):
        with pytest.raises(WritingError):
            make(*arguments)
    with pytest.raises(WritingError):
        summarize(" ")
    with pytest.raises(WritingError):
        summarize("One.", 0)
    with pytest.raises(WritingError):
        key_phrases("One.", 0)


def test_every_rule_of_the_grammar_expands_cleanly() -> None:
    rules = load("grammar")["rules"]
    rng = random.Random(1)
    for name in rules:
        for _ in range(200):
            line = expand(f"#{name}#", rules, {"topic": "red foxes"}, rng)
            assert "#" not in line, line
            assert "  " not in line, line
            assert line == line.strip(), line
            assert not re.search(r"\ba [aeio]\w", line, re.IGNORECASE), line
            assert not re.search(r"\ban (?:[^aeiouh]|h(?!o))", line, re.IGNORECASE), line
            assert not re.search(r"\b(\w+) \1\b", line, re.IGNORECASE), line


def test_grammar_words_follow_english() -> None:
    phrases = ["apple", "hour", "unicorn", "European trip", "useful tip", "unusual one", "red fox"]
    assert [with_article(phrase).split()[0] for phrase in phrases] == ["an", "an", "a", "a", "a", "an", "a"]
    assert [plural(word) for word in ("story", "day", "box", "clip")] == ["stories", "days", "boxes", "clips"]


@pytest.mark.parametrize("template", ["#nowhere#", "#topic.shout#", "#loop#"])
def test_a_wrong_grammar_is_an_error(template: str) -> None:
    with pytest.raises(GrammarError):
        expand(template, {"loop": ["#loop#"]}, {"topic": "x"}, random.Random(1))


def test_max_tokens_and_stop_cut_text_and_never_json() -> None:
    whole = write("Write 5 hooks for a video about foxes")
    cut = write("Write 5 hooks for a video about foxes", max_tokens=6)
    assert whole.text.startswith(cut.text)
    assert (cut.finish_reason, cut.completion_tokens) == ("length", 6)
    stopped = write("Write 5 hooks for a video about foxes", stop=["2.", ""])
    assert whole.text.startswith(stopped.text)
    assert stopped.finish_reason == "stop"
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    structured = write("A title about foxes", schema=schema)
    assert structured.task == "structured"
    assert set(structured.parsed or {}) == {"title"}
    for limits in ({"max_tokens": 2}, {"stop": ["title"]}):
        with pytest.raises(WritingError):
            write("A title about foxes", schema=schema, **limits)  # type: ignore[arg-type]
    with pytest.raises(WritingError):
        write("foxes", max_tokens=0)
    assert write("A title", schema=schema, max_tokens=structured.completion_tokens * 3).finish_reason == "stop"


@pytest.mark.parametrize(
    "text", ["word " * 2_000_000, "a" * 10_000_000, "One two. " * 1_100_000, "\n\r" * 5_000_000, '"' * 10_000_000]
)
@pytest.mark.parametrize(
    "trigger",
    ["Summarize: ", "key phrases of: ", "Extract the emails and numbers from: ", "How many words are in: ", ""],
)
def test_ten_megabytes_are_read_in_part_and_the_notes_say_so(trigger: str, text: str) -> None:
    written = write(trigger + text)
    assert written.text
    if text.strip() and written.task in ("summary", "key_phrases", "extract"):
        assert any("Only the first" in note for note in written.notes)


@_PATIENT
@given(
    st.sampled_from(["", "Summarize: ", "key phrases of: ", "Write 3 hooks about ", "titles for ", "poem about ", "how many words in: ",
                     "extract dates from: ", "Expand this prompt: ", "slogan for "]),
    st.text(st.characters(), max_size=200),
)  # fmt: skip
def test_no_text_crashes_the_engine_or_comes_back_empty(trigger: str, text: str) -> None:
    written = write(trigger + text)
    assert written.text.strip()
    written.text.encode("utf-8")
    assert written == write(trigger + text)
    assert written.completion_tokens == count_tokens(written.text) > 0


def test_a_lone_surrogate_is_replaced() -> None:
    assert write("titles for fox \ud800").text.encode("utf-8")
    assert count_tokens("") == 0
