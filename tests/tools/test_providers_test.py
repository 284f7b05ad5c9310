"""`viralai providers test` and the old command module: one line for each service, exit codes, and no money without a yes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.providers.llamacpp.gguf_file import write_bigram
from viralai_sdk.cli import main as viralai
from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.providers import registry
from viralai_sdk.simulator import Simulator, SimulatorConfig
from viralai_sdk.simulator.settings import players
from viralai_sdk.simulator.vendors.comfyui import server_of
from viralai_sdk.testing import tryout
from viralai_sdk.tools import test_ai_providers as tool

KEY = "vk-canary-tools-8d21"


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(key=KEY)) as simulator:
        yield simulator


def options(*words: str, full: bool = False) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    tool.configure(parser, full=full)
    return parser.parse_args(words)


def maker(sim: Simulator, folder: Path) -> Callable[[], ViralAI]:
    config = {"providers": {"openai": {"api_key": KEY, "base_url": sim.url("openai"), "local": True}}}
    return lambda: ViralAI(config, home=folder, progress=False, today=lambda: tryout._date(sim))


def test_every_simulated_service_gets_a_green_line(capsys: pytest.CaptureFixture[str]) -> None:
    names = [name for name in registry.all_names() if name in players()]
    assert viralai(["providers", "test", *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    pairs = [(name, kind.short) for name in names for kind in registry.services_of(name)]
    assert {tuple(line.split()[:2]) for line in lines[:-1]} == set(pairs)
    assert all(line.split()[2] == "ok" for line in lines[:-1]), "\n".join(lines)
    assert lines[-1].startswith(f"{len(pairs)} of {len(pairs)} ok")


def test_json_is_one_document_with_a_media_fact(capsys: pytest.CaptureFixture[str]) -> None:
    assert viralai(["providers", "test", "openai", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    facts = {row["service"]: row["fact"] for row in document["results"]}
    assert document["ok"]
    assert not document["live"]
    assert "1024×1024 px" in facts["image"]
    assert "voices" in facts["speech"]
    assert facts["text"].startswith("“simulated")


def test_the_old_command_module_runs_all_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert tool.main(["openai", "--service=text"]) == 0
    out = capsys.readouterr().out
    assert "checks ok" in out
    assert out.splitlines()[-1].startswith("1 of 1 ok")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["nobody"], ConfigurationError),
        (["--service", "smell"], ConfigurationError),
        (["openai", "--service", "video"], ConfigurationError),
        (["openai", "--all"], InvalidRequestError),
    ],
)
def test_wrong_use_says_so(words: list[str], error: type[Exception], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(error):
        tool.run(options(*words), print)
    assert tool.main(words) == 2
    assert viralai(["providers", "test", *words]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_provider_that_needs_a_file_says_so_and_is_tested_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert viralai(["providers", "test", "llamacpp"]) == 2
    assert "the path of a GGUF file" in capsys.readouterr().err
    model = write_bigram(tmp_path / "bigram.gguf")
    settings = tmp_path / "viralai.yaml"
    settings.write_text(f"providers: {{llamacpp: {{model_path: '{model}', n_threads: 1}}}}")
    words = ["providers", "test", "llamacpp", "--live", "--config", str(settings), "--home", str(tmp_path)]
    assert viralai(words) == 0, "it costs nothing, so nobody is asked"
    assert "1 of 1 ok" in capsys.readouterr().out


async def test_a_failing_service_is_a_failed_line_with_its_reason(sim: Simulator, tmp_path: Path) -> None:
    sim.faults.add("openai", status=401, path="/images")
    ai = maker(sim, tmp_path)()
    told: list[tryout.Tried] = []
    outcomes = await tryout.try_all(ai, tryout.configured(ai, ["openai"]), tell=told.append)
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert "AuthenticationError" in outcomes[1].fact
    assert "FAILED" in str(outcomes[1])
    assert sorted(map(str, told)) == sorted(map(str, outcomes))
    assert KEY not in repr(outcomes)
    await ai.aclose()
    ai.runtime.close()


def test_one_failure_is_exit_code_1(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def fails(ai: Any, name: str, kind: Any, **more: Any) -> tryout.Tried:
        return tryout.Tried(name, kind.short, kind.short != "image", 0.1, "it broke")

    monkeypatch.setattr(tryout, "try_one", fails)
    assert viralai(["providers", "test", "openai"]) == 1
    assert tool.main(["openai", "--no-full"]) == 1
    assert "2 of 3 ok" in capsys.readouterr().out


def test_live_shows_the_price_first_and_asks(sim: Simulator, tmp_path: Path) -> None:
    said: list[str] = []
    asked: list[str] = []

    def no(question: str) -> bool:
        asked.append(question)
        assert any("expected to cost $" in line for line in said)
        return False

    def say(line: object) -> None:
        said.append(str(line))

    with pytest.raises(InvalidRequestError, match="nothing was called"):
        tool.run(options("openai", "--live"), say, ask=no, make=maker(sim, tmp_path))
    assert asked
    assert sim.log == []
    assert any(line.startswith("openai") and "$" in line for line in said)


def test_live_goes_on_after_a_yes_and_keeps_what_was_paid_for(sim: Simulator, tmp_path: Path) -> None:
    words = ("openai", "--live", "--yes", "--service", "image")
    outcome = tool.run(options(*words), lambda line: None, make=maker(sim, tmp_path))
    assert outcome["ok"]
    assert outcome["live"]
    assert len(sim.log) == 1
    assert list(tmp_path.glob("outputs/*/images/*.png"))


def test_a_full_live_run_pays_for_few_calls(sim: Simulator, tmp_path: Path) -> None:
    words = ("openai", "--live", "--service", "text", "--full")
    said: list[str] = []
    outcome = tool.run(
        options(*words), lambda line: said.append(str(line)), ask=lambda question: True, make=maker(sim, tmp_path)
    )
    assert outcome["ok"], said
    paid = [request for request in sim.log if request.method == "POST"]
    assert 1 < len(paid) <= 1 + tool.CALLS_OF_A_FULL_RUN
    assert any(f"up to {1 + tool.CALLS_OF_A_FULL_RUN} calls" in line for line in said)


def test_nobody_is_asked_for_what_is_free(tmp_path: Path) -> None:
    def never(question: str) -> bool:
        raise AssertionError("asked")

    make = lambda: ViralAI({}, home=tmp_path, progress=False)  # noqa: E731
    assert tool.run(options("embedded", "--live", "--service", "text"), lambda line: None, ask=never, make=make)["ok"]


def test_without_a_terminal_the_answer_is_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal:
        def __init__(self, answer: str, real: bool) -> None:
            self.answer, self.real = answer, real

        def isatty(self) -> bool:
            return self.real

        def readline(self) -> str:
            return self.answer

    for terminal, answer in (
        (Terminal("y\n", False), False),
        (Terminal("Yes\n", True), True),
        (Terminal("\n", True), False),
    ):
        monkeypatch.setattr("sys.stdin", terminal)
        assert tool._ask("Go on? ") is answer


def test_without_the_simulators_packages_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "viralai_sdk.simulator", None)
    with pytest.raises(ConfigurationError, match="simulator needs") as caught, tryout.simulated():
        pass
    assert "viralai-sdk[sim]" in (caught.value.hint or "")


@pytest.mark.parametrize("vendor", ["comfyui", "comfyui_old"])
def test_a_real_comfyui_is_tried_with_workflows_that_need_no_model_files(
    sim: Simulator, tmp_path: Path, vendor: str
) -> None:
    """A server just installed has no models: that says nothing about whether it works."""
    server_of(sim.state, vendor).classes["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0].clear()
    make = settings_maker(tmp_path, {"base_url": sim.url(vendor)})
    outcome = tool.run(options("comfyui", "--live", "--yes"), lambda line: None, make=make)
    assert outcome["ok"], outcome
    assert {row["model"] for row in outcome["results"]} == {"test_image", "test_video", "test_audio"}


def test_a_workflow_of_the_users_is_the_one_that_is_tried(sim: Simulator, tmp_path: Path) -> None:
    make = settings_maker(tmp_path, {"base_url": sim.url("comfyui"), "workflow": "sd15"})
    outcome = tool.run(options("comfyui", "--live", "--yes", "--service", "image"), lambda line: None, make=make)
    assert "v1-5-pruned" in outcome["results"][0]["fact"]


def settings_maker(folder: Path, block: dict[str, Any]) -> Callable[[], ViralAI]:
    return lambda: ViralAI({"providers": {"comfyui": block}}, home=folder, progress=False)
