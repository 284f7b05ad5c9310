"""What most commands need: the project's folder, its configuration, a client that is closed properly."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from viralai_sdk.interfaces.errors import AIError

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`, which every command takes."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of words")


def add_home(parser: argparse.ArgumentParser) -> None:
    """`--home`: where results and the journal are."""
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="folder that holds outputs/ and .viralai/ (default: $VIRALAI_HOME, else the working folder)",
    )


def add_project(parser: argparse.ArgumentParser) -> None:
    """`--config`, `--home` and `--json`."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="configuration (default: $VIRALAI_CONFIG, ./viralai.yaml, ./config/ai_config.yaml, the user's folder)",
    )
    add_home(parser)
    add_json(parser)


def home(args: argparse.Namespace) -> Path:
    """The project's folder, by the same rule as `ViralAI`."""
    return Path(args.home or os.environ.get("VIRALAI_HOME") or Path.cwd()).absolute()


@contextlib.asynccontextmanager
async def client(args: argparse.Namespace) -> AsyncIterator[ViralAI]:
    """A client for one command. On leaving, what is still to be written is written, and said if it cannot be."""
    from viralai_sdk.client import ViralAI

    ai = ViralAI(args.config, home=args.home, session=getattr(args, "session", None))
    try:
        yield ai
    except BaseException:
        # The command's own failure is what matters; a second one while closing would hide it.
        with contextlib.suppress(AIError):
            await _close(ai)
        raise
    await _close(ai)


async def _close(ai: ViralAI) -> None:
    if "manager" in ai.__dict__:
        try:
            await ai.aclose()
        finally:
            ai.runtime.close()
