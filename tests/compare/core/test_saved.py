"""Comparisons on disk: everything comes back, and nothing broken or hostile is taken for one."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.compare.core.test_comparison import nasty, texts
from tests.doubles import KEY, client, png
from viralai_sdk import Arm, Comparison
from viralai_sdk.compare import saved
from viralai_sdk.compare.cells import Cell
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, StorageError
from viralai_sdk.store.redact import register_secret


def same(one: Comparison, other: Comparison) -> None:
    """Equal but for where the files lie."""
    assert (one.id, one.service, one.arms, one.prompts) == (other.id, other.service, other.arms, other.prompts)
    assert one.judgements() == other.judgements()
    hidden = {"artifact"}
    for first, second in zip(one.rows(), other.rows(), strict=True):
        assert {k: v for k, v in first.items() if k not in hidden} == {
            k: v for k, v in second.items() if k not in hidden
        }
    for left, right in zip(one.cells, other.cells, strict=True):
        assert str(left.error) == str(right.error)
        if left.response is not None and right.response is not None:
            assert [item.bytes for item in left.response.artifacts] == [item.bytes for item in right.response.artifacts]


@pytest.mark.parametrize("name", ["folder", "one.zip"])
def test_everything_comes_back(tmp_path: Path, name: str) -> None:
    found = nasty(tmp_path)
    found.put(Cell(found.arms[1].name, "p001", "x", 1, response=found.cells[0].response))
    found.vote("tie")
    place = found.save(tmp_path / name)
    same(Comparison.load(place), found)
    found.vote("left")
    found.save(place)
    again = Comparison.load(str(place))
    same(again, found)
    path = Path(again.cells[0].response.image_paths[0])  # type: ignore[union-attr]
    assert path.read_bytes() == png()
    again.vote("right")
    again.save(place)
    del again
    if name.endswith("zip"):
        assert not path.exists()
    assert len(Comparison.load(place).judgements()) == 3
    assert not [item for item in tmp_path.iterdir() if item.name.endswith(".part")]


async def test_a_real_comparison_comes_back_with_the_journals_votes(home: Path) -> None:
    async with client({}, home) as ai:
        found = await ai.compare.image(
            "a fox", ["embedded", {"provider": "embedded", "style": "neon"}], width=64, height=64
        )
        found.save(home / "saved")
        found.vote("left")
        again = ai.compare.load(home / "saved")
        same(again, found)
        again.vote("right")
        assert len(ai.compare.load(home / "saved").judgements()) == 2
        assert Comparison.load(home / "saved").judgements() == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(st.text(min_size=1).filter(str.strip), st.text()),
        min_size=1,
        max_size=3,
        unique_by=lambda pair: pair[0],
    ),
    st.dictionaries(st.text(min_size=1, max_size=5).filter(str.strip), st.text(), min_size=1, max_size=2),
)
def test_any_words_come_back(tmp_path: Path, pairs: list[tuple[str, str]], prompts: dict[str, str]) -> None:
    columns = [Arm(name, "openai", parameters={"n": n, "x": value}) for n, (name, value) in enumerate(pairs)]
    cells = [
        Cell(arm.name, key, words, error=AIError(words or "x")) for arm in columns for key, words in prompts.items()
    ]
    found = Comparison(texts("a").service, columns, prompts, cells)
    again = Comparison.load(found.save(tmp_path / "any"))
    assert again.arms == found.arms
    assert again.prompts == found.prompts
    assert [str(cell.error) for cell in again.cells] == [str(cell.error) for cell in found.cells]


def test_no_secret_and_no_path_of_this_machine_is_saved(tmp_path: Path) -> None:
    register_secret(KEY)
    found = nasty(tmp_path)
    found.parameters = {"options": {"api_key": "abc123"}, "mask": object(), "note": KEY}
    assert found.cells[1].error is not None
    found.cells[1].error.message = f"bad key {KEY} at https://x.example/f?X-Goog-Signature=abc"
    written = (found.save(tmp_path / "out") / "comparison.json").read_text()
    for secret in (KEY, "abc123", "Signature=abc", str(tmp_path)):
        assert secret not in written
    assert "<object>" in written


def test_only_a_saved_comparison_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "dir.zip").mkdir()
    for wrong in ("full", "file", "dir.zip"):
        with pytest.raises(InvalidRequestError):
            texts("a").save(tmp_path / wrong)
    texts("a").save(tmp_path / "empty")
    assert (tmp_path / "full" / "precious.txt").read_text() == "x"


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_cannot_be_saved_leaves_the_earlier_one_unharmed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = nasty(tmp_path)
    place = found.save(tmp_path / name)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("zipfile.ZipFile.write" if name.endswith("zip") else "shutil.copyfileobj", full)
        with pytest.raises(StorageError, match="No space"):
            found.save(place)
    same(Comparison.load(place), found)
    if name == "out":
        real = Path.rename

        def refuse(self: Path, target: Path) -> Path:
            if target == place and not self.name.endswith(".part"):
                raise OSError(13, "Permission denied")
            if target == place and (self / "comparison.json").exists() and refused:
                refused.pop()
                raise OSError(13, "Permission denied")
            return real(self, target)

        refused = [1]
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", refuse)
            with pytest.raises(StorageError):
                found.save(place)
        same(Comparison.load(place), found)
    assert not [item for item in tmp_path.iterdir() if item.name.endswith(".part")]
    (tmp_path / "a.png").unlink()
    with pytest.raises(StorageError):
        found.save(place)


CHANGES = [
    lambda d: d.update(format="other"),
    lambda d: d.update(version=99),
    lambda d: d.update(id="../../etc"),
    lambda d: d.update(id=3),
    lambda d: d.pop("cells"),
    lambda d: d.update(cells=3),
    lambda d: d.update(service="smell"),
    lambda d: d.update(arms=[]),
    lambda d: d.update(arms=[3]),
    lambda d: d["arms"][0].update(name=3),
    lambda d: d["arms"][0].update(provider=3),
    lambda d: d["arms"][0].update(extra=3),
    lambda d: d["arms"][1].update(name=d["arms"][0]["name"]),
    lambda d: d.update(prompts=[]),
    lambda d: d["prompts"].update(p001=3),
    lambda d: d.update(votes=[{}]),
    lambda d: d.update(votes=3),
    lambda d: d.update(parameters=3),
    lambda d: d.update(media=[]),
    lambda d: d["cells"][0].update(arm="nobody"),
    lambda d: d["cells"][0].update(prompt="none"),
    lambda d: d["cells"][0].update(repeat=-1),
    lambda d: d["cells"][0].update(seconds="x"),
    lambda d: d["cells"][0].update(metrics={"a": {}}),
    lambda d: d["cells"][0].update(response=None),
    lambda d: d["cells"][0]["response"].update(image_paths=["/etc/passwd"]),
    lambda d: d["cells"][0]["response"].update(image_paths=["media/../../x.png"]),
    lambda d: d["cells"][0]["response"].update(image_paths=["media/" + "0" * 64 + ".png"]),
    lambda d: d["cells"][0]["response"].update(image_paths=3),
    lambda d: d["cells"][0]["response"].update(image_paths=[3]),
    lambda d: d["cells"][0]["response"]["artifacts"][0].update(path="../x"),
    lambda d: d["cells"][0].update(response=3),
    lambda d: d["media"].update(dict.fromkeys(d["media"], 3)),
    lambda d: d["media"].update(dict.fromkeys(d["media"])),
]


@pytest.mark.parametrize("place", range(len(CHANGES)))
@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_whatever_is_changed_in_it_is_refused(tmp_path: Path, place: int, name: str) -> None:
    found = nasty(tmp_path)
    folder = found.save(tmp_path / "out")
    document = json.loads((folder / "comparison.json").read_text())
    CHANGES[place](document)
    (folder / "comparison.json").write_text(json.dumps(document))
    if name == "out.zip":
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in folder.rglob("*.*"):
                archive.write(file, file.relative_to(folder))
    with pytest.raises(InvalidRequestError, match="cannot be read as a saved comparison"):
        Comparison.load(tmp_path / name)


def test_media_that_are_not_what_they_were_are_refused(tmp_path: Path) -> None:
    found = nasty(tmp_path)
    for name, harm in {
        "changed": lambda file: file.write_bytes(b"\x89PNG" + bytes(file.stat().st_size - 4)),
        "longer": lambda file: file.write_bytes(file.read_bytes() + b"x"),
        "gone": lambda file: file.unlink(),
        "linked": lambda file: (file.unlink(), file.symlink_to(tmp_path / "a.png")),
    }.items():
        folder = found.save(tmp_path / name)
        harm(next((folder / "media").iterdir()))
        with pytest.raises(InvalidRequestError):
            Comparison.load(folder)


def test_what_is_no_saved_comparison_at_all_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("hello")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("x", "y")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "comparison.json").write_text("{")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "comparison.json").write_text("[" * 200_000)
    (tmp_path / "list").mkdir()
    (tmp_path / "list" / "comparison.json").write_text("[]")
    (tmp_path / "bytes").mkdir()
    (tmp_path / "bytes" / "comparison.json").write_bytes(b"\xff\xfe\x00")
    for name in ("empty", "text.zip", "other.zip", "words", "deep", "list", "bytes"):
        with pytest.raises(InvalidRequestError, match="saved comparison"):
            Comparison.load(tmp_path / name)
    with pytest.raises(StorageError):
        Comparison.load(tmp_path / "nowhere.zip")
    place = texts("a").save(tmp_path / "fine")
    monkeypatch.setattr(saved, "MOST_DOCUMENT_BYTES", 10)
    with pytest.raises(InvalidRequestError, match="too large"):
        Comparison.load(place)


def test_a_zip_file_that_unfolds_to_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = nasty(tmp_path).save(tmp_path / "folder")
    text = (folder / saved.DOCUMENT).read_text()
    old = next(iter(json.loads(text)["media"]))
    zeros = bytes(4_000_000)
    new = f"media/{hashlib.sha256(zeros).hexdigest()}.png"
    document = json.loads(text.replace(old, new))
    document["media"][new] = len(zeros)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(saved.DOCUMENT, json.dumps(document))
        archive.writestr(new, zeros)
        for other in document["media"]:
            if other != new:
                archive.write(folder / other, other)
    assert len(Comparison.load(bomb).cells) > 0
    monkeypatch.setattr(saved, "FREE_BYTES", 1_000_000)
    with pytest.raises(InvalidRequestError, match="unfolds to far more"):
        Comparison.load(bomb)
