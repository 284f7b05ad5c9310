"""Measures one result: everything that can be, and a reason for what cannot."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from viralai_sdk.compare.cells import Value
from viralai_sdk.compare.metrics import calls, films, images, speech, texts
from viralai_sdk.compare.metrics.registry import Metric, Sample, load_plugins, metrics_of
from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.names import AIServiceType, service_type
from viralai_sdk.interfaces.responses import Response

_MEDIA: Mapping[AIServiceType, Callable[[Sample, list[AIError]], dict[str, Value]]] = {
    AIServiceType.TEXT_GENERATION: texts.measure,
    AIServiceType.IMAGE_GENERATION: images.measure,
    AIServiceType.VIDEO_GENERATION: films.measure,
    AIServiceType.SPEECH_SYNTHESIS: speech.measure,
}


class MetricWarning(UserWarning):
    """A metric could not be measured; its value is None."""


@dataclass(frozen=True, slots=True)
class MetricProblem:
    """Why a value is missing. `metric` is a name, or that of the medium or package when it concerns several."""

    metric: str
    error: Exception | SystemExit

    def __str__(self) -> str:
        return f"{self.metric}: {type(self.error).__name__}: {self.error}"


def measure(
    response: Response | AIError,
    service: AIServiceType | str,
    *,
    prompt: str | None = None,
    request_parameters: Mapping[str, Any] | None = None,
    first_token: float | None = None,
) -> dict[str, Value]:
    """Measure a result. Blocks, and decodes media: call it in a thread.

    Args:
        response: the result; of an error only `failed` is known.
        prompt: the words that were sent; speech needs them for its words per minute.
        request_parameters: those of the request (`aspect_ratio`, `width`, `duration`, `schema`, …), for what was kept of them.
        first_token: seconds to the first piece, if the caller streamed.

    Returns:
        Every metric of the service by name (see `METRICS`), None where it does not apply or could not be measured. The latter is warned
        about (`MetricWarning`): neither a damaged file nor a broken plug-in costs the comparison.
    """
    values, problems = examine(
        response, service, prompt=prompt, request_parameters=request_parameters, first_token=first_token
    )
    for problem in problems:
        warnings.warn(str(problem), MetricWarning, stacklevel=2)
    return values


def examine(
    response: Response | AIError,
    service: AIServiceType | str,
    *,
    prompt: str | None = None,
    request_parameters: Mapping[str, Any] | None = None,
    first_token: float | None = None,
) -> tuple[dict[str, Value], list[MetricProblem]]:
    """The same as `measure`, with the problems as data instead of warnings."""
    kind = service_type(service)
    problems = [MetricProblem(name, error) for name, error in load_plugins()]
    values: dict[str, Value] = dict.fromkeys(metric.name for metric in metrics_of(kind))
    values["failed"] = isinstance(response, AIError)
    if isinstance(response, AIError):
        return values, problems
    sample = Sample(response, kind, prompt, dict(request_parameters or {}))
    values |= calls.measure(sample, first_token)
    failures: list[AIError] = []
    try:
        values |= _MEDIA[kind](sample, failures)
    except AIError as error:
        failures.append(error)
    problems += [MetricProblem(kind.short, failure) for failure in failures]
    for metric in metrics_of(kind):
        if metric.function is not None:
            values[metric.name] = _own(metric, sample, problems)
    return values, problems


def _own(metric: Metric, sample: Sample, problems: list[MetricProblem]) -> Value:
    """The value of a registered metric; whatever goes wrong in it becomes a problem."""
    assert metric.function is not None
    try:
        found: Any = metric.function(sample)
        if hasattr(found, "item"):
            found = found.item()  # a number of numpy's
        if found is None or isinstance(found, (bool, int, str)):
            return found
        if isinstance(found, float) and math.isfinite(found):
            return found
        raise TypeError(f"gave {found!r:.80}, which is no finite number, word or bool")
    except (Exception, SystemExit) as error:  # foreign code: a comparison that was paid for is not lost for it
        problems.append(MetricProblem(metric.name, error))
        return None
