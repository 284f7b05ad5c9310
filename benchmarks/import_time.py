"""What `import viralai_sdk` costs above an empty interpreter, and what it brings along."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import figure, main

HEAVY = ("pydantic", "httpx2", "httpx", "numpy", "PIL", "ipywidgets", "IPython", "yaml", "asyncio", "aiohttp")
FORBIDDEN = ("pydantic", "httpx2", "httpx", "numpy", "ipywidgets")
LOOK = f"import sys, viralai_sdk; print(*[name for name in {HEAVY!r} if name in sys.modules])"


def timed(code: str) -> float:
    """Seconds for a fresh interpreter to run the code."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def look() -> list[str]:
    """Heavy modules that the import loads."""
    return subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True).stdout.split()


async def measure(quick: bool, home: Path) -> list[dict[str, Any]]:
    """Fresh interpreters, empty and importing by turns."""
    rounds = 9 if quick else 21
    timed("import viralai_sdk")
    empty, ours, used = [], [], []
    for _ in range(rounds):
        empty.append(timed("pass"))
        ours.append(timed("import viralai_sdk"))
        used.append(timed("from viralai_sdk import ViralAI; ViralAI().text"))
    loaded = look()
    added = statistics.median(own - none for own, none in zip(ours, empty, strict=True)) * 1e3
    wrong = sorted(set(loaded) & set(FORBIDDEN))
    return [
        figure(
            "import viralai_sdk",
            "<= 30 ms over an empty interpreter",
            f"{added:.1f} ms",
            added <= 30,
            best_ms=round((min(ours) - min(empty)) * 1e3, 1),
            first_use_ms=round(statistics.median(own - none for own, none in zip(used, empty, strict=True)) * 1e3, 1),
        ),
        figure("heavy modules loaded by it", "none", ", ".join(wrong) or "none", not wrong, loaded=loaded),
    ]


if __name__ == "__main__":
    main("import_time", measure)
