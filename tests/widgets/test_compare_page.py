"""The results of a comparison on a static page with a stub model: slider, zoom, films in step, matched sound, differences, votes."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Problems
from tests.media_files import film, picture
from tests.widgets.axe import grave_violations
from tests.widgets.pages import mount, pair, receive, sent, set_state
from viralai_widgets import ComparePanel

pytestmark = pytest.mark.browser

COUNT_PICTURES = """
  const make = URL.createObjectURL, drop = URL.revokeObjectURL;
  window.alive = new Set();
  URL.createObjectURL = blob => { const url = make(blob); if (blob.type.startsWith("image")) alive.add(url); return url; };
  URL.revokeObjectURL = url => { alive.delete(url); drop(url); };
"""

WENT_BACK = """() => {
  const now = document.querySelector("video").currentTime, back = now < (window.was ?? 0);
  window.was = now;
  return back;
}"""

ATTACK = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"


@pytest.fixture(autouse=True)
def _quiet(problems: Problems) -> Any:
    """No error, no exception and no request to anywhere in any of these tests."""
    yield
    assert problems == []


def show(page: Page, service: str, left: tuple[str, Any], right: tuple[str, Any], **more: Any) -> None:
    """Mount a panel with two results and give it their media."""
    mount(page, ComparePanel, pair(service, **more))
    assert sent(page, "want") == [{"kind": "want", "ids": ["aaaa", "bbbb"]}]
    for token, (media_type, data) in (("aaaa", left), ("bbbb", right)):
        message = {
            "kind": "medium",
            "id": token,
            "media_type": media_type,
            "text": data if isinstance(data, str) else "",
        }
        receive(page, message, None if isinstance(data, str) else data)


@pytest.fixture
def pictures(page: Page, tmp_path: Path) -> Page:
    show(
        page,
        "image",
        ("image/png", picture(tmp_path / "a.png", (400, 300))),
        ("image/png", picture(tmp_path / "b.png", (400, 300), hue=90)),
    )
    expect(page.locator(".va-frame img").nth(1)).to_have_js_property("naturalWidth", 400)
    return page


def test_the_divider_moves_by_keyboard_and_says_where_it_is(pictures: Page) -> None:
    pictures.get_by_role("button", name="Slider").click()
    divider = pictures.get_by_role("slider", name="Divider between left and right")
    divider.focus()
    for key, value in (
        ("ArrowRight", "52"),
        ("Shift+ArrowRight", "62"),
        ("Home", "0"),
        ("ArrowLeft", "0"),
        ("End", "100"),
        ("PageDown", "80"),
    ):
        pictures.keyboard.press(key)
        assert divider.get_attribute("aria-valuenow") == value
    assert divider.get_attribute("aria-valuetext") == "80 % left, 20 % right"
    assert pictures.locator(".va-frame").first.evaluate("e => e.style.clipPath") == "inset(0px 20% 0px 0px)"


def test_the_divider_follows_the_pointer(pictures: Page) -> None:
    pictures.get_by_role("button", name="Slider").click()
    box = pictures.locator(".va-frame").first.bounding_box()
    assert box
    pictures.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    pictures.mouse.down()
    pictures.mouse.move(box["x"] + box["width"] / 4, box["y"] + 60)
    pictures.mouse.up()
    assert pictures.get_by_role("slider").get_attribute("aria-valuenow") == "25"


def test_both_pictures_zoom_and_move_alike(pictures: Page) -> None:
    transforms = "all => all.map(e => e.style.transform)"
    pictures.locator(".va-results").focus()
    for _ in range(4):
        pictures.keyboard.press("+")
    pictures.keyboard.press("ArrowRight")
    left, right = pictures.locator(".va-frame img").evaluate_all(transforms)
    assert left == right == "translate(-8%, 0%) scale(2.44141)"
    # The point under the pointer stays where it is: a quarter of the box from its middle, it is moved by as much as the picture grows.
    pictures.get_by_role("button", name="Fit the pictures").click()
    box = pictures.locator(".va-frame").nth(1).bounding_box()
    assert box
    pictures.mouse.dblclick(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    left, right = pictures.locator(".va-frame img").evaluate_all(transforms)
    assert left == right
    assert "scale(3)" in left
    assert float(left.split("(")[1].split("%")[0]) == pytest.approx(-50, abs=0.5)
    pictures.get_by_role("button", name="Fit the pictures").click()
    assert set(pictures.locator(".va-frame img").evaluate_all(transforms)) == {"translate(0%, 0%) scale(1)"}
    assert sent(pictures, "vote") == []


def test_flip_shows_one_picture_at_a_time_in_the_same_place(pictures: Page) -> None:
    pictures.get_by_role("button", name="Flip").click()
    images = pictures.get_by_role("img", name="result for: a red fox")
    expect(images).to_have_count(1)
    before = images.bounding_box()
    pictures.keyboard.press("f")
    expect(pictures.get_by_text("Right · openai · 0.3 s · free")).to_be_visible()
    expect(pictures.get_by_text("Left · embedded · 0.3 s · free")).to_be_hidden()
    assert images.bounding_box() == before
    pictures.keyboard.press("s")
    expect(images).to_have_count(2)


def test_films_play_in_step_scrub_together_and_loop(page: Page, tmp_path: Path) -> None:
    long, short = film(tmp_path / "a.mp4", frames=24), film(tmp_path / "b.mp4", frames=18)
    show(page, "video", ("video/mp4", long), ("video/mp4", short))
    page.wait_for_function("() => [...document.querySelectorAll('video')].every(e => e.readyState >= 3)")
    page.get_by_role("checkbox", name="Loop").check()
    page.get_by_role("button", name="Play or pause both").click()
    page.wait_for_function(
        """() => { const [a, b] = [...document.querySelectorAll("video")].map(e => e.currentTime);
                   return a > 0.3 && b > 0.3 && Math.abs(a - b) < 0.15; }"""
    )
    page.wait_for_function(WENT_BACK)
    page.get_by_role("button", name="Play or pause both").click()
    scrub = page.get_by_role("slider", name="Position in both")
    scrub.evaluate("e => { e.value = 1; e.dispatchEvent(new Event('input')); }")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every(e => Math.abs(e.currentTime - 1) < 0.1)"
    )
    assert scrub.get_attribute("aria-valuetext") == "1.0 of 2.0 seconds"


def test_recordings_are_brought_to_one_loudness_and_switch_at_the_same_place(page: Page, tmp_path: Path) -> None:
    show(page, "speech", ("audio/wav", tone(tmp_path / "a.wav", 0.5)), ("audio/wav", tone(tmp_path / "b.wav", 0.05)))
    page.wait_for_selector("[data-ready=true]")
    left, right = (float(gain) for gain in (page.locator("[data-ready]").get_attribute("data-gains") or "").split())
    assert right / left == pytest.approx(10, rel=0.02), "ten times quieter, so ten times the gain"
    assert 0.5 * left <= 1
    play = page.get_by_role("button", name="Play or pause both")
    play.click()
    scrub = page.get_by_role("slider", name="Position in both")
    page.wait_for_function("() => Number(document.querySelector('.va-scrub').value) > 0.2")
    play.click()
    expect(play).to_have_text("Play")
    before = float(scrub.input_value())
    page.locator(".va-results").focus()
    page.keyboard.press("x")
    assert page.get_by_role("button", name="Hear right").get_attribute("aria-pressed") == "true"
    assert float(scrub.input_value()) == before > 0.2
    assert "data:image/png" in page.get_by_role("img", name="Waveform left").evaluate(
        "e => getComputedStyle(e).maskImage"
    )


def test_texts_are_compared_word_by_word(page: Page) -> None:
    show(page, "text", ("text/plain", "The red fox runs home"), ("text/plain", "The old red fox sleeps at home"))
    page.get_by_role("button", name="Differences").click()
    assert [text.strip() for text in page.locator("del").all_inner_texts()] == ["runs"]
    assert [text.strip() for text in page.locator("ins").all_inner_texts()] == ["old", "sleeps at"]
    expect(page.locator(".va-text")).to_have_text("The old red fox runs sleeps at home")


def test_votes_are_keys_only_while_the_panel_has_the_focus(page: Page) -> None:
    show(page, "text", ("text/plain", "one"), ("text/plain", "two"), blind=True)
    page.keyboard.press("1")
    prompt = page.get_by_role("textbox", name="Prompt")
    prompt.fill("")
    prompt.press("2")
    assert sent(page, "vote") == []
    page.locator(".va-results").focus()
    for key in ("1", "2", "3", "0", "Control+1"):
        page.keyboard.press(key)
    assert [message["choice"] for message in sent(page, "vote")] == ["left", "right", "tie", "both_bad"]
    page.keyboard.press("u")
    assert sent(page, "undo") == [], "there is no vote yet"
    set_state(page, shown=pair("text", voted=1)["shown"])
    page.keyboard.press("u")
    assert len(sent(page, "undo")) == 1


def test_the_choice_of_providers_is_folded_away_while_blind_votes_are_open(page: Page) -> None:
    model = {"name": "m", "price": "$1", "retires": ""}
    facts = {"configured": True, "healthy": True, "model": "m", "price": "$1", "needs": "", "models": [model]}
    chosen = {"rows": [facts | {"provider": "openai"}], "value": ["openai"], "variants": [{"name": "gemini loud"}]}
    mount(page, ComparePanel, pair("text", blind=True) | chosen | {"sealed": True})
    for token in ("aaaa", "bbbb"):
        receive(page, {"kind": "medium", "id": token, "media_type": "text/plain", "text": token})
    expect(page.get_by_text("2 arms, names hidden until you have voted")).to_be_visible()
    for name in ("openai", "gemini"):
        expect(page.locator(".va-form").get_by_text(name)).to_be_hidden()
    expect(page.get_by_role("checkbox", name="openai, ready")).to_have_count(0)
    assert grave_violations(page) == []
    set_state(page, sealed=False)
    expect(page.get_by_role("checkbox", name="openai, ready")).to_be_visible()
    expect(page.get_by_text("names hidden")).to_be_hidden()
    set_state(page, sealed=True)
    expect(page.get_by_role("checkbox", name="openai, ready")).to_have_count(0)


def test_a_pair_with_its_vote_takes_no_second_one(page: Page) -> None:
    show(page, "text", ("text/plain", "one"), ("text/plain", "two"), choice="left", voted=1)
    page.locator(".va-results").focus()
    page.keyboard.press("2")
    assert sent(page, "vote") == []
    expect(page.get_by_role("button", name="Left is better")).to_have_attribute("aria-pressed", "true")


def test_nothing_that_people_or_providers_wrote_runs(page: Page) -> None:
    state = pair("text")
    state["shown"] |= {"prompt": ATTACK, "left": {"id": "aaaa", "name": ATTACK, "caption": ATTACK}}
    words = {"type": ATTACK, "message": ATTACK, "hint": ATTACK, "provider": ATTACK, "billed": "maybe"}
    state["progress"][0] |= {"name": ATTACK, "words": ATTACK, "errors": [words], "state": "running"}
    model = {"name": ATTACK, "price": ATTACK, "retires": ATTACK}
    row = {
        "provider": ATTACK,
        "service": "text",
        "configured": False,
        "healthy": True,
        "model": ATTACK,
        "price": ATTACK,
        "needs": ATTACK,
        "models": [model],
    }
    spec = {"name": "voice_id", "label": ATTACK, "kind": "text"}
    state |= {
        "error": words,
        "notice": ATTACK,
        "title": ATTACK,
        "prompt": ATTACK,
        "rows": [row],
        "fields": [spec],
        "options": ATTACK,
        "parameters": {"voice_id": ATTACK},
        "variants": [{"name": ATTACK}],
        "votes": {"count": 1, "words": ATTACK, "state": ATTACK},
        "estimate": {"words": ATTACK, "problem": "", "rows": [{"arm": ATTACK, "model": ATTACK, "price each": ATTACK}]},
    }
    mount(page, ComparePanel, state)
    receive(page, {"kind": "medium", "id": "aaaa", "media_type": "text/plain", "text": ATTACK})
    receive(page, {"kind": "medium", "id": "bbbb", "error": words})
    receive(page, {"kind": "preview", "id": "row0", "media_type": "image/svg+xml"}, ATTACK.encode())
    page.get_by_role("button", name="Differences").click()
    expect(page.locator(".va-error").first).to_contain_text(ATTACK)
    assert page.locator(".viralai-panel script, .viralai-panel img[onerror], .viralai-panel iframe").count() == 0
    page.wait_for_function("() => [...document.images].every(image => image.complete)")
    assert page.evaluate("() => window.hacked") is None


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("service", ["image", "video", "speech", "text"])
def test_axe_finds_nothing_grave(page: Page, service: str, dark: bool) -> None:
    error = {
        "type": "RateLimitError",
        "message": "too many requests",
        "hint": "Wait.",
        "provider": "openai",
        "billed": "maybe",
    }
    state = pair(service)
    state["progress"][1] |= {"errors": [error], "state": "running", "fraction": None}
    row = {
        "provider": "openai",
        "configured": True,
        "healthy": True,
        "model": "m",
        "price": "$1",
        "needs": "",
        "models": [{"name": "m", "price": "$1", "retires": "2027-01-01"}],
    }
    mount(
        page,
        ComparePanel,
        state
        | {
            "error": error,
            "notice": "Finished.",
            "rows": [row],
            "estimate": {"words": "2 calls", "rows": [{"arm": "a"}], "problem": ""},
        },
        dark=dark,
    )
    for token in ("aaaa", "bbbb"):
        receive(page, {"kind": "medium", "id": token, "media_type": "text/plain", "text": "some words"})
    page.locator("details").evaluate_all("all => all.forEach(e => { e.open = true; })")
    assert grave_violations(page) == []


def test_leaving_lets_go_of_everything(page: Page, tmp_path: Path) -> None:
    page.add_init_script(COUNT_PICTURES)
    page.goto("about:blank")
    data = picture(tmp_path / "a.png", (64, 64))
    show(page, "image", ("image/png", data), ("image/png", data))
    assert page.evaluate("() => alive.size") == 2
    page.evaluate("() => window.dispose()")
    assert page.evaluate("() => [alive.size, window.listening()]") == [0, 0]
    assert page.locator(".viralai-panel").count() == 0


def test_only_the_shown_and_the_next_pair_are_held(page: Page, tmp_path: Path) -> None:
    data = picture(tmp_path / "a.png", (64, 64)).read_bytes()
    page.add_init_script(COUNT_PICTURES)
    page.goto("about:blank")
    mount(page, ComparePanel, pair("image"))
    for number in range(100):
        ids = (f"l{number}", f"r{number}")
        set_state(page, shown=pair("image", ids=ids, next=[f"l{number + 1}", f"r{number + 1}"])["shown"])
        for token in ids:
            receive(page, {"kind": "medium", "id": token, "media_type": "image/png"}, data)
    assert page.evaluate("() => alive.size") <= 4


def tone(path: Path, loud: float, rate: int = 16_000) -> Path:
    """A tone that lasts longer than any test plays it."""
    samples = loud * np.sin(2 * np.pi * 220 * np.arange(20 * rate) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path
