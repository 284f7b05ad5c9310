"""What the command modules of this package share: how they speak, and which exit code an end means."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from viralai_sdk.interfaces.errors import AIError, ConfigurationError, InvalidRequestError


class Unreadable(Exception):  # noqa: N818 - stdout's state, told to `exit_code` alone
    """Stdout did not take a line: the disk below it is full, or whoever read it has gone."""


def say(line: object) -> None:
    """A line of the result. Raises Unreadable."""
    try:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more when it flushes at exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise Unreadable(str(error)) from error


def note(line: object) -> None:
    """A remark."""
    sys.stderr.write(f"{line}\n")


def exit_code(work: Callable[[], bool]) -> int:
    """0: all is well, 1: something failed, 2: wrong use, 130: Ctrl-C, 141: the reader went away. Errors are told in one line."""
    try:
        return 0 if work() else 1
    except Unreadable as refused:
        if isinstance(refused.__cause__, BrokenPipeError):
            return 141
        note(f"cannot write to standard output: {refused}.")
    except AIError as error:
        note(error)
        return 2 if isinstance(error, (ConfigurationError, InvalidRequestError)) else 1
    except KeyboardInterrupt:
        note("interrupted.")
        return 130
    return 1
