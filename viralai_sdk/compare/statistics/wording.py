"""Numbers as people read them."""

from __future__ import annotations


def p_words(value: float) -> str:
    """Such as "p = 0.50", "p = 0.041", "p < 0.001"."""
    if value < 0.001:
        return "p < 0.001"
    return f"p = {value:.2f}" if value >= 0.095 else f"p = {value:.3f}"


def percent(share: float) -> str:
    """Whole percent, with a tenth near the ends; 100 and 0 only when it is all or nothing."""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f}"
    value = 100 * share
    return f"{min(99.9, max(0.1, value)):.1f}" if value < 1 or value > 99 else f"{value:.0f}"


def count(number: int, noun: str) -> str:
    """Such as "1 vote", "20,000 votes"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def odds(preference: float) -> str:
    """Such as "60/40"."""
    share = round(100 * preference)
    return f"{share}/{100 - share}"
