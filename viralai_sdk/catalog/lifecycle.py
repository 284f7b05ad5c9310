"""Which models end when, and what is wrong with the catalog's data. Every function is told the day it is."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass

from viralai_sdk.catalog.catalog import Model, ProviderCatalog
from viralai_sdk.interfaces.errors import InvalidRequestError

WITHIN_DAYS = 90
"""How far ahead one looks when nothing else is said."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend in the catalog."""

    provider: str
    model: str
    what: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}: {self.what}"


def days(text: str) -> int:
    """Days of "90d", "12w" or "90".

    Raises:
        InvalidRequestError: it is none of these.
    """
    match = re.fullmatch(r"(\d{1,5})\s*([dw]?)", text.strip().lower())
    if match is None:
        raise InvalidRequestError(f"{text!r} is no span of days.", hint="Write it as 90d or 12w.")
    return int(match[1]) * (7 if match[2] == "w" else 1)


def retiring(catalogs: Iterable[ProviderCatalog], today: datetime.date, within: int = WITHIN_DAYS) -> list[Model]:
    """Models that end within so many days, the nearest end first. Those that have ended already are not among them."""
    last = today + datetime.timedelta(days=within)
    ending = [
        (model.retires, model.provider, model.name, model)
        for catalog in catalogs
        for model in catalog.models.values()
        if model.retires is not None and today <= model.retires <= last
    ]
    return [row[-1] for row in sorted(ending, key=lambda row: row[:3])]


def problems(catalog: ProviderCatalog, today: datetime.date, within: int = WITHIN_DAYS) -> list[Problem]:
    """What is wrong with one provider's data, or will be soon."""
    found = [*_defaults(catalog, today, within)]
    for model in catalog.models.values():
        found += [Problem(catalog.provider, model.name, what) for what in _model(catalog, model)]
    return found


def _defaults(catalog: ProviderCatalog, today: datetime.date, within: int) -> Iterable[Problem]:
    for service, name in catalog.defaults.items():
        model = catalog.models.get(name)
        what = f"the default for {service.short}"
        if model is None:
            yield Problem(catalog.provider, name, f"{what} is not in the catalog")
            continue
        if service not in model.services:
            yield Problem(catalog.provider, name, f"{what} does not serve it")
        if model.retires is None:
            continue
        left = (model.retires - today).days
        after = f"; its successor is {model.replaced_by}" if model.replaced_by else "; no successor is known"
        if left < 0:
            yield Problem(catalog.provider, name, f"{what} ended on {model.retires}{after}")
        elif left <= within:
            yield Problem(catalog.provider, name, f"{what} ends on {model.retires}, in {left} days{after}")


def _model(catalog: ProviderCatalog, model: Model) -> Iterable[str]:
    if not model.source:
        yield "its figures have no source"
    if not model.services:
        yield "it serves nothing"
    if any(price < 0 for price in model.prices.values()):
        yield "a price below 0"
    if model.released and model.retires and model.retires < model.released:
        yield f"it ends ({model.retires}) before it begins ({model.released})"
    if model.replaced_by is None:
        return
    successor = catalog.models.get(model.replaced_by)
    if successor is None:
        yield f"its successor {model.replaced_by!r} is not in the catalog"
    elif model.retires and successor.retires and successor.retires <= model.retires:
        yield f"its successor {model.replaced_by!r} does not outlive it (ends on {successor.retires})"
