"""Progress of running calls in a notebook, on a terminal, or nowhere. Light to import: neither IPython nor pydantic comes with it."""

from viralai_sdk.progress.events import ProgressEvent, ProgressSink
from viralai_sdk.progress.hub import APPEARS_AFTER, ProgressHub
from viralai_sdk.progress.views import NullView, ProgressView, TerminalView, choose_view, in_kernel

__all__ = [
    "APPEARS_AFTER",
    "NullView",
    "ProgressEvent",
    "ProgressHub",
    "ProgressSink",
    "ProgressView",
    "TerminalView",
    "choose_view",
    "in_kernel",
]
