"""What a GGUF file says of itself before its vocabulary: architecture, trained context, quantization."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from viralai_sdk.providers.llamacpp.files import HEAD, MAGIC

NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The format's types of single values, as `struct` writes them."""
TEXT, LIST = 8, 9
LONGEST_TEXT, MOST_FACTS = 1 << 20, 1000
"""A damaged file may claim any length."""
QUANTIZATIONS = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    32: "BF16",
}
Fact = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Header:
    """None is what the file does not say, or says in a way that cannot be read.

    Attributes:
        context: tokens that the model was trained to have in view.
        parameters: such as "8B".
    """

    architecture: str | None = None
    context: int | None = None
    quantization: str | None = None
    parameters: str | None = None


def read_header(path: Path) -> Header:
    """The facts of a file. Never raises for its content: a file that cannot be loaded is still listed."""
    facts = _facts(path)
    architecture, kind = facts.get("general.architecture"), facts.get("general.file_type")
    context, label = facts.get(f"{architecture}.context_length"), facts.get("general.size_label")
    return Header(
        architecture if isinstance(architecture, str) else None,
        context if isinstance(context, int) else None,
        QUANTIZATIONS.get(kind) if isinstance(kind, int) else None,
        label if isinstance(label, str) else None,
    )


def _facts(path: Path) -> dict[str, Fact]:
    found: dict[str, Fact] = {}
    try:
        with path.open("rb") as file:
            magic, _, _, count = HEAD.unpack(file.read(HEAD.size))
            if magic != MAGIC:
                return found
            for _ in range(min(count, MOST_FACTS)):
                key = _text(file)
                (kind,) = struct.unpack("<I", file.read(4))
                if kind == LIST or key.startswith("tokenizer."):
                    break  # the vocabulary, which is long; what matters stands before it
                found[key] = _value(file, kind)
    except (OSError, ValueError, KeyError, struct.error):
        return found
    return found


def _value(file: BinaryIO, kind: int) -> Fact:
    if kind == TEXT:
        return _text(file)
    form = "<" + NUMBERS[kind]
    value: Fact = struct.unpack(form, file.read(struct.calcsize(form)))[0]
    return value


def _text(file: BinaryIO) -> str:
    (length,) = struct.unpack("<Q", file.read(8))
    if length > LONGEST_TEXT:
        raise ValueError("no text is that long")
    return file.read(length).decode()
