"""Where an Ollama server listens, from what people write into OLLAMA_HOST."""

from __future__ import annotations

from urllib.parse import urlsplit

from viralai_sdk.interfaces.errors import ConfigurationError

PORT = 11434
PORTS = {"http": 80, "https": 443}
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
"""Addresses to listen on, not to call: what a server binds to → where it is reached from the same machine."""
CLOUD = "ollama.com"


def normalise_host(text: str) -> str:
    """A URL with scheme, host and port: "", "host", "host:port", ":port", "[v6]:port" and full URLs are taken, a path is kept.

    Without a scheme the port is 11434, with one it is the scheme's. A bare "ollama.com" means HTTPS.

    Raises:
        ConfigurationError: it cannot be read as an address.
    """
    written = text.strip().strip("\"'")
    scheme, separator, rest = written.partition("://")
    if not separator:
        scheme, rest = "http", written
    scheme = scheme.lower()
    port = PORTS.get(scheme) if separator else PORT
    if port is None:
        raise ConfigurationError(
            f"{text!r} is no address of an Ollama server.", hint="Write host:port or http://host:port."
        )
    try:
        split = urlsplit(f"{scheme}://{rest}")
        host, port = split.hostname or "127.0.0.1", split.port or port
    except ValueError as error:
        raise ConfigurationError(
            f"{text!r} is no address of an Ollama server: {error}.", hint="Write host:port or http://host:port."
        ) from error
    if host == CLOUD and not separator and split.port is None:
        scheme, port = "https", 443
    host = ANYWHERE.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    path = split.path.strip("/")
    return f"{scheme}://{shown}:{port}" + (f"/{path}" if path else "")
