"""PyAV, the extra `video`: asked for when a compressed sound or a film has to be decoded, never before."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import AIError, ConfigurationError, MalformedResponseError
from viralai_sdk.store.files import storage_error

INSTALL = 'pip install "viralai-sdk[video]"'


def has_pyav() -> bool:
    """PyAV can be imported."""
    try:
        importlib.import_module("av")
    except ImportError:
        return False
    return True


def pyav(purpose: str) -> Any:
    """The module.

    Raises:
        ConfigurationError: it is not installed; names the purpose and the line that installs it.
    """
    try:
        return importlib.import_module("av")
    except ImportError as error:
        raise ConfigurationError(f"{purpose} needs PyAV.", hint=f"Install it: {INSTALL}") from error


@contextmanager
def opened(path: Path, purpose: str) -> Iterator[Any]:
    """An open PyAV container; what FFmpeg cannot read is a `MalformedResponseError`, a file that is not there a `StorageError`."""
    av = pyav(purpose)
    try:
        path.open("rb").close()
    except OSError as error:
        raise storage_error("read", path, error) from error
    try:
        with av.open(str(path)) as container:
            yield container
    except AIError:  # several of these are ValueErrors too
        raise
    except (av.FFmpegError, ValueError) as error:
        raise MalformedResponseError(
            f"{path.name} cannot be decoded ({str(error)[:120] or type(error).__name__})."
        ) from error
