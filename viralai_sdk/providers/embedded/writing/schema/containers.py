"""Objects and arrays: which properties and how many items, then a value for each."""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, Protocol

from .budget import Budget, Unsatisfiable
from .conjunction import Conjunction, Flattener, is_false
from .document import Document, Part
from .fields import FieldText, kind_of
from .patterns import compiled

_USUAL_ITEMS = 2
_USUAL_KEYWORDS = 4
_NAME_TRIES = 40


class ValueMaker(Protocol):
    """What a container needs of the sampler that fills its places."""

    document: Document
    budget: Budget
    flattener: Flattener
    rng: Random
    fields: FieldText

    def value(self, parts: Sequence[Part], name: str, index: int, depth: int) -> Any: ...

    def lean(self, depth: int) -> bool: ...


class Containers:
    """Makes objects and arrays for conjunctions. What it makes is still to be validated."""

    def __init__(self, maker: ValueMaker) -> None:
        self.maker = maker

    def object(self, place: Conjunction, index: int, depth: int) -> dict[str, Any]:
        """An object with everything required and, unless lean, the optional properties. Raises Unsatisfiable."""
        required = self._closure(place, [key for names in place.every("required") for key in names])
        declared = list(dict.fromkeys(key for properties in place.every("properties") for key in properties))
        least = place.largest("minProperties", 0)
        most = place.smallest("maxProperties", max(least, len(required), 10_000))
        if len(required) > most:
            raise Unsatisfiable(f"{len(required)} properties are required and {most} allowed", place.pointer)
        self.maker.budget.spend(least + len(required))
        made: dict[str, Any] = {}
        lean = self.maker.lean(depth)
        for key in [*declared, *(key for key in required if key not in declared)]:
            missing = sum(other not in made for other in required)
            needed = key in required
            if not needed and (len(made) + missing >= most or (lean and len(made) + missing >= least)):
                continue
            self._fill(made, place, key, needed, index, depth)
        wanted = max(least, min(most, len(made) + self._usual_extras(place, made, lean)))
        self._add_names(made, place, least, wanted, depth)
        return made

    def _closure(self, place: Conjunction, required: list[str]) -> list[str]:
        """The required names and those that they depend on, each once."""
        known = dict.fromkeys(required)
        todo = list(known)
        while todo:
            name = todo.pop()
            for dependent in place.every("dependentRequired"):
                fresh = [other for other in dependent.get(name, ()) if other not in known]
                known.update(dict.fromkeys(fresh))
                todo += fresh
        return list(known)

    def _fill(self, made: dict[str, Any], place: Conjunction, key: str, needed: bool, index: int, depth: int) -> None:
        """Gives the property a value. An optional one that can have none is left out."""
        if key in made:
            return
        parts = self.maker.flattener.of_property(place, key)
        dependencies = [other for other in self._closure(place, [key]) if other != key]
        if not needed:
            endless = any(self.maker.document.height(part.schema) == float("inf") for part in parts)
            allowed = place.smallest("maxProperties", len(made) + len(dependencies) + 1)
            if is_false(parts) or endless or len(made) + len(dependencies) + 1 > allowed:
                return
        try:
            filled = {key: self.maker.value(parts, key, index, depth + 1)}
            for other in dependencies:
                if other not in made:
                    filled[other] = self.maker.value(
                        self.maker.flattener.of_property(place, other), other, index, depth + 1
                    )
        except Unsatisfiable:
            if needed:
                raise
            return
        made.update(filled)

    def _usual_extras(self, place: Conjunction, made: Mapping[str, Any], lean: bool) -> int:
        """A mapping such as dict[str, int] declares no names; two make it readable."""
        typed = [extra for extra in place.every("additionalProperties") if isinstance(extra, Mapping)]
        return _USUAL_ITEMS if not lean and not made and (typed or place.every("patternProperties")) else 0

    def _add_names(self, made: dict[str, Any], place: Conjunction, least: int, wanted: int, depth: int) -> None:
        names = self._names(place, depth)
        while len(made) < wanted:
            name = next(names, None)
            if name is None:
                if len(made) >= least:
                    return
                raise Unsatisfiable(f"no names were found for {least} properties", place.pointer)
            self._fill(made, place, name, needed=False, index=len(made), depth=depth)

    def _names(self, place: Conjunction, depth: int) -> Iterator[str]:
        """Names for properties that the schema does not list."""
        rules = place.every("propertyNames")
        named = [Part(rule, f"{place.pointer}/propertyNames") for rule in rules]
        sources = [source for patterns in place.every("patternProperties") for source in patterns]
        seen: set[str] = set()
        for attempt in range(_NAME_TRIES + 2 * place.largest("minProperties", 0)):
            for source in sources:
                pattern = compiled(source)
                yield pattern.generate(max(pattern.least, 6 + attempt // 8), self.maker.rng)
            if named:
                fresh = [*named, Part({"type": "string", "not": {"enum": sorted(seen)}}, named[0].pointer)]
                try:
                    name = self.maker.value(fresh, "key", attempt, depth + 1)
                except Unsatisfiable:
                    return
                seen.add(name)
                yield name
            else:
                yield f"sample_{attempt + 1}"

    def array(self, place: Conjunction, name: str, depth: int) -> list[Any]:
        """An array of a usual length within the bounds. Raises Unsatisfiable."""
        contains = [Part(rule, f"{place.pointer}/contains") for rule in place.every("contains")]
        wanted_matches = place.largest("minContains", 1) if contains else 0
        if contains and place.every("minContains"):
            wanted_matches = int(max(place.every("minContains")))
        least = max(place.largest("minItems", 0), wanted_matches)
        most = place.smallest("maxItems", max(least, 10_000_000))
        if least > most:
            raise Unsatisfiable(f"at least {least} items are needed and {most} allowed", place.pointer)
        self.maker.budget.spend(least)
        length = max(least, min(most, self._usual_length(place, name, depth)))
        unique = any(value is True for value in place.every("uniqueItems"))
        made: list[Any] = []
        for index in range(length):
            parts = self.maker.flattener.of_item(place, index)
            if index < wanted_matches:
                parts = [*parts, *contains]
            elif contains and place.every("maxContains"):
                parts = [*parts, *(Part({"not": rule.schema}, rule.pointer) for rule in contains)]
            if unique and made:
                parts = [*parts, Part({"not": {"enum": list(made)}}, f"{place.pointer}/uniqueItems")]
            try:
                made.append(self.maker.value(parts, name, index, depth + 1))
            except Unsatisfiable:
                if index >= least:
                    break
                raise
        return made

    def _usual_length(self, place: Conjunction, name: str, depth: int) -> int:
        if self.maker.lean(depth):
            return 0
        prefix = max((len(listed) for listed in place.every("prefixItems")), default=0)
        parts = self.maker.flattener.of_item(place, prefix)
        if is_false(parts) or any(self.maker.document.height(part.schema) == float("inf") for part in parts):
            return prefix
        usual = _USUAL_KEYWORDS if kind_of(name) in ("keyword", "hashtag") else _USUAL_ITEMS
        return prefix or usual
