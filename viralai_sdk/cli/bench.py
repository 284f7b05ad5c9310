"""`viralai bench`: measure providers, and compare runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from viralai_sdk.cli.project import add_home, add_json, add_project, home

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output

_EXAMPLES = """\
examples:
  viralai bench image --provider openai --provider gemini --repeats 20 --budget 5
  viralai bench text --provider openai:gpt-6-luna --set temperature=0 --set temperature=1 --concurrency 1,4,16
  viralai bench text --provider openai --baseline latest --fail-if 'p95>1.2x' --fail-if 'failure_rate>5%'
  viralai bench video --simulate                  without keys, on simulated vendors
  viralai bench history --service image           earlier runs
  viralai bench diff RUN_A RUN_B                  what changed from A to B, as far as the intervals say
"""
_ABOUT = {
    "text": "texts: latency, first piece, throughput, failures, cost",
    "image": "pictures",
    "video": "films, waiting for the job included",
    "speech": "recordings",
    "fallback": "what a fallback chain is worth",
    "overhead": "what the SDK adds to a provider's own time",
    "comfyui": "a ComfyUI server under parallel requests",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    from viralai_sdk.tools import benchmark_ai_providers

    parser.epilog = _EXAMPLES
    actions = parser.add_subparsers(title="benchmarks", metavar="SERVICE", required=True)
    for name, about in _ABOUT.items():
        one = actions.add_parser(name, help=about, description=f"Benchmark: {about}.")
        benchmark_ai_providers.configure(one)
        add_project(one)
        one.set_defaults(run=run, benchmark=name)
    history = actions.add_parser("history", help="earlier runs and how their figures went")
    history.add_argument("--service", help="only text, image, video or speech")
    history.set_defaults(run=run_history)
    diff = actions.add_parser("diff", help="two runs: a verdict for each figure")
    diff.add_argument("before", metavar="RUN_A", help="folder or name of the earlier run")
    diff.add_argument("now", metavar="RUN_B", help="folder or name of the later run")
    diff.set_defaults(run=run_diff)
    for action in (history, diff):
        action.add_argument("--out", type=Path, metavar="DIR", help="folder of the runs (default: outputs/benchmarks)")
        add_home(action)
        add_json(action)


def run(args: argparse.Namespace, output: Output) -> int:
    """Measure."""
    from viralai_sdk.tools import benchmark_ai_providers

    outcome = benchmark_ai_providers.run(
        args.benchmark, args, output.say, output.note, config=args.config, home=args.home, as_json=args.json
    )
    output.result(outcome)
    return 0 if outcome["ok"] else 1


def _folder(args: argparse.Namespace) -> Path:
    from viralai_sdk.bench.runs import benchmarks_folder

    return args.out.expanduser().absolute() if args.out is not None else benchmarks_folder(home(args))


def run_history(args: argparse.Namespace, output: Output) -> int:
    """List runs."""
    from viralai_sdk.bench.history import runs_in, trend_rows, trend_table

    folder = _folder(args)
    rows = trend_rows(runs_in(folder, args.service))
    output.result({"folder": str(folder), "runs": rows})
    output.say(trend_table(rows, folder))
    return 0


def run_diff(args: argparse.Namespace, output: Output) -> int:
    """Compare two runs. Exit code 0 whatever it says: `--fail-if` is for CI."""
    from viralai_sdk.bench.history import find
    from viralai_sdk.bench.verdicts import compare, verdict_table

    folder = _folder(args)
    before, now = find(args.before, folder), find(args.now, folder)
    verdicts = compare(now, before)
    output.result({"before": before.name, "now": now.name, "verdicts": [verdict.to_dict() for verdict in verdicts]})
    output.say(verdict_table(verdicts, f"{before.name} → {now.name}"))
    for verdict in verdicts:
        if verdict.state in ("regression", "improvement"):
            output.say(verdict.words)
    return 0
