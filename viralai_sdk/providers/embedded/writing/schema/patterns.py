r"""Regular expressions of JSON schemas: parsed here, matched without backtracking, and turned into strings that match.

Supported: literals, escapes, classes (``[a-z]``, ``\d \w \s \p{Lu}`` and their opposites), ``.``, groups (plain,
non-capturing, named), alternation, greedy and lazy quantifiers, ``^ $ \A \z \Z \b \B``, lookahead. Not supported:
lookbehind, backreferences, flags.
Matching follows sets of positions, so its time is polynomial for every pattern.
"""

import random
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

LONGEST_PATTERN = 1_000
MOST_REPEATS = 2_000
LONGEST_MATCH = 10_000
_DEEPEST = 20
_PREFERRED = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. "
_PRINTABLE = "".join(map(chr, range(33, 127))) + "\t\n\r"
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "0": "\0"}
_QUANTIFIER = re.compile(r"\*|\+|\?|\{(\d{1,9})(?:(,)(\d{1,9})?)?\}")
_INFINITE = 1 << 30

Test = Callable[[str], bool]
Spend = Callable[[int], None]


class PatternError(ValueError):
    """The pattern is malformed or uses something this engine does not support."""


@dataclass(frozen=True, slots=True, eq=False)
class Characters:
    """One character that passes any of the tests (or none of them, when negated)."""

    tests: tuple[Test, ...]
    samples: str
    negated: bool = False

    def accepts(self, character: str) -> bool:
        return any(test(character) for test in self.tests) != self.negated

    def choices(self) -> str:
        for alphabet in (_PREFERRED, _PRINTABLE, self.samples, "éßøλжאあ中€\u2003\x01"):
            accepted = "".join(character for character in alphabet if self.accepts(character))
            if accepted:
                return accepted
        return ""


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    body: "Node"
    negated: bool


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    items: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Either:
    branches: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True, eq=False)
class Repeat:
    body: "Node"
    least: int
    most: int


Node = Characters | Anchor | Look | Chain | Either | Repeat


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


_CLASSES: dict[str, Test] = {"d": str.isdecimal, "w": _is_word, "s": str.isspace}


def _one(character: str) -> Test:
    return lambda other: other == character


def _span(low: str, high: str) -> Test:
    return lambda other: low <= other <= high


def _category(name: str) -> Test:
    return lambda other: unicodedata.category(other).startswith(name)


def _opposite(test: Test) -> Test:
    return lambda other: not test(other)


class _Parser:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0

    def peek(self, text: str) -> bool:
        return self.pattern.startswith(text, self.at)

    def take(self, text: str) -> bool:
        if self.peek(text):
            self.at += len(text)
            return True
        return False

    def next(self) -> str:
        if self.at >= len(self.pattern):
            raise PatternError("the pattern ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def either(self, depth: int) -> Node:
        if depth > _DEEPEST:
            raise PatternError("groups are nested too deeply")
        branches = [self.sequence(depth)]
        while self.take("|"):
            branches.append(self.sequence(depth))
        return branches[0] if len(branches) == 1 else Either(tuple(branches))

    def sequence(self, depth: int) -> Node:
        items: list[Node] = []
        while self.at < len(self.pattern) and not self.peek("|") and not self.peek(")"):
            items.append(self.quantified(self.atom(depth)))
        return Chain(tuple(items))

    def quantified(self, atom: Node) -> Node:
        match = _QUANTIFIER.match(self.pattern, self.at)
        if not match:
            return atom
        self.at = match.end()
        self.take("?")
        mark = match.group()[0]
        if mark != "{":
            least, most = {"*": (0, _INFINITE), "+": (1, _INFINITE), "?": (0, 1)}[mark]
        else:
            least = int(match.group(1))
            most = int(match.group(3)) if match.group(3) else (_INFINITE if match.group(2) else least)
        if least > MOST_REPEATS or least > most:
            raise PatternError(f"the repeat {match.group()} is out of bounds")
        if self.peek("+") or _QUANTIFIER.match(self.pattern, self.at):
            raise PatternError("possessive or doubled quantifiers are not supported")
        return Repeat(atom, least, most)

    def atom(self, depth: int) -> Node:
        character = self.next()
        if character == "(":
            return self.group(depth)
        if character == "[":
            return self.character_class()
        if character == "\\":
            return self.escape()
        if character == ".":
            return Characters((_one("\n"),), "", negated=True)
        if character in "^$":
            return Anchor(character)
        if character in "*+?":
            raise PatternError(f"nothing to repeat before {character!r}")
        return Characters((_one(character),), character)

    def group(self, depth: int) -> Node:
        look = None
        if self.take("?=") or self.take("?!"):
            look = self.pattern[self.at - 1]
        elif not self.take("?:"):
            named = re.compile(r"\?P?<([A-Za-z_]\w*)>").match(self.pattern, self.at)
            if named:
                self.at = named.end()
            elif self.peek("?"):
                raise PatternError("only (...), (?:...), (?=...), (?!...) and named groups are supported")
        body = self.either(depth + 1)
        if not self.take(")"):
            raise PatternError("a group is not closed")
        return body if look is None else Look(body, negated=look == "!")

    def escape(self) -> Node:
        character = self.next()
        if character in "bB":
            return Anchor(character)
        if character in "AzZ":
            return Anchor("^" if character == "A" else "$")
        if character.isdigit() and character != "0":
            raise PatternError("backreferences are not supported")
        test, sample = self.escaped(character)
        return Characters((test,), sample)

    def escaped(self, character: str) -> tuple[Test, str]:
        if character.lower() in _CLASSES:
            test = _CLASSES[character.lower()]
            return (test if character.islower() else _opposite(test)), ""
        if character in "pP":
            match = re.compile(r"\{([A-Z][a-z]?)\}").match(self.pattern, self.at)
            if not match:
                raise PatternError("of \\p{...} only general categories such as \\p{Lu} are supported")
            self.at = match.end()
            test = _category(match.group(1))
            return (test if character == "p" else _opposite(test)), ""
        if character in "xu":
            match = re.compile(r"[0-9a-fA-F]{2}" if character == "x" else r"[0-9a-fA-F]{4}").match(
                self.pattern, self.at
            )
            if not match:
                raise PatternError(f"\\{character} needs hexadecimal digits")
            self.at = match.end()
            character = chr(int(match.group(), 16))
        elif character in _CONTROLS:
            character = _CONTROLS[character]
        elif character.isalpha():
            raise PatternError(f"the escape \\{character} is not supported")
        return _one(character), character

    def character_class(self) -> Node:
        negated = self.take("^")
        tests: list[Test] = []
        samples: list[str] = []
        if self.peek("]"):
            raise PatternError("an empty class is not supported; write \\] for a bracket")
        while not self.take("]"):
            test, low = self.class_item()
            if low and self.peek("-") and not self.pattern.startswith("-]", self.at):
                self.at += 1
                _, high = self.class_item()
                if not high or high < low:
                    raise PatternError(f"the range from {low!r} is out of order")
                test = _span(low, high)
                samples.append("".join(chr(ord(low) + step) for step in range(min(40, ord(high) - ord(low) + 1))))
            tests.append(test)
            samples.append(low)
        return Characters(tuple(tests), "".join(samples), negated)

    def class_item(self) -> tuple[Test, str]:
        character = self.next()
        if character == "\\":
            escape = self.next()
            return (_one("\b"), "\b") if escape == "b" else self.escaped(escape)
        if character == "[" and self.peek(":"):
            raise PatternError("POSIX classes are not supported")
        return _one(character), character


class Pattern:
    """A parsed pattern. `search` is unanchored, as JSON Schema wants it."""

    def __init__(self, source: str) -> None:
        if len(source) > LONGEST_PATTERN:
            raise PatternError(f"the pattern is longer than {LONGEST_PATTERN} characters")
        parser = _Parser(source)
        self.root = parser.either(0)
        if parser.at < len(source):
            raise PatternError("a closing parenthesis has no opening one")
        self.least, self.most = _lengths(self.root)
        if self.least > LONGEST_MATCH or _least_parts(self.root) > LONGEST_MATCH:
            raise PatternError(f"its shortest match has more than {LONGEST_MATCH} characters or parts")

    def search(self, text: str, spend: Spend) -> bool:
        """Whether the pattern matches anywhere in the text. `spend` is told of the work, and may raise to end it."""
        return bool(_ends(self.root, text, frozenset(range(len(text) + 1)), spend))

    def generate(self, length: int, rng: random.Random) -> str:
        """A string near `length` characters; anchors and lookaheads may contradict it, so check with `search`."""
        total = min(max(length, self.least), self.most)
        body = _generate(self.root, total, rng)
        missing = length - len(body)
        if missing <= 0:
            return body
        padding = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(missing))
        return rng.choice((body + padding, padding + body))


@lru_cache(maxsize=512)
def compiled(source: str) -> Pattern:
    """The pattern, parsed once. Raises PatternError."""
    return Pattern(source)


def _ends(node: Node, text: str, starts: frozenset[int], spend: Spend) -> frozenset[int]:
    """Every position where a match of the node that began at one of `starts` may end."""
    spend(len(starts))
    if not starts:
        return starts
    if isinstance(node, Characters):
        return frozenset(at + 1 for at in starts if at < len(text) and node.accepts(text[at]))
    if isinstance(node, Chain):
        for item in node.items:
            starts = _ends(item, text, starts, spend)
        return starts
    if isinstance(node, Either):
        return frozenset().union(*(_ends(branch, text, starts, spend) for branch in node.branches))
    if isinstance(node, Repeat):
        return _repeated(node, text, starts, spend)
    if isinstance(node, Look):
        return frozenset(at for at in starts if bool(_ends(node.body, text, frozenset((at,)), spend)) != node.negated)
    return frozenset(at for at in starts if _anchored(node.kind, text, at))


def _repeated(node: Repeat, text: str, starts: frozenset[int], spend: Spend) -> frozenset[int]:
    for _ in range(node.least):
        reached = _ends(node.body, text, starts, spend)
        if reached == starts:
            break
        starts = reached
    found = frontier = starts
    rounds = 0
    while frontier and rounds < node.most - node.least:
        frontier = _ends(node.body, text, frontier, spend) - found
        found |= frontier
        rounds += 1
    return found


def _anchored(kind: str, text: str, at: int) -> bool:
    if kind in "^$":
        return at == (0 if kind == "^" else len(text))
    before = at > 0 and _is_word(text[at - 1])
    after = at < len(text) and _is_word(text[at])
    return (before != after) == (kind == "b")


def _lengths(node: Node) -> tuple[int, int]:
    if isinstance(node, Characters):
        return 1, 1
    if isinstance(node, Chain):
        spans = [_lengths(item) for item in node.items]
        return min(_INFINITE, sum(low for low, _ in spans)), min(_INFINITE, sum(high for _, high in spans))
    if isinstance(node, Either):
        spans = [_lengths(branch) for branch in node.branches]
        return min(low for low, _ in spans), max(high for _, high in spans)
    if isinstance(node, Repeat):
        low, high = _lengths(node.body)
        return min(_INFINITE, low * node.least), min(_INFINITE, high * node.most)
    return 0, 0


def _least_parts(node: Node) -> int:
    """How many nodes the shortest match visits; nested repeats multiply."""
    if isinstance(node, Chain):
        return sum(_least_parts(item) for item in node.items)
    if isinstance(node, Either):
        return max(_least_parts(branch) for branch in node.branches)
    return max(1, node.least) * _least_parts(node.body) if isinstance(node, Repeat) else 1


def _generate(node: Node, total: int, rng: random.Random) -> str:
    """A string of `total` characters for the node, or as near as its parts allow."""
    if isinstance(node, Characters):
        choices = node.choices()
        return rng.choice(choices) if choices else ""
    if isinstance(node, Either):
        spans = [(_lengths(branch), branch) for branch in node.branches]
        fitting = [branch for (low, high), branch in spans if low <= total <= high]
        return _generate(rng.choice(fitting or list(node.branches)), total, rng)
    if isinstance(node, Chain):
        return _shared(list(node.items), total, rng)
    if isinstance(node, Repeat):
        low, high = _lengths(node.body)
        fewest = max(node.least, -(-total // high)) if high else node.least
        most = min(node.most, total // low) if low else max(fewest, min(node.most, total))
        count = max(node.least, min(fewest if fewest > most else rng.randint(fewest, most), MOST_REPEATS))
        return _shared([node.body] * count, total, rng)
    return ""


def _shared(items: list[Node], total: int, rng: random.Random) -> str:
    """The items one after the other, the characters above their minimum spread among those that can take them."""
    spans = [_lengths(item) for item in items]
    sizes = [low for low, _ in spans]
    extra = min(total, LONGEST_MATCH) - sum(sizes)
    order = [at for at, (low, high) in enumerate(spans) if high > low]
    rng.shuffle(order)
    for rank, at in enumerate(order):
        room = spans[at][1] - spans[at][0]
        share = extra if rank == len(order) - 1 else rng.randint(0, max(0, extra))
        taken = max(0, min(room, share, extra))
        sizes[at] += taken
        extra -= taken
    for at in order:
        taken = max(0, min(spans[at][1] - sizes[at], extra))
        sizes[at] += taken
        extra -= taken
    return "".join(_generate(item, size, rng) for item, size in zip(items, sizes, strict=True))
