"""Amounts are written so that nothing that costs reads as free."""

from hypothesis import given
from hypothesis import strategies as st

from viralai_sdk.interfaces.money import dollars


def test_amounts_as_they_are_read() -> None:
    assert [dollars(usd) for usd in (0, 0.04, 1.5, 0.0001, 0.000023, 1e-9)] == [
        "$0.0000",
        "$0.0400",
        "$1.5000",
        "$0.00010",
        "$0.000023",
        "$0.0000000010",
    ]


@given(st.floats(1e-12, 1e6))
def test_what_costs_never_reads_as_nothing(usd: float) -> None:
    assert float(dollars(usd)[1:]) > 0
    assert abs(float(dollars(usd)[1:]) - usd) <= max(0.00005, 0.06 * usd)
