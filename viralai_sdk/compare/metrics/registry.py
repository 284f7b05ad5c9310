"""All metrics by name: the built-in ones, those of installed packages, and those registered by hand."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.resources import files
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

from viralai_sdk.compare.cells import Value
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.names import SERVICES, AIServiceType, service_type
from viralai_sdk.interfaces.responses import Response

ENTRY_POINT_GROUP = "viralai_sdk.metrics"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a metric looks at.

    Attributes:
        response: the result.
        service: the kind of service that made it.
        prompt: the words as they were sent, None when they are not known.
        parameters: the request's parameters, as far as they are known.
    """

    response: Response
    service: AIServiceType
    prompt: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


MetricFunction: TypeAlias = Callable[[Sample], Value]


@dataclass(frozen=True, slots=True)
class Metric:
    """One measurement.

    Attributes:
        services: where it applies.
        unit: such as "s" or "LUFS"; "" for a plain number, a word or yes/no.
        higher_is_better: None when neither direction is better in itself.
        about: what it means, how it is measured, and its limits.
        function: None for the built-in ones, which are measured together.
    """

    name: str
    services: tuple[AIServiceType, ...]
    unit: str
    higher_is_better: bool | None
    about: str
    function: MetricFunction | None = None


def _built_in() -> dict[str, Metric]:
    loaded = yaml.safe_load((files(__package__) / "metrics.yaml").read_text("utf-8"))
    return {
        row["name"]: Metric(
            row["name"],
            tuple(service_type(word) for word in row["services"]) if "services" in row else SERVICES,
            row.get("unit", ""),
            row.get("better"),
            row["about"],
        )
        for row in loaded
    }


_metrics = _built_in()
METRICS: Mapping[str, Metric] = MappingProxyType(_metrics)
"""Name → metric, in the order of display. Third parties' join when the first result is measured."""


def metrics_of(service: AIServiceType | str) -> list[Metric]:
    """The metrics of a service, in the order of display, those of installed packages included."""
    load_plugins()
    kind = service_type(service)
    return [metric for metric in _metrics.values() if kind in metric.services]


def register_metric(
    name: str,
    service: AIServiceType | str | Iterable[AIServiceType | str],
    function: MetricFunction,
    *,
    unit: str = "",
    higher_is_better: bool | None = None,
    about: str,
) -> Metric:
    """Measure something of one's own from now on.

    A function that fails costs no comparison: its value is None, and a `MetricWarning` says why.

    Args:
        service: one service or several.
        function: takes a `Sample`, gives a number, a word, a bool, or None when it does not apply. Called in a thread.
        about: what it means, in a sentence; shown beside the value.

    Raises:
        InvalidRequestError: the name is taken or empty, or `function` cannot be called.
    """
    if not name.strip() or name in _metrics:
        raise InvalidRequestError(f"a metric cannot be called {name!r}: the name is {'taken' if name else 'empty'}.")
    if not callable(function):
        raise InvalidRequestError(f"metric {name!r}: a {type(function).__name__} cannot be called.")
    given = [service] if isinstance(service, (str, AIServiceType)) else list(service)
    made = Metric(name, tuple(service_type(one) for one in given), unit, higher_is_better, about, function)
    _metrics[name] = made
    return made


def unregister_metric(name: str) -> None:
    """Forget a metric that was registered.

    Raises:
        InvalidRequestError: there is none of that name, or it is built in.
    """
    if name not in _metrics or _metrics[name].function is None:
        raise InvalidRequestError(f"{name!r} is no metric that was registered.")
    del _metrics[name]


_loading = threading.Lock()


def load_plugins() -> tuple[tuple[str, Exception], ...]:
    """Register the metrics of installed packages, once; gives (entry point, error) of those that cannot be used.

    An entry point of the group `viralai_sdk.metrics` names a `Metric` with a function, or a list of them.
    """
    with _loading:  # two threads that measure for the first time must not both register them
        return _loaded()


@functools.cache
def _loaded() -> tuple[tuple[str, Exception], ...]:
    problems: list[tuple[str, Exception]] = []
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            loaded = point.load()
            for metric in [loaded] if isinstance(loaded, Metric) else list(loaded):
                _adopt(metric)
        except Exception as error:  # a foreign package may fail in any way; a comparison goes on without it
            problems.append((point.name, error))
    return tuple(problems)


def _adopt(metric: Any) -> None:
    if not isinstance(metric, Metric) or metric.function is None:
        raise ConfigurationError(f"a {type(metric).__name__} is no Metric with a function.")
    register_metric(
        metric.name,
        metric.services,
        metric.function,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        about=metric.about,
    )
