"""Taking the objective measurements of cells: off the event loop, two at a time, and never at the price of a result."""

from __future__ import annotations

import asyncio
import functools
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from viralai_sdk.compare.cells import Cell, Value
from viralai_sdk.compare.own_thread import in_own_thread
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.records import CallWarning
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.interfaces.responses import Response

AT_ONCE = 2
"""Results measured at once: decoding films on every core would slow down the engines of this process, and with them what is compared."""
SECONDS = 120.0
"""Measuring a result may take so long. Once one took longer, so that something hangs, the others get a tenth of it."""

Measure: TypeAlias = Callable[[Response, Request, str], tuple[dict[str, Value], Sequence[object]]]
"""Measures the response to a request with these words: values by name, and why others are missing. Called in a thread."""


class Measuring:
    """Measures the cells of one run."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._patience = SECONDS

    async def __call__(self, cell: Cell, request: Request) -> None:
        """Fill a cell's metrics; what could not be measured is a warning of its response."""
        response = cell.response
        if response is None:
            return
        async with self._gate:
            problems = await self._measured(cell, functools.partial(self._measure, response, request, cell.words))
        if problems:
            told = f"not measured: {'; '.join(str(problem) for problem in problems)}"
            response.warnings = [*response.warnings, CallWarning(kind="other", parameter="metrics", message=told)]

    async def _measured(
        self, cell: Cell, measure: Callable[[], tuple[dict[str, Value], Sequence[object]]]
    ) -> Sequence[object]:
        try:
            async with asyncio.timeout(self._patience):
                cell.metrics, problems = await in_own_thread(measure)
        except TimeoutError:
            told = f"it took longer than {self._patience:g} s"
            self._patience = min(self._patience, SECONDS / 10)
            return [told]
        except Exception as error:  # a metric may be anybody's code; it must not cost a result that is paid for
            return [f"{type(error).__name__}: {error}"]
        return problems


def objective(
    service: AIServiceType, response: Response, request: Request, words: str
) -> tuple[dict[str, Value], Sequence[object]]:
    """All metrics of a service. Imported in the thread that measures: decoders are heavy, and a first import must not hold up the calls."""
    from viralai_sdk.compare.metrics import examine

    return examine(response, service, prompt=words, request_parameters=request.to_dict())


def medians(service: AIServiceType, arms: Sequence[str], cells: Iterable[Mapping[str, Any]]) -> Table:
    """A row for each metric that any cell (as `Cell.to_dict` writes it) has, with the median over the results of each arm."""
    from viralai_sdk.compare.metrics import metrics_of

    values: dict[tuple[str, str], list[Value]] = {}
    for cell in cells:
        for name, value in cell["metrics"].items():
            if value is not None and not isinstance(value, str):
                values.setdefault((name, cell["arm"]), []).append(value)
    rows = []
    for metric in metrics_of(service):
        columns = {arm: _median(values.get((metric.name, arm), [])) for arm in arms}
        if any(value is not None for value in columns.values()):
            better = {True: "higher", False: "lower", None: ""}[metric.higher_is_better]
            rows.append({"metric": metric.name, "unit": metric.unit, "better": better, **columns})
    return Table(rows, ("metric", "unit", "better", *arms), "Measurements: medians; of yes-or-no ones the share of yes")


def _median(values: Sequence[Any]) -> float | str | None:
    if not values:
        return None
    if all(isinstance(value, bool) for value in values):
        return f"{100 * sum(values) / len(values):.0f} %"
    return float(f"{statistics.median(values):.4g}")
