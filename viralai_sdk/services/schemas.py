"""A JSON schema that was given as a dict: is it one, and does a value follow it? `jsonschema` answers both, loaded by the first such call.

Nothing is fetched: a reference that leads out of the schema is refused, never followed to another host. Of the formats only `regex` counts,
whatever else is installed; `format` in a schema is a remark, as the standard has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import shorten

HINT = 'Give a schema of JSON Schema 2020-12, or name its dialect by "$schema".'
LONGEST_REASON = 200
"""Characters of a reason; a value inside it may be a whole novel."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON schema, before anything is sent.

    Raises:
        InvalidRequestError: it is no JSON, breaks its dialect's rules, or has a reference that leads nowhere. Says where.
    """
    try:
        _check(_plain(schema))
    except RecursionError:
        raise InvalidRequestError("schema: is nested too deeply.", hint="Simplify it.") from None


def misfit(schema: Mapping[str, Any], value: Any) -> str | None:
    """Where and why a value does not follow a checked schema, in one short line; None when it does."""
    from jsonschema.exceptions import best_match

    try:
        error = best_match(_validator(_plain(schema)).iter_errors(value))
    except RecursionError:
        return "the value: is nested too deeply to be checked"
    return None if error is None else f"{_place(error.absolute_path, 'the value')}: {_reason(error.message)}"


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as it will be sent: tuples are lists there, and what JSON has no form for cannot be in it."""
    try:
        plain: dict[str, Any] = json.loads(json.dumps(schema, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"schema: is no JSON ({shorten(str(error))}).", hint=HINT) from error
    return plain


def _validator(schema: dict[str, Any]) -> Any:
    from jsonschema_specifications import REGISTRY

    return _dialect(schema)(schema, registry=REGISTRY)


def _dialect(schema: dict[str, Any]) -> Any:
    """The validator class of the dialect that the schema names, or of today's when it names none that is known."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    named = schema.get("$schema", "")
    try:
        return validator_for({"$schema": named}, default=Draft202012Validator)
    except (TypeError, ValueError, AttributeError) as error:  # no text, or no address
        raise _wrong(["$schema"], f"{shorten(repr(named))} is no address of a dialect") from error


def _check(schema: dict[str, Any]) -> None:
    from jsonschema_specifications import REGISTRY
    from referencing.jsonschema import DRAFT202012, specification_with

    rules = _dialect(schema)
    _check_rules(schema, rules, [])
    specification = specification_with(schema.get("$schema", ""), default=DRAFT202012)
    root = specification.create_resource(schema)
    address = root.id() or ""
    todo = [(root, REGISTRY.with_resource(address, root).resolver(address))]
    seen = set()
    while todo:
        part, resolver = todo.pop()
        if id(part.contents) in seen or not isinstance(part.contents, dict):
            continue
        seen.add(id(part.contents))
        for reference in [part.contents[word] for word in ("$ref", "$dynamicRef") if word in part.contents]:
            found = _look_up(reference, resolver)
            _check_rules(found.contents, rules, [reference])
            todo.append((specification.create_resource(found.contents), found.resolver))
        todo += [(inner, resolver.in_subresource(inner)) for inner in part.subresources()]


def _check_rules(part: Any, rules: Any, place: list[str]) -> None:
    """Check a schema, or what a reference in it points to, by the rules of the dialect."""
    from jsonschema import FormatChecker
    from jsonschema.exceptions import SchemaError

    try:
        rules.check_schema(part, format_checker=FormatChecker(formats=("regex",)))
    except SchemaError as error:
        told = " that Python's re can read" if error.validator == "format" else ""
        raise _wrong([*place, *error.absolute_path], _reason(error.message) + told) from error


def _look_up(reference: str, resolver: Any) -> Any:
    from referencing.exceptions import Unresolvable

    try:
        return resolver.lookup(reference)
    except (Unresolvable, ValueError) as error:  # ValueError: it is not even an address
        told = f"the reference {shorten(reference)!r} leads nowhere in this schema, and nothing is fetched."
        raise InvalidRequestError(f"schema: {told}", hint="Put what it means under $defs.") from error


def _wrong(place: Any, reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"schema: {_place(place, 'the whole')}: {reason}.", hint=HINT)


def _place(path: Any, whole: str) -> str:
    return shorten(".".join(map(str, path)), 120) or whole


def _reason(message: str) -> str:
    """The message on one line, its middle cut out when it is long: what was found stands at its start, what is wrong with it at its end."""
    line = " ".join(message.split())
    half = LONGEST_REASON // 2
    return line if len(line) <= LONGEST_REASON else f"{line[: half - 2]} … {line[1 - half :]}"
