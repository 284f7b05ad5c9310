"""Extractive summary and key phrases: TextRank over TF-IDF and over word neighbourhoods. Nothing is ever rephrased."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import cache

from . import segment
from .data import load
from .errors import WritingError

MOST_SENTENCES = 300
"""Sentences ranked for one summary; the work grows with their square."""

_TERMS_PER_SENTENCE = 30
_DAMPING = 0.85
_ROUNDS = 40
_WINDOW = 3
_LONGEST_PHRASE = 3
_PHRASE_GAP = re.compile(r"[^\S\n]+|\n")
_HIRAGANA = re.compile("[\u3040-\u309f]+")

Graph = Mapping[int, Mapping[int, float]]


def summarize(text: str, sentences: int = 3) -> str:
    """The `sentences` most central sentences of the text, verbatim and in their original order, joined by spaces.

    Only the first 300 sentences (and 200 000 characters) are read. Raises WritingError when there is nothing to read.
    """
    if sentences < 1:
        raise WritingError(f"A summary of {sentences} sentences is not possible", hint="Ask for one sentence or more.")
    found = segment.sentences(text[: segment.READ_LIMIT])[:MOST_SENTENCES]
    if not found:
        raise WritingError("There is no text to summarise", hint="Give the text after the instruction.")
    if len(found) <= sentences:
        return " ".join(found)
    scores = _rank(_similarities(found), len(found))
    chosen = sorted(sorted(range(len(found)), key=lambda index: (-scores[index], index))[:sentences])
    return " ".join(found[index] for index in chosen)


def _terms(sentence: str, stops: frozenset[str]) -> Counter[str]:
    terms: Counter[str] = Counter()
    for word in segment.words(sentence):
        lowered = word.lower()
        if segment.is_unspaced(word):
            terms.update(lowered[at : at + 2] for at in range(max(1, len(lowered) - 1)))
        elif lowered not in stops:
            terms[_stem(lowered)] += 1
    return terms


def _stem(word: str) -> str:
    """Folds the regular English plural, so that `clip` and `clips` are one term."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _similarities(found: list[str]) -> Graph:
    """Cosine similarity of the sentences' TF-IDF vectors, through an inverted index: only pairs that share a term."""
    stops = segment.stop_words(segment.words(" ".join(found[:20])))
    counted = [_terms(sentence, stops) for sentence in found]
    frequency = Counter(term for terms in counted for term in terms)
    postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for index, terms in enumerate(counted):
        weights = {term: count * (math.log(len(found) / frequency[term]) + 0.1) for term, count in terms.items()}
        heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_TERMS_PER_SENTENCE]
        norm = math.sqrt(sum(weight * weight for _, weight in heaviest))
        for term, weight in heaviest:
            postings[term].append((index, weight / norm))
    graph: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for entries in postings.values():
        for at, (left, left_weight) in enumerate(entries):
            for right, right_weight in entries[at + 1 :]:
                graph[left][right] += left_weight * right_weight
                graph[right][left] += left_weight * right_weight
    return graph


def _rank(graph: Graph, size: int) -> list[float]:
    """PageRank on a weighted undirected graph."""
    totals = {node: sum(edges.values()) for node, edges in graph.items()}
    scores = [1.0] * size
    for _ in range(_ROUNDS):
        updated = [1.0 - _DAMPING] * size
        for node, edges in graph.items():
            share = _DAMPING * scores[node] / totals[node] if totals[node] else 0.0
            for other, weight in edges.items():
                updated[other] += share * weight
        change = max(abs(old - new) for old, new in zip(scores, updated, strict=True))
        scores = updated
        if change < 1e-4:
            break
    return scores


def key_phrases(text: str, limit: int = 8) -> list[str]:
    """Up to `limit` phrases of one to three words of the text, best first, without stop words in them."""
    if limit < 1:
        raise WritingError(f"{limit} key phrases are not possible", hint="Ask for one or more.")
    runs = _runs(text[: segment.READ_LIMIT])
    scores = _word_scores(runs)
    counts: Counter[tuple[str, ...]] = Counter()
    surface: dict[tuple[str, ...], str] = {}
    for run in runs:
        for start in range(len(run)):
            for end in range(start + 1, min(start + _LONGEST_PHRASE, len(run)) + 1):
                phrase = tuple(word.lower() for word in run[start:end])
                counts[phrase] += 1
                surface.setdefault(phrase, " ".join(run[start:end]))
    strength = {
        phrase: sum(scores[word] for word in phrase) / len(phrase) ** 0.4 * math.log(1 + count)
        for phrase, count in counts.items()
    }
    chosen: list[tuple[str, ...]] = []
    for phrase in sorted(strength, key=lambda phrase: -strength[phrase]):
        if not any(_overlaps(phrase, other) for other in chosen):
            chosen.append(phrase)
            if len(chosen) == limit:
                break
    return [surface[phrase] for phrase in chosen]


def _overlaps(phrase: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return bool({_stem(word) for word in phrase} & {_stem(word) for word in other})


def _runs(text: str) -> list[list[str]]:
    """Stretches of content words: broken at stop words, punctuation, numbers and single letters."""
    stops = segment.stop_words(segment.words(text[:4_000]))
    runs: list[list[str]] = [[]]
    previous_end = 0
    for match in segment.WORD.finditer(text):
        word = match.group()
        if not _PHRASE_GAP.fullmatch(text[previous_end : match.start()]) and runs[-1]:
            runs.append([])
        previous_end = match.end()
        if segment.is_unspaced(word):
            runs.extend([chunk] for chunk in _chunks(word))
            runs.append([])
        elif len(word) < 2 or word.lower() in stops or not any(letter.isalpha() for letter in word):
            runs.append([])
        else:
            runs[-1].append(word)
    return [run for run in runs if run]


@cache
def _function_characters() -> re.Pattern[str]:
    return re.compile(f"[{load('words')['cjk_function_characters']}]+")


def _chunks(word: str) -> list[str]:
    """An unspaced run cut at hiragana and at the commonest Chinese function characters."""
    parts = [part for piece in _HIRAGANA.split(word) for part in _function_characters().split(piece)]
    return [part for part in parts if 2 <= len(part) <= 12] or [word[:12]]


def _word_scores(runs: list[list[str]]) -> dict[str, float]:
    numbers: dict[str, int] = {}
    graph: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    flat = [numbers.setdefault(word.lower(), len(numbers)) for run in runs for word in run]
    for at, left in enumerate(flat):
        for right in flat[at + 1 : at + 1 + _WINDOW]:
            if left != right:
                graph[left][right] += 1.0
                graph[right][left] += 1.0
    scores = _rank(graph, len(numbers)) if numbers else []
    return {word: scores[number] for word, number in numbers.items()}
