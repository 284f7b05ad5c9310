"""Nothing that grants access is written down; everything else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.store import redact as module
from viralai_sdk.store.redact import MARK, redact, redact_json, register_secret


@pytest.fixture(autouse=True)
def own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets of one test are not those of the next."""
    monkeypatch.setattr(module, "_secrets", set())
    monkeypatch.setattr(module, "_pattern", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://s.example/a.mp4?X-Goog-Algorithm=G&X-Goog-Signature=ff", f"https://s.example/a.mp4?{MARK}"),
        ("https://s.example/a?X-Amz-Credential=A&x=1 then text", f"https://s.example/a?{MARK} then text"),
        ("https://s.example/a?w=1&sig=abc", f"https://s.example/a?{MARK}"),
        ("https://s.example/a?token=abc", f"https://s.example/a?{MARK}"),
        ("https://s.example/a?Expires=1&Key-Pair-Id=2", f"https://s.example/a?{MARK}"),
        ("https://s.example/v1?key=AIzaSyA&alt=sse", f"https://s.example/v1?{MARK}"),
        ("wss://user:pass@s.example/x", f"wss://{MARK}@s.example/x"),
        ("https://s.example/a?width=5&page=2", "https://s.example/a?width=5&page=2"),
        ("Authorization: Bearer abcDEF123456789", f"Authorization: Bearer {MARK}"),
        ("x-api-key: abcdef123456", f"x-api-key: {MARK}"),
        ("xi-api-key=abcdef123456", f"xi-api-key={MARK}"),
        ("Incorrect API key provided: sk-proj-abcdef1234567890abcd.", f"Incorrect API key provided: {MARK}."),
        ("the key question is how a token economy works", "the key question is how a token economy works"),
        ("max_tokens must be below 4096", "max_tokens must be below 4096"),
        ("basic understanding of something", "basic understanding of something"),
    ],
)
def test_text_keeps_everything_but_what_grants_access(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert redact(redact(text)) == expected


@pytest.mark.parametrize(
    "name",
    ["Authorization", "api_key", "apiKey", "X-API-Key", "x-goog-api-key", "client_secret", "password", "access_token", "Set-Cookie",
     "private_key", "aws.secret_access_key", "credentials"],
)  # fmt: skip
def test_fields_with_a_telling_name_are_replaced(name: str) -> None:
    assert redact({name: "anything"}) == {name: MARK}
    assert json.loads(redact_json(json.dumps({"a": [{name: "anything"}]})) or "") == {"a": [{name: MARK}]}


def test_harmless_fields_with_similar_names_stay() -> None:
    fields = {
        "max_tokens": 5,
        "prompt_tokens": 3,
        "key": "C minor",
        "keywords": ["a"],
        "token": "fox",
        "author": "me",
        "api_key": None,
    }
    assert redact(fields) == fields
    assert redact({"key": "AIzaSyD4f5g6h7j8", "token": "0123456789abcdef"}) == {"key": MARK, "token": MARK}


def test_registered_secrets_vanish_in_any_spelling() -> None:
    register_secret('pa"ss\\wörd')
    register_secret("short")
    register_secret("  spaced-secret \n")
    value = {'pa"ss\\wörd': ['x pa"ss\\wörd y', ("spaced-secret",)], "n": 5}
    assert redact(value) == {MARK: [f"x {MARK} y", [MARK]], "n": 5}
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        assert json.loads(redact_json(text) or "") == {MARK: [f"x {MARK} y", [MARK]], "n": 5}
    assert redact("short") == "short"


def test_json_text_that_is_none_is_cleaned_as_text() -> None:
    assert redact_json("broken { https://a.b/c?sig=12") == f"broken {{ https://a.b/c?{MARK}"
    assert redact_json(None) is None
    assert redact_json('{"a": 1}') == '{"a": 1}'


def test_values_that_json_has_no_word_for_are_written_as_clean_text() -> None:
    register_secret("hidden-secret")
    warning = CallWarning(kind="other", message="see hidden-secret")
    text = redact_json({"warning": warning, "other": ValueError("hidden-secret")}) or ""
    assert json.loads(text)["warning"]["message"] == f"see {MARK}"
    assert "hidden" not in text


_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    _values, st.text(st.characters(codec="utf-8", exclude_characters="[]redact"), min_size=6, max_size=20), st.data()
)
def test_a_registered_secret_survives_nowhere(value: Any, secret: str, data: st.DataObject) -> None:
    module._secrets.clear()
    module._pattern = None
    register_secret(secret)
    secret = secret.strip()
    if len(secret) < module.SHORTEST_SECRET:
        return
    where = data.draw(st.sampled_from(["key", "text", "list"]))
    spoiled = {"key": {f"a{secret}": value}, "text": {"a": f"x{secret}y", "b": value}, "list": [value, [secret]]}[where]
    for text in (
        redact_json(spoiled),
        redact_json(json.dumps(spoiled)),
        redact_json(json.dumps(spoiled, ensure_ascii=False)),
    ):
        assert not [each for each in _texts(json.loads(text or "null")) if secret in each]


def _texts(value: Any) -> list[str]:
    """Every key and every text; a number that happens to have a secret's digits in it is no text."""
    if isinstance(value, dict):
        return [each for key, item in value.items() for each in (key, *_texts(item))]
    if isinstance(value, list):
        return [each for item in value for each in _texts(item)]
    return [value] if isinstance(value, str) else []


@settings(max_examples=200, deadline=None)
@given(_values)
def test_cleaning_twice_changes_nothing_more_and_keeps_the_shape(value: Any) -> None:
    module._secrets.clear()
    module._pattern = None
    once = redact(value)
    assert redact(once) == once
    assert type(once) is type(value)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["X-Goog-Signature", "X-Amz-Signature", "sig", "token", "Expires", "Signature", "key"]),
    st.from_regex(r"[A-Za-z0-9%_-]{8,40}", fullmatch=True),
    st.from_regex(r"([a-z]{1,5}=[a-z0-9]{0,5}&)*", fullmatch=True),
)
def test_a_signed_address_never_keeps_its_signature(name: str, value: str, before: str) -> None:
    url = f"https://storage.example/bucket/film.mp4?{before}{name}={value}&alt=media"
    for found in (
        redact(f"see <{url}> now"),
        redact_json({"u": url}),
        redact_json(json.dumps({"u": url}).replace("/", "\\/")),
    ):
        assert isinstance(found, str)
        assert f"{name}={value}" not in found
        assert "https://storage.example/bucket/film.mp4" in found
