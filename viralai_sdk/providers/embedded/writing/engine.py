"""`write`: recognises the task, does it by rules, and says in notes what the text is and is not."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from . import creative, facts, ranking, segment
from .arithmetic import evaluate
from .data import load
from .errors import WritingError
from .recognise import Request, recognise, topic_of
from .schema.sampler import sample_from

Task = Literal[
    "summary", "key_phrases", "hooks", "titles", "slogans", "poem",
    "structured", "extract", "arithmetic", "statistics", "expand_prompt", "explain",
]  # fmt: skip

ENGINE = "embedded/rules-text@1"
MOST_SUMMARY_SENTENCES = 50
MOST_KEY_PHRASES = 50


@dataclass(frozen=True, slots=True)
class Written:
    """What the engine wrote.

    `parsed` is the value when a schema was given, else None. The token counts are approximate. `text` is empty only
    when a stop sequence stands at its very start. `notes` say, for people, how the text came about.
    """

    text: str
    parsed: Any | None
    task: Task
    finish_reason: Literal["stop", "length"]
    prompt_tokens: int
    completion_tokens: int
    notes: tuple[str, ...]
    engine: str = ENGINE


@dataclass(frozen=True, slots=True)
class _Draft:
    text: str
    notes: tuple[str, ...]
    parsed: Any | None = None


def write(
    prompt: str,
    *,
    system: str | None = None,
    messages: Sequence[Mapping[str, str]] = (),
    schema: Mapping[str, Any] | None = None,
    max_tokens: int | None = None,
    seed: int = 0,
    stop: Sequence[str] = (),
) -> Written:
    """Does what the prompt asks for when a rule recognises it; otherwise explains what this engine is.

    `messages` are earlier turns (`role`, `content`), the newest last; `this` in the prompt refers to them, and the
    newest user turn is the prompt when `prompt` is empty. `system` may hold the instruction when the prompt is only
    the text. The same arguments always give the same text.

    Raises WritingError for arithmetic without a result, a schema that cannot be satisfied, `max_tokens` below 1, and
    when `max_tokens` or `stop` would cut structured output in two.
    """
    if max_tokens is not None and max_tokens < 1:
        raise WritingError(f"max_tokens is {max_tokens}", hint="Give 1 or more, or leave it out.")
    prompt, earlier = _conversation(_well_formed(prompt), messages)
    system = _well_formed(system or "")
    tokens = sum(map(segment.count_tokens, (prompt, system, *earlier)))
    if schema is not None:
        return _finish_structured(_structured(prompt, schema, seed), max_tokens, stop, tokens)
    request = _request(prompt, system, earlier[-1] if earlier else "")
    return _finish(request.task, _HANDLERS[request.task](request, seed), max_tokens, stop, tokens)


def _well_formed(text: str) -> str:
    """Lone surrogates cannot be written as UTF-8; they become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _conversation(prompt: str, messages: Sequence[Mapping[str, str]]) -> tuple[str, list[str]]:
    earlier = [_well_formed(message.get("content") or "") for message in messages]
    if not prompt.strip():
        for at in range(len(messages) - 1, -1, -1):
            if messages[at].get("role") == "user":
                return earlier[at], earlier[:at]
    return prompt, earlier


def _request(prompt: str, system: str, context: str) -> Request:
    request = recognise(prompt, context)
    if request.task == "explain" and system:
        by_system = recognise(f"{system.strip().rstrip('.:')}:\n{prompt}" if prompt.strip() else system)
        if (
            by_system.task in ("summary", "key_phrases", "extract", "expand_prompt")
            and by_system.body == prompt.strip()
        ):
            return by_system
    return request


def _bounded(asked: int | None, usual: int, most: int) -> tuple[int, tuple[str, ...]]:
    count = usual if asked is None else asked
    if 1 <= count <= most:
        return count, ()
    return min(max(count, 1), most), (f"{count} were asked for; this engine writes 1 to {most}.",)


def _reading_notes(text: str) -> tuple[str, ...]:
    if len(text) <= segment.READ_LIMIT:
        return ()
    return (f"Only the first {segment.READ_LIMIT} of {len(text)} characters were read.",)


def _summary(request: Request, seed: int) -> _Draft:
    count, notes = _bounded(request.count, 3, MOST_SUMMARY_SENTENCES)
    found = len(segment.sentences(request.body[: segment.READ_LIMIT]))
    if found > ranking.MOST_SENTENCES:
        notes += (f"Only the first {ranking.MOST_SENTENCES} of {found} sentences were ranked.",)
    if found <= count:
        notes += (f"The text has only {found} sentence(s), so all of it is shown.",)
    notes += ("Sentences picked from the text by TextRank, not rephrased.", *_reading_notes(request.body))
    return _Draft(ranking.summarize(request.body, count), notes)


def _key_phrases(request: Request, seed: int) -> _Draft:
    count, notes = _bounded(request.count, 8, MOST_KEY_PHRASES)
    found = ranking.key_phrases(request.body, count)
    notes += ("Phrases picked from the text by TextRank.", *_reading_notes(request.body))
    return _Draft("\n".join(found) or "No key phrases found in the text.", notes)


def _lines(request: Request, seed: int) -> _Draft:
    makers = {"hooks": creative.hooks, "titles": creative.titles, "slogans": creative.slogans}
    usual = 1 if request.count is None and request.task == "slogans" else 5
    count, notes = _bounded(request.count, usual, creative.MOST_LINES)
    lines = makers[request.task](request.body, count, seed)
    text = lines[0] if count == 1 else "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
    return _Draft(text, (*notes, "Written from templates around the topic, not by an AI model."))


def _poem(request: Request, seed: int) -> _Draft:
    return _Draft(creative.poem(request.body, seed), ("Written from templates around the topic, not by an AI model.",))


def _expand_prompt(request: Request, seed: int) -> _Draft:
    return _Draft(creative.expand_prompt(request.body, seed), ("Details added from a fixed list, chosen by the seed.",))


def _extract(request: Request, seed: int) -> _Draft:
    text = facts.extract(request.body, request.wanted)
    return _Draft(text, ("Found by fixed patterns.", *_reading_notes(request.body)))


def _statistics(request: Request, seed: int) -> _Draft:
    return _Draft(facts.statistics(request.body, request.wanted), ("Words are counted between spaces.",))


def _arithmetic(request: Request, seed: int) -> _Draft:
    value = evaluate(request.body)
    return _Draft(
        f"{request.body} {value if value.startswith('≈') else f'= {value}'}",
        ("Computed with exact fractions; ≈ marks a rounded figure.",),
    )


def _explain(request: Request, seed: int) -> _Draft:
    return _Draft(load("tasks")["explain"], ("No rule recognised the prompt, so it was not answered.",))


_HANDLERS: Mapping[str, Callable[[Request, int], _Draft]] = {
    "summary": _summary,
    "key_phrases": _key_phrases,
    "hooks": _lines,
    "titles": _lines,
    "slogans": _lines,
    "poem": _poem,
    "extract": _extract,
    "arithmetic": _arithmetic,
    "statistics": _statistics,
    "expand_prompt": _expand_prompt,
    "explain": _explain,
}


def _topic(prompt: str) -> str:
    """What a structured answer is about: the recognised topic, what follows `about`, or the first key phrase."""
    request = recognise(prompt)
    if request.task in ("hooks", "titles", "slogans", "poem"):
        return request.body
    first_line = prompt.strip().split("\n", 1)[0][:400]
    _, found, rest = first_line.partition(" about ")
    if found and topic_of(rest):
        return topic_of(rest.split(". ", 1)[0].split(", ", 1)[0])
    phrases = ranking.key_phrases(prompt, 1)
    return phrases[0] if phrases else ""


def _structured(prompt: str, schema: Mapping[str, Any], seed: int) -> _Draft:
    value = sample_from(schema, seed=seed, topic=_topic(prompt), source=prompt[: segment.READ_LIMIT])
    notes = ("Synthetic values that are valid for the schema; nothing in them is an answer.",)
    return _Draft(json.dumps(value, ensure_ascii=False), notes, value)


def _finish_structured(draft: _Draft, max_tokens: int | None, stop: Sequence[str], prompt_tokens: int) -> Written:
    needed = segment.count_tokens(draft.text)
    if max_tokens is not None and needed > max_tokens:
        raise WritingError(
            f"The structured output has about {needed} tokens and max_tokens is {max_tokens}",
            hint=f"Give {needed} or more.",
        )
    if any(sequence and sequence in draft.text for sequence in stop):
        raise WritingError(
            "A stop sequence would cut the structured output", hint="Leave stop out when a schema is given."
        )
    return Written(draft.text, draft.parsed, "structured", "stop", prompt_tokens, needed, draft.notes)


def _finish(task: Any, draft: _Draft, max_tokens: int | None, stop: Sequence[str], prompt_tokens: int) -> Written:
    cuts = [at for sequence in stop if sequence and (at := draft.text.find(sequence)) >= 0]
    if cuts:
        notes = (*draft.notes, "Cut at a stop sequence.")
        draft = replace(draft, text=draft.text[: min(cuts)], notes=notes)
    shorter = segment.first_tokens(draft.text, max_tokens) if max_tokens is not None else None
    text = draft.text if shorter is None else shorter
    finish: Literal["stop", "length"] = "stop" if shorter is None else "length"
    return Written(text, None, task, finish, prompt_tokens, segment.count_tokens(text), draft.notes)
