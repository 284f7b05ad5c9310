"""Many comparisons at once: the more pairs are looked at, the more look like winners by chance."""

from __future__ import annotations

from collections.abc import Sequence

from viralai_sdk.interfaces.errors import InvalidRequestError


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values in the order given: those up to alpha are findings of which, with probability 1 - alpha, none is false.

    Holds however the tests depend on each other. Anytime-valid p-values (`SequentialTest.p_value`) stay anytime-valid.
    Method: Holm 1979, "A simple sequentially rejective multiple test procedure". Reference: statsmodels `multipletests(method="holm")`.

    Raises:
        InvalidRequestError: a p-value outside 0 to 1.
    """
    if not all(0 <= value <= 1 for value in p_values):
        raise InvalidRequestError("p-values lie between 0 and 1.")
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, worst = [0.0] * len(p_values), 0.0
    for step, place in enumerate(order):
        worst = max(worst, min(1.0, (len(p_values) - step) * p_values[place]))
        adjusted[place] = worst
    return adjusted
