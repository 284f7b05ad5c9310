"""Are the statistics right? Simulated experiments whose truth is known; exits 1 when a figure is missed.

Every figure names its seed. The functions under test are the shipped ones; only the false winners of clustered raters, half a million
readings each, are computed by a vectorised twin, whose decisions are compared with `verdict` on readings drawn at random.
"""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.harness import figure, main
from viralai_sdk.compare.ballot import Judgement
from viralai_sdk.compare.statistics import (
    binomial_p_value,
    bradley_terry,
    clustered_win_rate,
    plan,
    power_of,
    revision_penalty,
    sequential,
    sequential_power,
    verdict,
    votes_needed,
    win_rate,
)
from viralai_sdk.compare.statistics.ranking import POINTS
from viralai_sdk.compare.statistics.strengths import fit

Array = npt.NDArray[np.float64]
EXPERIMENTS = 2_000
ALPHA = 0.05
COVERAGE = (0.935, 0.965)
reading = functools.lru_cache(maxsize=1_000_000)(sequential)
p_of = functools.lru_cache(maxsize=1_000_000)(binomial_p_value)


def judged(name: str, target: str, measured: str, met: bool | np.bool_, **details: Any) -> dict[str, Any]:
    """A figure; numpy's own truth values cannot be written as JSON."""
    return figure(name, target, measured, bool(met), **details)


def share(count: float, of: int) -> str:
    """Percent with what chance alone makes of it in so many experiments."""
    rate = count / of
    return f"{100 * rate:.2f} % ± {196 * math.sqrt(max(rate * (1 - rate), 1e-9) / of):.2f}"


def peeking(experiments: int, seed: int) -> list[dict[str, Any]]:
    """No preference, 500 votes, a look after every one: who is ever called a winner?"""
    wins = np.random.default_rng(seed).integers(0, 2, size=(experiments, 500)).cumsum(axis=1)
    ours = naive = 0
    for path in wins.tolist():
        ours += any(reading(won, n - won).decided for n, won in enumerate(path, 1))
        naive += any(p_of(won, n - won) <= ALPHA for n, won in enumerate(path, 1))
    return [
        judged(
            "false winner, 500 votes, looked at after every vote",
            "<= 5 %",
            share(ours, experiments),
            ours <= 0.05 * experiments,
            seed=seed,
        ),
        figure("the same with a plain test re-read", "none: why not to", share(naive, experiments), None, seed=seed),
    ]


def peeking_with_ties(experiments: int, seed: int) -> list[dict[str, Any]]:
    """Both arms alike, 25 % ties, 10 % both bad, 150 votes; the whole `verdict` read after every tenth vote and at every decisive one."""
    random = np.random.default_rng(seed)
    wrong = 0
    for _ in range(experiments):
        choices = random.choice(["left", "right", "tie", "both_bad"], size=150, p=[0.325, 0.325, 0.25, 0.1])
        votes, won, lost, called = [], 0, 0, False
        for place, choice in enumerate(choices.tolist(), 1):
            votes.append(Judgement("a", "b", choice))
            won, lost = won + (choice == "left"), lost + (choice == "right")
            decided = choice in ("left", "right") and reading(won, lost).decided
            if decided or place % 75 == 0:
                found = verdict(votes, "a", "b").state == "decided"
                assert found == reading(won, lost).decided
                called |= found
            if called:
                break
        wrong += called
    return [
        judged(
            "false winner, 35 % ties and both bad, every vote",
            "<= 5 %",
            share(wrong, experiments),
            wrong <= 0.05 * experiments,
            seed=seed,
        )
    ]


PLACES, WEIGHTS = np.polynomial.legendre.leggauss(96)


def clustered(experiments: int, seed: int, prompts: int, raters: int, order: str, spread: str) -> list[dict[str, Any]]:
    """Arms that are alike on the whole; on each prompt raters tend to agree. 20 % ties. A look after every vote."""
    random = np.random.default_rng(seed)
    size = (experiments, prompts)
    taste = {"none": np.full(size, 0.5), "some": random.beta(2, 2, size), "strong": random.choice([0.1, 0.9], size)}[
        spread
    ]
    rounds = np.tile(np.arange(prompts), raters)
    sequence = {"by rater": rounds, "by prompt": np.sort(rounds), "mixed": random.permutation(rounds)}[order]
    won, decisive = np.zeros(size), np.zeros(size)
    logs = np.zeros((experiments, PLACES.size))
    ever = np.zeros(experiments, dtype=np.bool_)
    sample: list[tuple[Array, Array, Array, int]] = []
    looks = set(random.integers(1, sequence.size, size=12).tolist())
    for number, prompt in enumerate(sequence.tolist()):
        before = _net(won[:, prompt], decisive[:, prompt])
        counts = random.random(experiments) >= 0.2
        decisive[:, prompt] += counts
        won[:, prompt] += counts & (random.random(experiments) < taste[:, prompt])
        logs += np.log1p(np.outer(_net(won[:, prompt], decisive[:, prompt]), PLACES)) - np.log1p(
            np.outer(before, PLACES)
        )
        top = logs.max(axis=1)
        evidence = top + np.log(np.exp(logs - top[:, None]) @ (WEIGHTS / 2))
        each = decisive.sum(axis=1) / np.maximum(1, (decisive > 0).sum(axis=1))
        decided = evidence >= -math.log(ALPHA) + np.log([revision_penalty(one) for one in each.tolist()])
        ever |= decided
        if number in looks:
            whom = [*np.flatnonzero(decided)[:2].tolist(), int(random.integers(experiments))]
            sample += [(won[one].copy(), decisive[one].copy(), decided, one) for one in whom]
    alike = sum(_verdict_of(won_, all_) == bool(decided[one]) for won_, all_, decided, one in sample)
    assert alike == len(sample), f"the vectorised twin disagrees with verdict in {len(sample) - alike} of {len(sample)}"
    wrong = int(ever.sum())
    name = f"false winner, {prompts} prompts × {raters} raters {order}, agreement on a prompt: {spread}"
    return [
        judged(
            name,
            "<= 5 %",
            share(wrong, experiments),
            wrong <= 0.05 * experiments,
            seed=seed,
            checked_against_verdict=len(sample),
        )
    ]


def _net(won: Array, decisive: Array) -> Array:
    found: Array = np.where(decisive > 0, (2 * won - decisive) / np.maximum(1, decisive), 0.0)
    return found


def _verdict_of(won: Array, decisive: Array) -> bool:
    votes = []
    for prompt, (wins, all_) in enumerate(zip(won.tolist(), decisive.tolist(), strict=True)):
        votes += [Judgement("a", "b", "left", prompt=f"p{prompt}")] * int(wins)
        votes += [Judgement("a", "b", "right", prompt=f"p{prompt}")] * int(all_ - wins)
    return verdict(votes, "a", "b").state == "decided"


def wilson_coverage(experiments: int, seed: int, votes: int, win: float, tie: float) -> list[dict[str, Any]]:
    """Fixed number of votes, read once."""
    truth = win + tie / 2
    drawn = np.random.default_rng(seed).multinomial(votes, [win, 1 - win - tie, tie], size=experiments)
    found = [win_rate(*row) for row in drawn.tolist()]
    inside = sum(one.low <= truth <= one.high for one in found)
    name = f"coverage of win_rate, {votes} votes, {100 * win:.0f} % won, {100 * tie:.0f} % ties"
    return [_coverage(name, inside, experiments, seed)]


def cluster_coverage(experiments: int, seed: int) -> list[dict[str, Any]]:
    """50 prompts × 4 raters who tend to agree on a prompt; truth 55.7 % with ties half."""
    random = np.random.default_rng(seed)
    inside = plain = 0
    truth = 0.2 * 0.5 + 0.8 * 4 / 7
    for number in range(experiments):
        taste = random.beta(2, 1.5, size=50)
        votes = []
        for prompt, likes in enumerate(taste.tolist()):
            for chance, tie in zip(random.random(4).tolist(), random.random(4).tolist()):
                choice: Any = "tie" if tie < 0.2 else "left" if chance < likes else "right"
                votes.append(Judgement("a", "b", choice, prompt=f"p{prompt}"))
        found = clustered_win_rate(votes, "a", "b", resamples=1000, seed=number)
        inside += found.low <= truth <= found.high
        unaware = win_rate(
            sum(v.choice == "left" for v in votes),
            sum(v.choice == "right" for v in votes),
            sum(v.choice == "tie" for v in votes),
        )
        plain += unaware.low <= truth <= unaware.high
    row = _coverage("coverage of clustered_win_rate, 50 prompts × 4 raters", inside, experiments, seed)
    return [{**row, "unaware_of_prompts": share(plain, experiments)}]


def sequence_coverage(experiments: int, seed: int, preference: float) -> list[dict[str, Any]]:
    """Is the truth inside the interval at every one of 400 readings?"""
    wins = (np.random.default_rng(seed).random((experiments, 400)) < preference).cumsum(axis=1)
    inside = sum(
        all(found.low <= preference <= found.high for found in (reading(won, n - won) for n, won in enumerate(path, 1)))
        for path in wins.tolist()
    )
    name = f"coverage of the sequence at all of 400 readings, preference {100 * preference:.0f} %"
    return [judged(name, ">= 95 %", share(inside, experiments), inside >= 0.95 * experiments, seed=seed)]


ARMS = ["a", "b", "c", "d", "e"]
STRENGTHS = np.array([0.8, 0.4, 0.0, -0.4, -0.8])


def ranking_coverage(experiments: int, seed: int) -> list[dict[str, Any]]:
    """5 arms, 50 prompts × 12 votes, every prompt with tastes of its own, 15 % ties. Scores and ranks."""
    random = np.random.default_rng(seed)
    truth, spread = _truth(seed), 0.7
    scores = ranks = dropped = 0
    for number in range(experiments):
        votes = []
        for prompt in range(50):
            own = STRENGTHS + spread * random.normal(size=5)
            for _ in range(12):
                one, other = random.choice(5, size=2, replace=False).tolist()
                wins = random.random() < 1 / (1 + math.exp(own[other] - own[one]))
                choice: Any = "tie" if random.random() < 0.15 else "left" if wins else "right"
                votes.append(Judgement(ARMS[one], ARMS[other], choice, prompt=f"p{prompt}"))
        found = bradley_terry(votes, ARMS, resamples=500, seed=number)
        dropped += found.dropped_resamples > 0
        for row in found.rows:
            place = ARMS.index(row.arm)
            assert row.low is not None
            assert row.high is not None
            assert row.rank_low is not None
            assert row.rank_high is not None
            scores += row.low <= truth[place] <= row.high
            ranks += row.rank_low <= place + 1 <= row.rank_high
    row = _coverage("coverage of Bradley–Terry scores, 5 arms, 50 prompts", scores, 5 * experiments, seed)
    rate = ranks / (5 * experiments)
    return [
        {**row, "experiments_with_dropped_resamples": dropped},
        judged(
            "coverage of rank intervals, same votes",
            ">= 93.5 %",
            share(ranks, 5 * experiments),
            rate >= COVERAGE[0],
            seed=seed,
        ),
    ]


def _truth(seed: int) -> Array:
    """What endlessly many votes on endlessly many such prompts would give, in points."""
    random = np.random.default_rng(seed + 1)
    own = STRENGTHS + 0.7 * random.normal(size=(400_000, 5))
    wins = np.zeros((5, 5))
    for one in range(5):
        for other in range(5):
            if one != other:
                wins[one, other] = 0.85 * float((1 / (1 + np.exp(own[:, other] - own[:, one]))).mean()) + 0.075
    strengths: Array = 1000 + POINTS * fit(wins[None])[0][0]
    return strengths


def power(experiments: int, seed: int, preference: float) -> list[dict[str, Any]]:
    """Votes as planned: how often is the preference found? Once at the end, and with stopping whenever it is decided.

    Compared with the planner's exact chance at that number of votes, which is a little above 50 or 80 %: votes come in whole numbers.
    """
    planned = plan(preference)
    assert planned.median is not None
    assert planned.enough is not None
    random = np.random.default_rng(seed)
    fixed = votes_needed(preference)
    once = sum(p_of(won, fixed - won) <= ALPHA for won in random.binomial(fixed, preference, size=experiments).tolist())
    wins = (random.random((experiments, planned.enough)) < preference).cumsum(axis=1)
    stops = [
        next((n for n, won in enumerate(path, 1) if reading(won, n - won).decided), math.inf) for path in wins.tolist()
    ]
    early = sum(stop <= planned.median for stop in stops)
    late = sum(stop <= planned.enough for stop in stops)
    rows = []
    for what, votes, seen, told in (
        ("read once", fixed, once, power_of(fixed, preference)),
        ("stopping at any vote, median", planned.median, early, sequential_power(planned.median, preference)),
        ("stopping at any vote, 80 %", planned.enough, late, sequential_power(planned.enough, preference)),
    ):
        name = f"power at {100 * preference:.0f} %, {what}: {votes} votes"
        target = f"{100 * told:.1f} % ± 3 points"
        rows.append(judged(name, target, share(seen, experiments), abs(seen / experiments - told) <= 0.03, seed=seed))
    return rows


def leaderboard(seed: int) -> list[dict[str, Any]]:
    """60 arms × 50 prompts, 20,000 votes, 500 resamples; the slowest of five runs, the first one with its imports."""
    random = np.random.default_rng(seed)
    strengths = random.normal(size=60)
    votes = []
    for prompt in random.integers(50, size=20_000).tolist():
        one, other = random.choice(60, size=2, replace=False).tolist()
        choice: Any = random.choice(["left", "right", "tie"], p=_chances(strengths[one] - strengths[other]))
        votes.append(Judgement(f"arm {one}", f"arm {other}", choice, prompt=f"p{prompt}"))
    names = [f"arm {number}" for number in range(60)]
    times = []
    for _ in range(5):
        began = time.perf_counter()
        assert bradley_terry(votes, names).problem is None
        times.append(time.perf_counter() - began)
    return [
        judged(
            "leaderboard with intervals, 60 arms × 50 prompts, 20,000 votes", "<= 2 s", f"{max(times):.2f} s", max(times) <= 2,
            seed=seed, runs_s=[round(value, 2) for value in times],
        )
    ]  # fmt: skip


def _chances(difference: float) -> list[float]:
    win = 0.9 / (1 + math.exp(-difference))
    return [win, 0.9 - win, 0.1]


def _coverage(name: str, inside: int, of: int, seed: int) -> dict[str, Any]:
    low, high = COVERAGE
    return judged(name, "95 ± 1.5 %", share(inside, of), low <= inside / of <= high, seed=seed)


def studies(quick: bool) -> list[Callable[[], list[dict[str, Any]]]]:
    """All simulations with their seeds."""
    many = EXPERIMENTS // 10 if quick else EXPERIMENTS
    part = functools.partial
    crowds = [
        (100, 1, "by rater", "strong"), (50, 3, "by rater", "none"), (50, 3, "mixed", "some"), (50, 3, "by prompt", "strong"),
        (30, 10, "by rater", "none"), (30, 10, "mixed", "some"), (30, 10, "by rater", "strong"), (20, 40, "by rater", "none"),
        (200, 3, "by rater", "some"),
    ]  # fmt: skip
    return [
        part(peeking, many, 11),
        part(peeking_with_ties, many, 12),
        *(part(clustered, many, 20 + number, *crowd) for number, crowd in enumerate(crowds)),
        *(part(wilson_coverage, many, 40 + number, *case) for number, case in enumerate(WILSON)),
        part(cluster_coverage, many, 50),
        *(part(sequence_coverage, many, 60 + number, value) for number, value in enumerate((0.5, 0.6, 0.9))),
        part(ranking_coverage, many, 70),
        *(part(power, many, 80 + number, value) for number, value in enumerate((0.6, 0.7, 0.8))),
        part(leaderboard, 90),
    ]


WILSON = ((200, 0.6, 0.0), (100, 0.45, 0.25), (60, 0.2, 0.6), (40, 0.5, 0.2))


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """Everything; `--quick` has a tenth of the experiments, too few to judge a simulated figure by."""
    figures = []
    for study in studies(quick):
        figures += study()
    if quick:
        figures = [row if "runs_s" in row else {**row, "met": None} for row in figures]
    MISSED.extend(row["figure"] for row in figures if row["met"] is False)
    return figures


MISSED: list[str] = []

if __name__ == "__main__":
    main("statistics", measure)
    sys.exit(1 if MISSED else 0)
