"""What was paid for is kept: verified, named by content, and rescued when its folder fails."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.store import samples
from viralai_sdk.interfaces.errors import ConfigurationError, EmptyResultError, MalformedResponseError, StorageError
from viralai_sdk.interfaces.steps import Blob
from viralai_sdk.store import artifacts
from viralai_sdk.store.artifacts import ArtifactStore, cache_folder
from viralai_sdk.store.names import slug
from viralai_sdk.store.provenance import make_record, read_stamp

RECORD = make_record(provider="openai", model="m", prompt="a fox", created="2026-11-05T10:00:00Z")
PNG, MP4, WAV, WEBM = samples.image("PNG"), samples.film(sound=True), samples.wav(), samples.film("webm", "libvpx")


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "outputs", "session_1")


def test_the_same_content_from_two_threads_at_once_is_told_of_truly(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, looked, first = artifacts._same, threading.Barrier(2), []

    def together(target: Path, sha256: str, kind: str) -> Any:
        same = found(target, sha256, kind)
        with contextlib.suppress(threading.BrokenBarrierError):
            looked.wait(0.3)  # both have looked before one of them writes, unless they take turns
        return same

    def keep(created: str) -> None:
        record = {**RECORD, "created": created}
        first.append(store.keep(Blob(PNG), kind="image", stem="fox", record=record).artifact)

    monkeypatch.setattr(artifacts, "_same", together)
    threads = [threading.Thread(target=keep, args=(when,)) for when in ("now", "a little later")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (path,) = _files(store.dir)
    assert {kept.sha256 for kept in first} == {hashlib.sha256(path.read_bytes()).hexdigest()}


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("data", "kind", "folder", "ending"),
    [(PNG, "image", "images", ".png"), (MP4, "video", "video_clips", ".mp4"), (WAV, "audio", "audio", ".wav")],
)
def test_a_result_is_measured_stamped_named_and_stored(
    store: ArtifactStore, data: bytes, kind: Any, folder: str, ending: str
) -> None:
    kept = store.keep(Blob(data, "text/html"), kind=kind, stem="A Red Fox!", record=RECORD)
    path = kept.artifact.path
    assert not kept.rescued
    assert path.parent == store.dir / folder
    assert path.name == f"a-red-fox_{hashlib.sha256(data).hexdigest()[:10]}{ending}"
    assert kept.artifact.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert kept.artifact.size == path.stat().st_size
    stamped = read_stamp(path) or {}
    assert stamped["provider"] == "openai"
    assert stamped["content_sha256"] == hashlib.sha256(data).hexdigest()


def test_facts_of_the_file_travel_on_the_artifact(store: ArtifactStore) -> None:
    film = store.keep(Blob(MP4), kind="video", stem="x", record=RECORD).artifact
    assert (film.media_type, film.width, film.height, film.duration, film.fps) == ("video/mp4", 64, 48, 1.0, 10.0)


@pytest.mark.parametrize("data", [PNG, samples.image("WEBP")])
def test_the_same_content_twice_is_one_file_with_the_first_provenance(store: ArtifactStore, data: bytes) -> None:
    first = store.keep(Blob(data), kind="image", stem="fox", record=RECORD).artifact
    again = store.keep(Blob(data), kind="image", stem="fox", record={**RECORD, "created": "later"}).artifact
    assert again == first
    assert _files(store.dir) == [first.path]


def test_a_stored_file_that_was_damaged_is_written_again(store: ArtifactStore) -> None:
    path = store.keep(Blob(PNG), kind="image", stem="fox", record=RECORD).artifact.path
    for damage in (path.read_bytes()[:-20], b"something else"):
        path.write_bytes(damage)
        artifact = store.keep(Blob(PNG), kind="image", stem="fox", record=RECORD).artifact
        assert artifact.path == path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == artifact.sha256


@pytest.mark.parametrize(
    ("data", "kind", "stamped"), [(MP4, "video", True), (PNG, "image", True), (WEBM, "video", False)]
)
def test_a_temporary_file_is_moved_into_place(
    store: ArtifactStore, tmp_path: Path, data: bytes, kind: Any, stamped: bool
) -> None:
    for _ in range(2):
        temporary = tmp_path / "download"
        temporary.write_bytes(data)
        artifact = store.keep(Blob(path=temporary), kind=kind, stem="x", record=RECORD).artifact
        assert not temporary.exists()
        assert (read_stamp(artifact.path) is not None) == stamped
        assert hashlib.sha256(artifact.path.read_bytes()).hexdigest() == artifact.sha256
    assert _files(store.dir) == [artifact.path]


def test_a_large_file_without_a_place_at_its_end_is_moved_unstamped(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viralai_sdk.store.artifacts.IN_MEMORY", 10)
    temporary = tmp_path / "download"
    temporary.write_bytes(WAV)
    artifact = store.keep(Blob(path=temporary), kind="audio", stem="x", record=RECORD).artifact
    assert artifact.path.read_bytes() == WAV
    assert artifact.sha256 == hashlib.sha256(WAV).hexdigest()


def test_a_film_whose_stamp_fails_is_kept_without(
    store: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("viralai_sdk.store.provenance._xmp_box", full)
    temporary = tmp_path / "download"
    temporary.write_bytes(MP4)
    assert store.keep(Blob(path=temporary), kind="video", stem="x", record=RECORD).artifact.path.read_bytes() == MP4


def test_what_is_no_result_is_not_stored(store: ArtifactStore, tmp_path: Path) -> None:
    for blob in (Blob(), Blob(b"")):
        with pytest.raises(EmptyResultError):
            store.keep(blob, kind="image", stem="x", record=RECORD)
    with pytest.raises(MalformedResponseError, match="HTML"):
        store.keep(Blob(b"<html>no</html>"), kind="image", stem="x", record=RECORD)
    with pytest.raises(StorageError, match="cannot read"):
        store.keep(Blob(path=tmp_path / "gone"), kind="video", stem="x", record=RECORD)
    assert not store.dir.exists()


@pytest.mark.parametrize("as_file", [False, True])
def test_a_paid_result_is_rescued_when_its_folder_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, as_file: bool
) -> None:
    (tmp_path / "outputs").write_bytes(b"a file in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    store = ArtifactStore(tmp_path / "outputs", "s")
    temporary = tmp_path / "download"
    temporary.write_bytes(MP4)
    blob = Blob(path=temporary) if as_file else Blob(MP4)
    kept = store.keep(blob, kind="video", stem="x", record=RECORD)
    assert kept.rescued
    assert kept.artifact.path.is_relative_to(tmp_path / "cache")
    assert read_stamp(kept.artifact.path) is not None

    (tmp_path / "cache2").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache2"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    temporary.write_bytes(MP4)
    kept = store.keep(blob, kind="video", stem="x", record=RECORD)
    assert kept.artifact.path.is_relative_to(tmp_path / "tmp")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "cache2"))
    temporary.write_bytes(MP4)
    with pytest.raises(StorageError, match="outputs") as caught:
        store.keep(blob, kind="video", stem="x", record=RECORD)
    if as_file:
        assert caught.value.rescued == str(temporary)
        assert temporary.read_bytes().startswith(MP4)


def test_the_preflight_tells_before_anything_is_paid(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match="not a folder"):
        ArtifactStore(tmp_path / "file", "s").writable()
    store = ArtifactStore(tmp_path / "outputs", "s")
    store.writable()
    assert _files(store.dir) == []
    store.dir.rmdir()
    store.writable()
    assert not store.dir.exists(), "a proven folder is not tried again"


def test_the_preflight_sees_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArtifactStore(tmp_path, "s")
    store.dir.mkdir()
    monkeypatch.setattr("viralai_sdk.store.artifacts.temporary_name", lambda folder: Path("/dev/full"))
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode="r": real(self, mode.replace("x", "w")))
    with pytest.raises(StorageError, match="disk is full"):
        store.writable()


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "a\\b", "../x", "a..b", "x" * 101, "nul", "CON.txt", "a b", "a\0", ".x", "x."]
)
def test_a_session_id_that_is_no_plain_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        ArtifactStore(tmp_path, name)


def test_an_unusable_root_is_refused() -> None:
    for root in ("", " ", "a\0b"):
        with pytest.raises(ConfigurationError):
            ArtifactStore(root, "s")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A Red Fox!", "a-red-fox"),
        ("Füchslein über Ö", "fuchslein-uber-o"),
        ("狐", "untitled"),
        ("", "untitled"),
        ("../../etc/passwd", "etc-passwd"),
        ("CON", "con-file"),
        ("word " * 20, "word-word-word-word-word-word-word-word"),
        ("x" * 90, "x" * 40),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbb", "a" * 30),
    ],
)
def test_stems_are_safe_on_every_filesystem(text: str, expected: str) -> None:
    assert slug(text) == expected


def test_the_cache_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    found = {}
    for platform in ("linux", "darwin", "win32"):
        monkeypatch.setattr("viralai_sdk.store.artifacts.sys.platform", platform)
        found[platform] = cache_folder().relative_to(tmp_path).as_posix()
    assert found == {"linux": ".cache", "darwin": "Library/Caches", "win32": "AppData/Local"}
