"""`viralai providers switch`: another default provider, in the configuration file and for good."""

from __future__ import annotations

import argparse
import asyncio
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from viralai_sdk.cli.project import add_project, client

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output

NEW_FILE = Path("viralai.yaml")


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("service", help="text, image, video or speech")
    parser.add_argument("provider", metavar="PROVIDER[:MODEL]", help="who serves from now on")
    add_project(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output) -> int:
    """Change the file."""
    return asyncio.run(_run(args, output))


async def _run(args: argparse.Namespace, output: Output) -> int:
    from viralai_sdk.config.editing import with_default_provider
    from viralai_sdk.interfaces.errors import ConfigurationError
    from viralai_sdk.interfaces.names import service_type
    from viralai_sdk.providers import registry
    from viralai_sdk.store.files import write_atomic

    service = service_type(args.service)
    async with client(args) as ai:
        route = ai.manager.parse(args.provider, service)
        if service.canonical not in registry.services_of(route.provider):
            raise ConfigurationError(f"{route.provider} does not serve {service.short}.")
        before = ai.manager.default_route(service).label
        configured = ai.runtime.factory.configured(service, route.provider)
    path = _file(args.config)
    there = path.is_file()
    data = path.read_bytes() if there else b""
    text = data.decode("utf-8-sig")
    changed = with_default_provider(text, service, route.label, as_json=path.suffix.lower() == ".json")
    # Through a link to the file itself, and readable by nobody who could not read it before: it may hold keys.
    write_atomic(path.resolve(), changed.encode(), stat.S_IMODE(path.stat().st_mode) if there else None)
    needs = "" if configured else _needs(route.provider)
    output.result(
        {
            "file": str(path),
            "service": service.short,
            "before": before,
            "after": route.label,
            "configured": configured,
            "needs": needs,
        }
    )
    output.say(f"{service.short}: {before} -> {route.label}, written to {path}")
    if not configured:
        output.note(f"viralai: {route.provider} cannot be used yet; it needs {needs}.")
    return 0


def _needs(provider: str) -> str:
    from viralai_sdk.providers import registry

    spec = registry.spec_of(provider)
    return spec.needs + (f" in ${spec.key_env[0]} or in the file" if spec.key_env else "")


def _file(named: Path | None) -> Path:
    """The file that clients read here; where there is none, the one they would look for first."""
    from viralai_sdk.config.reading import candidates

    chosen = named or os.environ.get("VIRALAI_CONFIG")
    if chosen:
        return Path(chosen).expanduser()
    return next((path for path in candidates() if path.is_file()), NEW_FILE)
