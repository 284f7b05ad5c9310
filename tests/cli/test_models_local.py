"""`viralai models list|pull|load|unload|rm` at local servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Viralai
from tests.providers.llamacpp.gguf_file import write_bigram
from viralai_sdk.simulator import Simulator, SimulatorConfig
from viralai_sdk.simulator.settings import configuration

ROOT = Path(__file__).parents[2]


@pytest.fixture
def server() -> Iterator[Simulator]:
    with Simulator(SimulatorConfig(speed=20)) as simulator:
        yield simulator


@pytest.fixture
def local(viralai: Viralai, server: Simulator) -> Viralai:
    """The command line in a folder with a configuration for the simulated servers."""
    write_settings(viralai.place, server, "ollama", "lmstudio", "llamacpp_server")
    return viralai


def write_settings(place: Path, server: Simulator, *names: str) -> None:
    known = configuration(server.origin, server.key)["providers"]
    blocks = {name: {**known[name], "poll_interval": 0.01} for name in names}
    (place / "viralai.yaml").write_text(yaml.safe_dump({"providers": blocks}))


def test_a_model_comes_and_goes(local: Viralai) -> None:
    done = local("models", "pull", "tiny", "--provider", "ollama")
    assert (done.code, done.err) == (0, "")
    assert "tiny is on ollama" in done.out
    assert "tiny:latest" in local("models", "list", "--provider", "ollama").out
    loaded = local("models", "load", "tiny", "--provider", "ollama", "--context", "2048", "--keep-alive", "10m")
    assert "2048" in loaded.out
    assert "is unloaded" in local("models", "unload", "tiny", "--provider", "ollama").out
    assert "was not loaded" in local("models", "unload", "tiny", "--provider", "ollama").out
    assert "1.0 MB" in local("models", "rm", "tiny", "--provider", "ollama").out
    assert "tiny" not in local("models", "list", "--provider", "ollama").out


def test_machines_get_bytes(local: Viralai) -> None:
    pulled = local("models", "pull", "qwen/qwen3-4b", "--provider", "lmstudio", "--json").document["pulled"]
    assert (pulled["phase"], pulled["total"]) == ("done", 2_000_000)
    rows = local("models", "list", "--provider", "lmstudio", "--json").document["models"]
    assert {row["name"]: row["size"] for row in rows}["qwen/qwen3-4b"] == 2_000_000
    loaded = local("models", "load", "sim-small", "--provider", "llamacpp_server", "--json").document["loaded"]
    assert loaded["loaded"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rm", "sim-small", "--provider", "lmstudio"), "in the app"),
        (("pull", "x", "--provider", "llamacpp"), "hf download"),
        (("pull", "nope", "--provider", "ollama"), "ollama.com/library"),
        (("load", "nope", "--provider", "ollama"), "viralai models pull nope --provider ollama"),
        (("pull", "x", "--provider", "openai"), "keeps no models"),
        (("pull", "x"), "which one is meant"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(local: Viralai, words: tuple[str, ...], says: str) -> None:
    done = local("models", *words)
    assert done.code == 2
    assert says in done.err


def test_the_catalog_is_still_listed(local: Viralai) -> None:
    assert "rules-text" in local("models", "list").out
    assert "gpt" in local("models", "list", "--provider", "openai").out
    assert "llama3.1" in local("models", "list", "--provider", "ollama", "--service", "text").out


def test_a_file_can_be_tried_out(viralai: Viralai) -> None:
    model = write_bigram(viralai.place / "small.gguf")
    settings = {"providers": {"llamacpp": {"model_path": str(model), "n_threads": 1, "n_ctx": 256}}}
    (viralai.place / "viralai.yaml").write_text(yaml.safe_dump(settings))
    done = viralai("models", "load", "small", "--provider", "llamacpp")
    assert done.code == 0
    assert "loaded" in done.out
    assert "memory is free again" in done.err
    assert "small.gguf" in viralai("models", "list", "--provider", "llamacpp").out


def test_ctrl_c_stops_the_download_and_says_what_became_of_it(viralai: Viralai) -> None:
    with Simulator(SimulatorConfig(chunk_pause=0.2)) as server:
        write_settings(viralai.place, server, "ollama")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "VIRALAI_PROGRESS": "0"}
        command = [sys.executable, "-m", "viralai_sdk.cli", "models", "pull", "tiny"]
        process = subprocess.Popen(
            command, cwd=viralai.place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while not any(entry.path == "/api/pull" for entry in server.log):
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 130
        assert out == ""
        assert "the download of tiny: it was stopped; pulling again goes on where it stopped." in err
        assert "Traceback" not in err
