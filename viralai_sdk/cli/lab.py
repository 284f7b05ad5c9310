"""`viralai lab`: JupyterLab on the tutorials."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from viralai_sdk.cli.project import add_json

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output

TUTORIALS = Path("notebooks") / "tutorials"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.description = (
        "Start JupyterLab on notebooks/tutorials. Keys are taken from the environment it is started in, "
        "so set them first and never in a cell. Words after -- go to JupyterLab: viralai lab -- --no-browser"
    )
    parser.add_argument("--dir", type=Path, metavar="DIR", help="folder to open (default: the tutorials)")
    parser.add_argument("--dry-run", action="store_true", help="print the command instead of running it")
    parser.add_argument("more", nargs="*", help=argparse.SUPPRESS)
    add_json(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output) -> int:
    """Start JupyterLab and wait for its end."""
    from viralai_sdk.cli.report import UsageError
    from viralai_sdk.interfaces.errors import ConfigurationError

    folder = args.dir or tutorials()
    if not folder.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r}.")
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigurationError("JupyterLab is not installed.", hint='pip install "viralai-sdk[notebook]"')
    command = [sys.executable, "-m", "jupyterlab", str(folder), *args.more]
    output.result({"command": command, "folder": str(folder)})
    if args.dry_run:
        output.say(" ".join(command))
        return 0
    return subprocess.run(command, check=False).returncode  # noqa: S603 (our own interpreter)


def tutorials() -> Path:
    """The tutorials of a clone, wherever the command is run; the working folder when there are none."""
    for root in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if (root / TUTORIALS).is_dir():
            return root / TUTORIALS
    return Path.cwd()
