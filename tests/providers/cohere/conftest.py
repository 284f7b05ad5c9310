"""One simulator for the folder, and a client for it."""

from tests.providers.chat_fixtures import http, running, sim

__all__ = ["http", "running", "sim"]
