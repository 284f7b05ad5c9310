"""`viralai compare`: the same prompts at several providers, side by side."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import csv
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli.project import add_project, client
from viralai_sdk.cli.report import FAILED, UsageError, described

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output
    from viralai_sdk.compare.comparison import Comparison

_WORDS = ("name", "provider", "model", "template")
_EPILOG = """\
examples:
  viralai compare {service} "{prompt}" --provider openai --provider gemini --dry-run
  viralai compare {service} "{prompt}" --provider openai --provider embedded --repeats 3 --html page.html
  viralai compare {service} "{prompt}" --arm 'provider=openai,seed=7' --arm 'provider=openai,name=loud,"template={{prompt}}, loud"' \\
      --set seed=1 --save results.zip

An arm has no fallback. Exit code 1 when every call failed; a single failure is shown in its place."""
_PROMPTS = {
    "text": "Write a hook about tea",
    "image": "a red fox in the snow",
    "video": "a lighthouse at dusk",
    "speech": "The fox goes home.",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    services = parser.add_subparsers(title="services", metavar="SERVICE", dest="service", required=True)
    for service, prompt in _PROMPTS.items():
        about = f"compare providers of {service}"
        one = services.add_parser(
            service, help=about, description=about, epilog=_EPILOG.format(service=service, prompt=prompt)
        )
        _arguments(one)
        add_project(one)
        one.set_defaults(run=run)


def _arguments(one: argparse.ArgumentParser) -> None:
    one.add_argument("prompts", metavar="PROMPT", nargs="+", help="what every arm is asked; several make several rows")
    asked = one.add_argument_group("what is compared")
    asked.add_argument(
        "--provider",
        dest="arms",
        action="append",
        metavar="SPEC",
        help="an arm: openai, openai:gpt-image-2.5-flare, embedded, …; may be repeated",
    )
    asked.add_argument(
        "--arm",
        dest="arms",
        action="append",
        type=arm,
        metavar="KEY=VALUE,…",
        help="an arm with parameters of its own: provider, model, name, template, and any of the service's; may be repeated",
    )
    asked.add_argument(
        "--set",
        dest="shared",
        action="append",
        type=setting,
        default=[],
        metavar="KEY=VALUE",
        help="a parameter for all arms, such as seed=7 or style=noir; may be repeated",
    )
    asked.add_argument("--repeats", type=int, default=1, metavar="N", help="how often each arm is asked (default: 1)")
    how = one.add_argument_group("how it runs, and where it goes")
    how.add_argument("--concurrency", type=int, metavar="N", help="calls at once (default: four for each arm)")
    how.add_argument("--timeout", type=float, metavar="SECONDS", help="for one call")
    how.add_argument("--dry-run", action="store_true", help="show the plan and the price; send nothing")
    how.add_argument("--html", type=Path, metavar="FILE", help="write one page that shows everything")
    how.add_argument("--save", type=Path, metavar="PLACE", help="save it with its media: a folder, or a .zip file")
    how.add_argument("--session", metavar="ID", help="file the results in this session (default: a new one)")


def setting(text: str) -> tuple[str, Any]:
    """KEY=VALUE, the value as JSON where it is JSON."""
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    if key in _WORDS:
        return key, value
    try:
        return key, json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return key, value


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is a word, not a value")


def arm(text: str) -> Mapping[str, Any]:
    """An arm out of KEY=VALUE pairs with commas between; a pair that has a comma itself stands in double quotes."""
    try:
        pairs = [setting(pair) for line in csv.reader([text], strict=True) for pair in line]
    except csv.Error as error:
        raise argparse.ArgumentTypeError(f"{text!r} cannot be read: {error}") from error
    keys = [key for key, _ in pairs]
    if not pairs or len(set(keys)) < len(keys):
        raise argparse.ArgumentTypeError(f"{text!r} has a key twice" if pairs else "an arm is empty")
    return dict(pairs)


def run(args: argparse.Namespace, output: Output) -> int:
    """Compare, and show what came of it."""
    if not args.arms:
        raise UsageError("nothing to compare.", hint="Name two providers: --provider openai --provider embedded.")
    return asyncio.run(_run(args, output))


async def _run(args: argparse.Namespace, output: Output) -> int:
    _check_places(args)  # before anything is paid for
    shared = dict(args.shared)
    if args.timeout is not None:
        shared["timeout"] = args.timeout
    asked = {"arms": args.arms, "repeats": args.repeats, **shared}
    async with client(args) as ai:
        planned = ai.compare.plan(args.service, args.prompts, **asked)
        if args.dry_run:
            output.result(planned.to_dict())
            output.say(planned)
            return 0
        output.note(f"comparing: {planned.words}")
        running = ai.compare.start(args.service, args.prompts, concurrency=args.concurrency, **asked)
        try:
            comparison = await running
        except asyncio.CancelledError:
            # Ctrl-C: what was finished until then was paid for.
            if any(cell.ok for cell in running.comparison.cells):
                _show(args, running.comparison, output, ai.session.dir)
            raise
        _show(args, comparison, output, ai.session.dir)
        return 0 if any(cell.ok for cell in comparison.cells) else FAILED


def _check_places(args: argparse.Namespace) -> None:
    from viralai_sdk.cli import deliver
    from viralai_sdk.compare import saved

    for option, target in (("--html", args.html), ("--save", args.save)):
        if target is not None:
            deliver.check(target, option)
    if args.html is not None and args.html.is_dir():
        raise UsageError(f"--html: {str(args.html)!r} is a folder.", hint="Name a file, such as page.html.")
    if args.save is not None:
        saved.check(args.save)


def _put_aside(comparison: Comparison, session: Path) -> str | None:
    """Where the results are safe when they cannot be shown: media lie in the session, texts are written down."""
    from viralai_sdk.interfaces.errors import AIError
    from viralai_sdk.store.artifacts import rescue_folders

    if comparison.service.short != "text":
        return str(session)
    for folder in (session / "scripts", *rescue_folders(session.name)):
        with contextlib.suppress(AIError):  # the next place is tried; the caller tells what went wrong in the first
            return str(comparison.save(folder / f"comparison_{comparison.id}"))
    return None


def _show(args: argparse.Namespace, comparison: Comparison, output: Output, session: Path) -> None:
    output.rescue(functools.partial(_put_aside, comparison, session))
    document: dict[str, Any] = {
        "service": args.service,
        "id": comparison.id,
        "caption": comparison.caption(),
        "cost_usd": comparison.cost_usd,
        "cost_unknown": comparison.cost_unknown,
        "cells": comparison.rows(),
        "errors": [
            {"arm": cell.arm, "prompt": cell.prompt, "repeat": cell.repeat, **described(cell.error)}
            for cell in comparison.cells
            if cell.error is not None
        ],
    }
    output.result(document)
    output.say(comparison)
    for cell in comparison.cells:
        text = getattr(cell.response, "text", None)
        if text is not None:
            output.say(f"\n[{cell.arm} · {cell.prompt}{f' #{cell.repeat + 1}' if cell.repeat else ''}]\n{text}")
    for row in document["errors"]:
        output.note(f"{row['arm']} · {row['prompt']}: {row['type']}: {row['message']} {row['hint'] or ''}".rstrip())
    for key, target, write in (("html", args.html, comparison.to_html), ("saved", args.save, comparison.save)):
        if target is not None:
            document[key] = str(write(target))
            output.result(document)
            output.note(f"written: {document[key]}")
