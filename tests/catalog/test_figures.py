"""The catalog: unknown is never free, and a wrong figure is told with its place."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import IMAGE, TEXT
from viralai_sdk.catalog.catalog import Catalog, Model, parse
from viralai_sdk.config.platforms import platform, platforms
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError


def test_a_unit_without_a_price_makes_the_whole_unknown() -> None:
    model = Model("m", "p", prices={"image": 0.04, "second": 0.0})
    assert model.price({"image": 2}) == 0.08
    assert model.price({"second": 5}) == 0.0
    assert model.price({}) is None
    assert model.price({"image": 1, "token": 3}) is None
    assert model.price({"image": 1, "token": 0}) == 0.04


def test_the_users_file_lies_over_the_built_in_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "openai: {defaults: {text: mine}, models: {mine: {services: [text], prices: {input_token: 1}, retires: 2030-01-02}}}"
    )
    catalog = Catalog(path)
    mine = catalog.model("openai", "mine")
    assert mine is not None
    assert (mine.retires, mine.services) == (datetime.date(2030, 1, 2), (TEXT,))
    assert catalog.provider("openai").default(TEXT) == "mine"
    assert catalog.provider("openai").default(IMAGE)
    assert catalog.model("openai", None) is None
    assert catalog.provider("../secrets").models == {}
    assert catalog.provider("nobody").models == {}


@pytest.mark.parametrize("content", ["[1]", "a: [", "\x00"])
def test_a_broken_catalog_is_told(content: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"mine\.yaml"):
        Catalog(path)
    with pytest.raises(ConfigurationError, match=r"gone\.yaml"):
        Catalog(tmp_path / "gone.yaml")


@pytest.mark.parametrize("row", [{"prices": {"image": "cheap"}}, {"retires": "soon"}, {"services": ["txt"]}, [1]])
def test_a_wrong_figure_names_its_model(row: Any) -> None:
    with pytest.raises(ConfigurationError, match="p/m"):
        parse("p", {"models": {"m": row}})


def test_platforms_answer_to_any_spelling() -> None:
    assert platform("YouTube Shorts") is platforms()["youtube_shorts"]
    assert all(preset.width and preset.height and preset.fps for preset in platforms().values())
    with pytest.raises(InvalidRequestError, match="youtube"):
        platform("youtub")
