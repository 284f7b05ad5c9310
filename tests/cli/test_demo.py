"""`viralai demo`: what it makes is real, says what it is, and is all there or not there at all."""

from __future__ import annotations

import hashlib
import html.parser
import json
import re
import shutil
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.cli.conftest import Viralai
from viralai_sdk.cli import demo_items, main
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import EmptyResultError, StorageError
from viralai_sdk.services.runtime import Runtime


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One demo for all tests that only look at it. Keys in the environment must not matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "must-not-be-used")
        patch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
        patch.chdir(tmp_path_factory.mktemp("demo"))
        assert main(["demo", "--out", "made", "--json"]) == 0
        yield Path("made").absolute()


@pytest.fixture(scope="module")
def manifest(made: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((made / "manifest.json").read_text("utf-8"))
    return loaded


def items(manifest: dict[str, Any], service: str) -> list[dict[str, Any]]:
    return [item for item in manifest["items"] if item["service"] == service]


def test_there_is_one_of_each_and_nothing_else(made: Path, manifest: dict[str, Any]) -> None:
    assert [item["service"] for item in manifest["items"]] == ["text", "image", "image", "image", "speech", "video"]
    listed = {item["path"] for item in manifest["items"]} | {item["captions"] for item in manifest["items"]} - {None}
    assert {path.name for path in made.iterdir()} == listed | {"index.html", "manifest.json"}


def test_the_manifest_tells_the_truth_about_every_file(made: Path, manifest: dict[str, Any]) -> None:
    for item in manifest["items"]:
        data = (made / item["path"]).read_bytes()
        assert item["bytes"] == len(data)
        assert item["sha256"] == hashlib.sha256(data).hexdigest()


def test_everything_says_that_rules_made_it(manifest: dict[str, Any]) -> None:
    assert "rules" in manifest["made_by"]
    for item in manifest["items"]:
        assert item["is_model"] is False
        assert item["provider"] == "embedded"
        assert item["cost_usd"] == 0
        assert "made by rules, not by a model" in item["caption"]
        if item["service"] != "text":
            assert item["provenance"]["is_model"] == "false"


def test_the_pictures_decode_and_are_not_blank(made: Path, manifest: dict[str, Any]) -> None:
    pictures = []
    for item in items(manifest, "image"):
        with Image.open(made / item["path"]) as picture:
            assert picture.format == "PNG"
            assert picture.size == (item["width"], item["height"])
            pictures.append(np.asarray(picture.convert("RGB").resize((64, 48)), dtype=float))
        assert pictures[-1].std() > 15
    watercolor, neon = pictures[1:]
    assert np.abs(watercolor - neon).mean() > 40, "the two styles must be clearly different"


def test_the_recording_plays_and_is_not_silent(made: Path, manifest: dict[str, Any]) -> None:
    (item,) = items(manifest, "speech")
    with wave.open(str(made / item["path"])) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert file.getnframes() / file.getframerate() == pytest.approx(item["duration"], abs=0.01)
    assert np.abs(samples.astype(int)).max() > 3000


def test_the_film_has_pictures_sound_and_captions(made: Path, manifest: dict[str, Any]) -> None:
    (item,) = items(manifest, "video")
    assert [stream["type"] for stream in item["streams"]] == ["video", "audio", "subtitle"]
    with av.open(str(made / item["path"])) as film:
        assert [stream.type for stream in film.streams] == ["video", "audio", "subtitle"]
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        film.seek(0)
        sound = np.concatenate([frame.to_ndarray().ravel() for frame in film.decode(audio=0)])
    assert frames[0].shape == (item["height"], item["width"], 3)
    assert item["duration"] == pytest.approx(6, abs=0.5)
    assert item["fps"] == pytest.approx(24, abs=0.5)
    assert all(frame.std() > 15 for frame in frames[:: len(frames) // 6])
    assert np.abs(frames[10].astype(int) - frames[-10]).mean() > 20
    assert np.abs(sound).max() > 0.1
    assert (made / item["captions"]).read_text().startswith("WEBVTT")


class _Media(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "poster")]
        if tag == "img":
            assert dict(attrs).get("alt"), "a picture without words for those who cannot see it"


def test_the_page_refers_only_to_its_own_folder(made: Path) -> None:
    parser = _Media()
    text = (made / "index.html").read_text("utf-8")
    parser.feed(text)
    assert len(parser.addresses) > 10
    assert all((made / address).is_file() for address in parser.addresses if not address.startswith("#"))
    assert re.findall(r"https?://", text) == []
    assert text.count("made by rules, not by a model") == 6
    assert "$" not in text.replace("${OPENAI_API_KEY}", "")


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_works_in_a_browser(scheme: Any, width: int, made: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "browser tests need Chromium"
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto((made / "index.html").as_uri())
        page.wait_for_function(
            "document.querySelector('video').readyState >= 1 && document.querySelector('audio').readyState >= 1"
        )
        loaded = page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        room = page.evaluate("document.documentElement.scrollWidth")
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        browser.close()
    assert problems == []
    assert loaded
    assert room <= width, "the page must not scroll sideways"
    assert (sum(map(int, re.findall(r"\d+", colour)[:3])) > 384) == (scheme == "light")


def failing_films(ask: demo_items.Ask, *_: object) -> demo_items.Item:
    raise EmptyResultError("nothing came.")


def test_a_demo_that_fails_leaves_nothing_new(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_items, "_item", failing_films)
    done = viralai("demo", "--out", "new")
    assert (done.code, "nothing came" in done.err) == (1, True)
    assert list(viralai.place.iterdir()) == []


def test_a_demo_that_fails_leaves_an_earlier_one_whole(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    (viralai.place / "old").mkdir()
    (viralai.place / "old" / "index.html").write_text("earlier")
    (viralai.place / "old" / "manifest.json").write_text('{"made_with": "viralai-sdk 0.1.0"}')
    monkeypatch.setattr(demo_items, "_item", failing_films)
    assert viralai("demo", "--out", "old", "--json").document["error"]["type"] == "EmptyResultError"
    assert {path.name for path in (viralai.place / "old").iterdir()} == {"index.html", "manifest.json"}
    assert (viralai.place / "old" / "index.html").read_text() == "earlier"


@pytest.mark.parametrize(
    ("name", "text"), [("index.html", "my page"), ("fox.png", "my fox"), ("manifest.json", '{"name": "my app"}')]
)
def test_a_demo_never_replaces_files_it_did_not_make(name: str, text: str, viralai: Viralai) -> None:
    (viralai.place / name).write_text(text)
    done = viralai("demo", "--out", ".")
    assert (done.code, name in done.err) == (2, True)
    assert (viralai.place / name).read_text() == text
    assert [path.name for path in viralai.place.iterdir()] == [name]


def test_a_demo_whose_journal_cannot_be_written_leaves_nothing_new(
    viralai: Viralai, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = []

    async def full(_: ViralAI) -> None:
        raise StorageError("the disk is full.")

    close = Runtime.close
    monkeypatch.setattr(demo_items, "_item", failing_films)
    monkeypatch.setattr(ViralAI, "aclose", full)
    monkeypatch.setattr(Runtime, "close", lambda self: (close(self), closed.append(self)))
    assert viralai("demo", "--out", "new").code == 1
    assert len(closed) == 1  # or the journal would write once more at exit, into a folder that is gone
    assert list(viralai.place.iterdir()) == []


@pytest.mark.parametrize("out", ["in-the-way", "in-the-way/inside", "/proc/no-such/demo", "x" * 300])
def test_an_out_that_cannot_be_written_exits_1(out: str, viralai: Viralai) -> None:
    (viralai.place / "in-the-way").write_text("a file")
    done = viralai("demo", "--out", out)
    assert done.code == 1
    assert len(done.err.strip().splitlines()) <= 2
    assert [path.name for path in viralai.place.iterdir()] == ["in-the-way"]
