"""One way to vote in every panel: the same answers, words, keys and order, on the page and in Python."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.widgets.pages import mount, pair, receive, sent
from viralai_sdk.compare.ballot import ANSWERS, CHOICES, KEYS
from viralai_widgets import ArenaPanel, ComparePanel

pytestmark = pytest.mark.browser

SIDE = {"media_type": "text/plain", "width": None, "height": None, "duration": None}
TO_JUDGE = {"id": "p1", "prompt": "a fox", "service": "text", "media": "text"}


def show_arena(page: Page) -> None:
    shown = TO_JUDGE | {"left": SIDE | {"text": "one"}, "right": SIDE | {"text": "two"}}
    mount(page, ArenaPanel, {"state": "voting", "pair": shown, "progress": {"votes": 1, "left": 2}})


def show_comparison(page: Page) -> None:
    mount(page, ComparePanel, pair("text", blind=True, voted=1))
    for token in ("aaaa", "bbbb"):
        receive(page, {"kind": "medium", "id": token, "media_type": "text/plain", "text": token})


def test_every_answer_has_its_words() -> None:
    assert tuple(ANSWERS) == CHOICES


@pytest.mark.parametrize("show", [show_arena, show_comparison])
def test_the_buttons_are_pythons_answers_in_the_order_of_the_keys(page: Page, show: object) -> None:
    assert callable(show)
    show(page)
    buttons = page.get_by_role("group", name="Which is better?").locator(".va-vote")
    expect(buttons).to_have_text([f"{key} {ANSWERS[choice]}" for key, choice in KEYS.items()])
    for number, (key, choice) in enumerate(KEYS.items()):
        assert buttons.nth(number).get_attribute("aria-keyshortcuts") == key
        expect(page.get_by_role("button", name=ANSWERS[choice], exact=True)).to_be_enabled()
        buttons.nth(number).click()
    page.get_by_role("group", name="Which is better?").focus()
    for key in KEYS:
        page.keyboard.press(key)
    assert [vote["choice"] for vote in sent(page, "vote")] == [*KEYS.values()] * 2
    page.keyboard.press("u")
    page.get_by_role("button", name="Undo my latest vote").click()
    assert len(sent(page, "undo")) == 2
