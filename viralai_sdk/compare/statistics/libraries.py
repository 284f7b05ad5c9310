"""The one door to heavy packages, which only come with the extra `compare`."""

from __future__ import annotations

import importlib
from typing import Any

from viralai_sdk.interfaces.errors import ConfigurationError


def library(module: str) -> Any:
    """Import a module of scipy, evalica or the like when it is first needed.

    Raises:
        ConfigurationError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"these statistics need {module.partition('.')[0]}, which is not installed.",
            hint='pip install "viralai-sdk[compare]"',
        ) from error
