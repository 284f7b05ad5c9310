"""Fixtures of the core's tests."""

from tests.doubles import home

__all__ = ["home"]
