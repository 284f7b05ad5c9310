"""`python -m viralai_sdk.bench.papermill_process`: one notebook, run by papermill. The order is JSON on stdin."""

from __future__ import annotations

import contextlib
import contextvars
import json
import sys
import threading
from typing import Any

from viralai_sdk.bench.extras import need


def execute(order: dict[str, Any]) -> str | None:
    """Run a notebook; gives its error in one line, None when all went well.

    It runs in an empty context and a thread of its own: papermill's event loop lives in a ContextVar, and must not be one of ours.
    """
    papermill = need("papermill")
    told: list[str | None] = ["papermill did not come to an end"]

    def work() -> None:
        try:
            papermill.execute_notebook(
                order["notebook"],
                order["output"],
                parameters=order["parameters"],
                start_timeout=order["seconds"],
                progress_bar=False,
            )
            told[0] = None
        except papermill.exceptions.PapermillExecutionError as error:
            told[0] = f"{error.ename}: {error.evalue}"
        except Exception as error:
            told[0] = f"{type(error).__name__}: {error}"

    thread = threading.Thread(target=lambda: contextvars.Context().run(work))
    thread.start()
    thread.join()
    return told[0]


def main() -> int:
    """The process: 0 when the notebook ran to its end."""
    order = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):
        failure = execute(order)
    if failure is not None:
        sys.stdout.write(" ".join(failure.split()) + "\n")
    return 0 if failure is None else 1


if __name__ == "__main__":
    sys.exit(main())
