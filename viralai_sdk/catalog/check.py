"""`python -m viralai_sdk.catalog.check`: is the built-in catalog still right? Exit code 1 when something must be mended."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from viralai_sdk.catalog.catalog import Catalog, builtin_names
from viralai_sdk.catalog.lifecycle import WITHIN_DAYS, days, problems
from viralai_sdk.interfaces.errors import AIError


def main(arguments: Sequence[str] | None = None, today: Callable[[], datetime.date] = datetime.date.today) -> int:
    """Check all built-in files, and the user's own where one is given.

    Args:
        today: the clock.

    Returns:
        0 when nothing is wrong, 1 when something is, 2 when the check could not be made.
    """
    parser = argparse.ArgumentParser(prog="python -m viralai_sdk.catalog.check", description=(__doc__ or "").strip())
    parser.add_argument(
        "--within", default=f"{WITHIN_DAYS}d", help="report defaults that end within this time (90d, 12w)"
    )
    parser.add_argument("--overlay", type=Path, help="your own catalog file, laid over the built-in ones")
    options = parser.parse_args(arguments)
    try:
        catalog = Catalog(options.overlay)
        span = days(options.within)
        catalogs = [catalog.provider(name) for name in builtin_names()]
    except AIError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    found = [problem for rows in catalogs for problem in problems(rows, today(), span)]
    models = sum(len(rows.models) for rows in catalogs)
    for problem in found:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(
        f"{models} models of {len(catalogs)} providers: {len(found) or 'no'} problem{'s' * (len(found) != 1)}\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
