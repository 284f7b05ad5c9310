"""The arena's front end alone: keys, synchronised media, focus, and text that never becomes markup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems
from tests.media_files import film, picture, recording
from tests.widgets.axe import grave_violations
from tests.widgets.stub_page import DARK, put, recolour, sent, show, tell
from viralai_widgets import ArenaPanel

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ATTACK = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"
DECISION = {
    "state": "leaning",
    "lines": ["leaning to one of them: 12–4, p = 0.077; about 20 more votes if the preference is 74/26"],
    "interval": {
        "value": 75.0,
        "low": 45.0,
        "high": 94.0,
        "min": 0,
        "max": 100,
        "mark": 50,
        "text": "one of them preferred by 75 % (45–94 %)",
    },
}


def pair(name: str, media: str, **sides: Any) -> dict[str, Any]:
    side = {"media_type": "x", "text": None, "width": None, "height": None, "duration": None}
    service = {"audio": "speech"}.get(media, media)
    return {
        "id": name,
        "prompt": f"a fox {ATTACK}",
        "service": service,
        "media": media,
        "left": side | {"text": sides.get("left")},
        "right": side | {"text": sides.get("right")},
    }


def state(shown: dict[str, Any], **more: Any) -> dict[str, Any]:
    progress = {"votes": 16, "left": 44, "pairs": 60, "ready": 60, "waiting": 0, "failed": 0}
    plain = {"title": f"Blind votes: e1 {ATTACK}", "state": "voting", "pair": shown, "upcoming": {}, "revealed": {}}
    return plain | {"progress": progress, "decision": DECISION, "rater": "me", "reveal": False} | more


def give(page: Page, name: str, media_type: str, left: bytes, right: bytes) -> None:
    for side, data in (("left", left), ("right", right)):
        tell(page, {"kind": "media", "pair": name, "side": side, "media_type": media_type}, data)


TOGETHER = """() => { const [a, b] = [...document.querySelectorAll("video")].map(each => each.currentTime);
                      return a > 0.4 && b > 0.4 && Math.abs(a - b) < 0.15; }"""


@pytest.fixture(autouse=True)
def clean(page: Page, problems: Problems) -> Any:
    page.set_viewport_size({"width": 1000, "height": 900})
    yield
    assert page.evaluate("() => window.hacked") is None
    assert [problem for problem in problems if "favicon" not in problem] == []


def test_texts_are_voted_on_by_keys_once_and_never_become_markup(page: Page) -> None:
    texts = pair("p1", "text", left=f"The left one\n{ATTACK}", right="שלום, the right one")
    show(page, ArenaPanel, state(texts))
    expect(page.get_by_text("The left one")).to_be_visible()
    expect(page.get_by_role("region", name="Blind votes: e1")).to_be_visible()
    page.get_by_text("The left one").click()
    page.keyboard.press("1")
    (vote,) = sent(page, "vote")
    assert (vote["pair"], vote["choice"]) == ("p1", "left")
    assert 0 < vote["seconds"] < 200
    put(page, state="storing")
    page.keyboard.press("2")
    assert len(sent(page, "vote")) == 1, "while a vote is being stored no other one is taken"
    put(page, state="voting", pair=pair("p2", "text", left="third", right="fourth"))
    expect(page.get_by_text("third")).to_be_visible()
    expect(page.get_by_text("The left one")).to_have_count(0)
    for key in ("3", "0", "2", "u"):
        page.keyboard.press(key)  # the focus was in the text that is gone: the keys go on working
    assert [each["choice"] for each in sent(page, "vote")[1:]] == ["tie", "both_bad", "right"]
    assert len(sent(page, "undo")) == 1
    page.keyboard.press("Control+1")
    assert len(sent(page, "vote")) == 4
    for _ in ("light", "dark"):
        assert grave_violations(page) == []
        recolour(page, DARK)


def test_pictures_zoom_together_and_flip_in_place(page: Page, tmp_path: Path) -> None:
    shots = [picture(tmp_path / f"{hue}.png", (640, 480), hue=hue).read_bytes() for hue in (20, 90)]
    show(page, ArenaPanel, state(pair("p1", "image"), upcoming=pair("p2", "image")))
    assert [(each["pair"], each["side"]) for each in sent(page, "media")] == [
        ("p1", "left"), ("p1", "right"), ("p2", "left"), ("p2", "right"),
    ]  # fmt: skip
    page.get_by_role("group", name="Which is better?").get_by_role("button", name="Left is better").click(force=True)
    assert sent(page, "vote") == [], "there is nothing to judge yet"
    give(page, "p1", "image/png", *shots)
    images = page.locator(".va-picture")
    expect(images).to_have_count(2)
    page.locator(".va-arena-prompt").click()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    moved = images.evaluate_all("all => all.map(each => each.style.transform)")
    assert moved[0] == moved[1]
    assert moved[0] == "translate(-8%, 0%) scale(1.25)"
    page.locator(".va-frame").nth(1).dblclick()
    page.locator(".va-frame").nth(1).hover(position={"x": 300, "y": 100})
    page.keyboard.down("Control")
    page.mouse.wheel(0, -300)
    page.keyboard.up("Control")
    moved = images.evaluate_all("all => all.map(each => each.style.transform)")
    assert moved[0] == moved[1]
    assert "scale(1)" not in moved[0]
    page.keyboard.press("f")
    expect(images.nth(0)).to_be_visible()
    expect(images.nth(1)).to_be_hidden()
    page.keyboard.press("f")
    expect(images.nth(0)).to_be_hidden()
    expect(images.nth(1)).to_be_visible()
    page.keyboard.press("s")
    expect(images.nth(0)).to_be_visible()
    # The next pair is here before its turn: no waiting, no message, and the old bytes are let go.
    give(page, "p2", "image/png", *reversed(shots))
    old = images.nth(0).get_attribute("src")
    page.evaluate("""() => { const revoke = URL.revokeObjectURL.bind(URL); window.revoked = [];
                             URL.revokeObjectURL = url => { window.revoked.push(url); revoke(url); }; }""")
    asked = len(sent(page, "media"))
    put(page, pair=pair("p2", "image"), upcoming={})
    expect(images).to_have_count(2)
    assert len(sent(page, "media")) == asked
    assert old in page.evaluate("() => window.revoked")


def test_a_raters_way_of_looking_stays_from_pair_to_pair(page: Page, tmp_path: Path) -> None:
    shots = [picture(tmp_path / f"{hue}.png", (640, 480), hue=hue).read_bytes() for hue in (20, 90)]
    show(page, ArenaPanel, state(pair("p1", "image"), upcoming=pair("p2", "image")))
    give(page, "p1", "image/png", *shots)
    give(page, "p2", "image/png", *shots)
    page.get_by_role("button", name="Slider").click()
    page.get_by_role("slider", name="Divider between left and right").press("End")
    page.get_by_role("button", name="Zoom in").click()
    before = page.locator(".va-picture").nth(0).get_attribute("src")
    put(page, pair=pair("p2", "image"), upcoming={})
    expect(page.get_by_role("button", name="Slider")).to_have_attribute("aria-pressed", "true")
    pictures = page.locator(".va-picture")
    assert pictures.nth(0).get_attribute("src") != before
    assert set(pictures.evaluate_all("all => all.map(each => each.style.transform)")) == {"translate(0%, 0%) scale(1)"}
    page.keyboard.press("1")
    assert [vote["pair"] for vote in sent(page, "vote")] == ["p2"], "the keys go on working"
    put(page, pair=pair("p3", "text", left="one", right="two"))
    expect(page.get_by_role("button", name="Differences")).to_be_visible()
    expect(page.locator(".va-picture")).to_have_count(0)


def test_arrows_move_what_is_zoomed_and_else_are_the_pages(page: Page, tmp_path: Path) -> None:
    shots = [picture(tmp_path / f"{hue}.png", (640, 480), hue=hue).read_bytes() for hue in (20, 90)]
    show(page, ArenaPanel, state(pair("p1", "image")))
    give(page, "p1", "image/png", *shots)
    page.evaluate(
        """() => { window.taken = [];
                   document.querySelector('.viralai-panel').addEventListener('keydown', e => window.taken.push(e.defaultPrevented)); }"""
    )
    page.locator(".va-arena-prompt").click()
    for key in ("ArrowDown", "+", "ArrowDown"):
        page.keyboard.press(key)
    assert page.evaluate("() => window.taken") == [False, True, True]


def test_films_play_as_one(page: Page, tmp_path: Path) -> None:
    clips = [film(tmp_path / f"{frames}.mp4", frames=frames).read_bytes() for frames in (24, 36)]
    show(page, ArenaPanel, state(pair("p1", "video")))
    give(page, "p1", "video/mp4", *clips)
    films = page.locator("video")
    page.wait_for_function("() => [...document.querySelectorAll('video')].every(each => each.duration > 0)")
    page.locator(".va-arena-prompt").click()
    page.keyboard.press(" ")
    page.wait_for_function(TOGETHER)
    assert films.evaluate_all("all => all.map(each => each.muted)") == [False, True]
    page.keyboard.press("h")
    assert films.evaluate_all("all => all.map(each => each.muted)") == [True, False]
    # The longer one leads to its end; the shorter one waits at its own.
    page.wait_for_function("() => [...document.querySelectorAll('video')].every(each => each.paused)")
    expect(page.get_by_text("3.0 s / 3.0 s")).to_be_visible()
    page.get_by_role("slider", name="Position in both").evaluate(
        "e => { e.value = 0.6; e.dispatchEvent(new Event('input')); }"
    )
    assert films.evaluate_all("all => all.map(each => each.currentTime)") == pytest.approx([0.6, 0.6], abs=0.05)
    page.keyboard.press("f")
    expect(films.nth(1)).to_be_hidden()
    assert grave_violations(page) == []
    page.evaluate("() => window.end()")
    assert films.count() == 0


def test_sound_is_switched_at_the_same_position(page: Page, tmp_path: Path) -> None:
    sounds = [recording(tmp_path / f"{seconds}.wav", seconds).read_bytes() for seconds in (20, 30)]
    show(page, ArenaPanel, state(pair("p1", "audio")))
    give(page, "p1", "audio/wav", *sounds)
    page.wait_for_selector("[data-ready=true]")
    page.locator(".va-arena-prompt").click()
    page.keyboard.press(" ")
    page.wait_for_function("() => Number(document.querySelector('.va-scrub').value) > 0.2")
    page.keyboard.press(" ")
    scrub = page.get_by_role("slider", name="Position in both")
    expect(page.get_by_role("button", name="Play or pause both")).to_have_text("Play")
    before = scrub.input_value()
    page.get_by_role("button", name="Hear right").click()
    assert scrub.input_value() == before
    wave = page.get_by_role("img", name="Waveform left")
    assert "data:image/png" in wave.evaluate("e => getComputedStyle(e).maskImage")
    expect(page.get_by_role("button", name="Hear right")).to_have_attribute("aria-pressed", "true")
    assert grave_violations(page) == []
    page.keyboard.press("h")
    expect(page.get_by_role("button", name="Hear left")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Play or pause both").click()
    put(page, pair=pair("p2", "audio"))
    expect(page.get_by_text("Loading the pair")).to_be_visible()
    give(page, "p2", "audio/wav", *reversed(sounds))
    expect(page.get_by_role("button", name="Play or pause both")).to_have_text("Play")
    expect(page.locator(".va-scrub")).to_have_value("0")


def test_a_reveal_is_short_and_can_be_cut_shorter(page: Page) -> None:
    show(page, ArenaPanel, state(pair("p1", "text", left="one", right="two")))
    page.get_by_text("one", exact=True).click()
    told = {"choice": "left", "left": f"openai {ATTACK}", "right": "gemini"}
    put(page, state="revealed", revealed=told)
    expect(page.get_by_text("Stored: Left is better.")).to_be_visible()
    page.keyboard.press("1")
    assert sent(page, "vote") == []
    page.keyboard.press("Enter")
    assert len(sent(page, "next")) == 1
    put(page, state="voting", revealed={}, pair=pair("p2", "text", left="three", right="four"))
    expect(page.get_by_text("gemini")).to_have_count(0)
    put(page, state="revealed", revealed=told | {"choice": "tie"})
    page.wait_for_function("() => window.model.sent.filter(each => each.kind === 'next').length === 2")


def test_the_end_and_a_result_that_cannot_be_shown_are_told(page: Page) -> None:
    show(page, ArenaPanel, state({}, state="done", progress={"votes": 60, "left": 0, "waiting": 2, "failed": 1}))
    expect(page.get_by_text("You have voted on every pair that is ready.")).to_be_visible()
    expect(page.get_by_text("60 of 60 pairs · 2 still being made · 1 not shown: a result failed")).to_be_visible()
    put(
        page,
        state="stuck",
        error={"type": "StorageError", "message": ATTACK, "hint": "", "provider": "", "billed": "no"},
    )
    expect(page.get_by_role("alert")).to_contain_text("StorageError")
    page.get_by_role("button", name="Look again").click()
    assert len(sent(page, "retry")) == 1
    assert grave_violations(page) == []
