"""The README's parts that a machine can check: its code blocks and its table of providers.

`python -m tests.readme --write` writes the table anew after a provider was added.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from viralai_sdk.interfaces.names import SERVICES
from viralai_sdk.providers import registry

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TABLE = re.compile(r"(<!-- providers:.*?-->\n)(.*?)(<!-- /providers -->)", re.DOTALL)


def blocks(language: str) -> list[str]:
    """The README's code blocks of a language, in order."""
    return [body for name, body in _BLOCK.findall(README.read_text("utf-8")) if name == language]


def links() -> list[str]:
    """Targets of the README's links and pictures."""
    return re.findall(r"\]\(([^)]+)\)", README.read_text("utf-8"))


def table() -> str:
    """Providers × services as the registry has them."""
    kinds = [kind.short for kind in SERVICES]
    lines = [f"| provider | {' | '.join(kinds)} | needs |", "|---" * (len(kinds) + 2) + "|"]
    for name in registry.specs():
        spec = registry.spec_of(name)
        served = ["yes" if kind in registry.services_of(name) else "" for kind in SERVICES]
        variable = f" (`{spec.key_env[0]}`)" if spec.key_required and spec.key_env else ""
        lines.append(f"| {spec.title} (`{name}`) | {' | '.join(served)} | {spec.needs}{variable} |")
    return "\n".join(lines) + "\n"


def written_table() -> str:
    """The table that stands in the README."""
    found = _TABLE.search(README.read_text("utf-8"))
    assert found is not None, "the README has lost the marks around its table of providers"
    return found[2]


if __name__ == "__main__" and "--write" in sys.argv:
    README.write_text(_TABLE.sub(lambda found: found[1] + table() + found[3], README.read_text("utf-8")), "utf-8")
