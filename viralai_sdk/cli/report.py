"""What a command says: lines for people, or one JSON document for machines; errors without a traceback."""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import IO, Any, NoReturn

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

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse would swallow that nobody could read it, and end with 0.
        try:
            (file or sys.stderr).write(message)
        except OSError as error:
            raise refusal(error) from error


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
        self._unreadable = False
        self._rescue: Callable[[], str | None] | None = None

    def say(self, text: object) -> None:
        """A line of the result, for people. Raises StorageError when stdout cannot take it."""
        if not self.as_json:
            self._print(text)

    def write(self, text: str) -> None:
        """A piece of the result without a line end, shown at once. Raises StorageError when stdout cannot take it."""
        if not self.as_json:
            self._print(text, end="", flush=True)

    def note(self, text: object) -> None:
        """A remark that is not part of the result."""
        if not self.as_json:
            _aside(text)

    def rescue(self, put_aside: Callable[[], str | None]) -> None:
        """What saves the result, and says where it is then, should stdout turn out to be full or closed."""
        self._rescue = put_aside

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
        if not self.as_json or self._unreadable:
            self._flush_before_an_error()
            _aside(_sentence(self._error))
        return exit_code(error)

    def interrupted(self) -> int:
        """Tell that Ctrl-C ended the command."""
        self._error = {
            "type": "Interrupted",
            "message": "interrupted",
            "hint": "`viralai jobs resume` collects jobs that go on at their provider.",
            "provider": None,
        }
        self.note(f"viralai: interrupted. {self._error['hint']}")
        return INTERRUPTED

    def hand_over(self) -> None:
        """Write the document, if machines are to read it, and make sure that everything said has left this process.

        Raises:
            StorageError: stdout cannot take it.
        """
        if self.as_json and (self._document is not None or self._error is not None):
            document = self._document or {}
            if self._error is not None:
                document["error"] = self._error
            self._document = self._error = None
            self._print(json.dumps(document, indent=2, default=str))
        try:
            sys.stdout.flush()
        except OSError as error:
            raise self._unwritten(error) from error

    def close(self) -> int:
        """Say what was kept for the end. Gives 0, or an exit code when stdout could not take it."""
        self._closed = True
        last = {line.partition(": ")[2] or line: line for line in self._warnings}
        for line in last.values():  # of several with the same reason the last one
            self._remark(line)
        self._warnings.clear()
        try:
            self.hand_over()
        except BrokenPipeError:
            raise
        except Exception as error:
            return self.failed(error)
        return 0

    def _print(self, text: object, end: str = "\n", flush: bool = False) -> None:
        try:
            print(text, end=end, flush=flush)
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> Exception:
        """The error to raise when stdout refused. The result is put aside first, unless the reader went away by itself."""
        if isinstance(error, BrokenPipeError):
            return error
        silence(sys.stdout)
        self._unreadable = True
        put_aside, self._rescue = self._rescue, None
        return refusal(error, put_aside() if put_aside else None)

    def _flush_before_an_error(self) -> None:
        """Let the error come after what was said before."""
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError:
            silence(sys.stdout)  # the error that is about to be told is the one that matters


def refusal(error: OSError, rescued: str | None = None) -> Exception:
    """What it means that stdout refused, as one of our errors; a reader that went away stays what it is."""
    if isinstance(error, BrokenPipeError):
        return error
    from viralai_sdk.interfaces.errors import StorageError

    reason = "it is closed" if error.errno == errno.EBADF else error.strerror or type(error).__name__
    hint = "Free some space, or send the output somewhere else."
    return StorageError(f"cannot write to standard output: {reason}.", hint=hint, rescued=rescued)


def _aside(text: object) -> None:
    try:
        print(text, file=sys.stderr)
    except OSError:
        silence(sys.stderr)  # no place is left to say so; the result and the exit code still come


def silence(stream: IO[str]) -> None:
    """Let what a broken stream still holds, or gets later, go nowhere: Python would complain once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def open_missing_streams() -> None:
    """Give a process that was started with closed standard streams some: stdin is empty, stdout refuses, stderr is silent.

    Without them the next file that is opened, such as the journal, would become the stdout of every child process.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), "r")
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


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
