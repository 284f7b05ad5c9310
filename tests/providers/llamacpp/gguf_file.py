"""Writes a small GGUF: a counted bigram model in the shape of a Llama, so that real loading code runs without downloaded weights.

Embeddings are one-hot, attention and feed-forward weights are zero, so what reaches the output is the current token itself. The output
matrix holds log P(next | current), counted from a handful of sentences. Greedy decoding then follows the most frequent successors: exact,
reproducible, and nothing was trained.
"""

from __future__ import annotations

import itertools
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float32]]

MAGIC, VERSION, ALIGNMENT = b"GGUF", 3, 32
U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
"""Value types of the format that are needed here."""
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
"""Token types."""
SPACE = "\u2581"
"""How the vocabulary writes a blank."""
UNSEEN = -30.0
"""log P of a pair that was never counted: not zero probability, but never chosen."""

HEAD = 32
"""Dimensions of an attention head."""

SENTENCES = (
    "the server was counted from a real model",
    "a real model can be small",
    "the answer is made of counted words",
    "words follow words that were seen before",
)
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>"


class _Writer:
    """Bytes in the format's order."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def number(self, form: str, value: float) -> None:
        self.parts.append(struct.pack("<" + form, value))

    def text(self, value: str) -> None:
        raw = value.encode()
        self.number("Q", len(raw))
        self.parts.append(raw)

    def value(self, kind: int, value: Any) -> None:
        if kind == STRING:
            self.text(value)
        else:
            self.number({U32: "I", I32: "i", F32: "f", BOOL: "?"}[kind], value)

    def pair(self, key: str, kind: int, value: Any) -> None:
        self.text(key)
        if isinstance(value, list):
            self.number("I", ARRAY)
            self.number("I", kind)
            self.number("Q", len(value))
            for item in value:
                self.value(kind, item)
        else:
            self.number("I", kind)
            self.value(kind, value)

    def bytes(self) -> bytes:
        return b"".join(self.parts)


def write_gguf(path: Path, facts: Sequence[tuple[str, int, Any]], tensors: Mapping[str, Array]) -> Path:
    """Write metadata and float tensors as a GGUF file."""
    writer = _Writer()
    writer.parts.append(MAGIC)
    writer.number("I", VERSION)
    writer.number("Q", len(tensors))
    writer.number("Q", len(facts))
    for fact in facts:
        writer.pair(*fact)
    offset = 0
    for name, tensor in tensors.items():
        writer.text(name)
        writer.number("I", tensor.ndim)
        for size in reversed(tensor.shape):  # the fastest dimension comes first
            writer.number("Q", size)
        writer.number("I", 0)  # 32-bit floats
        writer.number("Q", offset)
        offset += _padded(tensor.nbytes)
    head = writer.bytes()
    body = [head.ljust(_padded(len(head)), b"\0")]
    body += [tensor.tobytes().ljust(_padded(tensor.nbytes), b"\0") for tensor in tensors.values()]
    path.write_bytes(b"".join(body))
    return path


def _padded(size: int) -> int:
    return (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


def vocabulary(sentences: Sequence[str]) -> tuple[list[str], list[int], list[float]]:
    """Tokens, their types and scores: control tokens, role markers, all bytes, printable characters, whole words with their blank."""
    tokens = ["<unk>", "<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]
    kinds = [UNKNOWN, *[CONTROL] * (len(tokens) - 1)]
    tokens += [f"<0x{number:02X}>" for number in range(256)]
    kinds += [BYTE] * 256
    letters = [SPACE, *(chr(number) for number in range(33, 127))]
    words = sorted({SPACE + word for sentence in sentences for word in sentence.split()} - set(letters))
    # The tokenizer joins neighbours step by step, so that a word is reached only over its beginnings.
    starts = sorted({word[:end] for word in words for end in range(2, len(word))} - set(words))
    tokens += [*letters, *starts, *words]
    kinds += [NORMAL] * (len(letters) + len(starts) + len(words))
    scores = [float(len(token)) if kind == NORMAL else 0.0 for token, kind in zip(tokens, kinds, strict=True)]
    return tokens, kinds, scores


def successors(tokens: Sequence[str], sentences: Sequence[str], ends: Sequence[str]) -> Array:
    """log P(next | current), a row for each next token. Sentences start after the assistant's marker and end in the stop token."""
    place = {token: number for number, token in enumerate(tokens)}
    table = np.full((len(tokens), len(tokens)), UNSEEN, np.float32)
    pairs: Counter[tuple[int, int]] = Counter()
    for sentence in sentences:
        line = ["<|assistant|>", *(SPACE + word for word in sentence.split()), *ends]
        pairs.update((place[current], place[following]) for current, following in itertools.pairwise(line))
    totals: Counter[int] = Counter()
    for (current, _), count in pairs.items():
        totals[current] += count
    for (current, following), count in pairs.items():
        table[following, current] = np.log(count / totals[current])
    return table


def write_bigram(
    path: Path,
    sentences: Sequence[str] = SENTENCES,
    *,
    context: int = 4096,
    endless: bool = False,
    template: str | None = TEMPLATE,
) -> Path:
    """Write the model. `endless` leaves out the stop token, and every sentence leads back to its own beginning."""
    tokens, kinds, scores = vocabulary(sentences)
    ends = [SPACE + sentences[0].split()[0]] if endless else ["<|end|>"]
    table = successors(tokens, sentences, ends)
    width = -(-len(tokens) // HEAD) * HEAD
    one_hot = np.zeros((len(tokens), width), np.float32)
    np.fill_diagonal(one_hot, 1.0)
    output = np.zeros((len(tokens), width), np.float32)
    output[:, : len(tokens)] = table
    feed = 32
    square, wide, narrow = (width, width), (feed, width), (width, feed)
    zeros = {
        "attn_q": square,
        "attn_k": square,
        "attn_v": square,
        "attn_output": square,
        "ffn_gate": wide,
        "ffn_up": wide,
        "ffn_down": narrow,
    }
    ones = np.ones(width, np.float32)
    tensors = {
        "token_embd.weight": one_hot,
        "blk.0.attn_norm.weight": ones,
        **{f"blk.0.{name}.weight": np.zeros(shape, np.float32) for name, shape in zeros.items()},
        "blk.0.ffn_norm.weight": ones,
        # A one-hot vector comes out of the norm as √width; this takes it back to 1, so that the output is the table's column.
        "output_norm.weight": np.full(width, width**-0.5, np.float32),
        "output.weight": output,
    }
    facts: list[tuple[str, int, Any]] = [
        ("general.architecture", STRING, "llama"),
        ("general.name", STRING, "counted bigrams"),
        ("general.file_type", U32, 0),
        ("llama.context_length", U32, context),
        ("llama.embedding_length", U32, width),
        ("llama.block_count", U32, 1),
        ("llama.feed_forward_length", U32, feed),
        ("llama.attention.head_count", U32, width // HEAD),
        ("llama.attention.head_count_kv", U32, width // HEAD),
        ("llama.rope.dimension_count", U32, HEAD),
        ("llama.attention.layer_norm_rms_epsilon", F32, 1e-6),
        ("llama.vocab_size", U32, len(tokens)),
        ("tokenizer.ggml.model", STRING, "llama"),
        ("tokenizer.ggml.tokens", STRING, tokens),
        ("tokenizer.ggml.scores", F32, scores),
        ("tokenizer.ggml.token_type", I32, kinds),
        ("tokenizer.ggml.bos_token_id", U32, tokens.index("<s>")),
        ("tokenizer.ggml.eos_token_id", U32, tokens.index("<|end|>")),
        ("tokenizer.ggml.unknown_token_id", U32, 0),
        ("tokenizer.ggml.add_bos_token", BOOL, True),
        ("tokenizer.ggml.add_space_prefix", BOOL, False),
    ]
    if template is not None:
        facts.append(("tokenizer.chat_template", STRING, template))
    return write_gguf(path, facts, tensors)
