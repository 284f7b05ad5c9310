"""Measurements of texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.metrics.registry import Sample
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_sdk.interfaces.text import TextGenerationResponse

LOOKED_AT = 200_000
"""Characters of a longer text that words and sentences are counted in."""
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_SENTENCE = re.compile(r"[.!?…]+(?=\s|$)|\n+")
_UNSEPARATED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]")
"""Thai, Lao, Burmese, Khmer, Japanese and Chinese letters."""
_VOWELS = re.compile(r"[aeiouy]+")
_FREQUENT = """
    the of and a to in is was it for on that with as be by at this are not from or have an you his her they we i he she my your our
    its their has had were will would can which who what there been if more no so do up out but
"""
_ENGLISH = frozenset(_FREQUENT.split())
_ENGLISH_SHARE = 0.2
"""English prose has a third to a half of such words; its relatives hardly a tenth."""
_FENCE = re.compile(r"\A\s*```\w*\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


def measure(sample: Sample, failures: list[AIError]) -> dict[str, Value]:
    """All facts of a text. A schema that cannot be checked is added to `failures`.

    Raises:
        InvalidRequestError: the response is no text.
    """
    response = sample.response
    if not isinstance(response, TextGenerationResponse):
        raise InvalidRequestError(f"a {type(response).__name__} is no text.")
    text = response.text.strip()
    tokens = response.usage.completion_tokens
    timed = tokens is not None and response.generation_time > 0 and not response.cached
    return {
        "characters": len(text),
        "words": count_words(text),
        "sentences": count_sentences(text),
        "readability": readability(text),
        "repetition": repetition(text),
        "schema_valid": _schema_valid(response, sample.parameters, failures),
        "cut_off": response.finish_reason == "length",
        "output_tokens": tokens,
        "tokens_per_second": tokens / response.generation_time if timed and tokens is not None else None,
    }


def words_of(text: str) -> list[str] | None:
    """The words in lower case; None when the script does not separate them."""
    text = text[:LOOKED_AT]
    found = _WORD.findall(text.lower())
    return None if len(_UNSEPARATED.findall(text)) * 3 > sum(map(len, found)) else found


def count_words(text: str) -> int | None:
    """Number of words, None when the script does not separate them."""
    found = words_of(text)
    return None if found is None else len(found)


def count_sentences(text: str) -> int:
    """Runs with at least one word that end in a mark or a line break."""
    return sum(bool(_WORD.search(part)) for part in _SENTENCE.split(text[:LOOKED_AT]))


def readability(text: str) -> float | None:
    """Flesch reading ease, for English of at least 20 words."""
    words = words_of(text)
    if words is None or len(words) < 20 or not is_english(words):
        return None
    syllables = sum(count_syllables(word) for word in words)
    return 206.835 - 1.015 * len(words) / max(1, count_sentences(text)) - 84.6 * syllables / len(words)


def is_english(words: Sequence[str]) -> bool:
    """Enough of the words are among the most frequent English ones."""
    return sum(word in _ENGLISH for word in words) >= _ENGLISH_SHARE * max(1, len(words))


def count_syllables(word: str) -> int:
    """Syllables of an English word by rule: groups of vowels, without a silent e at the end; at least one."""
    count = len(_VOWELS.findall(word))
    silent = word.endswith("e") and not word.endswith(("le", "ee", "ye", "oe", "ue")) and count > 1
    silent = silent or (word.endswith(("es", "ed")) and count > 1 and word[-3:-2] not in "aeiouydtszxc")
    return max(1, count - silent)


def repetition(text: str) -> float | None:
    """Share of word triples that are not the first of their kind; None below 10 words."""
    words = words_of(text)
    if words is None or len(words) < 10:
        return None
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(triples)) / len(triples)


def _schema_valid(
    response: TextGenerationResponse, parameters: Mapping[str, Any], failures: list[AIError]
) -> bool | None:
    try:
        return schema_valid(response, parameters)
    except InvalidRequestError as error:
        failures.append(error)
        return None


def schema_valid(response: TextGenerationResponse, parameters: Mapping[str, Any]) -> bool | None:
    """Whether the answer follows the schema of the request (a JSON schema or a pydantic model); None without one.

    Raises:
        InvalidRequestError: the schema itself cannot be used.
    """
    schema = parameters.get("schema") or parameters.get("response_schema")
    if schema is None:
        return None
    if isinstance(schema, type) and issubclass(schema, BaseModel) and isinstance(response.parsed, schema):
        return True
    try:
        value = response.parsed if response.parsed is not None else json.loads(_unfenced(response.text))
    except (ValueError, RecursionError):
        return False
    if isinstance(schema, type) and issubclass(schema, BaseModel):
        try:
            schema.model_validate(value)
        except ValidationError:
            return False
        return True
    return _follows(value.model_dump(mode="json") if isinstance(value, BaseModel) else value, schema)


def _unfenced(text: str) -> str:
    fenced = _FENCE.match(text)
    return fenced[1] if fenced else text


def _follows(value: Any, schema: Any) -> bool:
    """The validator of the embedded writer, which knows the keywords that providers accept."""
    from viralai_sdk.providers.embedded.writing.errors import WritingError
    from viralai_sdk.providers.embedded.writing.schema.budget import Budget
    from viralai_sdk.providers.embedded.writing.schema.document import Document
    from viralai_sdk.providers.embedded.writing.schema.validator import Validator

    try:
        document = Document(schema)
        return Validator(document, Budget()).valid(value, schema)
    except WritingError as error:
        raise InvalidRequestError(f"the schema cannot be checked: {error}") from error
