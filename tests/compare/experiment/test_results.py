"""Leaderboard, verdicts, plots, report and judges: what may be said, and nothing that was not asked."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.compare.experiment.conftest import Writers
from tests.doubles import client, config
from viralai_sdk import ViralAI
from viralai_sdk.compare.experiment import Experiment
from viralai_sdk.compare.votes import VoteRecord
from viralai_sdk.interfaces.errors import (
    BudgetExceededError,
    ConfigurationError,
    InvalidRequestError,
    ProviderUnavailableError,
)
from viralai_sdk.store.rows import new_id

ARMS = ["ada", "bob", "cyd"]
STRENGTH = {"ada": 0.8, "bob": 0.5, "cyd": 0.2}
NASTY = "<script>alert(1)</script> \"'&$x$ \u202e"


async def made(ai: ViralAI, name: str = "first", **details: Any) -> Experiment:
    given = {"service": "text", "arms": ARMS, "prompts": [f"prompt {number}" for number in range(12)], **details}
    experiment = ai.experiment(name, **given)
    await experiment.run()
    return experiment


def vote(experiment: Experiment, rater: str, seed: int = 0, limit: int = 10_000) -> int:
    """A rater who prefers the stronger arm by chance; sees who is who, unlike a person."""
    chance, count = random.Random(seed), 0
    for slot in experiment.open_slots("human", rater, limit):
        left, right = experiment._pairs.sides(slot, "human", rater)
        odds = STRENGTH[left[0]] / (STRENGTH[left[0]] + STRENGTH[right[0]])
        answer = "tie" if chance.random() < 0.1 else "left" if chance.random() < odds else "right"
        experiment.vote(experiment._pairs.id_of(slot, "human", rater), answer, rater, seconds=1.5)
        count += 1
    return count


async def test_the_leaderboard_ranks_by_taste_with_what_it_costs(ai: ViralAI, writers: Writers) -> None:
    def act(name: str, prompt: str) -> None:
        if (name, prompt) == ("cyd", "prompt 3"):
            raise ProviderUnavailableError("down.")

    writers.act = act
    experiment = await made(ai)
    assert vote(experiment, "ann") == 34
    vote(experiment, "ben", seed=1)
    board = experiment.leaderboard()
    assert [one.arm for one in board.standings] == ARMS
    best, worst = board.standings[0], board.standings[-1]
    assert best.low is not None
    assert best.score is not None
    assert best.high is not None
    assert best.low <= best.score <= best.high
    assert (worst.failures, worst.made, best.failures) == (1, 12, 0)
    assert best.wins + best.losses + best.ties == best.votes
    assert best.latency_median is not None
    assert best.latency_median <= (best.latency_p95 or 0)
    assert (best.cost_usd, best.cost_unknown, best.pareto) == (None, 12, None)
    assert list(board.verdicts) == [("ada", "bob"), ("ada", "cyd")]
    assert board.verdicts["ada", "cyd"].state == experiment.verdict("ada", "cyd", alpha=0.05 / 3).state
    rows = board.rows()
    assert rows[0]["mean cost"] == "unknown"
    assert rows[-1]["failures"] == "1 of 12"
    frame = board.to_pandas()
    assert list(frame["arm"]) == ARMS
    assert set(frame.columns) >= {"win_rate", "win_rate_low", "cost_usd", "latency_p95"}
    assert "ada against cyd" in repr(board)
    bundle = board._repr_mimebundle_()
    assert "<table" in bundle["text/html"]
    assert "Krippendorff" in bundle["text/plain"]
    assert board.to_dict()["verdicts"][0]["first"] == "ada"


async def test_without_votes_it_says_so_and_still_tells_cost_and_failures(ai: ViralAI) -> None:
    board = (await made(ai)).leaderboard()
    assert all(one.score is None and one.win_rate is None and one.rank is None for one in board.standings)
    assert board.problem is not None
    assert board.problem.startswith("not enough variety")
    assert [one.made for one in board.standings] == [12, 12, 12]
    assert "no votes yet" in board.words()[0]


async def test_an_unknown_price_is_never_a_low_one(ai: ViralAI) -> None:
    experiment = await made(ai, arms=["ada", "embedded", "bob"])
    for slot in experiment.open_slots("human", "ann"):
        experiment.vote(experiment._pairs.id_of(slot, "human", "ann"), "tie", "ann")
    rows = {one.arm: one for one in experiment.leaderboard().standings}
    assert (rows["embedded"].cost_usd, rows["embedded"].pareto) == (0.0, True)
    assert (rows["ada"].cost_usd, rows["ada"].pareto) == (None, None)


async def test_a_verdict_of_arms_that_are_not_there_is_refused(ai: ViralAI) -> None:
    experiment = await made(ai)
    with pytest.raises(InvalidRequestError, match="no arm 'eve'"):
        experiment.verdict("ada", "eve")
    assert "no votes yet" in experiment.verdict("ada", "bob").words


@pytest.mark.parametrize("what", ["ratings", "wins", "cost", "progress"])
async def test_every_plot_draws_without_a_display_and_has_its_figures_behind_it(
    ai: ViralAI, what: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    arms = [{"name": f"{word} $a$ {NASTY} 狐", "provider": word} for word in ("ada", "embedded", "bob")]
    experiment = await made(ai, arms=arms)
    empty = experiment.plot(what)
    assert empty.png().startswith(b"\x89PNG")
    for slot in experiment.open_slots("human", "ann"):
        experiment.vote(experiment._pairs.id_of(slot, "human", "ann"), "left", "ann")
    plot = experiment.plot(what)
    assert len(plot.table) > 0
    bundle = plot._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "image/png"}
    assert "<script" not in bundle["text/html"]
    assert plot.summary in repr(plot)


async def test_a_plot_that_is_not_there_is_refused(ai: ViralAI, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = await made(ai)
    with pytest.raises(InvalidRequestError, match="no plot 'pie'"):
        experiment.plot("pie")  # type: ignore[arg-type]
    with pytest.raises(InvalidRequestError, match="two arms"):
        experiment.plot("progress", "ada")
    assert "ada" in experiment.plot("progress", "bob", "ada").title
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ConfigurationError, match="matplotlib"):
        experiment.plot("ratings")


# --- report ----------------------------------------------------------------------------------------------------------------------


class Reader(HTMLParser):
    """What a browser would find in a page: elements, addresses, and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.handlers: list[str] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for key, value in attrs if key in ("src", "href", "srcset", "action", "data")]
        self.handlers += [key for key, _ in attrs if key.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.words += data


async def test_the_report_is_one_file_that_runs_and_fetches_nothing(
    ai: ViralAI, writers: Writers, tmp_path: Path
) -> None:
    def act(name: str, prompt: str) -> None:
        if name == "cyd":
            raise ProviderUnavailableError(f"down {NASTY}")

    writers.act = act
    arms = [{"name": f"ada {NASTY}", "provider": "ada"}, "bob", "cyd"]
    prompts = [f"{NASTY} {number}" for number in range(8)]
    experiment = await made(ai, f"nasty {NASTY.split()[0]}", arms=arms, prompts=prompts)
    for slot in experiment.open_slots("human", f"ann {NASTY}"):
        experiment.vote(experiment._pairs.id_of(slot, "human", f"ann {NASTY}"), "left", f"ann {NASTY}", 2.0)
    path = experiment.report(tmp_path / "report.html")
    page = path.read_text("utf-8")
    read = Reader(page)
    assert "script" not in read.tags
    assert read.handlers == []
    assert all(address.startswith("data:image/") for address in read.addresses)
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert "default-src 'none'" in page
    for told in (
        "Leaderboard",
        "ProviderUnavailableError",
        "votes of people",
        "were never shown because a side failed",
    ):
        assert told in read.words
    assert '"service": "text"' in read.words
    assert page.count("<img") >= 3


async def test_a_report_of_pictures_shows_them_small(home: Path, tmp_path: Path) -> None:
    arms = [{"provider": "embedded", "name": f"seed {seed}", "seed": seed} for seed in (1, 2)]
    ai = client({}, home)
    experiment = await made(
        ai, "pictures", service="image", arms=arms, prompts=["a fox", "a boat"], width=640, height=480
    )
    page = experiment.report(tmp_path / "report.html").read_text("utf-8")
    assert page.count("data:image/") == 4 + page.count("<figure")
    assert len(page) < 400_000


# --- judges ----------------------------------------------------------------------------------------------------------------------


@dataclass
class Said:
    choice: str
    reason: str = "because"
    cost_usd: float | None = 0.01
    flipped: bool = False


class Judge:
    """Prefers ada, flips on the first prompt, and stumbles on the second."""

    name = "strict"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.error: Exception | None = ProviderUnavailableError("down.")

    async def compare(self, prompt: str, left: Any, right: Any) -> Said:
        self.asked.append(prompt)
        if prompt == "prompt 0":
            return Said("left", flipped=True, cost_usd=None)
        if prompt == "prompt 1" and self.error is not None:
            raise self.error
        best = min((left.text, right.text))
        return Said("left" if left.text == best else "right")


async def test_a_judges_votes_stand_apart_from_peoples(ai: ViralAI, tmp_path: Path) -> None:
    experiment = await made(ai)
    vote(experiment, "ann")
    before = experiment.leaderboard().standings
    judge = Judge()
    summary = await experiment.judge(judge)
    assert (summary.votes, summary.flipped, len(summary.failures), summary.cost_unknown) == (33, 3, 3, 3)
    assert summary.cost_usd == pytest.approx(0.30)
    assert summary.agreement is not None
    assert "of 33 items" in summary.agreement.words or "agree with people" in summary.agreement.words
    assert experiment.leaderboard().standings == before
    assert experiment.leaderboard().judges is not None
    assert {one.choice for one in experiment.judgements(("judge",)) if one.prompt == "p001"} == {"abstain"}
    (record, *_) = experiment.votes(("judge",))
    assert (record.rater, record.reason) == ("strict", "because")
    judge.error = None
    again = await experiment.judge(judge)
    assert (again.votes, again.failures) == (3, [])
    assert len(judge.asked) == 39
    assert "What judges say" in experiment.report(tmp_path / "r.html").read_text()
    assert "strict" in summary._repr_mimebundle_()["text/plain"]


async def test_a_judge_stops_at_the_budget_and_at_its_limit(ai: ViralAI) -> None:
    experiment = await made(ai)
    judge = Judge()
    assert (await experiment.judge(judge, limit=5, concurrency=1, name="short")).judge == "short"
    assert len(judge.asked) == 5
    judge.error = BudgetExceededError("too dear.")
    with pytest.raises(BudgetExceededError):
        await experiment.judge(judge)
    judge.error = RuntimeError("somebody's code")
    assert "RuntimeError" in (await experiment.judge(judge)).failures[0]
    for wrong in ({"limit": 0}, {"concurrency": 0}):
        with pytest.raises(InvalidRequestError):
            await experiment.judge(judge, **wrong)  # type: ignore[arg-type]


async def test_a_text_provider_judges_an_experiment(sim: Any, home: Path) -> None:
    from viralai_sdk.compare.judges import Judge as TextJudge

    ai = client(config(sim), home)
    experiment = await made(ai, arms=["embedded", {"provider": "embedded", "name": "other", "template": "{prompt}!"}])
    judge = TextJudge(ai.manager, service="text", provider="openai")
    summary = await experiment.judge(judge, limit=3)
    assert (summary.judge, summary.votes, summary.failures) == ("judge:openai", 3, [])
    assert len(sim.log) == 6
    assert {record.rater_kind for record in experiment.votes()} == {"judge"}
    assert experiment.judgements() == []


async def test_pairs_are_masked_for_real_in_all_that_people_see(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.compare.experiment.test_voting import everything
    from viralai_sdk.compare import masking, pairs

    monkeypatch.setattr(pairs, "mask", masking.mask)
    arms = [{"provider": "embedded", "name": f"arm number {seed}", "seed": seed} for seed in (1, 2)]
    ai = client({}, home)
    experiment = await made(ai, "pictures", service="image", arms=arms, prompts=["a fox"], width=256, height=256)
    pair = experiment.next_pair("ann")
    assert pair is not None
    assert pair.left.media_type == pair.right.media_type == "image/jpeg"
    told = "\n".join(everything(pair))
    assert [sign for sign in ("arm number", "embedded", "outputs", "session_", "call_") if sign in told] == []


async def test_a_vote_by_a_record_of_another_time_counts_like_any(ai: ViralAI) -> None:
    experiment = await made(ai)
    record = VoteRecord(new_id("vote"), "pair_x", "p001", "ada", "bob", 0, "left", "ann")
    assert experiment._ballot.cast(record).judgement.winner == "ada"
    assert experiment.progress("ann").votes == 1


async def test_what_is_no_judge_is_refused_and_a_price_that_is_none_is_unknown(ai: ViralAI) -> None:
    experiment = await made(ai)
    with pytest.raises(InvalidRequestError, match="a str is no judge"):
        await experiment.judge("openai")  # type: ignore[arg-type]

    class Odd(Judge):
        async def compare(self, prompt: str, left: Any, right: Any) -> Said:
            return Said("left", cost_usd=float("nan"))

    summary = await experiment.judge(Odd(), limit=2)
    assert (summary.votes, summary.cost_usd, summary.cost_unknown) == (2, 0.0, 2)


async def test_a_judge_in_two_kernels_is_not_paid_for_what_it_has_said(ai: ViralAI, home: Path) -> None:
    experiment = await made(ai)
    began, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Judge):
        async def compare(self, prompt: str, left: Any, right: Any) -> Said:
            self.asked.append(prompt)
            began.set()
            await go_on.wait()
            return Said("left")

    slow, quick = Slow(), Judge()
    quick.error = None
    task = asyncio.create_task(experiment.judge(slow, concurrency=1))
    await began.wait()
    assert (await client({}, home).experiment("first").judge(quick)).votes == 36
    go_on.set()
    summary = await task
    assert len(slow.asked) == 1
    assert summary.votes == 0
