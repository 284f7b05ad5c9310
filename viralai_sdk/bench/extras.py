"""Packages that only benchmarks need, imported when they are used."""

from __future__ import annotations

import importlib
from typing import Any

from viralai_sdk.interfaces.errors import ConfigurationError


def need(module: str, extra: str = "bench") -> Any:
    """Import a module of an optional extra.

    Raises:
        ConfigurationError: it is not installed; the hint is the line that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name or module
        raise ConfigurationError(
            f"this part of the benchmarks needs {missing}, which is not installed.",
            hint=f'pip install "viralai-sdk[{extra}]"',
        ) from error
