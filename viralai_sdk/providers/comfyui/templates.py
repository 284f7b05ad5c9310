"""The workflows that come with the SDK, and how a model name or a setting leads to a workflow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from viralai_sdk.interfaces.errors import ConfigurationError
from viralai_sdk.interfaces.names import suggest
from viralai_sdk.providers.comfyui.graph import read_workflow
from viralai_sdk.providers.comfyui.schema import is_file


@dataclass(frozen=True, slots=True)
class Template:
    """One bundled workflow.

    Attributes:
        service: image, video or speech.
        description: what it makes and what it wants.
        needs: files and custom nodes the server must have; empty for workflows that run anywhere.
        default: it serves when nothing is configured.
        reference: it serves when the request brings a picture and nothing is configured.
    """

    name: str
    service: str
    description: str
    needs: tuple[str, ...] = ()
    default: bool = False
    reference: bool = False


@cache
def templates() -> Mapping[str, Template]:
    """All bundled workflows by name."""
    rows = json.loads((files(__package__) / "workflows" / "index.json").read_text("utf-8"))
    return {name: Template(name=name, **{**row, "needs": tuple(row.get("needs", ()))}) for name, row in rows.items()}


def load_template(name: str) -> dict[str, Any]:
    """A bundled workflow, a fresh copy.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in templates():
        known = ", ".join(templates())
        raise ConfigurationError(
            f"there is no template {name!r}.", hint=suggest(name, templates(), f"Templates: {known}.")
        )
    data: dict[str, Any] = json.loads((files(__package__) / "workflows" / f"{name}.json").read_text("utf-8"))
    return data


@dataclass(slots=True)
class Chosen:
    """A workflow for a call: what to show as its name, the data, and a checkpoint to put into it."""

    name: str
    data: dict[str, Any]
    checkpoint: str | None = None


def choose_workflow(model: str, configured: Any, service: str, *, reference: bool) -> Chosen:
    """The workflow of a call: the one the model names, else the configured one, else the service's default.

    Args:
        model: a path to a workflow file, a template's name, or a checkpoint file on the server; "" leaves it open.
        configured: the setting `workflow` or `workflow_path`: a path, a template's name or a mapping.

    Raises:
        ConfigurationError: no such file and no such template.
        InvalidRequestError: the file is no workflow.
    """
    if is_file(model):
        chosen = choose_workflow("", configured, service, reference=reference)
        chosen.checkpoint, chosen.name = model, f"{chosen.name}:{model}"
        return chosen
    wanted = model or configured
    if isinstance(wanted, Mapping):
        return Chosen("workflow", read_workflow(wanted))
    if not wanted:
        rows = [row for row in templates().values() if row.service == service]
        row = next((row for row in rows if row.reference), None) if reference else None
        name = (row or next(row for row in rows if row.default)).name
        return Chosen(name, load_template(name))
    if str(wanted) in templates():
        return Chosen(str(wanted), load_template(str(wanted)))
    path = Path(str(wanted))
    if path.suffix.lower() in (".json", ".png") or path.is_file():
        return Chosen(path.stem, read_workflow(path))
    raise ConfigurationError(
        f"{str(wanted)!r} is neither a workflow file nor a template.",
        provider="comfyui",
        hint=suggest(str(wanted), templates(), f"Templates: {', '.join(templates())}."),
    )
