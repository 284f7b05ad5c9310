"""`viralai generate`: every service, where results go, and what happens when they cannot."""

from __future__ import annotations

import io
import json
import sqlite3
import wave
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Viralai
from viralai_sdk.simulator import Simulator

SMALL = ("--width", "64", "--height", "64")


def stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_text_goes_to_stdout_and_the_caption_to_stderr(viralai: Viralai) -> None:
    done = viralai("generate", "text", "Write 3 hooks about tea", "--seed", "1")
    assert done.code == 0
    assert len(done.out.strip().splitlines()) == 3
    assert "made by rules, not by a model" in done.err


def test_a_streamed_text_is_printed_once(viralai: Viralai) -> None:
    plain = viralai("generate", "text", "Write 3 hooks about tea", "--seed", "1").out
    assert viralai("generate", "text", "Write 3 hooks about tea", "--seed", "1", "--stream").out == plain


def test_text_into_a_file_and_into_a_folder(viralai: Viralai) -> None:
    for out, path in (("hooks.txt", "hooks.txt"), (".", "answer.txt")):
        done = viralai("generate", "text", "Write 3 hooks about tea", "--out", out)
        assert done.out.strip().endswith(path)
        assert len((viralai.place / path).read_text().splitlines()) == 3


def test_a_schema_gives_json(viralai: Viralai) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    (viralai.place / "s.json").write_text(json.dumps(schema))
    done = viralai("generate", "text", "A clip about a fox", "--schema", "s.json")
    assert isinstance(json.loads(done.out)["title"], str)
    (viralai.place / "s.json").write_text("[]")
    assert viralai("generate", "text", "x", "--schema", "s.json").code == 2


def test_an_image_with_everything(viralai: Viralai) -> None:
    words = ("generate", "image", "a fox and a zeppelin", *SMALL, "--style", "neon", "--seed", "7", "--out", "fox.png")
    done = viralai(*words, "--option", "draft=true")
    assert done.code == 0
    with Image.open(viralai.place / "fox.png") as picture:
        assert picture.size == (64, 64)
    assert "zeppelin" in done.err
    assert done.out.strip() == "fox.png"


def test_several_images_get_numbers_and_their_true_ending(viralai: Viralai) -> None:
    done = viralai("generate", "image", "a fox", *SMALL, "--num-images", "2", "--out", "fox.jpg", "--json")
    assert done.document["files"] == ["fox-1.png", "fox-2.png"]
    assert sorted(path.name for path in viralai.place.glob("fox*")) == ["fox-1.png", "fox-2.png"]


def test_a_folder_takes_the_own_name(viralai: Viralai) -> None:
    (viralai.place / "pictures").mkdir()
    (path,) = viralai("generate", "image", "a fox", *SMALL, "--out", "pictures", "--json").document["files"]
    assert (viralai.place / path).is_file()
    assert Path(path).parent.name == "pictures"


def test_speech_from_stdin(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"Say hello.\n")
    done = viralai("generate", "speech", "-", "--out", "hello.wav", "--json")
    assert done.code == 0
    with wave.open(str(viralai.place / "hello.wav")) as file:
        assert file.getnframes() > 1000
    assert done.document["response"]["word_timings"][0]["text"] == "Say"


def test_the_ending_of_out_chooses_the_audio_format(viralai: Viralai) -> None:
    assert viralai("generate", "speech", "Hello.", "--out", "hello.flac").code == 0
    assert (viralai.place / "hello.flac").read_bytes()[:4] == b"fLaC"


def test_a_film(viralai: Viralai) -> None:
    words = ("--duration", "1", "--resolution", "64x48", "--fps", "10", "--out", "film.mp4")
    done = viralai("generate", "video", "a lighthouse", *words, "--json")
    assert done.code == 0
    assert done.document["response"]["duration"] == pytest.approx(1, abs=0.2)
    assert (viralai.place / "film.mp4").read_bytes()[4:8] == b"ftyp"


def test_stdin_that_is_no_text_is_refused(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin(monkeypatch, b"\xff\xfe\x00")
    done = viralai("generate", "text", "-")
    assert (done.code, "UTF-8" in done.err) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("image", ""),
        ("image", "fox", "--width", "3"),
        ("image", "fox", "--aspect-ratio", "banana"),
        ("video", "fox", "--duration", "-1"),
        ("speech", "hi", "--speed", "90"),
        ("text", "hi", "--timeout", "0"),
        ("image", "fox", "--provider", "opena"),
        ("image", "fox", "--provider", "openai"),
    ],
)
def test_what_cannot_work_exits_2_and_leaves_no_file(words: tuple[str, ...], viralai: Viralai) -> None:
    done = viralai("generate", *words)
    assert done.code == 2
    assert done.out == ""
    assert 1 <= len(done.err.strip().splitlines()) <= 2
    assert [path for path in viralai.place.rglob("*") if path.is_file() and ".viralai" not in path.parts] == []


def test_dry_run_sends_nothing(viralai: Viralai) -> None:
    done = viralai("generate", "image", "fox", "--provider", "openai", "--dry-run", "--json")
    assert done.code == 0
    (route,) = done.document["routes"]
    assert (route["provider"], route["ready"]) == ("openai", False)
    assert "nothing was sent" in viralai("generate", "image", "fox", "--dry-run").out


def test_out_in_a_missing_folder_is_told_before_anything_is_made(viralai: Viralai) -> None:
    done = viralai("generate", "image", "fox", *SMALL, "--out", "nowhere/fox.png")
    assert (done.code, "nowhere" in done.err) == (2, True)
    assert not (viralai.place / "outputs").exists()


def test_out_without_rights_is_told_before_anything_is_made(viralai: Viralai, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    done = viralai("generate", "image", "fox", *SMALL, "--out", "fox.png")
    assert done.code == 1
    assert not (viralai.place / "outputs").exists()


def test_a_copy_that_fails_names_the_safe_original(viralai: Viralai) -> None:
    (viralai.place / "y-1.png").mkdir()
    done = viralai("generate", "image", "fox", *SMALL, "--num-images", "2", "--out", "y.png", "--json")
    assert done.code == 1
    error = done.document["error"]
    assert error["type"] == "StorageError"
    assert Path(error["rescued"]).is_file()
    assert all(Path(path).is_file() for path in done.document["files"])
    assert list(viralai.place.glob(".viralai-*")) == []


def test_a_broken_configuration_exits_2_and_names_the_key(viralai: Viralai) -> None:
    (viralai.place / "viralai.yaml").write_text("providers: {openai: {api_kye: x}}")
    done = viralai("generate", "text", "hi")
    assert (done.code, "api_key" in done.err) == (2, True)
    (viralai.place / "viralai.yaml").write_text("providers: [")
    done = viralai("providers", "list", "--json")
    assert (done.code, done.document["error"]["type"]) == (2, "ConfigurationError")


def test_an_unwritable_project_exits_1(viralai: Viralai) -> None:
    (viralai.place / "outputs").write_text("in the way")
    done = viralai("generate", "image", "fox", *SMALL)
    assert done.code == 1
    assert "outputs" in done.err


@pytest.mark.parametrize("words", [("text", "Write a slogan about tea"), ("image", "fox", *SMALL)])
def test_a_corrupt_journal_exits_1_and_is_left_as_it_is(words: tuple[str, ...], viralai: Viralai) -> None:
    folder = viralai.place / ".viralai"
    folder.mkdir()
    (folder / "journal.db").write_bytes(b"this is no database")
    done = viralai("generate", *words, "--json")
    assert done.code == 1
    assert done.document["error"]["type"] == "StorageError"
    human = viralai("generate", *words)
    assert human.code == 1
    assert "journal.db" in human.err
    assert (folder / "journal.db").read_bytes() == b"this is no database"
    assert not list(viralai.place.glob("outputs/*/*/.viralai-*"))


def test_a_provider_that_is_down_exits_1(viralai: Viralai) -> None:
    with Simulator() as sim:
        sim.faults.add("openai", status=503)
        (viralai.place / "viralai.yaml").write_text(
            f"providers: {{openai: {{api_key: {sim.key}, base_url: '{sim.url('openai')}', max_retries: 0}}}}"
        )
        done = viralai("generate", "text", "hi", "--provider", "openai", "--no-fallback", "--json")
    assert done.code == 1
    assert done.document["error"]["provider"] == "openai"
    assert done.document["error"]["type"] == "ProviderUnavailableError"
    with sqlite3.connect(viralai.place / ".viralai" / "journal.db") as journal:
        assert journal.execute("SELECT outcome FROM calls").fetchall() == [("failed",)]
    journal.close()
