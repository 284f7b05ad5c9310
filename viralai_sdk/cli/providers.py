"""`viralai providers`."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from viralai_sdk.cli import providers_switch, providers_test
from viralai_sdk.cli.project import add_project, client

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="every provider and service: configured? default? model, price, end of life",
        description="A provider is configured when its key is found, or when it needs none. 'default' serves calls that name nobody.",
    )
    listing.add_argument("--service", choices=("text", "image", "video", "speech"), help="only this service")
    add_project(listing)
    listing.set_defaults(run=run_list)
    switching = actions.add_parser(
        "switch",
        help="let another provider serve, by a change in the configuration file",
        description="Changes the one setting and nothing else; comments stay. `ai.switch` does the same for one client, until it ends.",
    )
    providers_switch.configure(switching)
    testing = actions.add_parser(
        "test",
        help="call every provider's every service once, at simulated vendors or for real",
        description="Without --live the vendors are simulated on this machine: nothing is paid, and no key is needed.",
    )
    providers_test.configure(testing)


def run_list(args: argparse.Namespace, output: Output) -> int:
    """Show the table of providers."""
    asyncio.run(_list(args, output))
    return 0


async def _list(args: argparse.Namespace, output: Output) -> None:
    from viralai_sdk.interfaces.display.table import Table

    async with client(args) as ai:
        table = ai.providers()
        rows = [row for row in table if args.service in (None, row["service"])]
        output.say(Table(rows, table.columns, table.caption))
        output.result({"configuration": ai.config.source, "providers": rows})
