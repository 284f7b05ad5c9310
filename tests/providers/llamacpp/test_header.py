"""What a file says of itself, and files that lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.providers.llamacpp.gguf_file import F32, STRING, U32, write_gguf
from viralai_sdk.providers.llamacpp.header import Header, read_header


def test_a_small_models_facts(model: Path) -> None:
    assert read_header(model) == Header("llama", 4096, "F32", None)


def test_facts_of_a_quantized_model(tmp_path: Path) -> None:
    facts = [
        ("general.architecture", STRING, "qwen3"),
        ("general.size_label", STRING, "8B"),
        ("general.file_type", U32, 15),
        ("qwen3.rope.freq_base", F32, 1e6),
        ("qwen3.context_length", U32, 40960),
        ("tokenizer.ggml.model", STRING, "gpt2"),
    ]
    path = write_gguf(tmp_path / "m.gguf", facts, {"t": np.zeros(4, np.float32)})
    assert read_header(path) == Header("qwen3", 40960, "Q4_K_M", "8B")


def test_a_file_that_says_nothing_is_still_listed(tmp_path: Path) -> None:
    assert read_header(tmp_path / "none.gguf") == Header()
    (tmp_path / "zip.gguf").write_bytes(b"PK" + bytes(60))
    assert read_header(tmp_path / "zip.gguf") == Header()


@pytest.mark.parametrize("cut", [10, 24, 30, 60, 100])
def test_a_cut_file_says_what_it_can(tmp_path: Path, model: Path, cut: int) -> None:
    path = tmp_path / "cut.gguf"
    path.write_bytes(model.read_bytes()[:cut])
    assert read_header(path).quantization is None


@given(st.binary(max_size=200))
def test_no_content_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.gguf"
    path.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + bytes(8) + (9).to_bytes(8, "little") + content)
    assert isinstance(read_header(path), Header)
