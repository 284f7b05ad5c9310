"""`viralai jobs`."""

from __future__ import annotations

import argparse
import asyncio
import datetime
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli.project import add_project, client

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output
    from viralai_sdk.store.rows import JobRow


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="jobs of this project, the newest first")
    listing.add_argument("--open", action="store_true", help="only those that are not over")
    listing.set_defaults(run=run_list)
    resume = actions.add_parser(
        "resume",
        help="collect jobs that a dead process left behind",
        description="A job is noted before its provider hears of it, so what was paid for is found again after a crash. "
        "Jobs that another living process works on are left to it.",
    )
    resume.set_defaults(run=run_resume)
    cancel = actions.add_parser("cancel", help="stop a job, at its provider too where that is possible")
    cancel.add_argument("job_id", help="its id; `viralai jobs list` shows them")
    cancel.set_defaults(run=run_cancel)
    for action in (listing, resume, cancel):
        add_project(action)


def run_list(args: argparse.Namespace, output: Output) -> int:
    """Show the jobs."""
    asyncio.run(_list(args, output))
    return 0


async def _list(args: argparse.Namespace, output: Output) -> None:
    from viralai_sdk.interfaces.display.table import Table

    async with client(args) as ai:
        rows = [_row(job) for job in await ai.jobs.list(open_only=args.open)]
        output.result({"jobs": rows})
        output.say(Table(rows, ("job_id", "service", "provider", "model", "state", "created", "message"), "Jobs"))


def run_resume(args: argparse.Namespace, output: Output) -> int:
    """Collect abandoned jobs; fails when one of them did."""
    return asyncio.run(_resume(args, output))


async def _resume(args: argparse.Namespace, output: Output) -> int:
    from viralai_sdk.cli.report import FAILED, described

    async with client(args) as ai:
        batch = await ai.jobs.resume()
        rows: list[dict[str, Any]] = [
            {"caption": done.caption(), "files": [str(item.path) for item in done.artifacts]} for done in batch.ok
        ]
        output.result({"resumed": rows, "failed": [described(error) for error in batch.failed]})
        for row in rows:
            output.say("\n".join(row["files"]))
            output.note(row["caption"])
        for error in batch.failed:
            output.note(f"viralai: {error}")
        if not batch:
            output.note("No job was left behind.")
        return FAILED if batch.failed else 0


def run_cancel(args: argparse.Namespace, output: Output) -> int:
    """Stop a job; fails when it was over already."""
    return asyncio.run(_cancel(args, output))


async def _cancel(args: argparse.Namespace, output: Output) -> int:
    from viralai_sdk.cli.report import FAILED

    async with client(args) as ai:
        stopped = await ai.jobs.cancel(args.job_id)
        state = (await ai.jobs.status(args.job_id)).status.value
        output.result({"job_id": args.job_id, "cancelled": stopped, "state": state})
        output.say(f"{args.job_id}: {state}")
        if not stopped:
            output.note("It was over already, or its provider cannot stop jobs; it may still be billed.")
        return 0 if stopped else FAILED


def _row(job: JobRow) -> dict[str, Any]:
    return {
        "job_id": job.job_id,
        "service": job.service,
        "provider": job.provider,
        "model": job.model,
        "session_id": job.session_id,
        "state": job.state,
        "created": datetime.datetime.fromtimestamp(job.created).astimezone().isoformat(timespec="seconds"),
        "message": job.message,
    }
