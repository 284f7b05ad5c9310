"""What holds for the whole suite: no test may let a key out, and none depends on how fast the machine is."""

from hypothesis import HealthCheck, settings

from tests.canary import pytest_runtest_logreport, pytest_sessionfinish, pytest_terminal_summary

__all__ = ["pytest_runtest_logreport", "pytest_sessionfinish", "pytest_terminal_summary"]

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
