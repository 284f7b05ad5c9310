"""`ProviderPicker`: choose providers and their models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets

from viralai_sdk.interfaces.display import Html, el, table_html
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.names import SERVICES, AIServiceType, service_type
from viralai_widgets.owner import Owner
from viralai_widgets.panel import Panel

if TYPE_CHECKING:
    from viralai_sdk.client import ViralAI

SERVICE_NAMES = tuple(kind.short for kind in SERVICES)


class ProviderPicker(Panel):
    """Choose providers and models: who is configured and healthy, at what price, until when.

    >>> picker = ProviderPicker(ai, service="image")
    >>> picker.value
    ['openai', 'gemini:gemini-3.1-flash-image']

    Attributes:
        value: specs of what is chosen, in the order of choosing: "provider", or "provider:model" where the model is not the default one.
            Set it to choose, `picker.observe(function, "value")` to be told.
        service: short name; another one empties the choice.
        multiple: more than one may be chosen.
        rows: what is offered, one mapping a provider. `refresh()` reads it anew.

    Args:
        ai: whose providers.
        service: short name or `AIServiceType`.
        multiple: see above.
        value: what is chosen at first.
    """

    assets: ClassVar[tuple[str, ...]] = ("provider-picker", "provider-picker-panel")

    service = traitlets.Enum(SERVICE_NAMES, "image").tag(sync=True)
    services = traitlets.List(traitlets.Unicode(), list(SERVICE_NAMES)).tag(sync=True)
    multiple = traitlets.Bool(True).tag(sync=True)
    rows = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    value = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self,
        ai: ViralAI,
        service: AIServiceType | str = "image",
        multiple: bool = True,
        *,
        value: Iterable[str] = (),
        owner: Owner | None = None,
        **state: Any,
    ) -> None:
        self._ai = ai
        title = state.pop("title", "Providers")
        super().__init__(owner=owner, title=title, service=service_type(service).short, multiple=multiple, **state)
        self.refresh()
        self.value = list(value)

    def refresh(self) -> None:
        """Read anew who is configured and healthy."""
        self.set_trait("rows", offers(self._ai, self.service))

    @traitlets.observe("service")
    def _other_service(self, _change: Any) -> None:
        self.value = []
        self.refresh()
        self.snapshot()

    @traitlets.observe("value")
    def _chosen(self, _change: Any) -> None:
        self.snapshot()

    @traitlets.validate("value")
    def _known(self, proposal: Any) -> list[str]:
        chosen = list(dict.fromkeys(spec.strip() for spec in proposal["value"] if spec.strip()))
        for spec in chosen:
            self._ai.manager.parse(spec, service_type(self.service))  # refuses unknown names in words that help
        if not self.multiple and len(chosen) > 1:
            raise InvalidRequestError("this picker takes one provider.", hint="Make it with multiple=True.")
        return chosen

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        """The page asks for a fresh list."""
        if kind == "refresh":
            self.refresh()
        else:
            super().on_message(kind, content, buffers)

    def static_html(self) -> Html:
        """What is offered and what is chosen."""
        return el("div", table_html(self._table(), caption=f"Providers of {self.service}"))

    def static_text(self) -> str:
        """The choice in one line."""
        return f"ProviderPicker({self.service}: {', '.join(self.value) or 'nothing chosen'})"

    def _table(self) -> list[dict[str, Any]]:
        chosen = {spec.partition(":")[0]: spec for spec in self.value}
        return [
            {
                "chosen": "✓" if row["provider"] in chosen else "",
                "provider": chosen.get(row["provider"], row["provider"]),
                "configured": row["configured"],
                "healthy": row["healthy"],
                "model": row["model"],
                "price": row["price"],
                "retires": row["retires"],
                "needs": row["needs"],
            }
            for row in self.rows
        ]


def offers(ai: ViralAI, service: str) -> list[dict[str, Any]]:
    """The providers of a service with their models: those that can be used at once first."""
    kind = service_type(service)
    rows = [dict(row) | {"models": _models(ai, row, kind)} for row in ai.providers() if row["service"] == service]
    return sorted(rows, key=lambda row: not row["configured"])


@cache
def _simulated(service: str) -> tuple[Mapping[str, Any], ...]:
    from viralai_sdk.bench.practice import NOWHERE, configuration, practice_day
    from viralai_sdk.client import ViralAI

    ai = ViralAI(configuration(NOWHERE), progress=False, today=practice_day)
    try:
        return tuple(row for row in offers(ai, service) if row["configured"])
    finally:
        ai.runtime.close()


def simulated_offers(service: str) -> list[dict[str, Any]]:
    """The same of the simulated vendors, who need no key.

    Raises:
        ConfigurationError: the simulator is not installed.
    """
    return [dict(row) for row in _simulated(service)]


def _models(ai: ViralAI, row: Mapping[str, Any], kind: AIServiceType) -> list[dict[str, str]]:
    """Every model with this service that has not ended, the default one first."""
    today = ai.runtime.today()
    known = ai.runtime.catalog.provider(row["provider"]).models.values()
    usable = [model for model in known if kind in model.services and (model.retires is None or model.retires >= today)]
    return [
        {"name": model.name, "price": model.price_text(), "retires": str(model.retires or "")}
        for model in sorted(usable, key=lambda model: (model.name != row["model"], model.name))
    ]
