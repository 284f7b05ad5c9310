"""What an experiment is: written down once, compared when it is opened again, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viralai_sdk.compare.arms import Arm, ArmLike
from viralai_sdk.compare.arms import arms as read_arms
from viralai_sdk.compare.orders import HELPERS
from viralai_sdk.compare.prompts import Prompt, PromptSet, read_prompts
from viralai_sdk.interfaces.errors import InvalidRequestError, StorageError
from viralai_sdk.interfaces.names import AIServiceType, service_type, shorten, suggest
from viralai_sdk.store.redact import redact_json

SCHEMA = 1
MAX_ARMS = 200
MAX_REPEATS = 100
MAX_NAME_CHARS = 120
CALL_PARAMETERS = ("timeout",)
"""Parameters of a helper that are not part of its request."""
ARMS_OWN = ("provider", "model", "fallback", "dry_run", "session_context")
"""What an arm says itself, or what would put another provider's work under an arm's name."""


@dataclass(frozen=True)
class Definition:
    """Everything that decides what an experiment generates and shows."""

    name: str
    service: AIServiceType
    arms: tuple[Arm, ...]
    prompts: PromptSet
    repeats: int = 1
    seed: int = 0
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def arm(self, name: str) -> Arm:
        """The arm of that name.

        Raises:
            InvalidRequestError: there is none.
        """
        for one in self.arms:
            if one.name == name:
                return one
        known = ", ".join(repr(one.name) for one in self.arms[:8])
        raise InvalidRequestError(f"there is no arm {shorten(str(name))!r} in {self.name!r}.", hint=f"Arms: {known}.")

    def to_dict(self) -> dict[str, Any]:
        """As JSON data; `read_definition` reads it back."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "service": self.service.short,
            "arms": [one.to_dict() for one in self.arms],
            "prompts": [prompt.to_dict() for prompt in self.prompts],
            "repeats": self.repeats,
            "seed": self.seed,
            "parameters": dict(self.parameters),
        }


def define(
    name: str,
    service: AIServiceType | str,
    arms: Iterable[ArmLike],
    prompts: Any,
    repeats: int = 1,
    seed: int = 0,
    parameters: Mapping[str, Any] | None = None,
) -> Definition:
    """Check and complete a definition. See `viralai_sdk.compare.experiment.open_experiment`.

    Raises:
        InvalidRequestError: says what is wrong with which part.
    """
    kind = service_type(service)
    allowed = set(parameters_of(kind))
    found = read_arms(arms)
    if not 2 <= len(found) <= MAX_ARMS:
        raise InvalidRequestError(f"an experiment has 2 to {MAX_ARMS} arms, not {len(found)}.")
    _whole_number("repeats", repeats, 1, MAX_REPEATS)
    _whole_number("seed", seed, -(2**63), 2**63)
    shared = {key: value for key, value in (parameters or {}).items() if value is not None}
    for where, given in (("the experiment", shared), *((f"arm {one.name!r}", one.parameters) for one in found)):
        _known(where, given, allowed)
    definition = Definition(name, kind, found, read_prompts(prompts, allowed), repeats, seed, shared)
    return _plain(definition)


def parameters_of(service: AIServiceType) -> list[str]:
    """Names of the parameters that arms, prompts and the experiment itself may set."""
    request = HELPERS[service].request_class
    names = {*request.model_fields, *request._aliases(), *CALL_PARAMETERS}
    return sorted(names - {request.subject, *ARMS_OWN})


def check_name(name: object) -> str:
    """An experiment's name without blanks around it.

    Raises:
        InvalidRequestError: it is empty, too long, or has control characters.
    """
    if not isinstance(name, str) or not name.strip() or len(name.strip()) > MAX_NAME_CHARS:
        raise InvalidRequestError(f"an experiment's name is a text of 1 to {MAX_NAME_CHARS} characters.")
    if any(ord(sign) < 32 for sign in name):
        raise InvalidRequestError("an experiment's name has control characters.")
    return name.strip()


def read_definition(data: Mapping[str, Any]) -> Definition:
    """A definition out of what `to_dict` wrote.

    Raises:
        StorageError: it is from a newer SDK, or damaged.
    """
    if data.get("schema") != SCHEMA:
        raise StorageError(
            f"the experiment was written in schema {data.get('schema')!r}; this SDK reads {SCHEMA}.",
            hint="Update viralai-sdk.",
        )
    try:
        arms = tuple(Arm(**one) for one in data["arms"])
        prompts = PromptSet(Prompt(**one) for one in data["prompts"])
        kind = service_type(data["service"])
        return Definition(data["name"], kind, arms, prompts, data["repeats"], data["seed"], data["parameters"])
    except (KeyError, TypeError) as error:
        raise StorageError(f"the experiment's definition cannot be read ({error}).") from error


def differences(old: Definition, new: Definition) -> list[str]:
    """What differs, in words; empty when nothing does."""
    before, after = old.to_dict(), new.to_dict()
    told = [
        f"{name} was {shorten(repr(before[name]))}, now {shorten(repr(after[name]))}"
        for name in ("service", "repeats", "seed", "parameters")
        if before[name] != after[name]
    ]
    told += _listed("arm", {one["name"]: one for one in before["arms"]}, {one["name"]: one for one in after["arms"]})
    told += _listed(
        "prompt", {one["id"]: one for one in before["prompts"]}, {one["id"]: one for one in after["prompts"]}
    )
    if not told and before != after:
        told.append("arms or prompts stand in another order")
    return told


def _listed(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    def some(names: list[str], how: str) -> list[str]:
        shown = ", ".join(repr(shorten(name, 30)) for name in names[:3]) + (" …" if len(names) > 3 else "")
        return [f"{len(names)} {what}{'s' if len(names) > 1 else ''} {how}: {shown}"] if names else []

    return [
        *some([name for name in after if name not in before], "added"),
        *some([name for name in before if name not in after], "missing"),
        *some([name for name in before if name in after and before[name] != after[name]], "changed"),
    ]


def _known(where: str, given: Mapping[str, Any], allowed: set[str]) -> None:
    for name in given:
        if name in ARMS_OWN:
            raise InvalidRequestError(
                f"{where}: {name!r} cannot be set here.",
                hint="An arm names its own provider and model, and nobody steps in for it: the answer would be counted as the arm's.",
            )
        if name not in allowed:
            raise InvalidRequestError(
                f"{where}: {shorten(str(name))!r} is no parameter of this service.", hint=suggest(str(name), allowed)
            )


def _whole_number(name: str, value: object, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InvalidRequestError(f"{name} is a whole number from {low:,} to {high:,}, not {value!r}.")


def _plain(definition: Definition) -> Definition:
    """The definition as it comes back from the journal, so that a fresh kernel runs exactly what this one runs.

    Raises:
        InvalidRequestError: some of it cannot be written down, such as half a character or a number that is none.
    """
    try:
        text = json.dumps(definition.to_dict(), default=_path_text, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(
            f"the experiment cannot be written down: {error}.",
            hint="Its parts must be texts, numbers, lists and mappings; give a file by its path, a schema as JSON schema.",
        ) from error
    plain = json.loads(text)
    if json.loads(redact_json(text) or "null") != plain:
        raise InvalidRequestError(
            "the experiment's arms or prompts hold what looks like a key or a signed address.",
            hint="Keys belong into the configuration; nothing secret is written into the journal.",
        )
    return read_definition(plain)


def _path_text(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a {type(value).__name__} has no JSON form")
