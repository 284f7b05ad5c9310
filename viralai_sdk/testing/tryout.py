"""One real call of every provider's every service: does it work, how long does it take, and what came of it?"""

from __future__ import annotations

import asyncio
import datetime
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viralai_sdk.client import ViralAI
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.service import AIService
from viralai_sdk.providers import registry
from viralai_sdk.testing.case import AIProviderTestCase
from viralai_sdk.testing.interface import media_fact
from viralai_sdk.testing.report import Report
from viralai_sdk.testing.samples import SUBJECTS
from viralai_sdk.testing.shared import SPEED

if TYPE_CHECKING:
    from viralai_sdk.simulator import Simulator

AT_ONCE = 6
"""Calls under way at once: jobs are mostly waited for."""

Pair = tuple[str, AIServiceType]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one provider's service.

    Attributes:
        fact: what the result really holds: pixels, seconds, voices, first words; or why there is none.
        cost_usd: price of the call, None when unknown.
    """

    provider: str
    service: str
    ok: bool
    seconds: float
    fact: str
    model: str | None = None
    cost_usd: float | None = None
    report: Report | None = None

    def row(self) -> dict[str, Any]:
        """As plain values."""
        plain = {
            name: getattr(self, name) for name in ("provider", "service", "ok", "seconds", "fact", "model", "cost_usd")
        }
        plain["seconds"] = round(self.seconds, 3)
        if self.report is not None:
            plain["checks"] = [
                {"group": check.group, "name": check.name, "ok": check.ok, "detail": check.detail}
                for check in self.report.checks
            ]
        return plain

    def __str__(self) -> str:
        words = f"{self.provider:<12} {self.service:<7} {'ok' if self.ok else 'FAILED':<7} {self.seconds:6.2f} s  {self.fact}"
        if self.report is None:
            return words
        good = sum(check.ok for check in self.report.checks)
        lines = [
            f"{words}; {good} of {len(self.report.checks)} checks ok",
            *(f"    {check}" for check in self.report.failed),
        ]
        return "\n".join(lines)


@contextmanager
def simulated(names: Sequence[str] = ()) -> Iterator[tuple[ViralAI, list[Pair], list[str]]]:
    """A client whose vendors are all simulated: the client, the pairs it can try, and the providers that nobody plays.

    Its files are gone when the block ends.

    Raises:
        ConfigurationError: an unknown provider, or the simulator is not installed.
    """
    try:
        from viralai_sdk.simulator import Simulator, SimulatorConfig
        from viralai_sdk.simulator.settings import configuration, players
    except ImportError as error:
        from viralai_sdk.interfaces.errors import ConfigurationError

        raise ConfigurationError(
            f"the simulator needs {error.name}, which is not installed.", hint='pip install "viralai-sdk[sim]"'
        ) from error
    chosen = _chosen(names)
    with (
        Simulator(SimulatorConfig(speed=SPEED)) as sim,
        tempfile.TemporaryDirectory(prefix="viralai-try-", ignore_cleanup_errors=True) as home,
    ):
        known = {
            name: block for name, block in configuration(sim.origin, sim.key)["providers"].items() if name in chosen
        }
        ai = ViralAI({"providers": known}, home=home, progress=False, today=lambda: _date(sim))
        with closing(ai.runtime):
            able = {name for name in chosen if name in players() or registry.spec_of(name).embedded}
            pairs = [(name, kind) for name in chosen if name in able for kind in registry.services_of(name)]
            yield ai, pairs, [name for name in chosen if name not in able]


def configured(ai: ViralAI, names: Sequence[str] = ()) -> list[Pair]:
    """What the user's own configuration and keys can call."""
    return [
        (name, kind)
        for name in _chosen(names)
        for kind in registry.services_of(name)
        if ai.runtime.factory.configured(kind, name)
    ]


def _chosen(names: Sequence[str]) -> list[str]:
    return [registry.resolve(name) for name in names] or registry.all_names()


def _date(sim: Simulator) -> datetime.date:
    return datetime.datetime.fromtimestamp(sim.clock.now(), datetime.UTC).date()


async def try_all(
    ai: ViralAI,
    pairs: Sequence[Pair],
    *,
    full: bool = False,
    live: bool = False,
    tell: Callable[[Tried], None] | None = None,
) -> list[Tried]:
    """Try every pair once.

    Args:
        full: run all checks of `AIProviderTestCase` too, where the call succeeded.
        live: the vendors are real, so the checks spare what costs money.
        tell: told each outcome as it comes.

    Returns:
        The outcomes in the order of the pairs.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(pair: Pair) -> Tried:
        async with gate:
            outcome = await try_one(ai, *pair, full=full, live=live)
        if tell is not None:
            tell(outcome)
        return outcome

    return list(await asyncio.gather(*map(one, pairs)))


async def try_one(ai: ViralAI, name: str, kind: AIServiceType, *, full: bool = False, live: bool = False) -> Tried:
    """Call one service of one provider."""
    begun = time.perf_counter()
    try:
        model = ai.runtime.factory.service(kind, name).trial_model() if live else None
        response = await getattr(ai, kind.short)(SUBJECTS[kind], provider=name, model=model, fallback=False)
        fact = media_fact(response)
        if kind is AIServiceType.SPEECH_SYNTHESIS:
            fact += f", {len(await ai.speech.voices(name))} voices"
    except AIError as error:
        return Tried(name, kind.short, False, time.perf_counter() - begun, f"{type(error).__name__}: {error}")
    took = time.perf_counter() - begun
    report = await _full(ai, ai.runtime.factory.service(kind, name), live) if full else None
    ok = report is None or report.ok
    return Tried(name, kind.short, ok, took, fact, response.model_used, response.cost_usd, report)


async def _full(ai: ViralAI, service: AIService, live: bool) -> Report:
    case = AIProviderTestCase()
    case.live, case.today = live, ai.runtime.today
    return await case.run(service)
