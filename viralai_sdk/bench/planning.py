"""From parameters to a plan: everything that can be known to be wrong is said before the first call."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.bench import parameters as given
from viralai_sdk.bench.parameters import MAX_CALLS, Parameters
from viralai_sdk.bench.prompts import Prompt, prompts_of
from viralai_sdk.bench.schedule import Slot, schedule
from viralai_sdk.compare.arms import Arm, arms
from viralai_sdk.interfaces.display.markup import Html, lines
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.names import service_type
from viralai_sdk.providers import registry

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

STREAMS = ("text", "image", "speech")


@dataclass(frozen=True)
class BenchmarkPlan:
    """What a run will do. Nothing has been sent to make it.

    Attributes:
        parameters: as they were given and checked.
        slots: every call in order.
        prices: (arm, prompt id) → expected USD of one call, None when unknown.
        models: arm → model that will be asked, None when the provider chooses.
        notes: what the run will not do exactly as one might think.
    """

    parameters: Parameters
    arms: tuple[Arm, ...]
    prompts: tuple[Prompt, ...]
    slots: tuple[Slot, ...]
    prices: dict[tuple[str, str], float | None]
    models: dict[str, str | None]
    notes: tuple[str, ...] = ()
    providers: dict[str, str] = field(default_factory=dict)
    """arm → provider's plain name."""

    @property
    def service(self) -> str:
        """text, image, video or speech."""
        return self.parameters.service

    @property
    def cost_usd(self) -> float:
        """What all calls are expected to cost, as far as prices are known."""
        return sum(self.prices[slot.arm.name, slot.prompt.id] or 0.0 for slot in self.slots)

    @property
    def cost_unknown(self) -> int:
        """Calls whose price is not known."""
        return sum(self.prices[slot.arm.name, slot.prompt.id] is None for slot in self.slots)

    @property
    def fingerprint(self) -> str:
        """16 hex digits: a run may be taken up again only under the same plan."""
        said = [self.parameters.recorded(), [[prompt.id, prompt.words] for prompt in self.prompts]]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=repr).encode()).hexdigest()[:16]

    def table(self) -> Table:
        """One line an arm: calls and expected cost."""
        rows = []
        for arm in self.arms:
            mine = [slot for slot in self.slots if slot.arm.name == arm.name]
            prices = [self.prices[arm.name, slot.prompt.id] for slot in mine]
            known = sum(price or 0.0 for price in prices)
            unknown = prices.count(None)
            cost = dollars(known) + (f", {unknown} unknown" if unknown else "")
            rows.append(
                {
                    "arm": arm.name,
                    "provider": self.providers[arm.name],
                    "model": self.models[arm.name] or "",
                    "calls": len(mine),
                    "of them warm-up": sum(slot.phase == "warm_up" for slot in mine),
                    "expected cost": cost if unknown < len(prices) else "unknown",
                }
            )
        return Table(rows, caption=f"Plan of a benchmark of {self.service}: nothing was sent")

    def __repr__(self) -> str:
        return "\n".join([repr(self.table()), *self.notes])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        told = self.table()._repr_mimebundle_(include, exclude)
        return {"text/plain": repr(self), "text/html": str(Html(told["text/html"] + lines(self.notes)))}


def plan(service: str, *, ai: ViralAI | None = None, **parameters: Any) -> BenchmarkPlan:
    """Check everything and lay out the run.

    Args:
        service: text, image, video or speech.
        ai: whose configuration counts; None looks for it as `ViralAI()` does, or takes the simulator's with `simulate`.
        parameters: see `Parameters`.

    Raises:
        InvalidRequestError: a parameter, a prompt or the budget is wrong; one line says which and why.
        ConfigurationError: an unknown provider, or one without its key or without this service.
    """
    settings = given.read({"service": service, **parameters})
    return plan_of(settings, ai)


def plan_of(settings: Parameters, ai: ViralAI | None = None) -> BenchmarkPlan:
    """The same for parameters that were read already."""
    if not settings.concurrency and not settings.rate:
        raise InvalidRequestError(
            "neither a concurrency nor a rate is given: nothing would be measured.", hint="Give concurrency=[1]."
        )
    if settings.stream and settings.service not in STREAMS:
        raise InvalidRequestError(f"stream: {settings.service} does not come in pieces.")
    prompts = prompts_of(settings.prompts, settings.prompts_file)
    chosen = arms(_crossed(settings))
    calls = len(chosen) * (settings.warm_up + len(prompts) * settings.repeats * _passes(settings))
    if calls > MAX_CALLS:
        raise InvalidRequestError(f"the plan has {calls:,} calls; the limit is {MAX_CALLS:,}.")
    slots = schedule(
        chosen,
        prompts,
        repeats=settings.repeats,
        levels=settings.concurrency,
        warm_up=settings.warm_up,
        rate=settings.rate,
    )
    with contextlib.ExitStack() as stack:
        judge = ai or stack.enter_context(_planner(settings))
        models, prices = _priced(judge, settings, chosen, prompts)
        found = BenchmarkPlan(
            settings,
            chosen,
            prompts,
            slots,
            prices,
            models,
            tuple(_notes(judge, settings, chosen, prompts)),
            {one.name: _provider(one, settings.service) for one in chosen},
        )
        for name in settings.chain:
            registry.resolve(name.partition(":")[0], service_type(settings.service))
    _affordable(found)
    return found


def without_chain(found: BenchmarkPlan) -> BenchmarkPlan:
    """The same calls with every provider on its own, in a folder beside: what a fallback chain is compared with."""
    told = found.parameters
    out = str(Path(told.out) / "alone") if told.out else ""
    again = told.resume and bool(out) and Path(out).is_dir()
    return plan_of(told.model_copy(update={"fallback": False, "chain": [], "out": out, "resume": again}))


def _passes(settings: Parameters) -> int:
    return len(settings.concurrency) + bool(settings.rate)


def _crossed(settings: Parameters) -> Iterator[dict[str, Any]]:
    names = list(settings.vary)
    for provider in settings.providers:
        for values in itertools.product(*settings.vary.values()):
            own = dict(zip(names, values, strict=True))
            word = " ".join([provider, *(f"{name}={value}" for name, value in own.items())])
            yield {"name": word[:80], "provider": provider, "parameters": own}


def _provider(arm: Arm, service: str) -> str:
    return registry.resolve((arm.provider or "").partition(":")[0], service_type(service))


@contextlib.contextmanager
def _planner(settings: Parameters) -> Iterator[ViralAI]:
    from viralai_sdk.client import ViralAI

    if not settings.simulate:
        ai = ViralAI(progress=False)
    else:
        from viralai_sdk.bench.practice import NOWHERE, configuration, practice_day, rehearse

        rehearse(settings)
        ai = ViralAI(configuration(NOWHERE), progress=False, today=practice_day)
    try:
        yield ai
    finally:
        ai.runtime.close()


def _priced(
    ai: ViralAI, settings: Parameters, chosen: tuple[Arm, ...], prompts: tuple[Prompt, ...]
) -> tuple[dict[str, str | None], dict[tuple[str, str], float | None]]:
    """Ask the SDK's own planning for every arm and prompt. It refuses what the arm's provider would refuse."""
    models: dict[str, str | None] = {}
    prices: dict[tuple[str, str], float | None] = {}
    for one in chosen:
        _provider(one, settings.service)
        for prompt in prompts:
            asked = {**settings.settings, **one.parameters}
            route = ai.plan(settings.service, one.words(prompt.words), provider=one.provider, fallback=False, **asked)
            first = route.routes[0]
            if not first.ready:
                raise ConfigurationError(f"{one.name} cannot be measured: {first.problem}")
            models[one.name] = first.model
            prices[one.name, prompt.id] = first.price_usd
    return models, prices


def _notes(ai: ViralAI, settings: Parameters, chosen: tuple[Arm, ...], prompts: tuple[Prompt, ...]) -> Iterator[str]:
    calls = len(prompts) * settings.repeats
    for level in settings.concurrency:
        if calls < level:
            yield f"concurrency {level} is not reached: {calls} calls an arm are planned; raise repeats to {-(-level // len(prompts))}."
    for one in chosen:
        limit = ai.runtime.concurrency(_provider(one, settings.service))
        if limit is not None and any(level > limit for level in settings.concurrency):
            yield f"{one.name}: the configuration lets at most {limit} requests through at once (max_concurrency); more wait their turn."


def _affordable(found: BenchmarkPlan) -> None:
    budget = found.parameters.budget_usd
    if budget is not None and found.cost_usd > budget:
        raise InvalidRequestError(
            f"the plan is expected to cost {dollars(found.cost_usd)}, the budget is {dollars(budget)}.",
            hint="Raise the budget, or lower repeats, prompts or levels.",
        )


def day() -> str:
    """Today in UTC, for names of folders."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y%m%d_%H%M%S")
