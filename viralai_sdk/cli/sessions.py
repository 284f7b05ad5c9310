"""`viralai sessions`: what lies on disk, and what the journal knows of it."""

from __future__ import annotations

import argparse
import datetime
import json
import os
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli.project import add_home, add_json, home
from viralai_sdk.interfaces.money import dollars

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output
    from viralai_sdk.store.journal import Journal
    from viralai_sdk.store.rows import CallRow
    from viralai_sdk.store.sessions import Session


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all sessions, the oldest first")
    listing.set_defaults(run=run_list)
    show = actions.add_parser("show", help="one session: its folders and every call", description=_SHOW)
    show.add_argument("session", nargs="?", help="its id (default: the latest)")
    show.set_defaults(run=run_show)
    for action in (listing, show):
        add_home(action)
        add_json(action)


_SHOW = "Every call of a session with its outcome, cost and files. A cost that is not known is shown as unknown, never as 0."


def run_list(args: argparse.Namespace, output: Output) -> int:
    """Show all sessions."""
    from viralai_sdk.interfaces.display.table import Table

    journal = _journal(args)
    try:
        rows = [_row(session, journal) for session in _sessions(args)]
    finally:
        journal.close()
    output.result({"home": str(home(args)), "sessions": rows})
    shown = [{**row, "cost_usd": _money(row["cost_usd"], row["cost_unknown"])} for row in rows]
    columns = ("session_id", "calls", "files", "bytes", "cost_usd")
    output.say(Table(shown, columns, f"Sessions in {home(args) / 'outputs'}"))
    return 0


def run_show(args: argparse.Namespace, output: Output) -> int:
    """Show one session."""
    from viralai_sdk.interfaces.display.table import Table

    session = _wanted(args)
    journal = _journal(args)
    try:
        row = _row(session, journal)
        calls = [_call(call) for call in reversed(journal.calls(session.session_id, limit=None))]
    finally:
        journal.close()
    output.result({**row, "folders": session.summary()["folders"], "calls": calls})
    output.say(f"{session.session_id}  {session.dir}")
    columns = ("started", "service", "provider", "model", "outcome", "seconds", "cost_usd", "files")
    shown = [
        {
            **call,
            "seconds": f"{call['seconds']:.1f}",
            "cost_usd": _money(call["cost_usd"], 0),
            "files": " ".join(os.path.relpath(path, session.dir) for path in call["files"]) or call["message"] or "",
        }
        for call in calls
    ]
    output.say(Table(shown, columns, f"{len(calls)} calls, {_money(row['cost_usd'], row['cost_unknown'])}"))
    return 0


def _journal(args: argparse.Namespace) -> Journal:
    from viralai_sdk.store.journal import Journal

    return Journal(home(args) / ".viralai" / "journal.db")


def _sessions(args: argparse.Namespace) -> list[Session]:
    from viralai_sdk.store.sessions import list_sessions

    return list_sessions(home(args) / "outputs")


def _wanted(args: argparse.Namespace) -> Session:
    from viralai_sdk.cli.report import UsageError
    from viralai_sdk.interfaces.names import suggest

    found = {session.session_id: session for session in _sessions(args)}
    if not found:
        raise UsageError(
            f"there are no sessions in {home(args) / 'outputs'}.",
            hint="`viralai demo` needs none; --home looks elsewhere.",
        )
    if args.session is None:
        return list(found.values())[-1]
    if args.session not in found:
        hint = suggest(args.session, found, "`viralai sessions list` shows all.")
        raise UsageError(f"there is no session {args.session!r}.", hint=hint)
    return found[args.session]


def _row(session: Session, journal: Journal) -> dict[str, Any]:
    totals = journal.totals(session.session_id)
    summary = session.summary()
    return {
        "session_id": session.session_id,
        "session_dir": summary["session_dir"],
        "files": summary["files"],
        "bytes": summary["bytes"],
        "calls": sum(total.calls for total in totals),
        "failed": sum(total.calls - total.successes for total in totals),
        "cost_usd": sum(total.cost_usd for total in totals),
        "cost_unknown": sum(total.cost_unknown for total in totals),
    }


def _call(row: CallRow) -> dict[str, Any]:
    artifacts = json.loads(row.artifacts_json) if isinstance(row.artifacts_json, str) else []
    return {
        "call_id": row.call_id,
        "started": datetime.datetime.fromtimestamp(row.started).astimezone().isoformat(timespec="seconds"),
        "service": row.service,
        "provider": row.provider,
        "model": row.model,
        "outcome": row.outcome,
        "error": row.error,
        "message": row.message,
        "seconds": row.seconds,
        "cost_usd": row.cost_usd,
        "files": [str(item["path"]) for item in artifacts or []],
    }


def _money(known: float | None, unknown: int) -> str:
    if known is None:
        return "unknown"
    if not known:
        return f"{unknown} unknown" if unknown else "free"
    return f"{dollars(known)} and {unknown} unknown" if unknown else dollars(known)
