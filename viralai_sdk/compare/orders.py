"""From arms, prompts and repeats to calls that are ready to be made. What can be refused is refused here, before it is paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from viralai_sdk.compare.arms import Arm
from viralai_sdk.compare.slots import Slot
from viralai_sdk.helpers import ImageHelper, SpeechHelper, TextHelper, VideoHelper
from viralai_sdk.helpers.base import Helper, seconds_of
from viralai_sdk.interfaces.errors import ConfigurationError, InvalidRequestError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.interfaces.requests import Request
from viralai_sdk.services.call import Call, Route
from viralai_sdk.services.manager import AIServiceManager

HELPERS: Mapping[AIServiceType, type[Helper[Any]]] = {
    kind.service: kind for kind in (TextHelper, ImageHelper, VideoHelper, SpeechHelper)
}
Prompts: TypeAlias = str | Sequence[str] | Mapping[str, str]
_SHOWN_REASONS = 8


@dataclass(frozen=True, slots=True)
class Order:
    """One call of a comparison, checked and ready. The route is fixed: a later switch does not change what an arm is."""

    slot: Slot
    request: Request
    route: Route
    timeout: float | None = None
    session_id: str | None = None

    def call(self, manager: AIServiceManager, service: AIServiceType, **details: Any) -> Call:
        """The call, made now so that its clock starts now. It has no fallback, and is never answered from the cache: an arm must
        be what it says, its latency and price included."""
        details.setdefault("timeout", self.timeout)
        return manager.call(
            service,
            self.request,
            provider=self.route,
            fallback=False,
            session_id=self.session_id,
            use_cache=False,
            **details,
        )


def prompts_of(given: Prompts) -> dict[str, str]:
    """Prompts by id: one, several ("p001", "p002", …), or a mapping with ids of its own.

    Raises:
        InvalidRequestError: no prompt, or something that is no text.
    """
    said: Any = [given] if isinstance(given, str) else given
    if isinstance(said, Mapping):
        found = dict(said)
    elif isinstance(said, Sequence) and not isinstance(said, (bytes, bytearray)):
        found = {f"p{place:03d}": words for place, words in enumerate(said, 1)}
    else:
        raise InvalidRequestError(f"prompts are texts, not a {type(said).__name__}.", hint="Give a text or a list.")
    if not found:
        raise InvalidRequestError("a comparison needs a prompt.", hint="Give a text, or a list of them.")
    for key, words in found.items():
        if not isinstance(key, str) or not key.strip() or not isinstance(words, str):
            raise InvalidRequestError(
                f"prompt {key!r}: ids and prompts are texts.", hint="Such as {'fox': 'a red fox'}."
            )
    return found


def orders_of(
    manager: AIServiceManager,
    service: AIServiceType,
    arms: Sequence[Arm],
    prompts: Mapping[str, str],
    repeats: int,
    shared: Mapping[str, Any],
) -> list[Order]:
    """Every call, arms taking turns (A B C, A B C, …), so that no provider has its load in one piece.

    A given seed goes up by one with each repeat, the same for all arms: repeats differ, and arms can be compared seed by seed.

    Raises:
        ConfigurationError: an arm names an unknown provider, or one without its key. All reasons are told at once; nothing was sent.
        InvalidRequestError: an arm's request cannot work, or `repeats` is below 1.
    """
    if type(repeats) is not int or repeats < 1:
        raise InvalidRequestError(f"repeats must be 1 or more, not {repeats!r}.")
    common = dict(shared)
    for word in ("provider", "model"):
        if common.get(word) is not None:
            raise InvalidRequestError(
                f"{word}: belongs to an arm.", hint="Such as arms=[{'provider': 'openai', 'model': '…'}]."
            )
    session_id = common.pop("session_id", None)
    found: dict[tuple[str, str], Order] = {}
    reasons: list[tuple[str, ConfigurationError | InvalidRequestError]] = []
    for arm in arms:
        try:
            for prompt, words in prompts.items():
                found[arm.name, prompt] = _order(manager, service, arm, prompt, words, common, session_id)
        except (ConfigurationError, InvalidRequestError) as error:
            reasons.append((arm.name, error))
    if reasons:
        raise _refusal(reasons)
    return [_again(found[arm.name, prompt], repeat) for repeat in range(repeats) for prompt in prompts for arm in arms]


def _order(
    manager: AIServiceManager,
    service: AIServiceType,
    arm: Arm,
    prompt: str,
    words: str,
    common: Mapping[str, Any],
    session_id: str | None,
) -> Order:
    parameters = {**common, **arm.parameters}
    if parameters.pop("fallback", None):
        raise InvalidRequestError("an arm has no fallback: its results would be another's.", hint="Leave fallback out.")
    timeout = seconds_of(parameters.pop("timeout", None))
    route = manager.default_route(service) if arm.provider is None else manager.parse(arm.provider, service, arm.model)
    if arm.provider is None and arm.model is not None:
        route = Route(route.provider, arm.model)
    manager.runtime.factory.service(service, route.provider)
    said = arm.words(words)
    request = HELPERS[service](manager).request(said, **parameters)
    return Order(Slot(arm.name, prompt, 0, said), request, route, timeout, session_id)


def _again(order: Order, repeat: int) -> Order:
    first = order.slot
    seed = getattr(order.request, "seed", None)
    request = order.request if seed is None else order.request.model_copy(update={"seed": seed + repeat})
    slot = Slot(first.arm, first.prompt, repeat, first.words)
    return Order(slot, request, order.route, order.timeout, order.session_id)


def _refusal(
    reasons: list[tuple[str, ConfigurationError | InvalidRequestError]],
) -> ConfigurationError | InvalidRequestError:
    told = "; ".join(f"arm {name!r}: {error.message.rstrip('.')}" for name, error in reasons[:_SHOWN_REASONS])
    more = f"; and {len(reasons) - _SHOWN_REASONS} more" if len(reasons) > _SHOWN_REASONS else ""
    kind = next((type(error) for _, error in reasons if isinstance(error, ConfigurationError)), InvalidRequestError)
    hints = dict.fromkeys(error.hint for _, error in reasons if error.hint)
    message = f"the comparison was not started. {told}{more}. Nothing was sent."
    providers = {error.provider for _, error in reasons}
    return kind(message, hint=" ".join(hints) or None, provider=providers.pop() if len(providers) == 1 else None)
