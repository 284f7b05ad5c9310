"""`Panel`: what all panels share."""

from __future__ import annotations

import asyncio
import difflib
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import anywidget
import traitlets
from ipywidgets.widgets.widget import _put_buffers

from viralai_sdk.interfaces.display import Html, el, label
from viralai_sdk.interfaces.errors import AIError, InvalidRequestError
from viralai_sdk.store.redact import redact
from viralai_widgets.assets import module, style
from viralai_widgets.owner import Owner

log = logging.getLogger(__name__)

SNAPSHOT_SECONDS = 0.4
"""Changes within this time become one new static version."""
SNAPSHOTS_KEPT = 4
"""A panel shown more often than this keeps the static versions of its latest displays up to date."""
_MESSAGE = 600


class Panel(anywidget.AnyWidget):
    """A panel in a notebook: state in traits, one owner loop, errors in words, and a static version for readers without a kernel.

    A subclass names its files in `static/` (`assets`), declares its state as traits with `.tag(sync=True)`, and overrides:

    - `on_message(kind, content, buffers)` for what the page sends with `send(kind, content)`;
    - `static_html()` and `static_text()` for the last state without a kernel; call `snapshot()` when it has changed.

    All three, and every observer of a trait the page has changed, run on the owner's loop. Nothing secret belongs into a trait:
    a notebook may save them. Media do not either: send bytes by `send(content, buffers)`.

    Args:
        owner: the loop to live on; None finds the kernel's. Panels inside a panel share its owner.
        state: traits by name.

    Raises:
        InvalidRequestError: there is no such trait; says which are close.
    """

    assets: ClassVar[tuple[str, ...]] = ()

    title = traitlets.Unicode("ViralAI", help="Name of the panel for screen readers.").tag(sync=True)
    error = traitlets.Dict(
        help="The latest error in words: type, message, hint, provider, billed. Empty when all is well."
    ).tag(sync=True)
    notice = traitlets.Unicode("", help="One line about what happened, read out by screen readers.").tag(sync=True)

    _snapshot_id = traitlets.Unicode(help="Names the static version, so that this panel hides no other's.").tag(
        sync=True
    )

    def __init_subclass__(cls, **options: Any) -> None:
        if "assets" in cls.__dict__:
            cls._esm = module(*cls.assets)
            cls._css = style(*cls.assets)
        super().__init_subclass__(**options)

    def __init__(self, *, owner: Owner | None = None, **state: Any) -> None:
        _refuse_unknown(type(self), state)
        self.owner = owner or Owner()
        self._displays: list[str] = []
        self._snapshot_due: asyncio.TimerHandle | None = None
        super().__init__(_snapshot_id=uuid.uuid4().hex, **state)

    # From the page ------------------------------------------------------------------------------------------------------------

    def _handle_msg(self, msg: Any) -> None:
        """Every message of the page, state or custom, arrives here in the thread the kernel chose, and moves to the owner's loop."""
        try:
            self.owner.call(self._take, msg["content"]["data"], msg.get("buffers") or [])
        except RuntimeError as error:  # the loop was closed: the panel has outlived its notebook
            log.warning("%s: %s", type(self).__name__, error)

    def _take(self, data: dict[str, Any], buffers: list[Any]) -> None:
        """What ipywidgets does with a message, but an error goes into the panel, not as a traceback into whatever cell runs."""
        try:
            if data["method"] == "update":
                self._may_set(data["state"])
                _put_buffers(data["state"], data.get("buffer_paths", []), buffers)
                self._all_or_nothing(data["state"], lambda: self.set_state(data["state"]))
            elif data["method"] == "request_state":
                self.send_state()
            elif data["method"] == "custom":
                self._custom(data.get("content"), [bytes(buffer) for buffer in buffers])
        except Exception as error:
            self.show_error(error)
            if data.get("state"):
                self.send_state(list(data["state"]))  # the page shows what was refused; tell it what holds

    def _set_from_page(self, state: Any) -> None:
        """Changes that came as a message. They are not echoed: an echo could be older than what is typed meanwhile."""
        if not isinstance(state, dict) or not all(self.has_trait(name) and name in self.keys for name in state):
            raise InvalidRequestError("the page sent changes of what this panel does not have.")
        try:
            self._may_set(state)
            self._all_or_nothing(state, lambda: self._put(state))
        except Exception:
            self.send_state(list(state))  # the page shows what was refused; tell it what holds
            raise

    def _put(self, state: Mapping[str, Any]) -> None:
        with self._lock_property(**state), self.hold_trait_notifications():
            for name, value in state.items():
                self.set_trait(name, value)

    def _all_or_nothing(self, state: Mapping[str, Any], put: Callable[[], None]) -> None:
        """traitlets itself takes back only what a `TraitError` refused."""
        held = {name: getattr(self, name) for name in state if self.has_trait(name)}
        try:
            put()
        except AIError:
            for name, value in held.items():
                self.set_trait(name, value)
            raise

    def _may_set(self, names: Iterable[str]) -> None:
        """ipywidgets lets a page set what is read-only for everybody else; a panel does not.

        Raises:
            InvalidRequestError: there is such a trait among them.
        """
        for name in names:
            if self.has_trait(name) and self.traits()[name].read_only:
                raise InvalidRequestError(f"{name} is not the page's to set.")

    def _custom(self, content: Any, buffers: list[bytes]) -> None:
        if not isinstance(content, Mapping) or not isinstance(content.get("kind"), str):
            raise InvalidRequestError("the page sent a message without a kind.")
        if content["kind"] == "set":  # see savingModel in common.js
            self._set_from_page(content.get("state"))
            return
        self.on_message(content["kind"], dict(content), buffers)
        self._handle_custom_msg(content, buffers)  # callbacks that users registered with on_msg

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Do what the page asks for.

        Raises:
            InvalidRequestError: nobody knows this kind of message; the panel shows it.
        """
        if kind == "dismiss_error":
            self.clear_error()
        else:
            raise InvalidRequestError(f"{type(self).__name__} knows no message {kind!r}.")

    # Errors -------------------------------------------------------------------------------------------------------------------

    def show_error(self, error: BaseException) -> None:
        """Show an error in the panel. One that is not of the SDK's family is a defect: it is logged with its traceback as well."""
        if not isinstance(error, AIError | traitlets.TraitError):
            log.error("%s: unexpected error", type(self).__name__, exc_info=error)
        self.error = self._error_words(error)

    def _error_words(self, error: BaseException) -> dict[str, Any]:
        """What the panel says of an error. A blind panel says less."""
        return error_words(error)

    def clear_error(self) -> None:
        """Take the error away."""
        self.error = {}

    # Static version -----------------------------------------------------------------------------------------------------------

    def static_html(self) -> Html:
        """The last state as HTML that needs neither kernel nor script."""
        return el("div", el("strong", label(self.title)))

    def static_text(self) -> str:
        """The last state for a terminal or a log."""
        return f"{type(self).__name__}: {label(self.title)}"

    def __repr__(self) -> str:
        return self.static_text()

    def _bundle(self) -> dict[str, Any]:
        """The static version, in a box that a live panel hides: see `common.js`."""
        inside = el("div", self.static_html(), class_=f"viralai-snapshot viralai-snapshot-{self._snapshot_id}")
        return {"text/plain": self.static_text(), "text/html": str(inside)}

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = self._live(**options)
        return {**data, **self._bundle()}, metadata

    def _live(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The bundle of the live panel alone."""
        return super()._repr_mimebundle_(**options) or ({}, {})  # None is what a closed widget gives

    def _ipython_display_(self) -> None:
        """Two outputs: the live panel, and its static version, which stays up to date and which the live panel hides.

        One output could not do both: a front end that gets a new version of it builds the whole panel anew, and takes the focus away.
        """
        from IPython.display import display

        data, metadata = self._live()
        display({**data, "text/plain": self.static_text()}, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
        shown = uuid.uuid4().hex
        display(self._bundle(), raw=True, display_id=shown)  # type: ignore[no-untyped-call]
        self._displays = [*self._displays, shown][-SNAPSHOTS_KEPT:]

    def snapshot(self) -> None:
        """Bring the static version up to date, soon. Cheap: changes in quick succession become one version."""
        self.owner.call(self._plan_snapshot)

    def _plan_snapshot(self) -> None:
        if self._displays and self._snapshot_due is None:
            self._snapshot_due = self.owner.loop.call_later(SNAPSHOT_SECONDS, self._write_snapshot)

    def _write_snapshot(self) -> None:
        from IPython.display import update_display

        self._snapshot_due = None
        bundle = self._bundle()
        for shown in self._displays:
            update_display(bundle, display_id=shown, raw=True)  # type: ignore[no-untyped-call]


def error_words(error: BaseException) -> dict[str, Any]:
    """An error as the panel shows it: plain, bounded text without secrets."""
    if isinstance(error, AIError):
        words: dict[str, Any] = {
            "type": type(error).__name__,
            "message": error.message,
            "hint": error.hint or "",
            "provider": error.provider or "",
            "billed": error.billed,
        }
    else:
        words = {"type": type(error).__name__, "message": str(error), "hint": "", "provider": "", "billed": "no"}
    return {name: label(redact(value), _MESSAGE) for name, value in words.items()}


def _refuse_unknown(kind: type[Panel], state: Mapping[str, Any]) -> None:
    known = [name for name in kind.class_trait_names() if not name.startswith("_")]
    own = [name for name in known if name not in anywidget.AnyWidget.class_trait_names()]
    for name in state:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {close[0]!r}?" if close else f"It has: {', '.join(sorted(own))}."
            raise InvalidRequestError(f"{kind.__name__} has no {name!r}.", hint=hint)
