"""The catalog: built-in rows, rows that a provider brings, the user's own on top."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from viralai_sdk.catalog.catalog import Catalog, builtin_names
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIServiceType

TEXT = AIServiceType.TEXT_GENERATION
BROUGHT = {
    "as_of": "2026-11-01",
    "defaults": {"text": "one"},
    "models": {
        "one": {"services": ["text"], "prices": {"input_token": 1e-6, "output_token": 2e-6}, "source": "a list"}
    },
}


def overlay(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, "utf-8")
    return path


def test_every_builtin_file_can_be_read() -> None:
    catalog = Catalog()
    assert {"openai", "embedded"} <= set(builtin_names())
    for name in builtin_names():
        rows = catalog.provider(name)
        assert rows.models or rows.patterns, name


def test_a_provider_nobody_knows_has_no_models() -> None:
    assert not Catalog().provider("nobody").models
    assert Catalog().model("nobody", "x") is None
    assert not Catalog().provider("../openai").models


def test_rows_that_a_provider_brings_are_read_as_data_or_from_its_package() -> None:
    catalog = Catalog(shipped={"mine": BROUGHT, "other": "viralai_sdk.catalog:openai.yaml"}.get)
    assert catalog.provider("mine").default(TEXT) == "one"
    assert catalog.provider("mine").as_of == datetime.date(2026, 11, 1)
    assert catalog.provider("other").models.keys() == Catalog().provider("openai").models.keys()
    assert catalog.provider("openai").models


@pytest.mark.parametrize(
    "rows", ["viralai_sdk.catalog:missing.yaml", "no_such_package:x.yaml", "viralai_sdk.catalog:check.py", ""]
)
def test_rows_that_cannot_be_read_name_the_provider(rows: str) -> None:
    with pytest.raises(ConfigurationError, match="mine: "):
        Catalog(shipped=lambda name: rows).provider("mine")


def test_the_users_file_wins_field_by_field(tmp_path: Path) -> None:
    mine = overlay(
        tmp_path,
        "openai:\n  defaults: {text: house-model}\n  models:\n"
        "    gpt-6-luna: {prices: {input_token: 1.0, output_token: 2.0}}\n"
        "    house-model: {services: [text], source: our contract}\n",
    )
    catalog, plain = Catalog(mine), Catalog()
    luna = catalog.model("openai", "gpt-6-luna")
    assert luna is not None
    assert luna.prices == {"input_token": 1.0, "output_token": 2.0}
    assert luna.services == (TEXT,)
    assert catalog.provider("openai").default(TEXT) == "house-model"
    assert catalog.provider("openai").models.keys() - plain.provider("openai").models.keys() == {"house-model"}
    assert catalog.priced_by_user("openai", "gpt-6-luna")
    assert not catalog.priced_by_user("openai", "house-model")
    assert not catalog.priced_by_user("gemini", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2]", "must map provider names"),
        ("openai: 7", "must map provider names"),
        ("openai: {models: [a]}", "must map names to rows"),
        ("openai: {models: {a: 7}}", "must map names to rows"),
        ("openai: {", "cannot read the catalog"),
    ],
)
def test_a_broken_file_of_the_users_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Catalog(overlay(tmp_path, text))


def test_a_missing_file_of_the_users_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read the catalog"):
        Catalog(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("row", ["{services: [smell]}", "{prices: {image: cheap}}", "{retires: soon}"])
def test_a_wrong_figure_names_its_model(tmp_path: Path, row: str) -> None:
    catalog = Catalog(overlay(tmp_path, f"openai: {{models: {{odd-one: {row}}}}}"))
    with pytest.raises(ConfigurationError, match=r"odd-one|smell"):
        catalog.provider("openai")


def test_the_configuration_file_names_the_users_catalog_beside_it(tmp_path: Path) -> None:
    overlay(tmp_path, "embedded: {models: {procedural-image: {prices: {image: 0.5}}}}")
    (tmp_path / "viralai.yaml").write_text("catalog: mine.yaml\n", "utf-8")
    ai = ViralAI(tmp_path / "viralai.yaml", home=tmp_path, progress=False)
    known = ai.runtime.catalog.model("embedded", "procedural-image")
    assert known is not None
    assert known.prices == {"image": 0.5}
    ai.runtime.close()


def test_a_price_is_unknown_when_one_of_its_units_is() -> None:
    one = Catalog(shipped=lambda name: BROUGHT).model("mine", "one")
    assert one is not None
    assert one.price({"input_token": 10, "output_token": 5}) == pytest.approx(2e-5)
    assert one.price({"input_token": 10, "image": 1}) is None
    assert one.price({"input_token": 10, "image": 0}) == pytest.approx(1e-5)
    assert one.price({}) is None


def test_cached_tokens_are_a_part_of_the_input() -> None:
    rows = {
        "models": {
            "a": {"prices": {"input_token": 1.0, "cached_input_token": 0.1}},
            "b": {"prices": {"input_token": 1.0}},
        }
    }
    catalog = Catalog(shipped=lambda name: rows)
    cheap, plain = catalog.model("x", "a"), catalog.model("x", "b")
    assert cheap is not None
    assert plain is not None
    amounts = {"input_token": 10.0, "cached_input_token": 4.0}
    assert cheap.price(amounts) == pytest.approx(6.4)
    assert plain.price(amounts) == pytest.approx(10.0)
    assert cheap.price({**amounts, "image": 1.0}) is None
