"""A pytest plugin: after the session, no key that a test used may stand in anything that was written, logged or printed.

Looked through are the journals, results and logs below the session's temporary folder, and what tests printed, logged and reported.
Keys of tests begin with MARK, or are the simulator's own; a configuration file that a test writes may hold one, as a user's may.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MARK = b"vk-canary"
KEYS = (MARK, b"sim-key")
HOMES = (".viralai", "outputs", "demo_out")
"""Folders that the SDK writes."""
FREE = (".yaml", ".yml", ".py", ".pyc")
"""What tests themselves write: configurations and programs."""

found: list[str] = []


def pytest_runtest_logreport(report: Any) -> None:
    """Look through what one test printed and logged, and what a failure shows."""
    words = "\n".join(text for _, text in report.sections)
    if report.failed:
        words += report.longreprtext
    if MARK.decode() in words:
        found.append(f"output of {report.nodeid}")


def leaks(folder: Path) -> Iterator[Path]:
    """Files below a folder that hold a key they must not hold."""
    for place, _, names in os.walk(folder):
        ours = bool(set(Path(place).parts) & set(HOMES))
        for name in names:
            path = Path(place, name)
            if path.is_symlink() or not path.is_file() or (path.suffix in FREE and not ours):
                continue
            data = path.read_bytes()
            if any(key in data for key in (KEYS if ours else (MARK,))):
                yield path


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session when a key got out."""
    factory = getattr(session.config, "_tmp_path_factory", None)
    base = factory.getbasetemp() if factory is not None else None
    if base is not None:
        found.extend(str(path.relative_to(base)) for path in leaks(base))
    if found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say where."""
    if found:
        terminalreporter.section("keys that got out", red=True, bold=True)
        for place in found:
            terminalreporter.line(place)
