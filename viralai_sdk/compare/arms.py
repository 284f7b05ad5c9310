"""Arms: the alternatives of a comparison. Any two may differ in provider, model, prompt template or any parameter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import AIProvider

PLACEHOLDER = "{prompt}"

ArmLike: TypeAlias = "Arm | AIProvider | str | Mapping[str, Any]"


@dataclass(frozen=True, slots=True)
class Arm:
    """One alternative.

    Attributes:
        name: what people call it, unique in its comparison.
        provider: a provider's name or spec; None takes whoever is configured.
        model: None takes the provider's default.
        template: the arm's own wording with `{prompt}` where the prompt belongs; None sends the prompt as it is.
        parameters: parameters of the helper, such as `style`, `voice_id` or `seed`; they win over the comparison's own.
    """

    name: str
    provider: str | None = None
    model: str | None = None
    template: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def words(self, prompt: str) -> str:
        """The prompt as this arm words it."""
        return prompt if self.template is None else self.template.replace(PLACEHOLDER, prompt)

    def fingerprint(self) -> str:
        """16 hex digits that change when anything but the name does: results are found again by it."""
        said = [self.provider, self.model, self.template, dict(self.parameters)]
        return hashlib.sha256(json.dumps(said, sort_keys=True, default=repr).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """As JSON data; `arm` reads it back."""
        return {
            "name": self.name,
            "provider": self.provider,
            "model": self.model,
            "template": self.template,
            "parameters": dict(self.parameters),
        }


def arm(given: ArmLike) -> Arm:
    """Read one arm: an `Arm`, a provider, a spec such as "gemini:gemini-3.1-flash-image", or a mapping.

    A mapping holds any of `name`, `provider`, `model`, `template` and `parameters`; every other key is a parameter of the helper.

    Raises:
        InvalidRequestError: it is none of these, or its template has no `{prompt}`.
    """
    if isinstance(given, Arm):
        return _checked(given)
    if isinstance(given, AIProvider):
        return Arm(given.value, given.value)
    if isinstance(given, str):
        if not given.strip():
            raise InvalidRequestError("an arm's provider is empty.", hint="Name one, such as 'openai'.")
        return Arm(given.strip(), given.strip())
    if not isinstance(given, Mapping):
        raise InvalidRequestError(
            f"an arm is a provider, a mapping or an Arm, not a {type(given).__name__}.",
            hint="Such as 'openai:gpt-image-2.6-flare' or {'provider': 'openai', 'style': 'noir'}.",
        )
    rest = dict(given)
    provider = rest.pop("provider", None)
    model, template, name = (rest.pop(key, None) for key in ("model", "template", "name"))
    nested = rest.pop("parameters", None) or {}
    if not isinstance(nested, Mapping):
        raise InvalidRequestError(f"parameters of an arm must be a mapping, not a {type(nested).__name__}.")
    spec = provider.value if isinstance(provider, AIProvider) else provider
    parameters = {**nested, **rest}
    return _checked(Arm(str(name or _described(spec, model, template, parameters)), spec, model, template, parameters))


def arms(given: Iterable[ArmLike]) -> tuple[Arm, ...]:
    """Read the arms of a comparison. Two alike in name get numbers.

    Raises:
        InvalidRequestError: no arm, or two arms that do not differ.
    """
    if isinstance(given, (str, AIProvider, Arm, Mapping)):
        given = [given]
    found = [arm(one) for one in given]
    if not found:
        raise InvalidRequestError("a comparison needs arms.", hint="Name providers: providers=['openai', 'gemini'].")
    seen: dict[str, str] = {}
    for one in found:
        twin = seen.setdefault(one.fingerprint(), one.name)
        if sum(other.fingerprint() == one.fingerprint() for other in found) > 1:
            raise InvalidRequestError(
                f"arms: {twin!r} is there twice.", hint="Use repeats= to ask the same arm several times."
            )
    names = [one.name for one in found]
    return tuple(
        one
        if names.count(one.name) == 1
        else Arm(_numbered(names, place), one.provider, one.model, one.template, one.parameters)
        for place, one in enumerate(found)
    )


def _numbered(names: list[str], place: int) -> str:
    count = names[: place + 1].count(names[place])
    candidate = f"{names[place]} #{count}"
    while candidate in names:
        candidate += "'"
    return candidate


def _checked(given: Arm) -> Arm:
    if given.template is not None and PLACEHOLDER not in given.template:
        raise InvalidRequestError(
            f"arm {given.name!r}: its template has no {PLACEHOLDER}.",
            hint=f"Such as '{PLACEHOLDER}, as a watercolour'.",
        )
    if not given.name.strip():
        raise InvalidRequestError("an arm's name is empty.")
    return given


def _described(provider: Any, model: Any, template: str | None, parameters: Mapping[str, Any]) -> str:
    parts = [":".join(str(part) for part in (provider, model) if part) or "default"]
    parts += [f"{name}={value}" for name, value in parameters.items()]
    if template is not None:
        parts.append(template)
    return " ".join(parts)[:80]
