"""`viralai providers test`."""

from __future__ import annotations

import argparse
import functools
from typing import TYPE_CHECKING

from viralai_sdk.cli.project import add_project

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the action's arguments."""
    from viralai_sdk.tools import test_ai_providers

    test_ai_providers.configure(parser, full=False)
    add_project(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output) -> int:
    """Call every provider's every service once, and show a line for each."""
    from viralai_sdk.client import ViralAI
    from viralai_sdk.tools import test_ai_providers

    make = functools.partial(ViralAI, args.config, home=args.home)
    outcome = test_ai_providers.run(args, output.say, make=make)
    output.result(outcome)
    return 0 if outcome["ok"] else 1
