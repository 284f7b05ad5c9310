"""All benchmarks, one after the other, each in a process of its own: `python -m benchmarks.all --quick`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.harness import RESULTS

NAMES = (
    "import_time",
    "overhead",
    "stream",
    "throughput",
    "image_8mb",
    "switch",
    "stop",
    "fallback",
    "download",
    "jobs",
    "comfyui",
    "engines",
    "bench_overhead",
    "statistics",
)


def main() -> int:
    """Run all; 0 when every figure is reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.all")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, default=RESULTS / "all.json", help="where all figures are written")
    given = parser.parse_args()
    reports, failed = [], []
    for name in NAMES:
        print(f"--- {name}", flush=True)
        report = RESULTS / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.{name}", "--json", str(report), *(["--quick"] * given.quick)]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
        else:
            reports.append(json.loads(report.read_text()))
    missed = [row["figure"] for report in reports for row in report["figures"] if row["met"] is False]
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps({"reports": reports, "missed": missed, "failed": failed}, indent=2) + "\n")
    print(f"--- missed: {', '.join(missed) or 'none'}; could not run: {', '.join(failed) or 'none'}")
    return 1 if missed or failed else 0


if __name__ == "__main__":
    sys.exit(main())
