"""The front ends of boards and gallery alone: many results stay few elements, live tables keep the keyboard's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems
from tests.media_files import picture
from tests.widgets.axe import grave_violations
from tests.widgets.stub_page import DARK, put, recolour, saved, sent, show, tell
from viralai_widgets import JobsPanel, Leaderboard, SessionGallery
from viralai_widgets.board import action, badge, column, row, section

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ATTACK = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"


@pytest.fixture(autouse=True)
def clean(page: Page, problems: Problems) -> Any:
    page.set_viewport_size({"width": 1000, "height": 900})
    yield
    assert page.evaluate("() => window.hacked") is None
    assert problems == []


def item(number: int, service: str = "image") -> dict[str, Any]:
    return {
        "id": f"call_{number}",
        "service": service,
        "provider": "openai" if number % 2 else f"gemini {ATTACK}",
        "model": "m",
        "prompt": f"picture {number} {ATTACK}",
        "files": 1,
        "duration": None,
        "price": "free",
        "made": "2026-11-22 20:00",
    }


def gallery_state(count: int) -> dict[str, Any]:
    filters = {"service": "", "provider": "", "text": "", "all_sessions": False}
    return {"items": [item(number) for number in range(count)], "selected": "", "detail": {}, "prompt": "", **filters}


def answer_thumbnails(page: Page, data: bytes) -> int:
    """Answer every wish for a thumbnail that was not answered yet, as the kernel does; how many there were."""
    wishes = sent(page, "thumbnails")
    page.evaluate("() => { window.model.sent = window.model.sent.filter(each => each.kind !== 'thumbnails'); }")
    ids = list(dict.fromkeys(name for wish in wishes for name in wish["ids"]))
    for name in ids:
        tell(page, {"kind": "thumbnail", "id": name, "media_type": "image/jpeg"}, data)
    return len(ids)


def test_two_thousand_results_are_few_elements_and_hold_few_bytes(page: Page, tmp_path: Path) -> None:
    data = picture(tmp_path / "a.jpg", (320, 240), noise=10).read_bytes()
    show(page, SessionGallery, gallery_state(2000))
    tiles = page.get_by_role("listbox").get_by_role("option")
    expect(tiles.first).to_be_visible()
    page.evaluate("""() => { window.urls = 0;
        const make = URL.createObjectURL.bind(URL), drop = URL.revokeObjectURL.bind(URL);
        URL.createObjectURL = blob => { window.urls += 1; window.most = Math.max(window.most || 0, window.urls); return make(blob); };
        URL.revokeObjectURL = url => { window.urls -= 1; drop(url); }; }""")
    assert 0 < answer_thumbnails(page, data) < 40
    assert tiles.locator("img").count() > 5
    tiles.first.focus()
    for _ in range(30):
        page.keyboard.press("PageDown")
        page.wait_for_timeout(20)
        answer_thumbnails(page, data)
    page.keyboard.press("End")
    expect(tiles.last).to_have_attribute("aria-posinset", "2000")
    answer_thumbnails(page, data)
    assert tiles.count() < 60
    assert page.evaluate("() => window.most") <= 8_000_000 / len(data) + 1
    page.evaluate("() => window.end()")
    assert page.evaluate("() => window.urls") == 0


def test_filters_and_keys_of_the_gallery(page: Page) -> None:
    show(page, SessionGallery, gallery_state(30) | {"items": [item(1, "speech"), item(2), item(3, "text"), item(5)]})
    tiles = page.get_by_role("listbox").get_by_role("option")
    expect(tiles).to_have_count(4)
    page.get_by_label("Search").fill("PICTURE 5")
    expect(tiles).to_have_count(1)
    expect(page.get_by_text("1 of 4 results")).to_be_visible()
    put(page, text="", service="text")
    expect(tiles).to_have_count(1)
    put(page, service="")
    page.get_by_label("Provider").select_option(f"gemini {ATTACK}")
    assert saved(page)[-1] == {"provider": f"gemini {ATTACK}"}
    expect(tiles).to_have_count(1)
    put(page, provider="")
    expect(tiles).to_have_count(4)
    tiles.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert saved(page)[-1] == {"selected": "call_2"}
    for _ in ("light", "dark"):
        assert grave_violations(page) == []
        recolour(page, DARK)


def detail(**more: Any) -> dict[str, Any]:
    file = {
        "name": f"a {ATTACK}.mp4",
        "media_type": "video/mp4",
        "size": 90_000,
        "width": 64,
        "height": 48,
        "duration": 1.0,
        "there": True,
    }
    plain = {
        "id": "call_1",
        "service": "image",
        "prompt": ATTACK,
        "caption": ATTACK,
        "parameters": {"style": ATTACK},
        "files": [file, file],
    }
    return plain | {"warnings": [ATTACK], "code": f"await ai.image({ATTACK!r})"} | more


def test_an_open_result_is_shown_reused_and_closed(page: Page, tmp_path: Path) -> None:
    show(page, SessionGallery, gallery_state(3))
    put(page, selected="call_1", detail=detail())
    assert [(each["id"], each["number"]) for each in sent(page, "file")] == [("call_1", 0)]
    data = picture(tmp_path / "a.png", (64, 48)).read_bytes()
    tell(page, {"kind": "file", "id": "call_1", "number": 0, "media_type": "image/png"}, data)
    expect(page.locator(".va-detail-stage img")).to_be_visible()
    page.get_by_role("button", name="File 2").click()
    assert len(sent(page, "file")) == 2
    page.get_by_role("button", name="Reuse prompt").click()
    assert sent(page, "reuse")[0]["id"] == "call_1"
    page.get_by_role("button", name="Copy code").click()
    expect(page.get_by_text("Selected: press Ctrl+C").or_(page.get_by_text("Copied"))).to_be_visible()
    for service in ("video", "speech", "text"):
        put(page, detail=detail(service=service, id=f"{service}_1"))
        tell(page, {"kind": "file", "id": f"{service}_1", "number": 0, "media_type": "image/svg+xml"}, b"<svg/>")
        assert grave_violations(page) == []
    words = f"A first line {ATTACK}\n\n" + "and many more words " * 200
    put(page, detail=detail(service="text", id="text_2", files=[], text=words))
    reader = page.get_by_role("region", name="The text")
    expect(reader).to_contain_text("A first line <img")
    assert reader.evaluate("e => e.scrollHeight > e.clientHeight && e.clientWidth >= e.scrollWidth")
    assert grave_violations(page) == []
    gone = detail(id="gone_1")
    gone["files"] = [gone["files"][0] | {"there": False}]
    put(page, detail=gone)
    expect(page.get_by_text("The file is gone.")).to_be_visible()
    page.keyboard.press("Escape")
    assert saved(page)[-1] == {"selected": ""}


def test_a_live_board_keeps_the_focus_and_draws_every_kind_of_cell(page: Page) -> None:
    columns = [
        column("name", "Name"),
        column("id", "Id", "code"),
        column("at", "At", "time"),
        column("n", "N", "number"),
    ]
    columns += [
        column("state", "State", "badge"),
        column("score", "Score", "interval"),
        column("done", "Done", "progress"),
    ]
    score = {"value": 60.0, "low": 40.0, "high": 80.0, "min": 0, "max": 100, "mark": 50, "text": "60 (40 to 80)"}

    def sections(share: float) -> list[dict[str, Any]]:
        cells = {
            "name": ATTACK,
            "id": "job_1",
            "at": "20:00",
            "n": "7",
            "state": badge("running", "warn", ATTACK),
            "score": score,
        }
        cells["done"] = {"name": "Progress of job_1", "fraction": share, "text": f"{share:.0%}"}
        resting = {
            "name": ATTACK,
            "done": {"name": "x", "fraction": None, "text": "not followed here", "resting": True},
        }
        rows = [row("job_1", cells, [action("cancel", "Cancel", "Cancel job 1")]), row("job_2", resting)]
        return [
            section("jobs", "Jobs", columns, rows, words=[(ATTACK, "warn")]),
            section("none", "None", columns, empty="Nothing."),
        ]

    state = {"sections": sections(0.2), "live": True, "open_only": False, "tools": [{"act": "all", "label": "All"}]}
    show(page, JobsPanel, state | {"switches": [{"trait": "open_only", "label": "Open only"}]})
    assert len(sent(page, "shown")) == 1
    cancel = page.get_by_role("button", name="Cancel job 1")
    cancel.focus()
    put(page, sections=sections(0.7))
    expect(page.get_by_role("progressbar", name="Progress of job_1")).to_have_attribute("aria-valuenow", "70")
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="All").click()
    page.get_by_role("button", name="Refresh").click()
    assert [(each["act"], each["key"]) for each in sent(page, "act")] == [
        ("cancel", "job_1"),
        ("all", ""),
        ("refresh", ""),
    ]
    page.get_by_role("checkbox", name="Open only").check()
    page.get_by_role("checkbox", name="Live").uncheck()
    assert saved(page) == [{"open_only": True}, {"live": False}]
    expect(page.get_by_role("img", name="60 (40 to 80)")).to_be_visible()
    for _ in ("light", "dark"):
        assert grave_violations(page) == []
        recolour(page, DARK)
    page.evaluate("() => window.end()")
    assert sent(page, "gone")[0]["view"] == sent(page, "shown")[0]["view"]


def test_a_leaderboard_offers_its_raters_and_keeps_the_choice(page: Page) -> None:
    lines = [section("arms", "24 votes", [column("arm", "Arm")], [row("ada", {"arm": "ada"})])]
    state = {"sections": lines, "live": True, "switches": [], "tools": [], "rater": "", "raters": ["ann"]}
    show(page, Leaderboard, state)
    choice = page.get_by_role("combobox", name="Votes of")
    expect(choice).to_have_count(0)
    put(page, raters=["ann", ATTACK])
    assert choice.locator("option").all_inner_texts() == ["all raters", "ann", ATTACK]
    choice.select_option(ATTACK)
    assert saved(page) == [{"rater": ATTACK}]
    put(page, raters=["ann", "bob", ATTACK])
    expect(choice).to_have_value(ATTACK)
    put(page, rater="ann")
    expect(choice).to_have_value("ann")
    for _ in ("light", "dark"):
        assert grave_violations(page) == []
        recolour(page, DARK)
