"""Makes a value that is valid for a JSON schema, by a bounded search: propose, validate, try the next alternative."""

import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from viralai_sdk.providers.embedded.writing.creative import seeded
from viralai_sdk.providers.embedded.writing.errors import WritingError

from .budget import DEEPEST_VALUE, ENOUGH_VALUES, Budget, Unsatisfiable
from .conjunction import TYPES, Conjunction, Flattener, own_copy
from .containers import Containers
from .document import Document, Part, Schema
from .fields import FieldText
from .scalars import numbers, strings
from .validator import Validator, is_json, same

_LEAN_DEPTH = 6
_MOST_COMBINATIONS = 64
_TRIES = 24
_HINTS = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "minProperties", "propertyNames"),
    "array": ("items", "prefixItems", "minItems", "contains", "uniqueItems", "maxItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_LEAN_ORDER = ("null", "boolean", "integer", "number", "string", "array", "object")


def sample(schema: Mapping[str, Any], *, seed: int = 0, topic: str = "") -> Any:
    """A synthetic value that is valid for the JSON schema (draft 2020-12), the same for the same seed and topic.

    Raises WritingError, with the JSON pointer of the place, when the schema is malformed, uses an unsupported keyword,
    asks for more than a bounded amount of work, or no value was found for it.
    """
    return sample_from(schema, seed=seed, topic=topic, source="")


def sample_from(schema: Schema, *, seed: int, topic: str, source: str) -> Any:
    """As `sample`; key phrases and summaries come from the source text."""
    try:
        return _Sampler(schema, seed, topic, source).root()
    except RecursionError as error:
        raise WritingError("The schema is nested too deeply", pointer="#", hint="Flatten it.") from error


class _Sampler:
    def __init__(self, schema: Schema, seed: int, topic: str, source: str) -> None:
        self.document = Document(schema)
        self.budget = Budget()
        self.validator = Validator(self.document, self.budget)
        self.flattener = Flattener(self.document, self.budget)
        self.rng: random.Random = seeded(seed, "schema", topic)
        self.fields = FieldText(topic, source, seed)
        self.containers = Containers(self)
        self.made = 0
        self.recursing = 0
        self.open: Counter[str] = Counter()

    def root(self) -> Any:
        root = self.document.root
        if self.document.height(root.schema) == float("inf"):
            hint = "Make one of the recursive fields optional."
            raise WritingError("The schema requires itself without end", pointer="#", hint=hint)
        try:
            value = self.value([root], "", 0, 0)
            json.dumps(value)
        except Unsatisfiable as failure:
            hint = "Loosen the rules at this place, or use a real model."
            raise WritingError(
                f"No valid value was found: {failure.reason}", pointer=failure.pointer, hint=hint
            ) from None
        except ValueError as error:
            raise WritingError(
                f"The value cannot be written as JSON: {error}", pointer="#", hint="Correct it."
            ) from error
        return value

    def value(self, parts: Sequence[Part], name: str, index: int, depth: int) -> Any:
        """A value valid for all the parts. Raises Unsatisfiable."""
        if depth > DEEPEST_VALUE:
            raise Unsatisfiable(f"values nest deeper than {DEEPEST_VALUE} levels", parts[0].pointer)
        self.made += 1
        self.budget.pointer = parts[0].pointer
        self.budget.spend(5)
        base = self.flattener.flatten(parts)
        again = any(self.open[reference] for reference in base.seen)
        self.recursing += again
        self.open.update(base.seen)
        try:
            return self._search(base, parts, name, index, depth)
        finally:
            self.open.subtract(base.seen)
            self.recursing -= again

    def _search(self, base: Conjunction, parts: Sequence[Part], name: str, index: int, depth: int) -> Any:
        failure = Unsatisfiable("the rules of this place contradict each other", parts[0].pointer)
        deepest = None
        for place in self._places(base, self.lean(depth)):
            try:
                for candidate in itertools.islice(self._candidates(place, name, index, depth), 400):
                    if self._valid(candidate, parts, place):
                        return candidate
            except Unsatisfiable as found:
                if deepest is None or len(found.pointer) > len(deepest.pointer):
                    deepest = found
        raise deepest or failure

    def lean(self, depth: int) -> bool:
        """Whether to leave out what is optional from here on."""
        return depth >= _LEAN_DEPTH or self.made > ENOUGH_VALUES or self.recursing > 0

    def _valid(self, candidate: Any, parts: Sequence[Part], place: Conjunction) -> bool:
        if any(same(candidate, excluded) for excluded in place.excluded):
            return False
        return all(self.validator.valid(candidate, part.schema) for part in parts)

    def _places(self, place: Conjunction, lean: bool, tried: list[int] | None = None) -> Iterator[Conjunction]:
        """The conjunctions that come from every combination of alternatives, the shortest first when lean."""
        counter = tried if tried is not None else [0]
        if not place.choices:
            counter[0] += 1
            yield place
            return
        alternatives = self._ordered(place.choices[0], lean)
        failure: Unsatisfiable | None = None
        went = False
        for alternative in alternatives:
            if counter[0] >= _MOST_COMBINATIONS:
                return
            branch = place.copy()
            branch.choices = branch.choices[1:]
            try:
                for part in alternative:
                    self.flattener.add(branch, part)
                for found in self._places(branch, lean, counter):
                    went = True
                    yield found
            except Unsatisfiable as problem:
                failure = problem
        if failure is not None and not went:
            raise failure

    def _ordered(self, alternatives: Sequence[Sequence[Part]], lean: bool) -> list[Sequence[Part]]:
        costs = {
            at: max((self.document.height(part.schema) for part in alternative), default=0.0)
            for at, alternative in enumerate(alternatives)
        }
        finite = [at for at in costs if costs[at] != float("inf")]
        if lean:
            finite.sort(key=lambda at: costs[at])
        else:
            finite.sort(key=lambda at: all(part.schema == {"type": "null"} for part in alternatives[at]))
        return [alternatives[at] for at in finite]

    def _candidates(self, place: Conjunction, name: str, index: int, depth: int) -> Iterator[Any]:
        for constant in place.every("const"):
            yield own_copy(constant)
            return
        if place.every("enum"):
            yield from self._enumerated(place, index)
            return
        yield from self._suggested(place, index)
        for _ in range(_TRIES):
            again = False
            for kind in self._types(place, self.lean(depth)):
                for candidate in self._of_type(kind, place, name, index, depth):
                    again = True
                    yield candidate
            if not again:
                break
        yield from (own_copy(value) for value in place.every("default") if is_json(value))

    def _enumerated(self, place: Conjunction, index: int) -> Iterator[Any]:
        values = place.every("enum")[0]
        informative = [value for value in values if value is not None] or list(values)
        start = self.rng.randrange(len(informative)) + index if informative else 0
        for step in range(len(informative)):
            yield own_copy(informative[(start + step) % len(informative)])
        yield from (own_copy(value) for value in values if value is None)

    def _suggested(self, place: Conjunction, index: int) -> Iterator[Any]:
        for examples in place.every("examples"):
            listed = list(examples) if isinstance(examples, Sequence) and not isinstance(examples, str) else []
            start = self.rng.randrange(len(listed)) + index if listed else 0
            for step in range(len(listed)):
                if is_json(listed[(start + step) % len(listed)]):
                    yield own_copy(listed[(start + step) % len(listed)])
        for value in place.every("default"):
            if value not in (None, "", [], {}) and is_json(value):
                yield own_copy(value)

    def _types(self, place: Conjunction, lean: bool) -> list[str]:
        types = [kind for kind in (_LEAN_ORDER if lean else TYPES) if kind in place.types]
        if "number" in types and "integer" in types and len(place.types) == 2:
            types = ["number"]
        hinted = {kind for kind, keys in _HINTS.items() if any(place.every(key) for key in keys)}
        if len(place.types) == len(TYPES) and not hinted:
            hinted = {"string"}
        return sorted(types, key=lambda kind: kind not in hinted) if hinted else types

    def _of_type(self, kind: str, place: Conjunction, name: str, index: int, depth: int) -> Iterator[Any]:
        """Candidates of one type; a type that cannot be satisfied has none, unless it is the only one."""
        try:
            if kind in ("object", "array"):
                is_object = kind == "object"
                yield (
                    self.containers.object(place, index, depth)
                    if is_object
                    else self.containers.array(place, name, depth)
                )
            elif kind == "string":
                yield from strings(place, name, index, self.fields, self.rng, self.budget)
            elif kind in ("integer", "number"):
                yield from numbers(place, name, kind == "integer", self.rng)
            elif kind == "boolean":
                first = self.rng.random() < 0.7
                yield from (first, not first)
            else:
                yield None
        except Unsatisfiable:
            if len(place.types - {"integer"}) <= 1:
                raise
