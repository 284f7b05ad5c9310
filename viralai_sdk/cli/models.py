"""`viralai models`: the catalog as it is, and the models of local servers (see `models_local`)."""

from __future__ import annotations

import argparse
import datetime
import re
from typing import TYPE_CHECKING, Any

from viralai_sdk.cli import models_local
from viralai_sdk.cli.project import add_json, add_project

if TYPE_CHECKING:
    from viralai_sdk.catalog.catalog import Catalog, Model
    from viralai_sdk.cli.report import Output

_DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser(
        "list",
        help="all models with prices, or what a local server has",
        description="Prices are USD a unit, from each vendor's own pages on the date shown. Unknown prices are left empty. With a local "
        "--provider (ollama, lmstudio, llamacpp_server, llamacpp): the models that are there, on disk and in memory.",
    )
    listing.set_defaults(run=run_list)
    retiring = actions.add_parser(
        "retiring",
        help="models that end soon or have ended, and what replaces them",
        description="Calls to a model that has ended are refused before anything is sent.",
    )
    retiring.add_argument(
        "--within", type=days, default=90, metavar="TIME", help="such as 90d, 12w, 6m or 1y (default: 90d)"
    )
    retiring.add_argument("--as-of", type=day, metavar="DATE", help="count from this day instead of today (YYYY-MM-DD)")
    retiring.set_defaults(run=run_retiring)
    for action in (listing, retiring):
        action.add_argument("--provider", metavar="NAME", help="only this provider")
        action.add_argument("--service", choices=("text", "image", "video", "speech"), help="only this service")
    add_project(listing)
    add_json(retiring)
    models_local.configure(actions)


def day(text: str) -> datetime.date:
    """A date out of "2026-11-22"."""
    try:
        return datetime.date.fromisoformat(text.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-11-22") from None


def days(text: str) -> int:
    """A number of days out of "90", "90d", "12w", "6m" or "1y"."""
    match = re.fullmatch(r"(\d{1,5})([dwmy]?)", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 90d, 12w, 6m or 1y")
    return int(match[1]) * _DAYS[match[2] or "d"]


def run_list(args: argparse.Namespace, output: Output) -> int:
    """Show the models: a local server's own ones when one is named."""
    if args.provider and args.service is None and models_local.is_local(args.provider):
        return models_local.run_list(args, output)
    from viralai_sdk.interfaces.display.table import Table

    rows = [_row(catalog, model) for catalog, model in _models(args)]
    output.result({"models": rows})
    shown = ("provider", "model", "services", "prices", "retires", "replaced_by", "default_for")
    output.say(Table([{name: _cell(row[name]) for name in shown} for row in rows], shown, "Models"))
    return 0


def run_retiring(args: argparse.Namespace, output: Output) -> int:
    """Show the models that end soon."""
    from viralai_sdk.interfaces.display.table import Table

    today = args.as_of or datetime.datetime.now().astimezone().date()
    rows: list[dict[str, Any]] = []
    for catalog, model in _models(args):
        if model.retires is not None and (model.retires - today).days <= args.within:
            rows.append({**_row(catalog, model), "days_left": (model.retires - today).days})
    rows.sort(key=lambda row: (row["days_left"], row["provider"], row["model"]))
    output.result({"as_of": str(today), "within_days": args.within, "models": rows})
    shown = ("retires", "days_left", "provider", "model", "services", "replaced_by")
    table = [{name: _cell(row[name]) for name in shown} for row in rows]
    output.say(Table(table, shown, f"Models that have ended or end within {args.within} days of {today}"))
    return 0


def _models(args: argparse.Namespace) -> list[tuple[Catalog, Model]]:
    from viralai_sdk.catalog.catalog import Catalog
    from viralai_sdk.config.configuration import AIConfiguration
    from viralai_sdk.interfaces.names import service_type
    from viralai_sdk.providers import registry

    catalog = Catalog(AIConfiguration.discover().catalog, registry.catalog_of)
    names = [registry.resolve(args.provider)] if args.provider else registry.all_names()
    kind = service_type(args.service) if args.service else None
    return [
        (catalog, model)
        for name in names
        for model in catalog.provider(name).models.values()
        if kind is None or kind in model.services
    ]


def _row(catalog: Catalog, model: Model) -> dict[str, Any]:
    of = catalog.provider(model.provider)
    return {
        "provider": model.provider,
        "model": model.name,
        "services": [service.short for service in model.services],
        "prices": dict(model.prices),
        "released": str(model.released) if model.released else None,
        "retires": str(model.retires) if model.retires else None,
        "replaced_by": model.replaced_by,
        "default_for": [service.short for service, name in of.defaults.items() if name == model.name],
        "source": model.source,
        "as_of": str(of.as_of) if of.as_of else None,
    }


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return ", ".join(_price(unit, price) for unit, price in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    return "" if value is None else value


def _price(unit: str, price: float) -> str:
    return f"${price * 1e6:g}/M {unit}" if 0 < price < 0.001 else f"${price:g}/{unit}"
