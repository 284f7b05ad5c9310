"""Results of many calls in the order they were asked; a failure is an item of its own and is never lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

from viralai_sdk.interfaces.errors import AIError
from viralai_sdk.interfaces.money import dollars
from viralai_sdk.interfaces.responses import Response


class BatchResult(Sequence[Response | AIError]):
    """One item for each request: the response, or the error that stands in its place.

    Args:
        items: responses and errors in the order of the requests.
        prompts: words of the requests in the same order, shown beside the results where a response does not carry its own.
    """

    def __init__(self, items: Iterable[Response | AIError], prompts: Iterable[str] = ()) -> None:
        self._items = tuple(items)
        self._prompts = tuple(prompts)

    @overload
    def __getitem__(self, index: int) -> Response | AIError: ...
    @overload
    def __getitem__(self, index: slice) -> BatchResult: ...
    def __getitem__(self, index: int | slice) -> Response | AIError | BatchResult:
        return BatchResult(self._items[index], self._prompts[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    @property
    def ok(self) -> list[Response]:
        """The responses, in order."""
        return [item for item in self._items if isinstance(item, Response)]

    @property
    def failed(self) -> list[AIError]:
        """The errors, in order."""
        return [item for item in self._items if isinstance(item, AIError)]

    @property
    def failed_indexes(self) -> list[int]:
        """Places of the errors: what to ask again."""
        return [place for place, item in enumerate(self._items) if isinstance(item, AIError)]

    @property
    def cost_usd(self) -> float | None:
        """Sum of the known prices in USD; None when something was spent and no price is known. See `cost_unknown`."""
        known = [response.cost_usd for response in self.ok if response.cost_usd is not None]
        return None if self.cost_unknown and not known else sum(known)

    @property
    def cost_unknown(self) -> int:
        """How many items may have cost something that `cost_usd` does not count."""
        unpriced = sum(response.cost_usd is None for response in self.ok)
        return unpriced + sum(error.billed != "no" for error in self.failed)

    def prompt(self, index: int) -> str | None:
        """Words of a request, as far as known."""
        item = self._items[index]
        if isinstance(item, Response) and (words := item.metadata.get("prompt") or item.metadata.get("text")):
            return str(words)
        return self._prompts[index] if -len(self._prompts) <= index < len(self._prompts) else None

    def summary(self) -> str:
        """One line: how many went well, how many failed, what is known of the price."""
        parts = [f"{len(self.ok)} of {len(self)} made"]
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        known, unknown = self.cost_usd, self.cost_unknown
        if known is not None:
            parts.append("free" if known == 0 and not unknown else dollars(known) + (" known" if unknown else ""))
        if unknown:
            parts.append(f"price of {unknown} unknown" if known is not None else "price unknown")
        return " · ".join(parts)

    def __repr__(self) -> str:
        from viralai_sdk.interfaces.display import label

        rows = [label(self.summary())]
        for place, item in enumerate(self._items):
            words = label(self.prompt(place) or "", 60)
            said = item.caption() if isinstance(item, Response) else f"{type(item).__name__}: {item}"
            rows.append(f"{place:>3}  {words}{'  ' if words else ''}{label(said)}")
        return "\n".join(rows)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/plain": repr(self), "text/html": self._html()}

    def _html(self) -> str:
        from viralai_sdk.interfaces.display import body, caption, el, error_body, label
        from viralai_sdk.interfaces.display.markup import GRID, MUTED
        from viralai_sdk.interfaces.display.results import notes

        cells = []
        for place, item in enumerate(self._items):
            words = self.prompt(place)
            top = el("div", el("strong", f"{place}"), " ", el("bdi", label(words or "", 140)), style="margin:0 0 4px 0")
            shown = (
                [body(item, side=240, chars=600), caption(item), notes(item)]
                if isinstance(item, Response)
                else [error_body(item)]
            )
            cells.append(el("div", top, *shown, style="width:256px;overflow-wrap:break-word"))
        return str(
            el("div", el("div", self.summary(), style=f"{MUTED};padding:0 0 8px 0"), el("div", *cells, style=GRID))
        )
