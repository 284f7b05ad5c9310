"""Tables and batches: order, failures, unknown prices and escaping."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest

from tests.html_check import check_harmless
from tests.media_files import picture
from viralai_sdk.interfaces.batch import BatchResult
from viralai_sdk.interfaces.display import Html, Table, table_html
from viralai_sdk.interfaces.display.markup import human_size
from viralai_sdk.interfaces.errors import ProviderTimeoutError, RateLimitError
from viralai_sdk.interfaces.image import ImageGenerationResponse
from viralai_sdk.interfaces.text import TextGenerationResponse


def test_a_batch_keeps_order_and_failures_and_counts_what_is_unknown(tmp_path: Path) -> None:
    path = str(picture(tmp_path / "x.png", (64, 64)))
    shared: dict[str, Any] = {"provider_used": "openai", "image_paths": [path]}
    priced = ImageGenerationResponse(**shared, cost_usd=0.25, metadata={"prompt": "a fox"})
    unpriced = TextGenerationResponse(provider_used="cohere", text="hi")
    batch = BatchResult(
        [priced, RateLimitError("slow down", provider="openai"), unpriced, ProviderTimeoutError("late")],
        ["1", "2", "3"],
    )
    assert len(batch) == 4
    assert batch[0] is priced
    assert batch.ok == [priced, unpriced]
    assert [type(error) for error in batch.failed] == [RateLimitError, ProviderTimeoutError]
    assert batch.failed_indexes == [1, 3]
    assert (batch.cost_usd, batch.cost_unknown) == (0.25, 2)
    assert [batch.prompt(n) for n in range(4)] == ["a fox", "2", "3", None]
    assert batch.summary() == "2 of 4 made · 2 failed · $0.2500 known · price of 2 unknown"
    page = check_harmless(batch._repr_mimebundle_()["text/html"])
    assert {"RateLimitError", "slow down", "Nothing was charged.", "It may have been billed."} <= set(page.text)
    assert "  1  2  RateLimitError: [openai] slow down" in repr(batch)
    assert isinstance(batch[1:], BatchResult)
    assert batch[1:].prompt(0) == "2"


def test_a_batch_never_shows_unknown_as_nothing() -> None:
    unpriced = TextGenerationResponse(provider_used="cohere", text="hi")
    free = TextGenerationResponse(provider_used="embedded", text="hi", cost_usd=0)
    assert BatchResult([unpriced]).cost_usd is None
    assert BatchResult([unpriced]).summary() == "1 of 1 made · price unknown"
    assert BatchResult([free]).summary() == "1 of 1 made · free"
    assert BatchResult([free, unpriced]).summary() == "2 of 2 made · $0.0000 known · price of 1 unknown"
    assert BatchResult([RateLimitError("no")]).cost_usd == 0
    assert BatchResult([]).cost_usd == 0


ROWS: list[dict[str, Any]] = [
    {"provider": "openai", "price": 0.04, "ready": True},
    {"provider": "日本 <b>", "price": None, "ready": False, "note": ["a", None]},
]


def test_a_table_aligns_numbers_and_wide_characters() -> None:
    assert repr(Table(ROWS, caption="Prices")).splitlines() == [
        "Prices",
        "provider  price  ready  note",
        "--------  -----  -----  ----",
        "openai     0.04  yes",
        "日本 <b>      –  no     a, –",
    ]


def test_a_table_is_a_list_of_its_rows() -> None:
    table = Table(ROWS, caption="Prices")
    assert list(table) == ROWS
    assert table == Table(ROWS) == ROWS
    assert table != 3
    assert table[1]["provider"] == "日本 <b>"
    assert isinstance(table[:1], Table)
    assert len(table[:1]) == 1
    assert table.columns == ["provider", "price", "ready", "note"]
    assert table.column("note") == [None, ["a", None]]
    with pytest.raises(TypeError):
        hash(table)


def test_a_table_in_html_is_escaped_and_has_a_head() -> None:
    page = check_harmless(Table(ROWS, ["provider", "price"], caption="Prices")._repr_mimebundle_()["text/html"])
    assert {"Prices", "provider", "price", "日本 <b>", "0.04", "–"} <= set(page.text)
    assert all(head["scope"] == "col" for head in page.all("th"))
    assert "ready" not in page.text
    assert "<strong>" in table_html([{"a": Html("<strong>x</strong>")}])


def test_an_empty_table_says_so() -> None:
    assert "nothing here" in "".join(check_harmless(table_html([], caption="Jobs")).text)
    assert repr(Table(caption="Jobs")) == "Jobs\n(nothing here)"
    assert repr(Table()) == "(nothing here)"


def test_numbers_are_written_for_people() -> None:
    table = repr(Table([{"x": 1234.5}, {"x": 0.00001}, {"x": 0.0}, {"x": float("nan")}, {"x": 7}]))
    assert [line.strip() for line in table.splitlines()[2:]] == ["1,234.5", "1e-05", "0", "nan", "7"]
    assert [human_size(n) for n in (812, 14_000, 3_200_000)] == ["812 B", "14 kB", "3.2 MB"]


def test_a_table_becomes_a_data_frame_where_pandas_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = types.ModuleType("pandas")
    stand_in.DataFrame = lambda rows, columns: (rows, columns)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pandas", stand_in)
    assert Table(ROWS, ["price"]).to_pandas() == (ROWS, ["price"])
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas"):
        Table(ROWS).to_pandas()
