"""Our measurement beside the simulated vendors' own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from viralai_sdk.bench.rows import Row
from viralai_sdk.interfaces.display.table import Table

if TYPE_CHECKING:
    from viralai_sdk.simulator import Recorded


def spans(log: Sequence[Recorded], vendor: str, begins: str) -> list[float]:
    """Seconds of each call as its vendor saw it: from the arrival of a request whose path holds `begins` and method is POST to the end
    of the last request before the next such one. For calls made one after the other, all of which are answered."""
    mine = sorted((one for one in log if one.vendor == vendor), key=lambda one: one.arrived)
    found: list[list[float]] = []
    for one in mine:
        ended = one.ended or one.arrived
        if one.method == "POST" and begins in one.path:
            found.append([one.arrived, ended])
        elif found:
            found[-1][1] = max(found[-1][1], ended)
    return [end - begin for begin, end in found]


def against_the_log(rows: Sequence[Row], log: Sequence[Recorded]) -> Table:
    """p50 and p95 of whole calls as we saw them and of single requests as the simulated vendors saw them, by provider.

    Only providers that answer with one request are shown: nobody's log says which of several requests belong together.
    """
    told = []
    good = [row for row in rows if row.ok]
    for provider in dict.fromkeys(row.provider for row in good):
        ours = [row.service_seconds for row in good if row.provider == provider]
        answered = [one for one in log if one.vendor == provider and one.status == 200]
        theirs = [one.seconds for one in answered if one.seconds is not None]
        if len(ours) != len(theirs):
            continue
        row: dict[str, object] = {"provider": provider, "calls": len(ours)}
        for name, share in (("p50", 0.5), ("p95", 0.95)):
            mine, vendor = float(np.quantile(ours, share)), float(np.quantile(theirs, share))
            row |= {f"{name} ours": mine, f"{name} vendor": vendor, f"{name} added": f"{1000 * (mine - vendor):.1f} ms"}
        told.append(row)
    return Table(told, caption="Seconds of a call, as we and as the simulated vendors saw it")
