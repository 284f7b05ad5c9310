"""Judges vote over an experiment as raters of their own kind: the same blind pairs, the same ballot, never mixed with people unasked."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from viralai_sdk.compare.statistics import Agreement, judge_agreement
from viralai_sdk.compare.votes import is_amount
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import AIError, BudgetExceededError, InvalidRequestError, StorageError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.services.closing import finished
from viralai_sdk.services.runner import unexpected

if TYPE_CHECKING:
    from viralai_sdk.compare.design import Slot
    from viralai_sdk.compare.experiment import Experiment
    from viralai_sdk.interfaces.responses import Response

log = logging.getLogger(__name__)


class Opinion(Protocol):
    """What a judge says of a pair; `viralai_sdk.compare.judges.JudgeVerdict` is one."""

    @property
    def choice(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def cost_usd(self) -> float | None: ...
    @property
    def flipped(self) -> bool: ...


class Compares(Protocol):
    """A judge: asked for an opinion on two results of one prompt, without being told who made them."""

    async def compare(self, prompt: str, left: Any, right: Any) -> Opinion: ...


@dataclass(slots=True)
class JudgeSummary:
    """What a judge did.

    Attributes:
        votes: pairs judged now; `flipped` of them are abstentions, because the answer changed with the order.
        failures: pairs on which it gave no answer, by error; they are asked again next time.
        cost_usd: sum of the known costs; `cost_unknown` judgements are not in it.
        agreement: with people, over all votes of the experiment.
    """

    judge: str
    votes: int = 0
    flipped: int = 0
    failures: list[str] = field(default_factory=list)
    cost_usd: float = 0.0
    cost_unknown: int = 0
    agreement: Agreement | None = None

    def table(self) -> Table:
        """The figures as a table of one row."""
        row = {
            "judge": self.judge,
            "votes": self.votes,
            "flipped with the order": self.flipped,
            "failures": len(self.failures),
            "cost": dollars(self.cost_usd),
            "price unknown": self.cost_unknown,
            "agreement with people": self.agreement.words if self.agreement else "",
        }
        return Table([row], caption="Judged")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return self.table()._repr_mimebundle_(include, exclude)


async def judge_pairs(
    experiment: Experiment, judge: Compares, *, name: str | None, limit: int | None, concurrency: int
) -> JudgeSummary:
    """Let a judge vote on the pairs it has not voted on; see `Experiment.judge`."""
    for what, value in (("concurrency", concurrency), ("limit", 1 if limit is None else limit)):
        if type(value) is not int or value < 1:
            raise InvalidRequestError(f"{what} must be 1 or more, not {value!r}.")
    if not callable(getattr(judge, "compare", None)):
        raise InvalidRequestError(
            f"a {type(judge).__name__} is no judge.",
            hint="Give a Judge(ai.manager, service=…, provider=…), see compare.judges.",
        )
    rater = str(name or getattr(judge, "name", None) or type(judge).__name__)
    summary = JudgeSummary(rater)
    slots = iter(experiment.open_slots("judge", rater, limit))
    stop: list[AIError] = []

    async def work() -> None:
        for slot in slots:
            if stop:
                return
            try:
                await _judge_one(experiment, judge, rater, slot, summary)
            except (BudgetExceededError, StorageError) as error:
                stop.append(error)
            except Exception as error:  # a judge may be anybody's code; it fails on this pair, not on the others
                log.debug("judge %s failed", rater, exc_info=True)
                summary.failures.append(str(unexpected(error)))

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    if stop:
        raise stop[0]
    judgements = experiment.judgements(("human", "judge"))
    summary.agreement = judge_agreement([one for one in judgements if one.kind == "human" or one.rater == rater])
    return summary


async def _judge_one(experiment: Experiment, judge: Compares, rater: str, slot: Slot, summary: JudgeSummary) -> None:
    pair_id, words, left, right = experiment.uncovered(slot, "judge", rater)
    if experiment.reveal(pair_id, rater, kind="judge") is not None:
        return  # another kernel lets the same judge vote: it need not be paid for twice
    opinion = await judge.compare(words, _result(left), _result(right))
    chosen = "abstain" if opinion.flipped else opinion.choice
    cost = opinion.cost_usd if is_amount(opinion.cost_usd) else None
    details = {"reason": opinion.reason, "cost_usd": cost, "flipped": opinion.flipped}
    # Bringing the vote to disk must not be cut off by an interrupted cell: the judgement is paid for.
    await finished(partial(experiment.cast, pair_id, chosen, rater, kind="judge", **details))
    summary.votes += 1
    summary.flipped += opinion.flipped
    summary.cost_usd += cost or 0.0
    summary.cost_unknown += cost is None


def _result(response: Response | None) -> Response:
    assert response is not None, "open slots have two results"
    return response
