"""Experiments are made, reopened and listed: their definitions stand in one ballot of the journal, the first entry of a name counts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from viralai_sdk.compare.arms import Arm, ArmLike
from viralai_sdk.compare.arms import arms as read_arms
from viralai_sdk.compare.definition import Definition, check_name, define, differences, read_definition
from viralai_sdk.compare.experiment import Experiment
from viralai_sdk.compare.votes import Ballot
from viralai_sdk.interfaces.display.table import Table
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import AIServiceType, service_type, suggest
from viralai_sdk.services.manager import AIServiceManager

BALLOT = "experiments"


def open_experiment(
    manager: AIServiceManager,
    name: str,
    *,
    service: AIServiceType | str | None = None,
    arms: Iterable[ArmLike] | None = None,
    prompts: Any = None,
    repeats: int | None = None,
    seed: int | None = None,
    **parameters: Any,
) -> Experiment:
    """Make an experiment, or reopen the one of that name.

    Args:
        name: its name in this project. The name alone reopens it.
        service: text, image, video or speech.
        arms: the alternatives; see `viralai_sdk.compare.arms.arm`.
        prompts: a list of texts or mappings, or the path of a CSV or JSONL file; see `viralai_sdk.compare.prompts.read_prompts`.
        repeats: how often each arm answers each prompt; once when nothing is said.
        seed: another seed shows the same results in other orders and on other sides; 0 when nothing is said.
        parameters: parameters of the helper for all cells; a prompt's own win over them, an arm's own over both.

    Raises:
        InvalidRequestError: a part is wrong; there is no experiment of that name; or there is one that was defined differently, and the
            message says what differs.
    """
    name = check_name(name)
    known = _definitions(manager)
    told = {"service": service, "arms": arms, "prompts": prompts}
    if all(value is None for value in told.values()) and not parameters:
        return Experiment(manager, _as_told(_known(known, name), repeats=repeats, seed=seed))
    missing = [part for part, value in told.items() if value is None]
    if service is None or arms is None or prompts is None:
        raise InvalidRequestError(
            f"experiment {name!r} lacks its {' and '.join(missing)}.",
            hint="Give service, arms and prompts to make it, or the name alone to reopen it.",
        )
    asked = define(
        name,
        service,
        _settled(manager, service_type(service), arms),
        prompts,
        _or(repeats, 1),
        _or(seed, 0),
        parameters,
    )
    if name not in known:
        manager.runtime.journal.add_vote(BALLOT, asked.to_dict())
        known = _definitions(manager)  # another kernel may have been faster; the first entry counts
    changes = differences(known[name], asked)
    if changes:
        raise InvalidRequestError(
            f"there is an experiment {name!r} already, and it is another one: {'; '.join(changes)}.",
            hint=f"ai.experiment({name!r}) reopens it; give the new one a name of its own, such as {_fresh(name, known)!r}.",
        )
    return Experiment(manager, known[name])


def experiments(manager: AIServiceManager) -> Table:
    """All experiments of the project, in the order in which they were made."""
    rows = []
    for definition in _definitions(manager).values():
        ballot = Ballot(manager.runtime.journal, definition.name).refresh()
        failed = sum(data["response"] is None for data in ballot.cells.values())
        rows.append(
            {
                "name": definition.name,
                "service": definition.service.short,
                "arms": len(definition.arms),
                "prompts": len(definition.prompts),
                "repeats": definition.repeats,
                "cells": f"{len(ballot.cells)} of {len(definition.arms) * len(definition.prompts) * definition.repeats}",
                "failed": failed,
                "votes": sum(record.rater_kind == "human" for record in ballot.votes.values()),
                "judge votes": sum(record.rater_kind == "judge" for record in ballot.votes.values()),
                "raters": sum(kind == "human" for kind, _ in ballot.raters()),
            }
        )
    return Table(rows, caption="Experiments")


def _definitions(manager: AIServiceManager) -> dict[str, Definition]:
    found: dict[str, Definition] = {}
    for entry in manager.runtime.journal.votes(BALLOT):
        definition = read_definition(json.loads(entry.payload))
        found.setdefault(definition.name, definition)
    return found


def _settled(manager: AIServiceManager, service: AIServiceType, given: Iterable[ArmLike]) -> list[Arm]:
    """Arms that take whoever is configured take him who is configured now: a later switch does not change what an arm is."""
    default = manager.default_route(service).label
    return [
        one if one.provider is not None else Arm(one.name, default, one.model, one.template, one.parameters)
        for one in read_arms(given)
    ]


def _known(known: dict[str, Definition], name: str) -> Definition:
    if name not in known:
        names = ", ".join(repr(other) for other in list(known)[-5:])
        told = f"Experiments: {names}." if names else "Give service, arms and prompts to make it."
        raise InvalidRequestError(f"there is no experiment {name!r}.", hint=suggest(name, known, told))
    return known[name]


def _as_told(known: Definition, **told: int | None) -> Definition:
    """The known one, when nothing that was said besides its name contradicts it."""
    for part, value in told.items():
        if value is not None and value != getattr(known, part):
            raise InvalidRequestError(
                f"experiment {known.name!r} has {part} {getattr(known, part)!r}, not {value!r}.",
                hint=f"ai.experiment({known.name!r}) reopens it; make another one under a name of its own.",
            )
    return known


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def _fresh(name: str, known: dict[str, Definition]) -> str:
    number = 2
    while f"{name}-{number}" in known:
        number += 1
    return f"{name}-{number}"
