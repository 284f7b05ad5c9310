"""`ai.compare`: the same prompts at several arms, side by side."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.compare.arms import Arm, ArmLike
from viralai_sdk.compare.arms import arms as read_arms
from viralai_sdk.compare.cells import Cell, Value
from viralai_sdk.compare.comparison import Comparison
from viralai_sdk.compare.orders import Order, Prompts, orders_of, prompts_of
from viralai_sdk.compare.planning import ComparisonPlan, check_budget, plan_of
from viralai_sdk.compare.run import ComparisonRun
from viralai_sdk.interfaces.names import AIProvider, AIServiceType, service_type
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response
from viralai_sdk.services.manager import AIServiceManager

if TYPE_CHECKING:
    from viralai_sdk.compare.judges import Judge
    from viralai_sdk.compare.rubrics import RubricLike


class CompareHelper:
    """`await ai.compare.image("…", providers=["openai", "gemini", "comfyui"])`.

    Attributes:
        last: the latest run, None before the first. After an interrupted cell its `.comparison` holds what was finished.
    """

    def __init__(self, manager: AIServiceManager) -> None:
        self._manager = manager
        self._running: set[ComparisonRun] = set()
        self.last: ComparisonRun | None = None

    async def text(
        self,
        prompt: Prompts,
        providers: Iterable[ArmLike] | None = None,
        *,
        arms: Iterable[ArmLike] | None = None,
        repeats: int = 1,
        dry_run: bool = False,
        concurrency: int | None = None,
        measure: bool = True,
        **parameters: Any,
    ) -> Comparison:
        """Compare texts.

        Args:
            prompt: a text, a list of texts, or a mapping of ids to texts.
            providers, arms: the alternatives: providers, specs such as "openai:gpt-6-luna", mappings or `Arm`s, in either argument. An arm
                has no fallback: what stands in its column was made by it.
            repeats: how often each arm is asked each prompt. A seed goes up by one with each repeat.
            dry_run: give a `ComparisonPlan` with prices instead, and send nothing.
            concurrency: calls at once in all, shared fairly among providers; None takes four for each arm. A provider's own
                `max_concurrency` holds as well.
            measure: take the objective measurements of `viralai_sdk.compare.metrics`, in threads, into each cell's `.metrics`.
            parameters: as for `ai.text`, for all arms; an arm's own win.

        Returns:
            A `Comparison`. An arm that fails is a cell with its error.

        Raises:
            ConfigurationError: an arm names an unknown provider, or one without its key. Nothing was sent.
            InvalidRequestError: an arm's request cannot work anywhere. Nothing was sent.
            BudgetExceededError: the known prices together are more than the budget has left. Nothing was sent.
        """
        made: Comparison = await self._compare(
            "text", prompt, providers, arms, repeats, dry_run, concurrency, measure, parameters
        )
        return made

    async def image(
        self,
        prompt: Prompts,
        providers: Iterable[ArmLike] | None = None,
        *,
        arms: Iterable[ArmLike] | None = None,
        repeats: int = 1,
        dry_run: bool = False,
        concurrency: int | None = None,
        measure: bool = True,
        **parameters: Any,
    ) -> Comparison:
        """Compare pictures. As `text`, with the parameters of `ai.image`."""
        made: Comparison = await self._compare(
            "image", prompt, providers, arms, repeats, dry_run, concurrency, measure, parameters
        )
        return made

    async def video(
        self,
        prompt: Prompts,
        providers: Iterable[ArmLike] | None = None,
        *,
        arms: Iterable[ArmLike] | None = None,
        repeats: int = 1,
        dry_run: bool = False,
        concurrency: int | None = None,
        measure: bool = True,
        **parameters: Any,
    ) -> Comparison:
        """Compare films. As `text`, with the parameters of `ai.video`."""
        made: Comparison = await self._compare(
            "video", prompt, providers, arms, repeats, dry_run, concurrency, measure, parameters
        )
        return made

    async def speech(
        self,
        text: Prompts,
        providers: Iterable[ArmLike] | None = None,
        *,
        arms: Iterable[ArmLike] | None = None,
        repeats: int = 1,
        dry_run: bool = False,
        concurrency: int | None = None,
        measure: bool = True,
        **parameters: Any,
    ) -> Comparison:
        """Compare recordings. As `text`, with the parameters of `ai.speech`."""
        made: Comparison = await self._compare(
            "speech", text, providers, arms, repeats, dry_run, concurrency, measure, parameters
        )
        return made

    def plan(
        self,
        service: AIServiceType | str,
        prompt: Prompts,
        providers: Iterable[ArmLike] | None = None,
        *,
        arms: Iterable[ArmLike] | None = None,
        repeats: int = 1,
        **parameters: Any,
    ) -> ComparisonPlan:
        """What a comparison would do and cost; the same as `dry_run=True`. Nothing is sent. Raises as `text`, but for the budget."""
        kind = service_type(service)
        _, orders = self._orders(kind, prompt, providers, arms, repeats, parameters)
        return plan_of(self._manager, kind, orders)

    def start(
        self,
        service: AIServiceType | str,
        prompt: Prompts,
        providers: Iterable[ArmLike] | None = None,
        *,
        arms: Iterable[ArmLike] | None = None,
        repeats: int = 1,
        concurrency: int | None = None,
        measure: bool = True,
        done: Iterable[Cell] = (),
        **parameters: Any,
    ) -> ComparisonRun:
        """Start a comparison on the running event loop and come back at once.

        Args:
            done: cells of an earlier run; those with a result are taken over and not paid for again.

        Returns:
            The run: `.cells` to look at, `.subscribe(…)` to be told, `.cancel(…)` to stop; `await` it for the `Comparison`.

        Raises:
            As `text`; also ConfigurationError when no event loop is running.
        """
        kind = service_type(service)
        comparison, orders = self._orders(kind, prompt, providers, arms, repeats, parameters)
        kept = {cell.key: cell for cell in done if cell.ok}
        waiting = [order for order in orders if order.slot.key not in kept]
        budget = self._manager.runtime.config.budget
        if waiting and (budget.session_usd is not None or budget.call_usd is not None):
            session = waiting[0].session_id or self._manager.runtime.session_id
            check_budget(self._manager.runtime, plan_of(self._manager, kind, waiting), session)
        run = ComparisonRun(
            self._manager,
            comparison,
            orders,
            concurrency=concurrency,
            done=kept.values(),
            measure=functools.partial(_measure, kind) if measure else None,
        )
        self.last = run
        self._running.add(run)  # asyncio itself holds tasks only weakly
        run.when_done(self._running.discard)
        return run

    def load(self, path: str | Path) -> Comparison:
        """Read a saved comparison; its votes are those in the file and those in this project's journal, where new ones go as well.

        Raises:
            InvalidRequestError: it is no saved comparison, or broken.
            StorageError: it cannot be read.
        """
        from viralai_sdk.compare import saved

        return saved.load(path, self._manager.runtime.journal)

    def judge(
        self,
        service: AIServiceType | str,
        *,
        provider: AIProvider | str | None = None,
        model: str | None = None,
        rubric: RubricLike = None,
        timeout: float | None = None,
        **parameters: Any,
    ) -> Judge:
        """A text provider that judges pairs of a service's results, blind and in both orders: `await experiment.judge(judge)`.

        Args:
            provider, model, timeout: who judges; None takes the configured text provider.
            rubric: what counts: None for the service's own, a file's path, a text, or a list of criteria.
            parameters: further parameters of `ai.text`, such as `temperature` or `seed`.

        Raises:
            UnsupportedCapabilityError: speech cannot be judged by a text provider.
            InvalidRequestError: the rubric cannot be used.
        """
        from viralai_sdk.compare.judges import Judge

        return Judge(
            self._manager,
            service=service,
            provider=provider,
            model=model,
            rubric=rubric,
            timeout=timeout,
            **parameters,
        )

    async def _compare(
        self,
        service: str,
        prompt: Prompts,
        providers: Iterable[ArmLike] | None,
        arms: Iterable[ArmLike] | None,
        repeats: int,
        dry_run: bool,
        concurrency: int | None,
        measure: bool,
        parameters: Mapping[str, Any],
    ) -> Any:
        chosen = {"providers": providers, "arms": arms, "repeats": repeats, **parameters}
        if dry_run:
            return self.plan(service, prompt, **chosen)
        return await self.start(service, prompt, concurrency=concurrency, measure=measure, **chosen)

    def _orders(
        self,
        kind: AIServiceType,
        prompt: Prompts,
        providers: Iterable[ArmLike] | None,
        arms: Iterable[ArmLike] | None,
        repeats: int,
        parameters: Mapping[str, Any],
    ) -> tuple[Comparison, list[Order]]:
        chosen: tuple[Arm, ...] = read_arms([*_listed(providers), *_listed(arms)])
        prompts = prompts_of(prompt)
        orders = orders_of(self._manager, kind, chosen, prompts, repeats, parameters)
        journal = self._manager.runtime.journal
        return Comparison(kind, chosen, prompts, parameters=parameters, journal=journal), orders


def _measure(
    kind: AIServiceType, response: Response, request: Request, words: str
) -> tuple[dict[str, Value], Sequence[object]]:
    """Imported in the thread that measures: decoders are heavy, and a first import must not hold up the calls."""
    from viralai_sdk.compare.metrics import examine

    return examine(response, kind, prompt=words, request_parameters=request.to_dict())


def _listed(given: Iterable[ArmLike] | None) -> list[ArmLike]:
    """One alternative may be given without brackets."""
    if given is None:
        return []
    return [given] if isinstance(given, (str, Mapping, Arm, AIProvider)) else list(given)
