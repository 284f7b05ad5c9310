"""Fixtures of the comparisons' tests."""

from tests.doubles import films, home, sim

__all__ = ["films", "home", "sim"]
