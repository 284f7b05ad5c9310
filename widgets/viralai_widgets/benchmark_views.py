"""A benchmark's figures as tables for the page: results, failures by class, cost, past runs, verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from viralai_sdk.bench.measures import MEASURES, shown
from viralai_sdk.bench.results import SavedRun
from viralai_sdk.bench.verdicts import State, Verdict, change_words, level_word
from viralai_sdk.interfaces.display import label
from viralai_sdk.interfaces.money import dollars
from viralai_widgets.benchmark_progress import message_of
from viralai_widgets.board import Tone, action, badge, column, row, section

FILES = ("report.html", "notebook.ipynb", "results.parquet", "summary.json")
"""What of a run's folder people open, in this order."""
_TONES: Mapping[State, Tone] = {"regression": "bad", "improvement": "good"}
_WORDS: Mapping[State, str] = {
    "regression": "worse",
    "improvement": "better",
    "no difference shown": "no difference shown",
    "not enough data": "not enough data",
}


def result_sections(run: SavedRun) -> list[dict[str, Any]]:
    """Everything of a run that is worth a table."""
    return [_figures(run), _failures(run), _cost(run), _files(run.folder)]


def _figures(run: SavedRun) -> dict[str, Any]:
    summary = run.summary
    levels = [(arm, level) for arm in summary["arms"] for level in arm["levels"]]
    longest = {name: max((_end(level["latency"][name]) for _, level in levels), default=0.0) for name in ("p50", "p95")}
    lines = [
        row(
            f"{arm['arm']}/{level['concurrency']}",
            {
                "arm": arm["arm"],
                "level": "open" if level["open_loop"] else str(level["concurrency"]),
                "calls": str(level["calls"]),
                **{name: _interval(level["latency"][name], longest[name], name) for name in ("p50", "p95")},
                "failed": _share(level["failure_rate"]),
                "rate": shown(level["throughput"]["value"], "/s"),
            },
        )
        for arm, level in levels
    ]
    columns = [
        column("arm", "arm"),
        column("level", "at once", "number", "Calls kept in flight; open: sent when due"),
        column("calls", "calls", "number"),
        column("p50", "p50", "interval", "Half of the calls took no longer"),
        column("p95", "p95", "interval", "95 of 100 calls took no longer"),
        column("failed", "failed", "text", "Share of calls that failed, with its interval"),
        column("rate", "results", "number", "Results a second while the arm had its turn"),
    ]
    empty = "No call was counted."
    return section("results", f"Results of {run.name}", columns, lines, words=_said(run), empty=empty)


def _said(run: SavedRun) -> Iterable[tuple[str, Tone]]:
    summary = run.summary
    told = f"{summary['recorded']} of {summary['planned']} calls"
    if summary["state"] == "partial":
        yield f"Partial: {summary['reason']}. {told} were made; what was measured is kept.", "warn"
    if summary["parameters"]["simulate"]:
        yield "Simulated vendors: these are no vendor's real figures, and nothing was charged.", "idle"
    for note in summary["notes"]:
        yield note, "idle"
    if summary["begun_without_outcome"]:
        yield f"{len(summary['begun_without_outcome'])} calls have no outcome; they may have been charged.", "warn"


def _failures(run: SavedRun) -> dict[str, Any]:
    examples = {(one.arm, one.error or "unknown"): one.message or "" for one in run.rows if one.outcome == "failed"}
    lines = [
        row(
            f"{arm['arm']}/{error}",
            {
                "arm": arm["arm"],
                "error": error,
                "calls": f"{told['calls']} of {arm['calls']}",
                "share": _share(told),
                "message": message_of(examples.get((arm["arm"], error), "")),
            },
        )
        for arm in run.summary["arms"]
        for error, told in arm["failures"]["by_class"].items()
    ]
    columns = [
        column("arm", "arm"),
        column("error", "class", "code"),
        column("calls", "calls", "number"),
        column("share", "share"),
        column("message", "for example"),
    ]
    return section("failures", "Failures by class", columns, lines, empty="No call failed.")


def _cost(run: SavedRun) -> dict[str, Any]:
    lines = []
    for arm in run.summary["arms"]:
        cost = arm["cost"]
        known = arm["succeeded"] - cost["unknown"]
        lines.append(
            row(
                arm["arm"],
                {
                    "arm": arm["arm"],
                    "model": ", ".join(arm["models"]),
                    "total": dollars(cost["total_usd"]) if known else "unknown",
                    "each": shown(cost["mean_usd"], "$"),
                    "known": f"{known} of {arm['succeeded']}",
                    "perhaps": str(cost["perhaps_charged"]),
                    "source": ", ".join(f"{name}: {count}" for name, count in cost["sources"].items()),
                },
            )
        )
    columns = [
        column("arm", "arm"),
        column("model", "model"),
        column("total", "total", "number", "Warm-up included; without calls of unknown price"),
        column("each", "per call", "number"),
        column("known", "price known", "number", "Calls with a result whose cost is known"),
        column("perhaps", "failed, perhaps charged", "number"),
        column("source", "told by"),
    ]
    return section("cost", "Cost", columns, lines)


def _files(folder: Path) -> dict[str, Any]:
    lines = [row(path.name, {"file": path.name, "path": _near(path)}) for path in files_of(folder)]
    columns = [column("file", "file"), column("path", "where", "code")]
    return section("files", "Files", columns, lines, empty=f"There are no files in {label(folder)}.")


def _near(path: Path) -> str:
    """As seen from the working folder, which is the notebook's, when it lies below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def files_of(folder: Path) -> list[Path]:
    """The run's files that people open."""
    return [folder / name for name in FILES if (folder / name).is_file()]


def history_section(found: Sequence[SavedRun], unreadable: Sequence[str]) -> dict[str, Any]:
    """Past runs, the newest first."""
    lines = [
        row(
            run.name,
            {
                "run": run.name,
                "began": str(run.summary["began"] or "")[:16].replace("T", " "),
                "service": run.service,
                "state": _state(run),
                "arms": " · ".join(f"{arm['arm']} {_headline(arm)}" for arm in run.summary["arms"]),
                "failed": f"{sum(arm['failed'] for arm in run.summary['arms'])} of {run.summary['recorded']}",
            },
            [action("show", "Show", f"Show the results of {run.name}")],
        )
        for run in found
    ]
    columns = [
        column("run", "run"),
        column("began", "began (UTC)"),
        column("service", "service"),
        column("state", "state", "badge"),
        column("arms", "arms and their p50"),
        column("failed", "failed", "number"),
    ]
    said: list[tuple[str, Tone]] = [(f"Cannot be read: {why}", "warn") for why in unreadable]
    return section("history", "Past runs", columns, lines, words=said, empty="There are no past runs yet.")


def _state(run: SavedRun) -> dict[str, str]:
    partial = run.summary["state"] == "partial"
    words = [str(run.summary["state"]), *(["simulated"] if run.summary["parameters"]["simulate"] else [])]
    return badge(", ".join(words), "warn" if partial else "idle", str(run.summary["reason"]))


def _headline(arm: Mapping[str, Any]) -> str:
    first = arm["headline"]
    return shown(first["latency"]["p50"]["value"] if first else None, "s")


def verdict_section(verdicts: Sequence[Verdict], now: str, baseline: str) -> dict[str, Any]:
    """What the intervals say of two runs, what changed first."""
    order = list(_WORDS)
    told = sorted(verdicts, key=lambda one: order.index(one.state))
    counted = Counter(one.state for one in told)
    words: list[tuple[str, Tone]] = [(", ".join(f"{counted[state]} {_WORDS[state]}" for state in order), "idle")]
    words += [(one.words, _TONES[one.state]) for one in told if one.state in _TONES]
    lines = [
        row(
            f"{one.arm}/{one.concurrency}/{one.metric}",
            {
                "metric": one.metric.replace("_", " "),
                "verdict": badge(_WORDS[one.state], _TONES.get(one.state, "idle"), one.words),
                "arm": one.arm,
                "level": level_word(one.concurrency),
                "before": shown(one.before, MEASURES[one.metric].unit),
                "now": shown(one.now, MEASURES[one.metric].unit),
                "change": change_words(one),
            },
        )
        for one in told
    ]
    columns = [
        column("metric", "metric"),
        column("verdict", "verdict", "badge"),
        column("arm", "arm"),
        column("level", "level"),
        column("before", "before", "number"),
        column("now", "now", "number"),
        column("change", "change, with its bounds"),
    ]
    return section("verdicts", f"{label(now)} against {label(baseline)}", columns, lines, words=words)


def _end(told: Mapping[str, Any]) -> float:
    return float(told["high"] if told["high"] is not None else told["value"] or 0.0)


def _interval(told: Mapping[str, Any], most: float, name: str) -> dict[str, Any]:
    text = shown(told["value"], "s")
    if told["value"] is not None:
        bounds = f"{told['low']:.3f}–{told['high']:.3f}" if told["low"] is not None else f"too few calls: {told['n']}"
        text = f"{text} ({bounds})"
    return {**{key: told[key] for key in ("value", "low", "high")}, "min": 0.0, "max": most, "text": text, "name": name}


def _share(told: Mapping[str, Any]) -> str:
    if told["value"] is None:
        return "unknown"
    return f"{100 * told['value']:.1f} % ({100 * told['low']:.1f}–{100 * told['high']:.1f})"
