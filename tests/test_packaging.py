"""The wheel holds everything the code reads, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"viralai_sdk": ROOT / "viralai_sdk", "viralai_widgets": ROOT / "widgets" / "viralai_widgets"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy, so that the build sees no leftovers."""
    source, target = tmp_path_factory.mktemp("source") / "project", tmp_path_factory.mktemp("wheel")
    kept = ("viralai_sdk", "widgets", "notebooks", "README.md", "LICENSE", "pyproject.toml")
    source.mkdir()
    for name in kept:
        original = ROOT / name
        if original.is_dir():
            shutil.copytree(
                original, source / name, ignore=shutil.ignore_patterns("__pycache__", "outputs", ".viralai")
            )
        else:
            shutil.copy(original, source / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=400)
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    inside = set(wheel.namelist())
    for name, folder in PACKAGES.items():
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".pyc", ".pyo")]
        missing = {f"{name}/{path.relative_to(folder).as_posix()}" for path in files} - inside
        assert missing == set()
    endings = {Path(name).suffix for name in inside}
    assert {".yaml", ".json", ".txt", ".html", ".typed"} <= endings


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)
    assert not any("__pycache__" in name for name in wheel.namelist())


def test_the_wheel_brings_the_notebooks_that_a_command_runs(wheel: zipfile.ZipFile) -> None:
    notebooks = {path.name for path in (ROOT / "notebooks" / "benchmarks").glob("*.ipynb")}
    inside = {Path(name).name for name in wheel.namelist() if name.startswith("viralai_sdk/bench/notebooks/")}
    assert notebooks
    assert inside == notebooks


def test_the_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    (entry,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "viralai = viralai_sdk.cli:main" in wheel.read(entry).decode()


def test_the_constraints_hold_names_and_versions_only() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) > 100
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []


def test_the_constraints_cover_every_dependency() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    wanted = [*project["dependencies"], *extras]
    names = {re.split(r"[\[<>=;]", line)[0].strip().lower() for line in wanted} - {"viralai-sdk"}
    held = {line.partition("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert names - held == set()
