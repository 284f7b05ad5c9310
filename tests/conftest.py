"""What holds for the whole suite: no test may let a key out, none depends on how fast the machine is, and none fails by chance.

Property tests draw the same examples in every run of the same code, so that what fails was changed, not unlucky. To look for examples
that nobody has seen yet: `HYPOTHESIS_PROFILE=explore pytest …`, as often as one likes.
"""

import os

from hypothesis import HealthCheck, settings

from tests.canary import pytest_runtest_logreport, pytest_sessionfinish, pytest_terminal_summary

__all__ = ["pytest_runtest_logreport", "pytest_sessionfinish", "pytest_terminal_summary"]

settings.register_profile("explore", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same everywhere", parent=settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same everywhere"))
