"""Every promise of the SDK, for both services."""

from contextlib import contextmanager

from fake_server import KEY, FakeServer

from viralai_sdk.testing import AIProviderTestCase, Connection


class TestExample(AIProviderTestCase):
    provider = "example"

    @contextmanager
    def connection(self):
        with FakeServer() as server:
            yield Connection(server.url, KEY)
