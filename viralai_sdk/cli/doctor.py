"""`viralai doctor`: what is here, what is used and why, and what to do next. It changes nothing and calls nobody."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from viralai_sdk.cli.project import add_project, home

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.description = (
        "Looks at Python, the installed extras, the engine in use for each medium, the configuration and where each key comes from "
        "(never the key itself), whether results can be written, and the journal. Nothing is sent and nothing is changed. "
        "Exit code 1 when something must be mended."
    )
    add_project(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output) -> int:
    """Examine and report."""
    from viralai_sdk.cli import doctor_engines, doctor_project
    from viralai_sdk.cli.report import FAILED

    findings = [
        *doctor_engines.installation(),
        *doctor_engines.engines(),
        *doctor_project.configuration(args.config),
        *doctor_project.folder(home(args)),
    ]
    problems = [finding for finding in findings if finding.state == "problem"]
    output.result({"ok": not problems, "findings": [finding.row() for finding in findings]})
    area = ""
    for finding in findings:
        if finding.area != area:
            area = finding.area
            output.say(f"\n{area}" if finding is not findings[0] else area)
        output.say(finding.line())
    hints = [finding for finding in findings if finding.hint]
    output.say("\nNext")
    for finding in sorted(hints, key=lambda one: one.state != "problem"):
        output.say(f"  {finding.hint}")
    output.say("  See it work: viralai demo")
    output.say(f"\n{f'{len(problems)} to mend.' if problems else 'All is well.'}")
    return FAILED if problems else 0
