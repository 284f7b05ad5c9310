"""Judges: a text provider looks at two results and says which is better, twice, with the sides changed.

A judge is as blind as people are: it gets masked results under the names A and B. It is known to prefer a side, long answers and its own
kind; the first shows as a verdict that changes with the order, which counts for nothing, the last as `own_work`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from viralai_sdk.compare.ballot import Choice, Judgement
from viralai_sdk.compare.decode.films import contact_sheet
from viralai_sdk.compare.judge_report import JudgeReport
from viralai_sdk.compare.judge_wording import SYSTEM, question
from viralai_sdk.compare.masking import mask
from viralai_sdk.compare.rubrics import Rubric, RubricLike
from viralai_sdk.compare.rubrics import rubric as read_rubric
from viralai_sdk.helpers.text import TextHelper
from viralai_sdk.interfaces.errors import (
    AIError,
    ContentPolicyError,
    EmptyResultError,
    InvalidRequestError,
    MalformedResponseError,
    UnsupportedCapabilityError,
)
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, service_type
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.interfaces.text import TextGenerationResponse
from viralai_sdk.interfaces.video import VideoGenerationResponse
from viralai_sdk.services.manager import AIServiceManager

Abstention = Literal["flipped", "refused", "malformed"]
_NO_VOTE: tuple[tuple[type[AIError], Abstention], ...] = (
    (ContentPolicyError, "refused"),
    (MalformedResponseError, "malformed"),
    (EmptyResultError, "malformed"),
)
"""Failures that are an answer of the judge's kind: no vote, and no reason to stop."""


class Answer(BaseModel):
    """What a judge is asked to give. The reason comes first, so that the choice follows from it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(description="Two or three sentences that name what decided.")
    choice: Literal["A", "B", "tie", "both_bad"] = Field(
        description="The better candidate; tie when both are good and alike; both_bad when neither can be used."
    )


@dataclass(frozen=True, slots=True)
class Look:
    """One call of the judge: which side was shown as A, and what it said.

    Attributes:
        first: which side was candidate A.
        choice: in terms of left and right; "abstain" when there was no answer that counts.
        error: why there was none.
        cost_usd: price of the call; None when it is not known.
    """

    first: Literal["left", "right"]
    choice: Choice
    reason: str = ""
    error: AIError | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class JudgeVerdict:
    """What a judge says of a pair after looking in both orders.

    Attributes:
        choice: left, right, tie or both_bad when both orders agree, else abstain.
        reason: the judge's own words, or why it abstains.
        flipped: the answer changed with the order.
        abstention: flipped, refused or malformed; None when it voted.
        cost_usd: sum of the known prices; None when none is known.
        cost_unknown: calls whose price is not known.
        calls: calls made.
        raw: the looks, in order.
        own_work: the judge's provider made one of the two and not the other, which judges are known to favour.
    """

    choice: Choice
    reason: str
    flipped: bool
    cost_usd: float | None
    calls: int
    raw: tuple[Look, ...]
    abstention: Abstention | None = None
    cost_unknown: int = 0
    own_work: bool = False

    def judgement(self, left: str, right: str, *, prompt: str = "", rater: str = "judge") -> Judgement:
        """As a vote for the statistics; its kind is "judge", so it is never mixed with people's unless asked."""
        return Judgement(left, right, self.choice, prompt, rater, "judge")


@dataclass(frozen=True, slots=True)
class Case:
    """A pair to be judged: two results of one prompt and the arms that made them. `prompt` is the words, `prompt_id` the prompt's id."""

    prompt: str
    left: Response
    right: Response
    left_arm: str = "left"
    right_arm: str = "right"
    prompt_id: str = ""


class Judge:
    """A text provider that compares two results of a service by a rubric.

    Args:
        helper: the manager or text helper whose configuration, limits and budget hold.
        service: of the results: text, image or video. Pictures are shown to the model, films as a sheet of six frames.
        provider, model: who judges; None takes the default text provider. It has no fallback: two judges are not one.
        rubric: criteria: None for the service's own, a list of sentences, a YAML file or a `Rubric`.
        timeout: seconds for one call.
        parameters: more of `ai.text`, such as `temperature` or `max_tokens`.

    Raises:
        UnsupportedCapabilityError: speech. No text provider here takes sound, and a judge of transcripts would judge the words, which are
            the same for all arms; use people or `viralai_sdk.compare.metrics`.
        ConfigurationError: the rubric has no criteria, or there is no such service.
    """

    def __init__(
        self,
        helper: AIServiceManager | TextHelper,
        *,
        service: AIServiceType | str,
        provider: AIProvider | str | None = None,
        model: str | None = None,
        rubric: RubricLike = None,
        timeout: float | None = None,
        **parameters: Any,
    ) -> None:
        self.service = service_type(service)
        if self.service is AIServiceType.SPEECH_SYNTHESIS:
            raise UnsupportedCapabilityError(
                "speech cannot be judged by a text provider: none takes sound, and the words are the same for all arms.",
                service=self.service.value,
                hint="Let people vote, or compare viralai_sdk.compare.metrics.",
            )
        self.rubric: Rubric = read_rubric(rubric, self.service)
        self._text = helper if isinstance(helper, TextHelper) else TextHelper(helper)
        self._tail = {"provider": provider, "model": model, "timeout": timeout, **parameters}
        spec = provider.value if isinstance(provider, AIProvider) else provider
        self.name = "judge:" + ":".join(str(part) for part in (spec or "default", model) if part)

    def __repr__(self) -> str:
        return f"Judge({self.name!r}, service={self.service.short!r}, rubric={self.rubric.name!r})"

    async def compare(self, prompt: str, left: Response, right: Response) -> JudgeVerdict:
        """Compare two results of a prompt, in both orders at once.

        Returns:
            A verdict. A refusal or an answer that cannot be read is an abstention with its reason, never a vote.

        Raises:
            InvalidRequestError: a result is of another service.
            UnsupportedCapabilityError: the judge is an embedded engine, which works by rules, or its model takes no pictures.
            AIError: the judge could not be asked (key, network, budget). What the other call cost is in the
                journal.
        """
        sides = await asyncio.gather(*(asyncio.to_thread(self._shown, side) for side in (left, right)))
        looks, providers = [], set()
        answers = await asyncio.gather(
            self._ask(prompt, sides[0], sides[1]), self._ask(prompt, sides[1], sides[0]), return_exceptions=True
        )
        for first, answer in zip(("left", "right"), answers, strict=True):
            looks.append(_look("left" if first == "left" else "right", answer))
            if isinstance(answer, TextGenerationResponse):
                providers.add(answer.provider_used)
        own = {left.provider_used, right.provider_used}
        return _verdict(tuple(looks), own_work=len(own) == 2 and bool(own & providers))

    async def many(self, cases: Iterable[Case], *, concurrency: int = 4) -> JudgeReport:
        """Judge many pairs, at most `concurrency` at once. A pair that could not be judged is in `failures`; the others are kept.

        Raises:
            InvalidRequestError: `concurrency` below 1.
        """
        if type(concurrency) is not int or concurrency < 1:
            raise InvalidRequestError(f"concurrency must be 1 or more, not {concurrency!r}.")
        gate = asyncio.Semaphore(concurrency)

        async def one(case: Case) -> JudgeVerdict | AIError:
            async with gate:
                try:
                    return await self.compare(case.prompt, case.left, case.right)
                except AIError as error:
                    return error

        given = list(cases)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(case)) for case in given]
        report = JudgeReport(self.name)
        for case, task in zip(given, tasks, strict=True):
            found = task.result()
            if isinstance(found, AIError):
                report.fail(case.left_arm, case.right_arm, found, prompt=case.prompt_id)
            else:
                report.add(found, case.left_arm, case.right_arm, prompt=case.prompt_id)
        return report

    def _shown(self, response: Response) -> str | bytes:
        """A candidate as the judge sees it: a text, or the bytes of a picture without its origin."""
        if isinstance(response, VideoGenerationResponse) and self.service is AIServiceType.VIDEO_GENERATION:
            if response.video_path is None:
                raise EmptyResultError("the film is not there yet.", hint="Wait for its job first.")
            return contact_sheet(Path(response.video_path))
        masked = mask(response, side=1024)
        expected = "text/plain" if self.service is AIServiceType.TEXT_GENERATION else "image/jpeg"
        if masked.media_type != expected:
            raise InvalidRequestError(f"a judge of {self.service.short} cannot judge {masked.media_type}.")
        shown = masked.text if masked.data is None else masked.data
        return shown or ""

    async def _ask(self, prompt: str, first: str | bytes, second: str | bytes) -> TextGenerationResponse:
        texts = (first, second) if isinstance(first, str) and isinstance(second, str) else None
        pictures = [part for part in (first, second) if isinstance(part, bytes)]
        return await self._text(
            question(self.service, self.rubric, prompt, texts),
            system=SYSTEM,
            images=pictures or None,
            schema=Answer,
            fallback=False,
            **self._tail,
        )


def _look(first: Literal["left", "right"], answer: TextGenerationResponse | BaseException) -> Look:
    """One answer in terms of left and right.

    Raises:
        BaseException: the call failed in a way that is no answer.
    """
    if isinstance(answer, TextGenerationResponse):
        if not answer.is_model:
            raise UnsupportedCapabilityError(
                f"{answer.provider_used} works by rules and understands nothing: its verdict would be made up.",
                provider=answer.provider_used,
                hint="Name a text provider with a model as the judge.",
            )
        said = answer.parsed
        assert isinstance(said, Answer)
        second: Literal["left", "right"] = "right" if first == "left" else "left"
        meant: Mapping[str, Choice] = {"A": first, "B": second, "tie": "tie", "both_bad": "both_bad"}
        return Look(first, meant[said.choice], said.reason, cost_usd=answer.cost_usd)
    if isinstance(answer, AIError) and isinstance(answer, tuple(kind for kind, _ in _NO_VOTE)):
        return Look(first, "abstain", error=answer, cost_usd=0.0 if answer.billed == "no" else None)
    raise answer


def _verdict(looks: tuple[Look, ...], *, own_work: bool) -> JudgeVerdict:
    known = [look.cost_usd for look in looks if look.cost_usd is not None]
    choice: Choice
    abstention: Abstention | None = None
    if failed := [look for look in looks if look.error is not None]:
        error = failed[0].error
        choice, abstention = "abstain", next(word for kind, word in _NO_VOTE if isinstance(error, kind))
        reason = f"{type(error).__name__}: {error}"
    elif len({look.choice for look in looks}) > 1:
        choice, abstention = "abstain", "flipped"
        reason = "The answer changed with the order: " + ", then ".join(look.choice for look in looks) + "."
    else:
        choice, reason = looks[0].choice, looks[0].reason
    return JudgeVerdict(
        choice,
        reason,
        abstention == "flipped",
        sum(known) if known else None,
        len(looks),
        looks,
        abstention,
        len(looks) - len(known),
        own_work,
    )
