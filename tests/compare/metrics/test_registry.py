"""What all metrics have in common: names, directions, one's own, and what goes wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.compare.media import response_of, tone, write_film, write_wav
from viralai_sdk.compare.metrics import (
    METRICS,
    Metric,
    MetricWarning,
    Sample,
    examine,
    measure,
    metrics_of,
    register_metric,
    registry,
    unregister_metric,
)
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError, RateLimitError
from viralai_sdk.interfaces.names import SERVICES, AIServiceType
from viralai_sdk.interfaces.records import Attempt, CallWarning

TEXT = (AIServiceType.TEXT_GENERATION,)


@pytest.fixture(autouse=True)
def only_here() -> Iterator[None]:
    before = set(METRICS)
    yield
    for name in set(METRICS) - before:
        unregister_metric(name)
    registry._loaded.cache_clear()


def results(folder: Path) -> dict[str, Any]:
    Image.effect_noise((64, 64), 40).convert("RGB").save(folder / "a.png")
    write_wav(folder / "a.wav", tone(200, 1.0))
    write_film(folder / "a.mp4", seconds=1.0, sound=tone(300, 1.0))
    paths = {"image": folder / "a.png", "speech": folder / "a.wav", "video": folder / "a.mp4"}
    return {"text": response_of("a b c"), **{name: response_of(path) for name, path in paths.items()}}


def test_every_value_has_a_documented_name_and_fits_into_json(tmp_path: Path) -> None:
    for service, response in results(tmp_path).items():
        found = measure(response, service)
        assert list(found) == [metric.name for metric in metrics_of(service)]
        assert json.loads(json.dumps(found, allow_nan=False)) == found
        assert {type(value) for value in found.values()} <= {float, int, str, bool, type(None)}


def test_every_metric_is_explained_and_louder_is_never_better() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.about.endswith(".")
        assert metric.services
        assert metric.higher_is_better in (True, False, None)
    assert METRICS["loudness"].higher_is_better is None
    assert METRICS["latency"].services == SERVICES
    assert not [name for name in METRICS if "hash" in name or "duplicate" in name]


def test_what_the_call_tells_of_itself() -> None:
    attempts = [
        Attempt(provider="a", outcome="failed", retries=2),
        Attempt(provider="b", outcome="skipped"),
        Attempt(provider="c", outcome="ok", retries=1),
    ]
    response = response_of(
        "x",
        attempts=attempts,
        generation_time=1.5,
        cost_usd=0.02,
        warnings=[CallWarning(kind="adjusted", message="m")],
        metadata={"first_token_seconds": 0.3},
    )
    found = measure(response, "text")
    assert (found["latency"], found["cost"], found["retries"], found["failed_attempts"]) == (1.5, 0.02, 3, 1)
    assert (found["warnings"], found["cached"], found["failed"], found["first_token"]) == (1, False, False, 0.3)
    assert measure(response, "text", first_token=0.1)["first_token"] == 0.1
    assert measure(response_of("x"), "text")["cost"] is None


def test_of_an_error_only_the_failure_is_known() -> None:
    found = measure(RateLimitError("slow down"), "image")
    assert found.pop("failed") is True
    assert set(found.values()) == {None}


def test_a_damaged_file_costs_its_own_values_and_is_warned_about(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.warns(MetricWarning, match="image: MalformedResponseError"):
        found = measure(response_of(tmp_path / "a.png", generation_time=2.0), "image")
    assert (found["latency"], found["sharpness"]) == (2.0, None)
    for service in ("image", "video", "speech", "text"):
        values, problems = examine(response_of(None) if service == "text" else response_of("x"), service)
        assert problems
        assert values["failed"] is False


def test_ones_own_metric_is_measured_and_explained() -> None:
    made = register_metric("shouts", "text", shouts, higher_is_better=False, about="All in capitals.")
    assert made in metrics_of("text")
    assert made not in metrics_of("image")
    assert measure(response_of("HELP"), "text")["shouts"] is True
    register_metric("ten", ["text", "image"], lambda sample: np.float32(10), unit="x", about="Ten.")  # type: ignore[arg-type, return-value]
    assert measure(response_of("x"), "text")["ten"] == 10.0
    unregister_metric("ten")
    assert "ten" not in measure(response_of("x"), "text")


def shouts(sample: Sample) -> bool:
    return bool(getattr(sample.response, "text", "").isupper())


@pytest.mark.parametrize("result", [float("nan"), float("inf"), [1], ValueError("broken")])
def test_a_broken_metric_gives_none_and_a_warning(result: Any) -> None:
    def broken(sample: Sample) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    register_metric("mine", "text", broken, about="Broken.")
    with pytest.warns(MetricWarning, match="mine: "):
        found = measure(response_of("a b"), "text")
    assert (found["mine"], found["words"]) == (None, 2)


def test_names_are_unique_and_functions_can_be_called() -> None:
    with pytest.raises(InvalidRequestError, match="taken"):
        register_metric("latency", "text", shouts, about="x.")
    with pytest.raises(InvalidRequestError, match="empty"):
        register_metric("", "text", shouts, about="x.")
    with pytest.raises(InvalidRequestError, match="cannot be called"):
        register_metric("odd", "text", 7, about="x.")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="unknown service"):
        register_metric("odd", "smell", shouts, about="x.")
    with pytest.raises(InvalidRequestError, match="no metric that was registered"):
        unregister_metric("latency")


def test_installed_packages_bring_metrics_and_a_broken_one_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> Any:
        raise ImportError("no module named lost")

    points = [
        SimpleNamespace(name="good", load=lambda: Metric("loud", TEXT, "", False, "Loud.", shouts)),
        SimpleNamespace(name="two", load=lambda: [Metric("louder", TEXT, "", False, "Louder.", shouts)]),
        SimpleNamespace(name="broken", load=fails),
        SimpleNamespace(name="odd", load=lambda: [3]),
        SimpleNamespace(name="thief", load=lambda: Metric("latency", TEXT, "", False, "Mine.", shouts)),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "viralai_sdk.metrics" else [])
    registry._loaded.cache_clear()
    found, problems = examine(response_of("HEY"), "text")
    assert (found["loud"], found["louder"], found["words"]) == (True, True, 1)
    assert [problem.metric for problem in problems] == ["broken", "odd", "thief"]
    assert "no module named lost" in str(problems[0])
