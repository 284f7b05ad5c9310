"""What every panel promises: state by name, one loop, errors in words, a static version. Without a browser."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any, ClassVar

import pytest
import traitlets

from tests.widgets.messages import from_page, page_sets, receive, sent_by
from tests.widgets.test_owner import in_thread
from viralai_sdk.interfaces.errors import InvalidRequestError, RateLimitError
from viralai_sdk.store.redact import register_secret
from viralai_widgets import ArenaPanel, ComparePanel, Panel
from viralai_widgets import panel as panel_module

ATTACK = "<img src=x onerror=alert(1)><script>alert(1)</script>"


class Counter(Panel):
    """A panel for tests."""

    assets: ClassVar[tuple[str, ...]] = ("provider-picker", "provider-picker-panel")
    count = traitlets.Int(0, max=9).tag(sync=True)

    def __init__(self, **state: Any) -> None:
        self.threads: list[int] = []
        super().__init__(**state)

    @traitlets.observe("count")
    def _counted(self, _change: Any) -> None:
        self.threads.append(threading.get_ident())

    def on_message(self, kind: str, content: dict[str, Any], buffers: list[bytes]) -> None:
        self.threads.append(threading.get_ident())
        if kind == "fail":
            raise RateLimitError("too many", provider="openai", hint="Wait.", billed="maybe")
        if kind == "break":
            raise KeyError(ATTACK)
        super().on_message(kind, content, buffers)


async def test_state_is_given_by_name_and_unknown_names_are_refused() -> None:
    assert Counter(count=3).count == 3
    with pytest.raises(InvalidRequestError, match="no 'cuont'") as caught:
        Counter(cuont=3)
    assert caught.value.hint == "Did you mean 'count'?"
    with pytest.raises(InvalidRequestError) as caught:
        Counter(qqqq=1)
    assert "count" in str(caught.value.hint)


async def test_messages_and_state_from_a_foreign_thread_are_handled_on_the_owners_loop() -> None:
    panel = Counter()
    await in_thread(receive, panel, page_sets(count=5))
    await in_thread(receive, panel, from_page("fail"))
    await asyncio.sleep(0.01)
    assert panel.count == 5
    assert panel.threads == [threading.get_ident()] * 2


async def test_an_error_is_shown_in_words_and_can_be_dismissed() -> None:
    panel = Counter()
    receive(panel, from_page("fail"))
    assert panel.error == {
        "type": "RateLimitError",
        "message": "too many",
        "hint": "Wait.",
        "provider": "openai",
        "billed": "maybe",
    }
    receive(panel, from_page("dismiss_error"))
    assert panel.error == {}


async def test_a_defect_is_shown_and_logged_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    panel = Counter()
    with caplog.at_level(logging.ERROR):
        receive(panel, from_page("break"))
    assert panel.error["type"] == "KeyError"
    assert "unexpected error" in caplog.text
    assert caplog.records[0].exc_info


async def test_unknown_messages_are_answered_not_ignored() -> None:
    panel = Counter()
    receive(panel, from_page("dance"))
    assert "dance" in panel.error["message"]
    receive(panel, {"content": {"data": {"method": "custom", "content": "nonsense"}}})
    assert "without a kind" in panel.error["message"]


async def test_a_refused_value_is_taken_back_on_the_page() -> None:
    panel = Counter(count=2)
    with sent_by(panel) as sent:
        receive(panel, page_sets(count=99))
    assert panel.error["type"] == "TraitError"
    assert sent[-1]["data"]["state"] == {"count": 2}


async def test_secrets_stay_out_of_shown_errors() -> None:
    register_secret("hunter2-hunter2")
    panel = Counter()
    panel.show_error(ValueError("key hunter2-hunter2 was refused"))
    assert "hunter2" not in str(panel.get_state())


async def test_a_page_that_asks_for_the_state_gets_it() -> None:
    panel = Counter(count=4)
    with sent_by(panel) as sent:
        receive(panel, {"content": {"data": {"method": "request_state"}}})
    assert sent[0]["data"]["state"]["count"] == 4


async def test_a_message_after_the_end_of_the_loop_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    panel = Counter()
    loop = asyncio.new_event_loop()
    loop.close()
    panel.owner._loop = loop
    receive(panel, from_page("fail"))
    assert "closed" in caplog.text


async def test_the_bundle_has_the_live_panel_html_and_text() -> None:
    data, _ = Counter(title=ATTACK)._repr_mimebundle_()
    assert set(data) == {"application/vnd.jupyter.widget-view+json", "text/html", "text/plain"}
    assert "<img" not in data["text/html"]
    assert "<script" not in data["text/html"]


async def test_showing_makes_a_live_output_and_a_static_one_that_follows_the_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[tuple[dict[str, Any], str | None]] = []
    written = asyncio.Event()

    def update(data: dict[str, Any], *, display_id: str, raw: bool) -> None:
        shown.append((data, display_id))
        written.set()

    monkeypatch.setattr(
        "IPython.display.display",
        lambda data, metadata=None, raw=False, display_id=None: shown.append((data, display_id)),
    )
    monkeypatch.setattr("IPython.display.update_display", update)
    monkeypatch.setattr(panel_module, "SNAPSHOT_SECONDS", 0.01)
    panel = Counter(title="before")
    panel.snapshot()
    assert panel._snapshot_due is None, "nothing was shown yet"
    panel._ipython_display_()
    (live, first), (static, second) = shown
    assert first is None
    assert "application/vnd.jupyter.widget-view+json" in live
    assert "before" in static["text/html"]
    assert panel._snapshot_id in static["text/html"]
    panel.title = "after"
    for _ in range(5):
        await in_thread(panel.snapshot)
    await asyncio.wait_for(written.wait(), 5)
    assert [again for _, again in shown[2:]] == [second], "five changes, one new version"
    assert "after" in shown[2][0]["text/html"]


def test_a_panels_looks_hold_for_panels_of_its_own_kind_only() -> None:
    for kind, name in ((ArenaPanel, "arena"), (ComparePanel, "compare-panel")):
        own = kind._css.split("va-only-read", 1)[1].partition("\n")[2]
        rules = [line for line in own.splitlines() if line.startswith(".viralai-panel ")]
        assert rules == []
        assert f'.viralai-panel[data-panel="{name}"] .va-side' in own
        assert f"const PANEL = '{name}';" in kind._esm
