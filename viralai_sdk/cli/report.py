"""What a command says: lines for people, or one JSON document for machines; errors without a traceback."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

FAILED, WRONG_USE, INTERRUPTED, BROKEN_PIPE = 1, 2, 130, 141
"""Exit codes beside 0. The last two are what a shell gives for Ctrl-C and for a reader that went away."""


class UsageError(Exception):
    """The command line itself is wrong. `hint` says what to type instead."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class _Help(argparse.RawDescriptionHelpFormatter):
    """Words of a description as they are written, and room for our longer names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


class Parser(argparse.ArgumentParser):
    """argparse whose mistakes are exceptions, so that they are told in the same form as all other errors."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", _Help)
        kwargs.setdefault("allow_abbrev", False)
        super().__init__(*args, **kwargs)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing and leaving."""
        raise UsageError(f"{message}.", hint=f"`{self.prog} -h` explains.")


class Output:
    """Where a command's words go.

    People get results on stdout and remarks on stderr. With `as_json` stdout carries exactly one document, written at the end, and
    an error that comes after a result is put beside it: what was made is never hidden by what went wrong later.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._document: dict[str, Any] | None = None
        self._error: dict[str, Any] | None = None
        self._told = ""
        self._warnings: list[str] = []
        self._closed = False

    def say(self, text: object) -> None:
        """A line of the result, for people."""
        if not self.as_json:
            print(text)

    def write(self, text: str) -> None:
        """A piece of the result without a line end, shown at once."""
        if not self.as_json:
            print(text, end="", flush=True)

    def note(self, text: object) -> None:
        """A remark that is not part of the result."""
        if not self.as_json:
            print(text, file=sys.stderr)

    def warned(self, message: Warning | str, *_: object, **__: object) -> None:
        """A Python warning: one line after the command's own words, unless it only repeats the error that was told."""
        line = " ".join(str(message).split())
        if self._closed:
            self._remark(line)
        else:
            self._warnings.append(line)

    def _remark(self, line: str) -> None:
        if not self._told or self._told not in line:
            self.note(f"viralai: {line}")

    def result(self, document: Mapping[str, Any]) -> None:
        """The document for machines."""
        self._document = dict(document)

    def failed(self, error: Exception) -> int:
        """Tell an error; gives the exit code that it means."""
        if os.environ.get("VIRALAI_DEBUG", "") not in ("", "0"):
            traceback.print_exception(error)
        self._error = described(error)
        self._told = " ".join(str(self._error["message"]).split())
        if not self.as_json:
            sys.stdout.flush()  # so that the error comes after what was said before
            print(_sentence(self._error), file=sys.stderr)
        return exit_code(error)

    def interrupted(self) -> int:
        """Tell that Ctrl-C ended the command."""
        self._error = {
            "type": "Interrupted",
            "message": "interrupted",
            "hint": "`viralai jobs resume` collects jobs that go on at their provider.",
            "provider": None,
        }
        if not self.as_json:
            print(f"viralai: interrupted. {self._error['hint']}", file=sys.stderr)
        return INTERRUPTED

    def close(self) -> None:
        """Write what was kept for the end: remarks, and the document if machines are to read it."""
        self._closed = True
        for line in dict.fromkeys(self._warnings):
            self._remark(line)
        self._warnings.clear()
        if self.as_json and (self._document is not None or self._error is not None):
            document = self._document or {}
            if self._error is not None:
                document["error"] = self._error
            print(json.dumps(document, indent=2, default=str))
            self._document = self._error = None
        sys.stdout.flush()


def described(error: Exception) -> dict[str, Any]:
    """An error as plain values."""
    from viralai_sdk.interfaces.errors import AIError

    if isinstance(error, (AIError, UsageError)):
        name, message, hint = type(error).__name__, error.message, error.hint
    else:
        name = "InternalError"
        message = f"unexpected {type(error).__name__}: {error}"
        hint = "This is a bug of the SDK. VIRALAI_DEBUG=1 shows where it happened."
    told = {"type": name, "message": message, "hint": hint, "provider": getattr(error, "provider", None)}
    for detail in ("billed", "rescued", "job_id"):
        value = getattr(error, detail, None)
        if value is not None and not (detail == "billed" and value == "no"):
            told[detail] = value
    return told


def _sentence(told: Mapping[str, Any]) -> str:
    who = f"{told['provider']}: " if told["provider"] else ""
    lines = [f"viralai: {who}{' '.join(str(told['message']).split())}"]
    if told.get("rescued"):
        lines[0] += f" The result is safe in {told['rescued']}."
    if told.get("billed"):
        lines[0] += " It was billed." if told["billed"] == "yes" else " It may have been billed."
    if told["hint"]:
        lines.append(f"  {told['hint']}")
    return "\n".join(lines)


def exit_code(error: Exception) -> int:
    """2 when the user can mend the command or the configuration, 1 for everything else."""
    from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError

    return WRONG_USE if isinstance(error, (UsageError, ConfigurationError, InvalidRequestError)) else FAILED
