"""Figures, intervals and verdicts: the words follow the numbers, and too few calls are said to be too few."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.conftest import failed, row, saved
from viralai_sdk.bench import gates, intervals, results
from viralai_sdk.bench.intervals import Interval
from viralai_sdk.bench.measures import MEASURES, shown
from viralai_sdk.bench.rows import Row
from viralai_sdk.bench.summary import busy_seconds, groups, headline, summarise, throughput
from viralai_sdk.bench.verdicts import change_words, compare, state_of, verdict_table
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError


def spread(count: int, middle: float, seed: int = 1, **details: Any) -> list[Row]:
    chance = random.Random(seed)
    return [row(number, middle * chance.lognormvariate(0, 0.3), **details) for number in range(count)]


# --- summary


def test_warm_up_and_cold_and_failed_calls_do_not_count_as_latency() -> None:
    rows = [
        row(0, 9.0, phase="warm_up", cold=True),
        row(1, 8.0, cold=True),
        row(2, 7.0, outcome="failed", error="X", cost_usd=None),
        *(row(number, 1.0) for number in range(3, 10)),
        row(10, 50.0, outcome="cancelled", cost_usd=None),
    ]
    (arm,) = summarise(rows)
    assert arm["headline"]["latency"]["p50"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 7}
    assert arm["headline"]["latency"]["p95"] == {"value": 1.0, "low": None, "high": None, "n": 7}
    assert (arm["calls"], arm["succeeded"], arm["failed"], arm["cancelled"]) == (10, 9, 1, 1)
    assert arm["cold"] == {"calls": 2, "seconds": [9.0, 8.0]}
    assert arm["cost"]["total_usd"] == pytest.approx(0.09)
    assert arm["failures"]["rate"]["value"] == pytest.approx(0.1)
    assert arm["headline"]["failure_rate"]["n"] == 9


def test_levels_are_kept_apart_and_the_lowest_comes_first() -> None:
    rows = [row(1, 4.0, concurrency=4), row(1, 1.0), row(2, 9.0, concurrency=0, phase="open")]
    assert {(group.arm, group.concurrency) for group in groups(rows)} == {("a", 1), ("a", 4), ("a", 0)}
    assert headline(rows)["a"].concurrency == 1
    assert headline([rows[2]])["a"].concurrency == 0
    assert summarise([row(1, phase="warm_up")])[0]["headline"] is None


def test_throughput_counts_only_the_time_in_which_the_arm_was_asked() -> None:
    rows = [row(number, 1.0, started=start) for number, start in enumerate((0.0, 0.5, 10.0, 10.0, 20.0, 21.0))]
    (group,) = groups(rows)
    assert busy_seconds(group) == pytest.approx(1.5 + 1.0 + 2.0)
    rate = throughput(group)
    assert rate.value == pytest.approx(6 / 4.5)
    assert rate.bounds == pytest.approx((6 / 4.5, 6 / 4.5))
    assert throughput(groups([row(1, 0.0)])[0]).value is None
    assert throughput(groups([row(1, 1.0)])[0]).bounds is None


def test_a_share_of_none_is_no_certainty() -> None:
    found = intervals.wilson(0, 20)
    assert found.value == 0
    assert found.bounds is not None
    assert found.bounds[1] == pytest.approx(0.161, abs=0.001)
    assert intervals.wilson(0, 0) == intervals.NOTHING
    assert intervals.share_difference((1, 2), (0, 0)).bounds is None


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=40), st.sampled_from(sorted(intervals.STATISTICS)))
def test_an_interval_holds_its_value_or_says_that_it_knows_none(values: list[float], statistic: str) -> None:
    found = intervals.bootstrap(values, statistic)
    assert found.value is not None
    if found.bounds is None:
        assert len(values) < intervals.ENOUGH[statistic]
    else:
        assert found.bounds[0] <= found.value <= found.bounds[1]


def test_nothing_and_zero_have_no_ratio() -> None:
    assert intervals.bootstrap([], "p50") == intervals.NOTHING
    assert intervals.ratio([], [1.0], "p50").value is None
    assert intervals.ratio([0.0] * 9, [1.0] * 9, "mean").value is None
    assert intervals.ratio([1.0] * 3, [1.0] * 3, "mean").bounds is None


# --- results


def test_a_run_is_read_as_it_was_written_and_says_on_what_it_ran(tmp_path: Path) -> None:
    rows = [row(1, metrics={"width": 3}), failed(2)]
    run = saved(tmp_path / "run", rows)
    assert run.rows == tuple(rows)
    assert run.summary["schema"] == 1
    environment = run.summary["environment"]
    assert environment["python"].startswith("3.")
    assert environment["packages"]["pyarrow"]
    import pandas

    frame = pandas.read_parquet(run.folder / results.RESULTS)
    assert list(frame["outcome"]) == ["ok", "failed"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("summary.json", None, "holds no finished benchmark"),
        ("summary.json", "{", "is broken"),
        ("summary.json", '{"schema": 99}', "not of schema 1"),
        ("results.parquet", "nonsense", "no readable table"),
    ],
)
def test_what_is_no_run_is_refused(tmp_path: Path, name: str, text: str | None, words: str) -> None:
    run = saved(tmp_path / "run", [row(1)])
    (run.folder / name).unlink()
    if text is not None:
        (run.folder / name).write_text(text)
    with pytest.raises(InvalidRequestError, match=words):
        results.load(run.folder)


def test_a_lost_table_is_an_error_of_ours(tmp_path: Path) -> None:
    run = saved(tmp_path / "run", [row(1)])
    (run.folder / results.RESULTS).unlink()
    with pytest.raises(AIError):
        results.load(run.folder)
    (run.folder / results.SUMMARY).unlink()
    (run.folder / results.SUMMARY).mkdir()
    with pytest.raises(AIError):
        results.load(run.folder)


def test_no_secret_gets_into_a_summary(tmp_path: Path) -> None:
    from viralai_sdk.store.redact import register_secret

    register_secret("vk-canary-bench-0001")
    run = saved(tmp_path / "run", [failed(1, model="vk-canary-bench-0001")])
    assert not any(b"vk-canary" in path.read_bytes() for path in run.folder.iterdir())
    assert run.rows[0].model == "[redacted]"


# --- verdicts


def state(new: list[Row], old: list[Row], metric: str, tmp_path: Path) -> tuple[str, str]:
    found = compare(saved(tmp_path / "new", new), saved(tmp_path / "old", old), metrics=[metric])
    return found[0].state, found[0].words


def test_a_clear_change_is_one_and_a_small_one_is_not(tmp_path: Path) -> None:
    old = spread(40, 1.0)
    assert state(spread(40, 1.6, 2), old, "p50", tmp_path)[0] == "regression"
    assert state(spread(40, 0.6, 3), old, "p50", tmp_path)[0] == "improvement"
    told, words = state(spread(40, 1.02, 4), old, "p50", tmp_path)
    assert told == "no difference shown"
    assert "does not show that there is none" in words
    told, words = state(spread(4, 1.6, 5), old, "p50", tmp_path)
    assert told == "not enough data"
    assert "too few calls" in words


def test_less_throughput_is_worse_and_less_cost_is_better(tmp_path: Path) -> None:
    old = spread(40, 1.0)
    assert state(spread(40, 2.0, 2), old, "throughput", tmp_path)[0] == "regression"
    cheap = [row(number, cost_usd=0.005) for number in range(40)]
    assert state(cheap, old, "cost", tmp_path)[0] == "improvement"
    free = [row(number, cost_usd=0.0) for number in range(40)]
    assert state(free, old, "cost", tmp_path)[0] == "not enough data"


def test_failures_are_compared_as_shares(tmp_path: Path) -> None:
    good, bad = [row(number) for number in range(60)], [failed(number) for number in range(60, 90)]
    told, words = state(good[:30] + bad, good, "failure_rate", tmp_path)
    assert told == "regression"
    assert "+50.0 points" in words
    assert state(good, good, "failure_rate", tmp_path)[0] == "no difference shown"


def test_the_same_provider_measured_twice_is_hardly_ever_called_changed(tmp_path: Path) -> None:
    wrong = 0
    for seed in range(40):
        chance = random.Random(seed)
        new, old = ([row(n, chance.lognormvariate(0, 0.5)) for n in range(30)] for _ in range(2))
        first = {(group.arm, group.concurrency): group for group in groups(new)}["a", 1]
        second = groups(old)[0]
        found = [MEASURES[name].change(first, second, 1 - 0.05 / 4) for name in ("p50", "p95", "throughput", "cost")]
        wrong += any(
            state_of(change, MEASURES[name]) in ("regression", "improvement")
            for change, name in zip(found, ("p50", "p95", "throughput", "cost"), strict=True)
        )
    assert wrong <= 6


def test_runs_that_cannot_be_compared_are_refused(tmp_path: Path) -> None:
    run = saved(tmp_path / "a", [row(1)])
    with pytest.raises(InvalidRequestError, match="cannot be compared"):
        compare(run, saved(tmp_path / "b", [row(1)], service="image"))
    with pytest.raises(InvalidRequestError, match="no arm and level in common"):
        compare(run, saved(tmp_path / "c", [row(1, arm="other")]))


def test_verdicts_as_a_table_name_what_changed_first(tmp_path: Path) -> None:
    new, old = spread(40, 1.6, 2), spread(40, 1.0)
    found = compare(saved(tmp_path / "new", new), saved(tmp_path / "old", old))
    table = verdict_table(found, "x")
    assert table[0]["verdict"] == "regression"
    assert "×" in table[0]["change"]
    assert {verdict.metric for verdict in found} == {"p50", "p95", "failure_rate", "throughput", "cost"}
    lost = compare(saved(tmp_path / "gone", [failed(1)]), saved(tmp_path / "old2", old), metrics=["p50"])
    assert change_words(lost[0]) == "unknown"
    assert lost[0].to_dict()["state"] == "not enough data"
    assert shown(None, "s") == "unknown"


# --- gates


@pytest.mark.parametrize(
    ("text", "metric", "above", "bound", "relative", "arm", "level"),
    [
        ("p95>1.2x", "p95", True, 1.2, True, None, None),
        (" p50 @ 4 > 800 ms".replace(" @ ", "@"), "p50", True, 0.8, False, None, 4),
        ("openai:gpt-6:p95@open>2s", "p95", True, 2.0, False, "openai:gpt-6", 0),
        ("failure_rate>5%", "failure_rate", True, 0.05, False, None, None),
        ("cost>$0.05", "cost", True, 0.05, False, None, None),
        ("cost>0.05usd", "cost", True, 0.05, False, None, None),
        ("throughput<3/s", "throughput", False, 3.0, False, None, None),
        ("throughput<0.8×", "throughput", False, 0.8, True, None, None),
    ],
)
def test_conditions_are_read(
    text: str, metric: str, above: bool, bound: float, relative: bool, arm: str | None, level: int | None
) -> None:
    gate = gates.read_gate(text)
    assert (gate.measure.name, gate.above, gate.relative) == (metric, above, relative)
    assert gate.bound == pytest.approx(bound)
    assert (gate.arm, gate.concurrency) == (arm, level)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("p95", 4, "'>' or '<' is missing"),
        ("p97>1x", 1, "a metric is expected"),
        ("openai:p97>1x", 8, "a metric is expected"),
        ("p95>fast", 5, "a number with its unit"),
        ("p95> fast", 6, "a number with its unit"),
        ("p95>2", 5, "a unit is missing"),
        ("p95>2%", 5, "not given in '%'"),
        ("cost>$2x", 6, "not both"),
        ("p95>0x", 5, "above 0"),
        ("p95@many>1x", 5, "a concurrency or 'open'"),
        (":p95>1x", 1, "an arm's name"),
        ("", 1, "missing"),
    ],
)
def test_a_wrong_condition_is_told_with_its_place(text: str, place: int, words: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        gates.read_gate(text)
    assert words in str(caught.value)
    if words != "not both":
        assert f"character {place}:" in str(caught.value)


@given(st.text(alphabet="p95@:<>x$%. openai/sm_", max_size=30) | st.text(max_size=30))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        gate = gates.read_gate(text)
    except InvalidRequestError as error:
        gate, refusal = None, str(error)
    if gate is None:
        assert "character" in refusal
    else:
        assert gate.bound >= 0


def test_a_condition_fails_only_what_the_interval_supports(tmp_path: Path) -> None:
    old, new = saved(tmp_path / "old", spread(60, 1.0)), saved(tmp_path / "new", spread(60, 1.6, 2))
    asked = [
        "p50>1.2x",
        "p50>1.6x",
        "p50>3x",
        "p50>1s",
        "throughput<0.9x",
        "p99>1s",
        "failure_rate>5%",
        "failure_rate>2x",
    ]
    found = gates.judge(gates.parse_all(asked), new, old)
    told = {one.gate: one.state for one in found}
    assert told["p50>1.2x"] == told["p50>1s"] == told["throughput<0.9x"] == "failed"
    assert told["p50>1.6x"] in ("suspected", "passed")
    assert told["p50>3x"] == told["failure_rate>5%"] == told["failure_rate>2x"] == "passed"
    assert told["p99>1s"] == "not enough data"
    assert "FAILED" in found[0].words
    assert gates.as_data(found)[0]["state"] == "failed"


def test_a_condition_without_its_counterpart_says_so(tmp_path: Path) -> None:
    old, new = saved(tmp_path / "old", spread(9, 1.0, arm="b")), saved(tmp_path / "new", spread(9, 1.0))
    (found,) = gates.judge([gates.read_gate("p50>1x")], new, old)
    assert found.state == "not enough data"
    assert "no such arm" in found.words
    assert gates.judge([gates.read_gate("b:p50>1x")], new, old) == []


def test_a_failure_rate_times_that_of_the_baseline(tmp_path: Path) -> None:
    old = [*(row(n) for n in range(90)), *(failed(n) for n in range(90, 100))]
    new = [*(row(n) for n in range(50)), *(failed(n) for n in range(50, 100))]
    runs = saved(tmp_path / "new", new), saved(tmp_path / "old", old)
    (found,) = gates.judge([gates.read_gate("failure_rate>2x")], *runs)
    assert found.failed
    (found,) = gates.judge([gates.read_gate("failure_rate>4.9x")], *runs)
    assert found.state == "suspected"


def test_conditions_that_could_never_say_anything_are_refused() -> None:
    def check(text: str, **given: Any) -> None:
        gates.check([gates.read_gate(text)], **{"arms": ["openai"], "levels": [1], "baseline": True, **given})

    check("openai:p95@1>1.2x")
    with pytest.raises(InvalidRequestError, match="needs a baseline"):
        check("p95>1.2x", baseline=False)
    with pytest.raises(InvalidRequestError, match="nobody measures 'opnai'"):
        check("opnai:p95>1.2x")
    with pytest.raises(InvalidRequestError, match="concurrency 4 is not measured"):
        check("p95@4>1.2x")


def test_bounds_are_both_there_or_neither() -> None:
    assert Interval(1.0, 0.5, None, 3).bounds is None
    assert Interval(1.0, 0.5, 2.0, 3).to_dict() == {"value": 1.0, "low": 0.5, "high": 2.0, "n": 3}
