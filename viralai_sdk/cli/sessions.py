"""`viralai sessions`: what lies on disk, and what the journal knows of it."""

from __future__ import annotations

import argparse
import contextlib
import os
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli.project import add_home, add_json, home
from viralai_sdk.interfaces.money import dollars

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output
    from viralai_sdk.store.journal import Journal
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


SHOWN_LETTERS = 60
_SHOW = (
    "Every call of a session with its outcome, cost, files and the beginning of a text (--json has all of it). "
    "A cost that is not known is shown as unknown, never as 0."
)


def run_list(args: argparse.Namespace, output: Output) -> int:
    """Show all sessions."""
    from viralai_sdk.interfaces.display.table import Table

    journal = _journal(args)
    try:
        rows = [_row(session, journal) for session in _sessions(args, journal)]
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
    from viralai_sdk.store.history import told

    journal = _journal(args)
    try:
        session = _wanted(args, journal)
        row = _row(session, journal)
        calls = [told(call) for call in reversed(journal.calls(session.session_id, limit=None))]
    finally:
        journal.close()
    output.result({**row, "folders": session.summary()["folders"], "calls": calls})
    output.say(f"{session.session_id}  {session.dir}")
    columns = ("started", "service", "provider", "model", "outcome", "seconds", "cost_usd", "result")
    shown = [
        {
            **call,
            "seconds": f"{call['seconds']:.1f}",
            "cost_usd": _money(call["cost_usd"], 0),
            "result": " ".join(os.path.relpath(path, session.dir) for path in call["files"])
            or _short(call["text"] or call["message"] or ""),
        }
        for call in calls
    ]
    output.say(Table(shown, columns, f"{len(calls)} calls, {_money(row['cost_usd'], row['cost_unknown'])}"))
    return 0


def _journal(args: argparse.Namespace) -> Journal:
    from viralai_sdk.store.journal import Journal

    return Journal(home(args) / ".viralai" / "journal.db")


def _sessions(args: argparse.Namespace, journal: Journal) -> list[Session]:
    """Those with a folder, and those that the journal alone knows, since they made nothing but texts."""
    from viralai_sdk.interfaces.errors import ConfigurationError
    from viralai_sdk.store.sessions import Session, list_sessions

    root = home(args) / "outputs"
    found = {session.session_id: session for session in list_sessions(root)}
    for name in set(journal.session_ids()) - set(found):
        with contextlib.suppress(
            ConfigurationError
        ):  # an id that is no folder's name; `ai.calls(all_sessions=True)` has its calls
            found[name] = Session(root, name)
    return [found[name] for name in sorted(found)]


def _wanted(args: argparse.Namespace, journal: Journal) -> Session:
    from viralai_sdk.cli.report import UsageError
    from viralai_sdk.interfaces.names import suggest

    found = {session.session_id: session for session in _sessions(args, journal)}
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


def _short(text: str) -> str:
    """The beginning, on one line; `--json` has all of it."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_LETTERS else line[: SHOWN_LETTERS - 1] + "…"


def _money(known: float | None, unknown: int) -> str:
    if known is None:
        return "unknown"
    if not known:
        return f"{unknown} unknown" if unknown else "free"
    return f"{dollars(known)} and {unknown} unknown" if unknown else dollars(known)
