"""How to configure a client for the simulated vendors, and how faults and latencies are written on a command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, get_args

import yaml

from viralai_sdk.simulator.app import registry
from viralai_sdk.simulator.faults import Kind

if TYPE_CHECKING:
    from viralai_sdk.simulator.faults import Faults
    from viralai_sdk.simulator.server import Simulator

_RULE = re.compile(
    r"(?P<vendor>[\w*]+)(?P<path>/[^=]*)?=(?P<what>\d+|[a-z_]+?)(?::(?P<rate>\d*\.?\d+))?(?:x(?P<times>\d+))?"
)


@cache
def _special() -> dict[str, Any]:
    """Vendor → what is special about it; see settings.yaml."""
    loaded: dict[str, Any] = yaml.safe_load((files(__package__) / "settings.yaml").read_text("utf-8"))
    return loaded


def players() -> dict[str, str]:
    """Provider → the simulated vendor that plays it."""
    special = _special()
    return {
        provider: vendor for vendor in registry() for provider in special.get(vendor, {}).get("providers", (vendor,))
    }


def block_for(origin: str, key: str, provider: str) -> dict[str, Any]:
    """A provider's block of a configuration for a simulator at an address.

    Raises:
        KeyError: nobody plays this provider.
    """
    vendor = players()[provider]
    block: dict[str, Any] = {"api_key": key, "base_url": f"{origin}/{vendor}{registry()[vendor].BASE}", "local": True}
    for name, value in _special().get(vendor, {}).get("settings", {}).items():
        block[name] = value.replace("{key}", key) if isinstance(value, str) else value
    return block


def provider_block(simulator: Simulator, provider: str) -> dict[str, Any]:
    """The same for a running simulator."""
    return block_for(simulator.origin, simulator.key, provider)


def configuration(origin: str, key: str) -> dict[str, Any]:
    """A whole configuration for all simulated vendors, in the shape of viralai.yaml."""
    return {"providers": {provider: block_for(origin, key, provider) for provider in players()}}


def add_fault(faults: Faults, text: str) -> None:
    """Add a rule such as "openai=429:0.3", "openai/images=empty", "gemini=cut:0.1x5" (at most five times), "*=503".

    Raises:
        ValueError: it is no rule; the message says how one looks.
    """
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no fault; write vendor=429:0.3, vendor/path=cut or vendor=503x2")
    vendor = _vendor(match["vendor"])
    common: Mapping[str, Any] = {
        "path": match["path"] or "",
        "rate": float(match["rate"] or 1),
        "times": int(match["times"]) if match["times"] else None,
    }
    what = match["what"]
    if what.isdigit():
        if not 400 <= int(what) <= 599:
            raise ValueError(f"{text!r}: {what} is no HTTP error status")
        faults.add(vendor, status=int(what), **common)
        return
    kinds: tuple[Kind, ...] = get_args(Kind)
    for kind in kinds:
        if kind == what:
            faults.add(vendor, kind, **common)
            return
    own = ", ".join(getattr(registry().get(vendor), "SURPRISES", ()))
    raise ValueError(
        f"{text!r}: no fault {what!r}; there are a status and {', '.join(kinds)}{f'; of {vendor} also {own}' if own else ''}"
    )


def add_rule(simulator: Simulator, text: str) -> None:
    """Add a rule as for `add_fault`, or switch a vendor's own surprise on: "comfyui=late_history", "comfyui=vanishing_jobx3".

    Raises:
        ValueError: it is neither; the message says how one looks.
    """
    match = _RULE.fullmatch(text.strip())
    own: Mapping[str, Any] = getattr(registry().get(match["vendor"]), "SURPRISES", {}) if match is not None else {}
    if match is not None and match["what"] in own and match["path"] is None and match["rate"] is None:
        simulator.surprise(match["vendor"], match["what"], int(match["times"]) if match["times"] else None)
    else:
        add_fault(simulator.faults, text)


def add_latency(faults: Faults, text: str) -> None:
    """Add a delay such as "gemini=lognormal:800ms" or "*=fixed:50ms".

    Raises:
        ValueError: it is none; the message says how one looks.
    """
    vendor, equals, distribution = text.strip().partition("=")
    if not equals:
        raise ValueError(f"{text!r} is no latency; write vendor=fixed:50ms or vendor=lognormal:800ms")
    faults.latency(_vendor(vendor), distribution)


def _vendor(name: str) -> str:
    if name != "*" and name not in registry():
        raise ValueError(f"nobody simulates {name!r}; there are {', '.join(registry())}")
    return name
