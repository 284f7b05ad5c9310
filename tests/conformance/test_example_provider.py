"""The example package of the guide: built as a wheel, installed into a throw-away folder, found, used, and tested by its own tests."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "viralai-example-provider"
USE = """
import asyncio, sys
from fake_server import KEY, FakeServer
from viralai_sdk import ViralAI

async def main():
    with FakeServer() as server:
        config = {"providers": {"example": {"api_key": KEY, "base_url": server.url}}}
        async with ViralAI(config, home=sys.argv[1], progress=False) as ai:
            answer = await ai.text("ten little words", provider="example")
            picture = await ai.image("a fox", provider="Example-Painter")
            print(answer.text, answer.cost_usd, picture.artifacts[0].width)
            row = ai.estimate("image", "a fox", providers=["example"])[0]
            print(row["price"])

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for sys.path with the installed package, and nothing of its source."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    run([*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(wheels), str(EXAMPLE)])
    (wheel,) = wheels.glob("*.whl")
    run([*pip, "install", "--quiet", "--no-deps", "--no-index", "--target", str(target), str(wheel)])
    return target


def run(command: list[str], *paths: Path, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("VIRALAI_", "COV_"))}
    environment |= {
        "PYTHONPATH": os.pathsep.join(map(str, [*paths, ROOT])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "VIRALAI_CONFIG": "",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_it_is_found_and_used_by_name(installed: Path, tmp_path: Path) -> None:
    out = run([sys.executable, "-c", USE, str(tmp_path)], installed, EXAMPLE / "tests", cwd=tmp_path)
    first, second = out.splitlines()
    assert first.startswith("An example answer to: ten little words")
    assert first.endswith("1024")
    assert second == "$0.0200"


def test_the_command_line_lists_it_with_its_catalog(installed: Path, tmp_path: Path) -> None:
    viralai = [sys.executable, "-m", "viralai_sdk.cli"]
    listed = json.loads(run([*viralai, "providers", "list", "--json"], installed, cwd=tmp_path))
    rows = {(row["provider"], row["service"]): row for row in listed["providers"]}
    assert rows["example", "text"]["model"] == "writer-2"
    assert rows["example", "image"]["price"] == "$0.02/image"
    models = json.loads(run([*viralai, "models", "list", "--provider", "example", "--json"], installed, cwd=tmp_path))
    assert {row["model"] for row in models["models"]} == {"writer-1", "writer-2", "painter-1"}


def test_the_tester_says_that_nobody_simulates_it(installed: Path, tmp_path: Path) -> None:
    viralai = [sys.executable, "-m", "viralai_sdk.cli"]
    out = json.loads(run([*viralai, "providers", "test", "--service", "text", "--json"], installed, cwd=tmp_path))
    # Of the built-in providers, one needs a file instead of a vendor.
    assert out["not_simulated"] == ["llamacpp", "example"]


def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(EXAMPLE), str(EXAMPLE)]
    out = run([*command, "-c", str(EXAMPLE / "pyproject.toml")], installed, cwd=tmp_path)
    assert "17 passed" in out


def test_the_package_is_not_installed_here() -> None:
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.distribution("viralai-example-provider")


def test_the_guide_shows_the_code_that_is_there() -> None:
    guide = (ROOT / "docs" / "guides" / "write-a-provider.md").read_text("utf-8")
    blocks = [block.split("```")[0] for block in guide.split("```python\n")[1:]]
    sources = "\n".join(path.read_text("utf-8") for path in EXAMPLE.rglob("*.py"))
    quoted = [block for block in blocks if block.startswith("# from the example: ")]
    assert len(quoted) >= 4
    for block in quoted:
        code = block.partition("\n")[2].strip()
        assert code in sources, f"the guide shows what the example does not have:\n{code}"
