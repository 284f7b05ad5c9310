"""Arena, boards and gallery in a real JupyterLab, light and dark; a rater whose kernel is killed loses nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Problems, watch
from tests.browser.lab import Lab, open_notebook, run_all, save, set_theme, shot
from tests.widgets.axe import grave_violations
from tests.widgets.notebooks import write_notebook
from viralai_sdk import ViralAI
from viralai_sdk.compare.experiment import Experiment

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

ATTACK = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"

VOTING = """\
import os
from viralai_sdk import ViralAI
from viralai_widgets import ArenaPanel, Leaderboard
ai = ViralAI({}, home="HOME", progress=False)
arms = [{"name": "warm ATTACK", "provider": "embedded", "style": "watercolor"},
        {"name": "cold", "provider": "embedded", "style": "noir"}]
prompts = [f"{number} foxes in the snow ATTACK" for number in range(12)]
experiment = ai.experiment("foxes", service="image", arms=arms, prompts=prompts, width=480, height=320)
summary = await experiment.run()
print("pid", os.getpid())"""

BOARDS = """\
import json, time
import numpy as np
from pathlib import Path
from PIL import Image
from tests.doubles import text_provider, use
from viralai_sdk import ViralAI
from viralai_sdk.interfaces.errors import ProviderUnavailableError
from viralai_sdk.interfaces.names import AIServiceType
from viralai_sdk.store.rows import CallRow, JobRow, new_id
from viralai_widgets import HealthPanel, JobsPanel, SessionGallery, UsagePanel
attack = "ATTACK"
def fail(request):
    raise ProviderUnavailableError("away " + attack, retryable=True)
use(AIServiceType.TEXT_GENERATION, ada=text_provider(fail), bob=text_provider(lambda request: "well"))
chain = {"text_generation": {"default_provider": "ada", "fallback_chain": ["ada", "bob"]}}
ai = ViralAI({"ai_services": chain, "budget": {"session_usd": 5, "call_usd": 1}}, home="HOME2", progress=False)
for _ in range(3):
    await ai.text("hello " + attack)
journal, session = ai.runtime.journal, ai.session.session_id
for number, state in enumerate(["running", "completed", "failed"]):
    row = JobRow(f"job_{number}", "video_generation", "runway", "gen-5", session, request_json='{"prompt": "a ball"}')
    journal.open_job(row)
    journal.ticket(row.job_id, "remote " + attack)
    if state != "running":
        journal.close_job(row.job_id, state, "over " + attack if state == "failed" else None)
folder = ai.session.folder("images")
y, x = np.mgrid[0:360, 0:480].astype(float)
for number in range(200):
    hue = np.array([number * 1.2 % 255, 120, 255 - number])
    picture = (hue * (0.4 + 0.6 * np.hypot(x - 240, y - 180 + number)[..., None] / 400)).clip(0, 255).astype("uint8")
    path = folder / (f"{number} <img src=x onerror=hacked=1>.jpg" if number == 199 else f"picture {number}.jpg")
    Image.fromarray(picture).save(path)
    call = CallRow(new_id("call"), session, "image_generation", "openai", "gpt-image-2.6-flare", seconds=4.2)
    call.started = 1_790_000_000 + number
    call.cost_usd = None if number % 50 == 0 else 0.01
    call.request_json = json.dumps({"prompt": f"picture {number} " + attack, "style": attack, "seed": number})
    call.artifacts_json = [{"path": str(path), "media_type": "image/jpeg", "size": path.stat().st_size, "width": 480, "height": 360}]
    journal.record_call(call)
spoken = await ai.speech("Good evening, this is a test.")"""


def code(text: str) -> str:
    return text.replace("ATTACK", ATTACK)


def experiment_of(root: Path) -> Experiment:
    """The experiment as a process of its own sees it: what is in the journal."""
    return ViralAI({}, home=root / "HOME", progress=False).experiment("foxes")


def vote(page: Page, key: str) -> None:
    """Press a key as soon as the pair can be voted on."""
    expect(page.locator(".va-arena .va-vote[aria-disabled=false]")).to_have_count(4)
    page.keyboard.press(key)


def voted(page: Page, number: int) -> None:
    """The panel has gone on after so many votes."""
    expect(page.locator(".va-arena .va-progress-words")).to_have_text(f"{number} of 12 pairs")


def test_a_rater_votes_by_keyboard_and_a_killed_kernel_loses_no_vote(
    lab: Lab, page: Page, browser: Browser, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab.root)  # paths of results are told as seen from the notebook
    page.set_viewport_size({"width": 1100, "height": 1500})
    cells = (
        code(VOTING),
        'arena = ArenaPanel(experiment, rater="me")\narena',
        "board = Leaderboard(experiment)\nboard",
    )
    name = write_notebook(lab.root, "arena.ipynb", *cells)
    open_notebook(page, lab, name)
    run_all(page)
    arena = page.get_by_role("region", name="Blind votes: foxes")
    expect(arena.locator(".va-picture")).to_have_count(2)
    assert "cold" not in (arena.text_content() or "")
    arena.locator(".va-arena-prompt").click()
    for number in range(1, 6):
        vote(page, "1230"[number % 4])
        voted(page, number)
    vote(page, "u")
    voted(page, 4)
    vote(page, "1")
    voted(page, 5)
    expect(page.get_by_role("region", name="Leaderboard: foxes").get_by_role("group", name="5 votes")).to_be_visible()
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        shot(page, f"arena_{theme.lower()}")
        assert grave_violations(page) == []
    page.keyboard.press("f")
    expect(arena.locator(".va-picture").nth(1)).to_be_hidden()
    page.keyboard.press("s")
    assert page.evaluate("() => window.hacked") is None
    save(page)
    pid = int((page.get_by_text("pid ").last.text_content() or "").split()[-1])

    # The rater votes once more, closes the browser at once, and the kernel is killed.
    vote(page, "2")
    page.close()
    os.kill(pid, signal.SIGKILL)
    lab.stop_kernels()
    kept = experiment_of(lab.root)
    stored = kept.progress("me").votes
    assert stored in (5, 6), "the last one may have been on its way"
    coming = kept.next_pair("me")
    assert coming is not None
    with browser.new_context(viewport={"width": 1100, "height": 1500}) as context:
        context.on("page", lambda opened: watch(opened, problems))
        again = context.new_page()
        open_notebook(again, lab, name)
        expect(again.locator(".viralai-snapshot").first).to_contain_text("of 12 pairs voted on by me")
        run_all(again)
        arena = again.get_by_role("region", name="Blind votes: foxes")
        voted(again, stored)
        expect(arena.locator(".va-arena-prompt")).to_have_text(coming.prompt_words)
        arena.locator(".va-arena-prompt").click()
        for number in range(stored + 1, 12):
            vote(again, "1")
            voted(again, number)
        vote(again, "1")
        expect(arena.get_by_text("You have voted on every pair that is ready.")).to_be_visible()
        expect(arena.locator(".va-arena-words").first).to_contain_text("more")
        board = again.get_by_role("region", name="Leaderboard: foxes")
        expect(board.get_by_role("group", name="12 votes")).to_be_visible(timeout=20_000)
        shot(again, "arena_done")
        assert again.evaluate("() => window.hacked") is None
        again.close()
    assert kept.progress("me").votes == 12
    # Before its cells run again, a reopened notebook shows widgets of the dead kernel, and ipywidgets complains of each.
    assert [problem for problem in problems if "widget model not found" not in problem] == []


def test_boards_and_gallery_are_readable_live_and_hold_little(lab: Lab, page: Page, problems: Problems) -> None:
    page.set_viewport_size({"width": 1100, "height": 3000})
    cells = (
        code(BOARDS),
        "HealthPanel(ai)",
        "JobsPanel(ai)",
        "UsagePanel(ai)",
        "gallery = SessionGallery(ai)\ngallery",
    )
    open_notebook(page, lab, write_notebook(lab.root, "boards.ipynb", *cells))
    run_all(page)
    health = page.get_by_role("region", name="Health of providers")
    expect(health.get_by_text("failing: ProviderUnavailableError")).to_be_visible()
    expect(health.get_by_text("bob made it").first).to_be_visible()
    expect(page.get_by_role("region", name="Usage").get_by_text("left of $5.00")).to_be_visible()
    jobs = page.get_by_role("region", name="Jobs")
    expect(jobs.get_by_role("button", name="Resume job job_0")).to_be_visible()
    jobs.get_by_role("checkbox", name="Open only").check()
    expect(jobs.get_by_text("job_1")).to_have_count(0)
    jobs.get_by_role("checkbox", name="Open only").uncheck()
    expect(jobs.get_by_text("job_1")).to_be_visible()

    gallery = page.get_by_role("region", name="Results")
    tiles = gallery.get_by_role("listbox", name="Results").get_by_role("option")
    expect(tiles.locator("img.va-thumb").first).to_be_visible()
    expect(gallery.get_by_text("204 results")).to_be_visible()
    gallery.get_by_label("Service").select_option("image")
    expect(gallery.get_by_text("200 of 204 results")).to_be_visible()
    tiles.first.click()
    expect(gallery.locator(".va-detail-stage img")).to_be_visible()
    expect(gallery.get_by_text("provider='openai:gpt-image-2.6-flare'")).to_be_visible()
    page.wait_for_function(
        "() => [...document.querySelectorAll('.va-tile')].filter(each => each.querySelector('img')).length >= 8"
    )
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        shot(page, f"boards_{theme.lower()}")
        assert tiles.count() >= 6
        assert grave_violations(page) == []
    # By keyboard to the end: the tiles and thumbnails that exist stay few.
    tiles.first.focus()
    page.keyboard.press("End")
    expect(tiles.last).to_have_attribute("aria-posinset", "200")
    expect(tiles.last.locator("img")).to_be_visible()
    assert tiles.count() < 60
    page.keyboard.press("Enter")
    expect(gallery.locator(".va-detail-prompt")).to_contain_text("picture 0 ")
    gallery.get_by_role("button", name="Reuse prompt").click()
    expect(gallery.get_by_text("The prompt was taken.")).to_be_attached()
    page.keyboard.press("Escape")
    expect(gallery.locator(".va-detail")).to_be_hidden()
    assert page.evaluate("() => window.hacked") is None
    assert problems == []
