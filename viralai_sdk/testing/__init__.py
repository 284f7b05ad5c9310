"""For people who write a provider: run every promise of the SDK against it.

class TestExample(AIProviderTestCase):
    provider = "example"
"""

from viralai_sdk.testing.case import AIProviderTestCase, Connection
from viralai_sdk.testing.report import Check, ConformanceError, Report

__all__ = ["AIProviderTestCase", "Check", "ConformanceError", "Connection", "Report"]
