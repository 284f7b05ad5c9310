"""Providers that the user's configuration makes: `providers: {my_server: {compatible: true, base_url: …, api_key: …}}`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from viralai_sdk.interfaces.adapter import ProviderSpec
from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.providers import registry
from viralai_sdk.providers.compatible.dialect import flags_of, make_dialect
from viralai_sdk.providers.compatible.rows import classes_of, rows

if TYPE_CHECKING:
    from viralai_sdk.config.configuration import ProviderSettings


def register_configured(providers: Mapping[str, ProviderSettings]) -> None:
    """Make known the servers among a configuration's providers. Addresses, keys and flags stay where they are: in that configuration.

    Raises:
        ConfigurationError: a server without an address, or with a flag that does not exist.
    """
    for name, settings in providers.items():
        said = settings.options.get("compatible")
        if said in (None, False):
            continue
        dialect = make_dialect(name, flags_of(name, said))
        if name in rows() or name == "lmstudio":
            # Known already; the flags change its dialect for this configuration.
            continue
        if name in registry.specs():
            raise ConfigurationError(
                f"providers.{name}: {name!r} is a provider of its own.", hint="Choose another name."
            )
        if not settings.base_url:
            raise ConfigurationError(
                f"providers.{name}: a compatible server needs its address.",
                hint=f"Set providers.{name}.base_url, such as http://localhost:8000/v1.",
            )
        if settings.local is None:
            settings.local = is_near(settings.base_url)
        registry.register_spec(
            ProviderSpec(
                name=name,
                title=name,
                services=classes_of(dialect.services),
                key_required=False,
                # Configured only for those who mention it: the name is known to the whole process, the address is not.
                local=True,
                needs="its base_url in the configuration",
            )
        )


def is_near(url: str) -> bool:
    """Whether an address says of itself that it is on this machine or in a private network. Names are not looked up."""
    host = (urlsplit(url).hostname or "").lower()
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private or address.is_loopback or address.is_link_local
