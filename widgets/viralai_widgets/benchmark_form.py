"""From what a benchmark's form holds to its parameters, and what a run of them would cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viralai_sdk.bench.planning import BenchmarkPlan
from viralai_sdk.interfaces.errors import InvalidRequestError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.store.redact import redact
from viralai_widgets.parameters import arguments_of

if TYPE_CHECKING:
    from viralai_widgets.benchmark_panel import BenchmarkPanel


def parameters_of(panel: BenchmarkPanel) -> dict[str, Any]:
    """Parameters of `bench.plan`; the JSON field adds to what the form says, and wins.

    Raises:
        InvalidRequestError: the form is incomplete or wrong.
    """
    if not panel.value:
        raise InvalidRequestError("no provider is chosen yet.", hint="Choose one or more above.")
    given: dict[str, Any] = {
        "providers": list(panel.value),
        "repeats": panel.repeats,
        "concurrency": levels_of(panel.concurrency),
        "simulate": panel.simulate,
    }
    file = panel.prompts_file.strip()
    if file:
        given["prompts_file"] = str(Path(file).expanduser().absolute())
    else:
        given["prompts"] = [line.strip() for line in panel.prompts.splitlines() if line.strip()]
        if not given["prompts"]:
            raise InvalidRequestError("there is no prompt yet.", hint="Write one a line, or name a file of them.")
    if panel.budget.strip():
        given["budget_usd"] = _usd(panel.budget)
    more = arguments_of(panel.service, {}, panel.options)
    if "service" in more:
        raise InvalidRequestError("service: choose it above, not in the JSON field.")
    settings = arguments_of(panel.service, panel.parameters, "")
    own = more.pop("settings", {})
    if not isinstance(own, dict):
        raise InvalidRequestError('settings must be an object: {"settings": {…}}.')
    return {**given, "settings": {**settings, **own}, **more}


def levels_of(text: str) -> list[int]:
    """ "1, 4" → [1, 4]. Raises InvalidRequestError."""
    try:
        return [int(word) for word in text.replace(",", " ").split()]
    except ValueError:
        raise InvalidRequestError(
            f"concurrency: {text[:40]!r} holds what is no whole number.", hint="Such as 1, 4, 16."
        ) from None


def _usd(text: str) -> float:
    try:
        return float(text.strip().removeprefix("$"))
    except ValueError:
        raise InvalidRequestError(f"budget: {text[:40]!r} is no number of USD.", hint="Such as 2.50.") from None


def one_a_line(prompts: str | Iterable[str]) -> str:
    """Prompts as the form holds them.

    Raises:
        InvalidRequestError: a prompt holds a line break.
    """
    if isinstance(prompts, str):
        return prompts
    lines = list(prompts)
    if any(len(line.splitlines()) > 1 for line in lines):
        raise InvalidRequestError(
            "a prompt holds a line break, but the form has one prompt a line.",
            hint="Put such prompts into a .jsonl file and name it with prompts_file=.",
        )
    return "\n".join(lines)


def as_levels(concurrency: int | str | Iterable[int]) -> str:
    """Levels as the form holds them."""
    if isinstance(concurrency, int | str):
        return str(concurrency)
    return ", ".join(str(level) for level in concurrency)


def without_secret(name: str, value: Any) -> Any:
    """The value, if a page and a saved notebook may see it.

    Raises:
        InvalidRequestError: it looks like a secret.
    """
    if redact(value) != value:
        raise InvalidRequestError(
            f"{name} holds what looks like a secret, and a notebook would save it.",
            hint="Keys belong into the environment or the configuration.",
        )
    return value


def estimate_of(plan: BenchmarkPlan) -> dict[str, Any]:
    """What a run would do and cost, for the page."""
    rows: list[Mapping[str, Any]] = list(plan.table())
    return {
        "words": f"{len(plan.slots)} calls · {_cost(plan)}",
        "rows": [{name: str(value) for name, value in row.items()} for row in rows],
        "notes": list(plan.notes),
        "problem": "",
    }


def _cost(plan: BenchmarkPlan) -> str:
    calls, unknown = len(plan.slots), plan.cost_unknown
    if unknown == calls:
        cost = "price unknown"
    else:
        cost = f"about {dollars(plan.cost_usd)}" if plan.cost_usd else "free"
        cost += f", and {unknown} calls of unknown price" if unknown else ""
    if plan.parameters.simulate:
        return f"nothing is charged: simulated vendors (at real prices: {cost})"
    budget = plan.parameters.budget_usd
    return cost if budget is None else f"{cost} · the run ends before it costs more than ${budget:.2f}"
