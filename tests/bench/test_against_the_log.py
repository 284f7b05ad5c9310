"""A whole benchmark, from the command line to its files, held against what the simulated vendors saw themselves.

The vendors run in this process, the notebook's kernel in another one; all that joins them is HTTP.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from viralai_sdk import bench
from viralai_sdk.bench import report
from viralai_sdk.bench.rows import Row
from viralai_sdk.bench.served import spans
from viralai_sdk.cli import main
from viralai_sdk.simulator import Simulator, SimulatorConfig
from viralai_sdk.simulator.settings import add_fault, add_latency, configuration

OPENAI, GEMINI = "openai:gpt-image-2.5-flare", "gemini:gemini-3.1-flash-image"
REPEATS = 8


@pytest.fixture
def sim() -> Iterator[Simulator]:
    """Vendors that take their time, one of which refuses every third call."""
    sim = Simulator(SimulatorConfig())
    for rule in ("openai=lognormal:800ms", "gemini=lognormal:800ms", "comfyui=fixed:700ms"):
        add_latency(sim.faults, rule)
    add_fault(sim.faults, "gemini=403:0.33")
    with sim:
        yield sim


def seconds_of(sim: Simulator, vendor: str) -> list[float]:
    """Each request's time as its vendor saw it; every one was answered."""
    told = [one.seconds for one in sim.log if one.vendor == vendor]
    assert None not in told
    return [seconds for seconds in told if seconds is not None]


def price_of(sim: Simulator, vendor: str, usage: str, prices: dict[str, float]) -> float:
    """USD of one picture: what the vendor's own answer counts, times the catalog's prices."""
    asked = next(one for one in sim.log if one.vendor == vendor and one.method == "POST")
    sim.faults.clear()
    url = f"{sim.origin}/{vendor}{asked.path}"
    headers = {
        name: value for name, value in asked.headers.items() if name not in ("host", "content-length", "connection")
    }
    request = urllib.request.Request(url, asked.body, {**headers, "accept-encoding": "identity"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        counted: Any = json.load(answer)[usage]
    return sum(_at(counted, path) * price for path, price in prices.items())


def _at(found: Any, path: str) -> float:
    for part in path.split("."):
        found = found[int(part)] if part.isdigit() else found[part]
    return float(found)


@pytest.mark.timeout(900)
def test_figures_are_those_of_the_vendors_own_log(sim: Simulator, tmp_path: Path) -> None:
    config = tmp_path / "bench.yaml"
    config.write_text(yaml.safe_dump(configuration(sim.origin, sim.key)))
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("id,prompt\nfox,a red fox in the snow\n")
    out = tmp_path / "run"
    words = ["bench", "image", "--provider", OPENAI, "--provider", GEMINI, "--provider", "comfyui"]
    words += [
        "--prompts",
        prompts,
        "--repeats",
        REPEATS,
        "--config",
        config,
        "--out",
        out,
        "--home",
        tmp_path / "home",
        "--budget",
        5,
    ]
    assert main([str(word) for word in words]) == 0

    run = bench.load(out)
    assert run.summary["state"] == "complete"
    rows = {arm: [row for row in run.rows if row.arm == arm] for arm in (OPENAI, GEMINI, "comfyui")}
    assert {arm: len(mine) for arm, mine in rows.items()} == dict.fromkeys(rows, REPEATS + 1)

    theirs = {
        OPENAI: seconds_of(sim, "openai"),
        GEMINI: seconds_of(sim, "gemini"),
        "comfyui": spans(sim.log, "comfyui", "/prompt"),
    }
    lag = run.summary["host_lag_seconds"]
    print(f"the kernel was late by {lag:.4f} s at worst")
    summary = {arm["arm"]: arm for arm in run.summary["arms"]}
    for arm, log in theirs.items():
        assert len(log) == len(rows[arm])
        counted = [seconds for seconds, row in zip(log, rows[arm], strict=True) if _counts(row)]
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            vendor = float(np.quantile(counted, share))
            ours = summary[arm]["headline"]["latency"][name]["value"]
            print(f"{arm} {name}: vendor {vendor:.4f} s, reported {ours:.4f} s, {100 * (ours / vendor - 1):+.2f} %")
            # The kernel knows how late it was itself; on a machine that is free this is a millisecond.
            assert vendor <= ours <= 1.05 * vendor + lag

    refused = sum(one.status == 403 for one in sim.log)
    assert refused > 0
    assert summary[GEMINI]["failed"] == refused
    assert summary[GEMINI]["failures"]["by_class"]["PermissionDeniedError"]["calls"] == refused
    assert summary[GEMINI]["failures"]["rate"]["value"] == refused / (REPEATS + 1)
    assert summary[OPENAI]["failed"] == summary["comfyui"]["failed"] == 0

    costs = {
        OPENAI: price_of(
            sim,
            "openai",
            "usage",
            {"input_tokens_details.text_tokens": 5e-6, "output_tokens_details.image_tokens": 3e-5},
        ),
        GEMINI: price_of(sim, "gemini", "usageMetadata", {"promptTokenCount": 5e-7, "candidatesTokenCount": 6e-5}),
        "comfyui": 0.0,
    }
    for arm, price in costs.items():
        good = summary[arm]["succeeded"]
        print(
            f"{arm}: ${summary[arm]['cost']['total_usd']:.6f} for {good} pictures, {refused if arm == GEMINI else 0} refused"
        )
        assert summary[arm]["cost"]["total_usd"] == pytest.approx(price * good)
        assert summary[arm]["cost"]["unknown"] == 0
    assert report.outside_of((out / report.REPORT).read_text()) is None
    assert not any(sim.key.encode() in path.read_bytes() for path in out.iterdir())


def _counts(row: Row) -> bool:
    return row.ok and row.phase == "closed" and not row.cold
