"""Simulated vendors for benchmarks: no key, no bill, and a log of what the vendors themselves saw."""

from __future__ import annotations

import contextlib
import datetime
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from viralai_sdk.bench.extras import need
from viralai_sdk.bench.parameters import PRACTICE_LATENCY, Parameters
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.names import service_type
from viralai_sdk.providers import registry

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI
    from viralai_sdk.simulator import Recorded, Simulator

NOWHERE = "http://127.0.0.1:9"
"""Address of simulated vendors that are only planned with."""
START = 1_795_000_000.0
"""When the simulated vendors live, in seconds since 1970: which models are retired must not depend on the day of a benchmark."""
SPEED = 10.0
"""Films come so much faster than from the vendors; answers of one request are not affected."""


def practice_day() -> datetime.date:
    """The simulated vendors' date."""
    return datetime.datetime.fromtimestamp(START, datetime.UTC).date()


def rehearse(settings: Parameters) -> None:
    """Check the simulator's own parameters without starting it.

    Raises:
        ConfigurationError: the simulator is not installed, or plays none of a provider named.
        InvalidRequestError: a latency or fault is written wrongly.
    """
    rules, faults = need("viralai_sdk.simulator.settings", "sim"), need("viralai_sdk.simulator.faults", "sim")
    _misbehave(rules, faults.Faults(settings.seed), settings)
    played = rules.players()
    for spec in [*settings.providers, *settings.chain]:
        name = registry.resolve(spec.partition(":")[0], service_type(settings.service))
        if name not in played and not registry.spec_of(name).embedded:
            raise ConfigurationError(
                f"nobody simulates {name!r}.",
                hint=f"Simulated are {', '.join(sorted(played))}; others need a real run.",
            )


def configuration(origin: str, key: str = "sim-key") -> dict[str, Any]:
    """A configuration in which every simulated vendor lives at an address."""
    found: dict[str, Any] = need("viralai_sdk.simulator.settings", "sim").configuration(origin, key)
    return found


@contextlib.contextmanager
def simulated(settings: Parameters) -> Iterator[Simulator]:
    """Running simulated vendors with the benchmark's latencies and faults.

    Raises:
        ConfigurationError, InvalidRequestError: as `rehearse`.
    """
    package = need("viralai_sdk.simulator", "sim")
    sim: Simulator = package.Simulator(package.SimulatorConfig(start=START, speed=SPEED, seed=settings.seed))
    _misbehave(need("viralai_sdk.simulator.settings", "sim"), sim.faults, settings)
    with sim:
        yield sim


@contextlib.asynccontextmanager
async def practice(settings: Parameters) -> AsyncIterator[tuple[ViralAI, list[Recorded]]]:
    """A client of simulated vendors and the vendors' log. Its files are gone afterwards."""
    from viralai_sdk.client import ViralAI

    with (
        simulated(settings) as sim,
        tempfile.TemporaryDirectory(prefix="viralai-bench-", ignore_cleanup_errors=True) as home,
    ):
        ai: ViralAI = ViralAI(configuration(sim.origin, sim.key), home=home, progress=False, today=practice_day)
        try:
            yield ai, sim.log
        finally:
            await ai.aclose()


def _misbehave(rules: Any, faults: Any, settings: Parameters) -> None:
    try:
        for vendor, distribution in (settings.latency or PRACTICE_LATENCY).items():
            rules.add_latency(faults, f"{vendor}={distribution}")
        for place, some in settings.faults.items():
            for rule in some.split():
                rules.add_fault(faults, f"{place}={rule}")
    except ValueError as error:
        raise InvalidRequestError(f"{error}.") from error
