"""How an amount of money is written."""

from __future__ import annotations

import math


def dollars(usd: float) -> str:
    """An amount in USD with four decimals, or more when a small one would else read as nothing: "$0.0400", "$0.000023"."""
    places = 4 if not usd or not math.isfinite(usd) else max(4, 1 - math.floor(math.log10(abs(usd))))
    return f"${usd:.{places}f}"
