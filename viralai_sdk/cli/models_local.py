"""`viralai models list|pull|load|unload|rm --provider …`: the models of a local server."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli.project import add_project, client

if TYPE_CHECKING:
    from viralai_sdk.cli.report import Output
    from viralai_sdk.helpers.models import LocalModelsHelper


def configure(actions: Any) -> None:
    """Describe the actions."""
    pull = _action(
        actions, "pull", "download a model to a local server; again after a break goes on where it stopped", _pull
    )
    pull.add_argument("--force", action="store_true", help="do not compare its size with the free disk")
    load = _action(actions, "load", "bring a local server's model into memory", _load)
    load.add_argument(
        "--context", type=int, metavar="TOKENS", help="room for prompt and answer, where the server lets choose"
    )
    load.add_argument("--keep-alive", metavar="TIME", help="how long it stays after its last use, such as 10m (ollama)")
    _action(actions, "unload", "free the memory of a local server's model", _unload)
    _action(actions, "rm", "delete a model from a local server's disk", _remove)


def _action(actions: Any, name: str, about: str, work: Callable[..., Any]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=about, description=f"{about[0].upper()}{about[1:]}."
    )
    parser.add_argument("model", metavar="MODEL", help="its name, as the server writes it")
    parser.add_argument(
        "--provider",
        metavar="NAME",
        help="ollama, lmstudio, llamacpp_server or llamacpp (default: the one that is configured)",
    )
    add_project(parser)
    parser.set_defaults(run=lambda args, output: asyncio.run(work(args, output)))
    return parser


def is_local(provider: str) -> bool:
    """Whether a provider is a local server whose models can be listed."""
    from viralai_sdk.providers import registry

    return registry.resolve(provider) in registry.managers()


@asynccontextmanager
async def _models(args: argparse.Namespace) -> AsyncIterator[LocalModelsHelper]:
    async with client(args) as ai:
        yield ai.models.local


def run_list(args: argparse.Namespace, output: Output) -> int:
    """Show what a server has."""
    asyncio.run(_list(args, output))
    return 0


async def _list(args: argparse.Namespace, output: Output) -> None:
    async with _models(args) as local:
        table = await local.list(args.provider)
    output.result({"models": [model.to_dict() for model in table.models]})
    output.say(table)


async def _pull(args: argparse.Namespace, output: Output) -> int:
    from viralai_sdk.interfaces.local_models import bytes_text

    async with _models(args) as local:
        try:
            last = await local.pull(args.model, provider=args.provider, force=args.force)
        except asyncio.CancelledError:
            output.note(f"viralai: the download of {args.model}: {local.when_stopped(args.provider)}")
            raise
    output.result({"pulled": asdict(last)})
    size = f" ({bytes_text(last.total)})" if last.total else ""
    output.say(f"{args.model} is on {last.provider}{size}.")
    return 0


async def _load(args: argparse.Namespace, output: Output) -> int:
    from viralai_sdk.interfaces.local_models import ModelTable

    async with _models(args) as local:
        model = await local.load(args.model, provider=args.provider, context=args.context, keep_alive=args.keep_alive)
    output.result({"loaded": model.to_dict()})
    output.say(ModelTable([model], "Loaded"))
    if not local.outlives(args.provider):
        output.note(
            "It was loaded by this command, which ends now, and the memory is free again: it can be loaded, no more."
        )
    return 0


async def _unload(args: argparse.Namespace, output: Output) -> int:
    async with _models(args) as local:
        was = await local.unload(args.model, provider=args.provider)
    output.result({"model": args.model, "was_loaded": was})
    output.say(f"{args.model} is unloaded." if was else f"{args.model} was not loaded.")
    return 0


async def _remove(args: argparse.Namespace, output: Output) -> int:
    from viralai_sdk.interfaces.local_models import bytes_text

    async with _models(args) as local:
        model = await local.remove(args.model, provider=args.provider)
    output.result({"removed": model.to_dict()})
    output.say(f"{model.name} is deleted" + (f"; it was {bytes_text(model.size)}." if model.size else "."))
    return 0
