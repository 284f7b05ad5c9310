"""What the catalog knows about the end of models: said before it comes, and explained when a vendor says "gone"."""

from __future__ import annotations

import datetime

from viralai_sdk.catalog.catalog import Model
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError, ModelRetiredError
from viralai_sdk.interfaces.records import CallWarning

RETIRING_DAYS = 60
"""A model that ends within so many days is mentioned in every response."""
GONE = (404, 410)
"""Statuses by which vendors say that a model is not there (any more)."""


def instead(model: Model) -> str:
    """What to do, as a clause without a capital."""
    return f"use {model.replaced_by!r} instead" if model.replaced_by else "choose another model"


def lifecycle(model: Model | None, today: datetime.date) -> list[CallWarning]:
    """A warning about a model that ends soon; nothing for a model without a known end.

    Raises:
        ModelRetiredError: its end has passed.
    """
    if model is None or model.retires is None:
        return []
    days = (model.retires - today).days
    what = instead(model)
    if days < 0:
        raise ModelRetiredError(
            f"the model {model.name!r} ended on {model.retires}.",
            replaced_by=model.replaced_by,
            hint=f"{what[0].upper()}{what[1:]}.",
        )
    if days > RETIRING_DAYS:
        return []
    return [CallWarning(kind="deprecated", parameter="model", message=f"{model.name} ends on {model.retires}; {what}")]


def explain(error: AIError, model: Model | None, today: datetime.date) -> AIError:
    """A vendor's "no such model", with the successor that the catalog knows; every other error as it is.

    A plain 404 becomes a `ModelRetiredError` only when the catalog says that the model is at its end, or the vendor's text names it:
    a 404 may as well mean a voice or a file.
    """
    if model is None:
        return error
    if isinstance(error, ModelRetiredError):
        if model.replaced_by and not error.replaced_by:
            error.replaced_by = model.replaced_by
            error.hint = _hint(error, model)
        return error
    if type(error) is not InvalidRequestError or error.status not in GONE or not _at_its_end(error, model, today):
        return error
    retired = ModelRetiredError(
        error.message,
        replaced_by=model.replaced_by,
        provider=error.provider,
        service=error.service,
        billed=error.billed,
        status=error.status,
        request_id=error.request_id,
        hint=_hint(error, model),
    )
    retired.__cause__ = error
    return retired


def _at_its_end(error: AIError, model: Model, today: datetime.date) -> bool:
    if model.retires is None:
        return bool(model.replaced_by) and model.name in error.message
    return (model.retires - today).days <= RETIRING_DAYS or model.name in error.message


def _hint(error: AIError, model: Model) -> str:
    what = instead(model)
    advice = f"{what[0].upper()}{what[1:]}."
    if model.retires is not None:
        advice = f"The catalog has its end on {model.retires}. {advice}"
    return f"{error.hint} {advice}" if error.hint else advice
