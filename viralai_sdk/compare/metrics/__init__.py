"""Measurements of results that need no model: what a result is, said in numbers with a name, a unit and a direction.

>>> from viralai_sdk.compare.metrics import METRICS, measure
>>> values = measure(response, "image", request_parameters={"aspect_ratio": "16:9"})
"""

from viralai_sdk.compare.metrics.between import NearDuplicate, near_duplicates, text_difference
from viralai_sdk.compare.metrics.measuring import MetricProblem, MetricWarning, examine, measure
from viralai_sdk.compare.metrics.registry import METRICS, Metric, Sample, metrics_of, register_metric, unregister_metric

__all__ = [
    "METRICS",
    "Metric",
    "MetricProblem",
    "MetricWarning",
    "NearDuplicate",
    "Sample",
    "examine",
    "measure",
    "metrics_of",
    "near_duplicates",
    "register_metric",
    "text_difference",
    "unregister_metric",
]
