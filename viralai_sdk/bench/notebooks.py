"""The benchmark notebooks: where they are, what they can be told, and their execution by papermill.

Papermill runs in a process of its own. Its synchronous front keeps an event loop in a ContextVar, which a second run in the same
process, or a caller whose loop is running, stumbles over; and a process of its own is not struck by the terminal's Ctrl-C, which is
meant for us.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from viralai_sdk.bench.extras import need
from viralai_sdk.bench.rows import LEDGER
from viralai_sdk.bench.runner import GRACE, STOP
from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.store.redact import redact

NAMES = ("text", "image", "video", "speech", "fallback", "overhead", "comfyui")
EXECUTED = "notebook.ipynb"
POLL = 0.2
"""Seconds between two looks at the ledger."""
STOP_SECONDS = GRACE + 30.0
"""After a stop the notebook gets so long to draw what was measured."""
START_SECONDS = 120
"""A kernel may take so long to come up on a busy machine."""


def notebook_path(name: str) -> Path:
    """A benchmark's notebook: of an installed package, or of a clone.

    Raises:
        InvalidRequestError: there is no such benchmark.
        ConfigurationError: the installation does not hold it.
    """
    if name not in NAMES:
        raise InvalidRequestError(
            f"there is no benchmark {name!r}.", hint=suggest(name, NAMES, f"There are {', '.join(NAMES)}.")
        )
    here = Path(__file__).resolve()
    for folder in (here.parent / "notebooks", here.parents[2] / "notebooks" / "benchmarks"):
        if (folder / f"{name}.ipynb").is_file():
            return folder / f"{name}.ipynb"
    raise ConfigurationError(f"the notebook {name}.ipynb is not installed.", hint="Reinstall viralai-sdk.")


def inspect(path: Path) -> dict[str, dict[str, str]]:
    """What a notebook's parameters cell says: name → default, type and help, as papermill reads them."""
    found: dict[str, dict[str, str]] = need("papermill").inspect_notebook(str(path))
    return found


def check_names(path: Path, parameters: Mapping[str, Any]) -> None:
    """Papermill only warns of a parameter that a notebook does not have; here it is refused.

    Raises:
        InvalidRequestError: names it, and the nearest one there is.
    """
    known = inspect(path)
    for name in parameters:
        if name not in known:
            raise InvalidRequestError(
                f"{path.name} has no parameter {name!r}.", hint=suggest(name, known, f"It has {', '.join(known)}.")
            )


def execute(
    name: str | Path,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    on_calls: Callable[[int, int], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Path:
    """Run a notebook with parameters, in a process of its own, and keep the executed copy in the run's folder.

    Args:
        name: a benchmark's name, or a notebook's path.
        folder: the run's; the notebook is told it as `out`.
        on_calls: told (calls recorded, calls that failed) while it runs.
        environment: further variables for the kernel, such as VIRALAI_CONFIG. Keys reach it only this way, never as parameters.

    Returns:
        The executed notebook.

    Raises:
        InvalidRequestError: an unknown parameter, or one that looks like a secret. Nothing was started.
        ConfigurationError: papermill is not installed.
        AIError: the notebook failed; its last error, as far as it was drawn it is kept.
        KeyboardInterrupt: Ctrl-C; what was measured until then is in the folder.
    """
    path = name if isinstance(name, Path) else notebook_path(name)
    told = {**parameters, "out": str(folder)}
    check_names(path, told)
    if redact(told) != told:
        raise InvalidRequestError("a parameter looks like a secret.", hint="Keys belong into the environment.")
    folder.mkdir(parents=True, exist_ok=True)
    order = {"notebook": str(path), "output": str(folder / EXECUTED), "parameters": told, "seconds": START_SECONDS}
    process = _start(order, environment or {})
    interrupted = _wait(process, folder, on_calls)
    output = process.communicate()[0]
    if interrupted:
        raise KeyboardInterrupt
    _raise_failure(process.returncode, output, folder)
    return folder / EXECUTED


def _start(order: Mapping[str, Any], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    need("papermill")
    need("ipykernel")
    # The interpreter's own kernel comes before one of the same name in the user's folders.
    variables = {**os.environ, **environment, "JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "viralai_sdk.bench.papermill_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables,
        start_new_session=True,
    )
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(json.dumps(dict(order)))
    process.stdin = None
    return process


def _wait(process: subprocess.Popen[str], folder: Path, on_calls: Callable[[int, int], None] | None) -> bool:
    """Until the process is over; True when Ctrl-C asked it to end. A second Ctrl-C does not wait for what is under way."""
    interrupted = False
    until = float("inf")
    while True:
        try:
            while process.poll() is None and time.monotonic() < until:
                if on_calls is not None:
                    on_calls(*progress(folder))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL)
            if process.poll() is None:
                process.terminate()
            if on_calls is not None:
                on_calls(*progress(folder))
            return interrupted
        except KeyboardInterrupt:
            if interrupted:
                process.terminate()
            else:
                (folder / STOP).touch()
                until = time.monotonic() + STOP_SECONDS
            interrupted = True


def progress(folder: Path) -> tuple[int, int]:
    """Calls recorded in a run's folder, and how many of them failed. Cheap: it parses nothing."""
    try:
        lines = (folder / LEDGER).read_bytes().split(b"\n")
    except FileNotFoundError:
        return 0, 0
    # A call whose result was measured has a second line.
    rows = {line.partition(b'","')[0]: b'"outcome":"failed"' in line for line in lines if line.startswith(b'{"id"')}
    return len(rows), sum(rows.values())


def _raise_failure(code: int, output: str, folder: Path) -> None:
    if code == 0:
        return
    words = " ".join(str(redact(_last(output))).split())
    where = f"See {str(folder / EXECUTED)!r}." if (folder / EXECUTED).exists() else None
    raise AIError(f"the notebook failed: {words}", hint=where)


def _last(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
