"""What people write into OLLAMA_HOST becomes an address that can be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ollama._client import _parse_host

from viralai_sdk.config.configuration import AIConfiguration
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.providers import registry
from viralai_sdk.providers.ollama.host import normalise_host
from viralai_sdk.services.factory import ConfiguredFactory

PLAIN = ["", "1.2.3.4", ":56789", "1.2.3.4:56789", "http://1.2.3.4", "https://1.2.3.4", "https://1.2.3.4:56789"]
PLAIN += ["example.com", "example.com/", "example.com:56789/path/", "https://example.com:56789/path", "[::1]"]
PLAIN += ["[0001:002:003:0004::1]:56789/path", "http://[0001:002:003:0004::1]", "https://example.com/a/b"]


@pytest.mark.parametrize("text", PLAIN)
def test_addresses_are_read_as_the_vendors_client_reads_them(text: str) -> None:
    assert normalise_host(text) == _parse_host(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("[::]:11434", "http://[::1]:11434"),
        ("ollama.com", "https://ollama.com:443"),
        ("https://ollama.com", "https://ollama.com:443"),
        ("HTTP://Box:1", "http://box:1"),
        (' "box" ', "http://box:11434"),
    ],
)
def test_addresses_that_the_vendors_client_would_not_reach(text: str, url: str) -> None:
    assert normalise_host(text) == url


@pytest.mark.parametrize("text", ["ftp://box", "box:port", "http://[::1", "box:99999"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="host:port"):
        normalise_host(text)


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        url = normalise_host(text)
    except ConfigurationError:
        return
    assert url.startswith(("http://", "https://"))


def address(config: AIConfiguration) -> str | None:
    factory = ConfiguredFactory(config)
    return factory.config_for(AIServiceType.TEXT_GENERATION, registry.spec_of("ollama")).base_url


def test_the_environment_and_the_configuration_are_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert address(AIConfiguration()) == "http://127.0.0.1:11434"
    monkeypatch.setenv("OLLAMA_HOST", "0.0.0.0:8080")
    assert address(AIConfiguration()) == "http://127.0.0.1:8080"
    written = AIConfiguration.from_dict({"providers": {"ollama": {"base_url": "box"}}})
    assert address(written) == "http://box:11434"
