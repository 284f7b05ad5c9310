"""Bootstrap intervals against scipy and Student's t, and at their extremes."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from viralai_sdk.compare.statistics import bootstrap_interval, percentiles, ratio_interval
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError

SAMPLE = np.random.default_rng(0).lognormal(0, 0.6, size=80).tolist()


def test_the_mean_is_within_a_percent_of_scipys_percentile_bootstrap_at_the_same_levels() -> None:
    from viralai_sdk.compare.statistics.bootstrap import expanded_levels

    low_level, high_level = expanded_levels(0.95, 80)
    expected = stats.bootstrap(
        (SAMPLE,),
        np.mean,
        confidence_level=high_level - low_level,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    found = bootstrap_interval(SAMPLE, "mean", resamples=20_000)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.01)
    assert found.value == pytest.approx(float(np.mean(SAMPLE)))


def test_for_normal_values_the_expanded_interval_is_students() -> None:
    values = np.random.default_rng(2).normal(10, 2, size=8)
    low, high = stats.t.interval(0.95, 7, values.mean(), stats.sem(values))
    found = bootstrap_interval(values.tolist(), "mean", resamples=20_000)
    assert found.high - found.low == pytest.approx(high - low, rel=0.1)


def test_it_covers_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(3)
    found = [
        bootstrap_interval(random.exponential(size=60).tolist(), "mean", resamples=800, seed=seed)
        for seed in range(400)
    ]
    assert 0.91 <= sum(one.low <= 1 <= one.high for one in found) / 400 <= 0.985


@pytest.mark.parametrize("n", [5, 20, 100])
@pytest.mark.parametrize("level", [50, 95])
def test_percentiles_cover_the_truth_at_least_as_often_as_they_say(n: int, level: int) -> None:
    random, truth = np.random.default_rng(n), -math.log(1 - level / 100)
    found = [percentiles(random.exponential(size=n).tolist(), (level,))[level] for _ in range(600)]
    assert sum(one.low <= truth <= one.high for one in found) / 600 >= 0.93


def test_order_statistics_are_those_of_the_table() -> None:
    """n = 10, median: the 2nd and the 9th value at 95 % (Conover 1999; exact coverage 97.9 %)."""
    found = percentiles(list(range(1, 11)), (50,))[50]
    assert (found.low, found.value, found.high) == (2, 5.5, 9)
    assert percentiles(list(range(1, 6)), (50,))[50].low == -math.inf
    for n, high in ((71, math.inf), (72, 72.0)):
        assert percentiles(list(range(1, n + 1)), (95,))[95].high == high


@pytest.mark.parametrize("statistic", ["mean", "median", 95, 50.0, lambda row: float(row.max())])
def test_every_kind_of_statistic_has_its_value_inside(statistic: object) -> None:
    found = bootstrap_interval(SAMPLE, statistic, resamples=200)  # type: ignore[arg-type]
    assert found.low <= found.value <= found.high
    assert found.n == 80


def test_percentiles_are_numpys_and_rise() -> None:
    found = percentiles(SAMPLE, (5, 50, 95))
    assert [one.value for one in found.values()] == pytest.approx(np.percentile(SAMPLE, [5, 50, 95]).tolist())
    assert found[5].value < found[50].value < found[95].value


def test_the_same_seed_gives_the_same_interval_in_any_order() -> None:
    assert bootstrap_interval(SAMPLE, 95) == bootstrap_interval(SAMPLE[::-1], 95)
    assert bootstrap_interval(SAMPLE, 95) != bootstrap_interval(SAMPLE, 95, seed=1)


def test_one_value_bounds_nothing_and_equal_values_agree() -> None:
    one = bootstrap_interval([3.0], "median")
    assert (one.value, one.low, one.high) == (3, -math.inf, math.inf)
    assert ratio_interval([3.0], [2.0, 2.0]).high == math.inf
    same = bootstrap_interval([2.0] * 9, 99)
    assert (same.low, same.value, same.high) == (2, 2, 2)


def test_a_ratio_finds_what_became_slower() -> None:
    random = np.random.default_rng(4)
    old, new = random.lognormal(0, 0.3, 200), random.lognormal(math.log(1.3), 0.3, 200)
    found = ratio_interval(new.tolist(), old.tolist(), "median")
    assert 1 < found.low < 1.3 < found.high < 1.6
    assert ratio_interval(old.tolist(), old.tolist(), "mean").value == 1


def test_ratios_cover_the_truth_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    found = [
        ratio_interval(
            (1.2 * random.lognormal(0, 0.4, 40)).tolist(), random.lognormal(0, 0.4, 50).tolist(), "mean", resamples=400
        )
        for _ in range(400)
    ]
    assert 0.91 <= sum(one.low <= 1.2 <= one.high for one in found) / 400 <= 0.985


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=30), st.sampled_from(["mean", "median", 0, 95, 100]))
@settings(deadline=None, max_examples=50)
def test_intervals_are_sound_for_any_values(values: list[float], statistic: float) -> None:
    found = bootstrap_interval(values, statistic, resamples=50)
    assert found.low <= found.value <= found.high
    assert not math.isnan(found.low + 0 if math.isfinite(found.low) else 0)


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [math.inf]])
def test_values_that_are_none_are_refused(bad: list[float]) -> None:
    with pytest.raises(InvalidRequestError, match="values"):
        bootstrap_interval(bad)


def test_percentiles_lie_between_nought_and_a_hundred() -> None:
    for bad in (0, 100, 101, -1):
        with pytest.raises(InvalidRequestError, match="level"):
            percentiles([1, 2], (bad,))


def test_unknown_statistics_and_ratios_of_nought_are_refused() -> None:
    for bad in ("p95", 101, -1, None):
        with pytest.raises(InvalidRequestError, match="no statistic"):
            bootstrap_interval([1, 2], bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="above 0"):
        ratio_interval([1, 2], [0, 1])


def test_without_scipy_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.special", None)
    with pytest.raises(ConfigurationError, match="scipy") as caught:
        bootstrap_interval([1, 2, 3])
    assert caught.value.hint == 'pip install "viralai-sdk[compare]"'
