"""`viralai bench`: wrong use is refused before the first call, runs are judged, and earlier ones are listed and compared."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bench.conftest import failed, row, saved
from viralai_sdk import bench
from viralai_sdk.bench import notebooks
from viralai_sdk.cli import main
from viralai_sdk.tools import benchmark_ai_providers as tool

Said = pytest.CaptureFixture[str]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Run a notebook's plan in this process instead of in a kernel; what it was told."""
    told: list[dict[str, Any]] = []

    def execute(name: str, parameters: Mapping[str, Any], folder: Path, **more: Any) -> Path:
        told.append({**parameters, **more.get("environment", {})})
        service = "text" if name in ("fallback", "overhead") else name
        plan = bench.plan(service, **{**parameters, "out": str(folder), "resume": (folder / "calls.jsonl").exists()})
        asyncio.run(bench.run(plan))
        if more.get("on_calls"):
            more["on_calls"](*notebooks.progress(folder))
        import nbformat

        nbformat.write(nbformat.v4.new_notebook(), folder / notebooks.EXECUTED)
        return folder / notebooks.EXECUTED

    monkeypatch.setattr(notebooks, "execute", execute)
    return told


FAST = ["--simulate", "--provider", "openai", "--latency", "*=fixed:2ms", "--concurrency", "1", "--repeats", "4"]


def say(capsys: Said, *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["bench", *(str(word) for word in words)])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["text"], "no provider is named"),
        (["text", "--provider", "opnai"], "there is no provider 'opnai'"),
        (["text", "--simulate", "--repeats", "many"], "--repeats"),
        (["text", "--simulate", "--repeats", "0"], "repeats"),
        (["text", "--simulate", "--concurrency", "1,x"], "no levels"),
        (["text", "--simulate", "--prompts", "empty.txt"], "is empty"),
        (["text", "--simulate", "--prompts", "column.csv"], "the column 'prompt' is missing"),
        (["text", "--simulate", "--prompts", "nowhere.csv"], "cannot be read"),
        (["image", "--simulate", "--provider", "gemini", "--budget", "0.01"], "expected to cost"),
        (["text", "--simulate", "--set", "temperature"], "no assignment"),
        (["text", "--simulate", "--set", "temprature=1"], "temprature"),
        (["text", "--simulate", "--set", "api_key=vk-canary-0007"], "secret"),
        (["text", "--simulate", "--fail-if", "p95>1.2"], "character 5: a unit is missing"),
        (["text", "--simulate", "--fail-if", "p95>1.2x"], "needs a baseline"),
        (["text", "--simulate", "--fail-if", "p95@99>1s"], "concurrency 99 is not measured"),
        (["text", "--simulate", "--baseline", "yesterday"], "no finished benchmark 'yesterday'"),
        (["text", "--simulate", "--latency", "soon"], "no rule"),
        (["text", "--simulate", "--latency", "*=fixed:1ms", "--latency", "*=fixed:2ms"], "there twice"),
        (["text", "--provider", "openai", "--fault", "openai=503"], "for simulated vendors"),
        (["text", "--resume"], "needs the run's folder"),
        (["text", "--resume", "--out", "nowhere"], "no run in"),
        (["vidio"], "vidio"),
        (["diff", "a", "b"], "no finished benchmark 'a'"),
    ],
)
def test_wrong_use_is_refused_before_the_first_call(
    capsys: Said, here: list[dict[str, Any]], words: list[str], reason: str
) -> None:
    Path("empty.txt").write_text("\n")
    Path("column.csv").write_text("text\na fox\n")
    code, _, err = say(capsys, *words)
    assert code == 2
    first = err.splitlines()[-2] if err.splitlines()[-1].startswith("  ") else err.splitlines()[-1]
    assert first.startswith("viralai: ")
    assert reason in first
    assert here == []
    assert "vk-canary" not in err
    assert not Path("outputs").exists()


def test_a_run_shows_its_figures_and_its_files(capsys: Said, here: list[dict[str, Any]], tmp_path: Path) -> None:
    code, out, err = say(capsys, "text", *FAST, "--home", tmp_path / "home", "--set", "temperature=0.5", "--no-stream")
    assert code == 0
    assert "Benchmark of text" in out
    assert "summary.json" in out
    assert "nothing was sent" in err
    assert here[0]["settings"] == {"temperature": 0.5}
    assert here[0]["VIRALAI_HOME"] == str(tmp_path / "home")
    (folder,) = (tmp_path / "home" / "outputs" / "benchmarks").iterdir()
    assert {path.name for path in folder.iterdir()} >= {
        "notebook.ipynb",
        "report.html",
        "results.parquet",
        "summary.json",
    }


def test_json_is_one_document(capsys: Said, here: list[dict[str, Any]], tmp_path: Path) -> None:
    code, out, _ = say(capsys, "text", *FAST, "--json", "--out", tmp_path / "run", "--set", "seed=1", "--set", "seed=2")
    document = json.loads(out)
    assert code == 0
    assert document["ok"]
    assert {arm["arm"] for arm in document["summary"]["arms"]} == {"openai seed=1", "openai seed=2"}
    assert document["folder"] == str(tmp_path / "run")


def test_a_regression_that_is_sure_fails_the_command(capsys: Said, here: list[dict[str, Any]], tmp_path: Path) -> None:
    runs = ["--home", tmp_path / "home"]
    more = [*FAST[:-1], "9", *runs]
    assert say(capsys, "text", *more)[0] == 0
    gates = ["--baseline", "latest", "--fail-if", "p50>1.5x", "--fail-if", "failure_rate>50%"]
    slow = [word.replace("fixed:2ms", "fixed:80ms") if isinstance(word, str) else word for word in more]
    code, out, _ = say(capsys, "text", *slow, *gates)
    assert code == 1
    assert "regression" in out
    assert "FAILED, and the interval says so" in out
    assert "failure_rate>50%: openai, concurrency 1: 0.0 %: holds" in out

    code, out, _ = say(capsys, "history", *runs, "--service", "text", "--json")
    rows = json.loads(out)["runs"]
    assert [row["calls"] for row in rows] == [19, 19]
    assert rows[1]["p50_change"] > 1.5
    code, out, _ = say(capsys, "diff", rows[0]["run"], rows[1]["run"], *runs)
    assert code == 0
    assert "worse" in out
    code, out, _ = say(capsys, "history", *runs)
    assert "Benchmarks in" in out


def test_runs_in_any_folder_are_listed_and_compared(capsys: Said, tmp_path: Path) -> None:
    saved(tmp_path / "a", [row(n) for n in range(30)])
    saved(tmp_path / "b", [*(row(n) for n in range(10)), *(failed(n) for n in range(10, 30))])
    code, out, _ = say(capsys, "diff", "a", "b", "--out", tmp_path, "--json")
    assert code == 0
    states = {one["metric"]: one["state"] for one in json.loads(out)["verdicts"]}
    assert states["failure_rate"] == "regression"
    assert states["p50"] == "no difference shown"


def test_a_run_is_resumed_with_its_own_parameters(capsys: Said, here: list[dict[str, Any]], tmp_path: Path) -> None:
    assert say(capsys, "text", *FAST, "--out", tmp_path / "run")[0] == 0
    assert say(capsys, "text", *FAST, "--out", tmp_path / "run")[0] == 2
    ledger = tmp_path / "run" / "calls.jsonl"
    lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text("".join(lines[:4]))
    assert say(capsys, "text", "--resume", "--out", tmp_path / "run")[0] == 0
    assert bench.load(tmp_path / "run").summary["state"] == "complete"
    code, _, err = say(capsys, "text", "--resume", "--out", tmp_path / "run", "--repeats", "5")
    assert code == 2
    assert "other parameters" in err


def test_real_runs_take_small_defaults_and_the_configuration(
    capsys: Said, here: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from viralai_sdk.simulator import Simulator
    from viralai_sdk.simulator.settings import configuration

    with Simulator() as sim:
        config = tmp_path / "some.yaml"
        config.write_text(json.dumps(configuration(sim.origin, sim.key)))
        monkeypatch.setenv("VIRALAI_CONFIG", str(config))
        code, _, _ = say(capsys, "text", "--provider", "openai", "--config", config, "--out", tmp_path / "run")
    assert code == 0
    assert (here[0]["simulate"], here[0]["repeats"], here[0]["concurrency"]) == (False, 3, [1])
    assert here[0]["VIRALAI_CONFIG"] == str(config)
    assert bench.load(tmp_path / "run").summary["arms"][0]["succeeded"] == 7


def test_the_old_command_module_does_the_same(capsys: Said, here: list[dict[str, Any]], tmp_path: Path) -> None:
    words = ["--service=text_generation", *FAST, "--out", str(tmp_path / "run")]
    assert tool.main(words) == 0
    assert "Benchmark of text" in capsys.readouterr().out
    assert tool.main(words) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert tool.main(["--service=vidio"]) == 2


def test_ctrl_c_says_how_to_go_on(capsys: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def execute(*_: Any, **__: Any) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(notebooks, "execute", execute)
    code, _, err = say(capsys, "text", *FAST, "--out", tmp_path / "run")
    assert code == 130
    assert "--resume --out goes on with it" in err
    assert tool.main(["--service=text", *FAST, "--out", str(tmp_path / "other")]) == 130


def test_values_are_read_as_json_and_else_as_text() -> None:
    assert [tool._value(text) for text in ("1", "0.5", "true", '["a"]', "16:9", "NaN", "null")] == [
        1,
        0.5,
        True,
        ["a"],
        "16:9",
        "NaN",
        None,
    ]


def test_a_terminal_sees_the_calls_counted(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRALAI_PROGRESS")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    meter = tool._meter(9)
    assert meter is not None
    meter(3, 1)
    meter.clear()
    assert "3/9 calls, 1 failed" in capsys.readouterr().err
    monkeypatch.setenv("VIRALAI_PROGRESS", "0")
    assert tool._meter(9) is None
