"""Every command and every line of Python in the README is true."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme import ROOT, blocks, links, table, written_table

COMMANDS = [line for block in blocks("bash") for line in block.splitlines() if line.strip()]
TARGETS = ("demo", "test", "lab", "lint", "benchmarks")


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    """An environment without keys and without a configuration, in which `viralai` and `python` are ours."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, words in (("viralai", "-m viralai_sdk.cli"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    kept.pop("VIRALAI_CONFIG", None)
    paths = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'widgets'}",
    }
    homes = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "VIRALAI_HOME": str(tmp_path / "home")}
    return {**kept, **paths, **homes, "BIN": str(programs)}


def run(command: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_the_readme_names_its_commands() -> None:
    assert {"make demo", "make test"} <= set(COMMANDS)
    assert len(COMMANDS) >= 8
    assert len(blocks("python")) >= 2


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("viralai ")])
def test_the_command_runs(command: str, place: dict[str, str], tmp_path: Path) -> None:
    done = run(command, place, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_the_python_runs(number: int, place: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "block.py"
    script.write_text(blocks("python")[number])
    done = run(f'python "{script}"', place, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_make_demo_makes_the_demo(place: dict[str, str], tmp_path: Path) -> None:
    # -o: the environment counts as made, so that the recipe runs with the interpreter that runs this test.
    command = f'make -o .venv/.demo demo BIN="{place["BIN"]}" OUT="{tmp_path / "out"}"'
    done = run(command, place, ROOT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "index.html").is_file()


@pytest.mark.parametrize("target", TARGETS)
def test_make_knows_the_target(target: str, place: dict[str, str]) -> None:
    done = run(f"make -n {target} VENV=no-such-environment", place, ROOT)
    assert done.returncode == 0, done.stderr


def test_every_make_line_is_a_known_target() -> None:
    assert {line.split()[1] for line in COMMANDS if line.startswith("make ")} <= set(TARGETS)
    assert all(line.startswith(("make ", "viralai ")) for line in COMMANDS)


def test_every_link_leads_somewhere() -> None:
    assert [target for target in links() if not target.startswith("http") and not (ROOT / target).is_file()] == []


def test_the_screenshot_is_light_enough_to_load() -> None:
    assert (ROOT / "docs" / "images" / "demo.png").stat().st_size <= 300 * 1024


def test_the_table_of_providers_agrees_with_the_registry() -> None:
    assert written_table() == table(), "run: python -m tests.readme --write"


def test_the_yaml_is_a_valid_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    from viralai_sdk.config.configuration import AIConfiguration

    monkeypatch.setenv("OPENAI_API_KEY", "for-this-test")
    (block,) = blocks("yaml")
    config = AIConfiguration.from_dict(yaml.safe_load(block))
    assert config.budget.session_usd == 5.0
