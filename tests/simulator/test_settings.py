"""The configuration for the simulated vendors, and faults and latencies as they are written on a command line."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.cli import main as viralai
from viralai_sdk.client import ViralAI
from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.simulator import Clock, Faults, Simulator, settings


def test_every_vendor_plays_at_least_one_provider() -> None:
    from viralai_sdk.simulator.app import registry

    older = {"comfyui_old"}  # a second version of a server, which tests ask for by its name
    assert set(settings.players().values()) == set(registry()) - older


def test_the_printed_configuration_is_one_that_the_sdk_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert viralai(["sim", "--print-config", "--port", "8123"]) == 0
    text = capsys.readouterr().out
    config = AIConfiguration.from_dict(yaml.safe_load(text))
    assert config.providers.keys() == settings.players().keys()
    assert config.providers["openai"].base_url == "http://127.0.0.1:8123/openai/v1"
    assert viralai(["sim", "--print-config", "--port", "8123", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == yaml.safe_load(text)


async def test_a_client_with_that_configuration_is_served(tmp_path: Path) -> None:
    with Simulator() as sim:
        path = tmp_path / "viralai.yaml"
        path.write_text(yaml.safe_dump(settings.configuration(sim.origin, sim.key)), "utf-8")
        async with ViralAI(path, home=tmp_path, progress=False) as ai:
            assert (await ai.text("hello", provider="openai")).provider_used == "openai"
        ai.runtime.close()


def test_a_vendor_may_play_several_providers_and_say_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = ModuleType("vendor")
    vendor.__dict__["BASE"] = "/v1"
    special = {"providers": ["one", "two"], "settings": {"project": "p", "token": "of {key}", "pace": 0.5}}
    monkeypatch.setattr(settings, "registry", lambda: {"vendor": vendor})
    monkeypatch.setattr(settings, "_special", lambda: {"vendor": special, "not_there_yet": {}})
    block = settings.block_for("http://h:1", "k", "two")
    usual = {"api_key": "k", "base_url": "http://h:1/vendor/v1", "local": True}
    assert block == {**usual, "project": "p", "token": "of k", "pace": 0.5}
    assert settings.players() == {"one": "vendor", "two": "vendor"}
    with pytest.raises(KeyError):
        settings.block_for("http://h:1", "k", "vendor")


def test_a_simulators_time_may_run_faster() -> None:
    clock = Clock(100.0, speed=1000.0)
    first = clock.now()
    time.sleep(0.01)
    assert clock.now() - first >= 10
    clock.push(5000)
    assert clock.now() >= 5110


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "1e9", "nan"])
def test_a_wrong_speed_is_wrong_use(speed: str) -> None:
    assert viralai(["sim", "--speed", speed]) == 2


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("openai=429:0.3", {"kind": "status", "status": 429, "rate": 0.3, "path": "", "times": None}),
        ("openai=503x2", {"kind": "status", "status": 503, "rate": 1.0, "times": 2}),
        ("openai/images=empty", {"kind": "empty", "path": "/images"}),
        (" *=cut:.5x7 ", {"vendor": "*", "kind": "cut", "rate": 0.5, "times": 7}),
    ],
)
def test_faults_are_read(text: str, facts: dict[str, object]) -> None:
    faults = Faults(seed=1)
    settings.add_fault(faults, text)
    (rule,) = faults._rules
    assert {name: getattr(rule, name) for name in facts} == facts


@pytest.mark.parametrize(
    "text", ["", "openai", "openai=", "nobody=429", "openai=200", "openai=999", "openai=sulk", "openai=429:2"]
)
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|simulates|status|share"):
        settings.add_fault(Faults(seed=1), text)


@given(st.text(max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for add in (settings.add_fault, settings.add_latency):
        with contextlib.suppress(ValueError):
            add(Faults(seed=1), text)


def test_latencies_are_read() -> None:
    faults = Faults(seed=1)
    settings.add_latency(faults, "openai=fixed:50ms")
    settings.add_latency(faults, "*=lognormal:2s")
    assert faults.wait("openai") == 0.05
    assert faults.wait("other") > 0
    for text in ("openai", "nobody=fixed:1s", "openai=long"):
        with pytest.raises(ValueError, match=r"latency|simulates"):
            settings.add_latency(faults, text)


def test_a_wrong_rule_on_the_command_line_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert viralai(["sim", "--port", "0", "--fault", "opnai=429"]) == 2
    assert "nobody simulates 'opnai'" in capsys.readouterr().err
    assert viralai(["sim", "--port", "0", "--latency", "openai=slow"]) == 2
