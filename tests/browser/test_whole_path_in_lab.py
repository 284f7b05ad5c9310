"""A person's whole path in a real JupyterLab, once for each medium: choose providers, run, stop one, look closely, vote blind by keyboard,
see the verdict, take the page along. Everything that others may write holds markup that must never run."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Problems
from tests.browser.lab import SHOTS, Lab, open_notebook, run_all, set_theme
from tests.widgets.axe import grave_violations
from tests.widgets.notebooks import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

PATIENCE_MS = 180_000
VOTES = 10
ATTACK = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>"

SETUP = """\
from viralai_sdk import ViralAI
from viralai_sdk.bench.practice import practice_day
from viralai_sdk.simulator import Simulator, SimulatorConfig
from viralai_sdk.simulator.settings import configuration
from viralai_widgets import ArenaPanel, ComparePanel

ATTACK = {attack!r}
simulator = Simulator(SimulatorConfig(speed=50))
simulator.start()
simulator.faults.latency({slow!r}, "fixed:600s")
simulator.faults.add({failing!r}, status=400, message=ATTACK)
home = ATTACK.replace("/", "") + {service!r}  # also a part of every file's name
ai = ViralAI(configuration(simulator.origin, simulator.key), home=home, progress=False, today=practice_day)"""

COMPARE = """\
ComparePanel(ai, {service!r}, arms=[{{"name": ATTACK, "provider": {failing!r}, **{failing_has!r}}}], prompt={prompt!r}, parameters={parameters!r})"""

ARENA = """\
arms = {arms!r}
experiment = ai.experiment("arena", service={service!r}, arms=arms, prompts={prompts!r}, **{shared!r})
await experiment.run()
ArenaPanel(experiment)"""

REPORT = """\
path = experiment.report({service!r} + "_report.html")
print(len(experiment.votes()), "votes in", path.name)"""


@dataclass(frozen=True)
class Medium:
    """What is compared: `made` by providers that answer, at one that is stopped, and at one that fails."""

    service: str
    made: tuple[str, str]
    slow: str
    failing: str
    prompt: str
    look: Callable[[Page, Locator], None]
    arms: list[dict[str, Any]]
    prompts: list[str]
    parameters: dict[str, str] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict)
    failing_has: dict[str, str] = field(default_factory=dict)


def slide_and_zoom(page: Page, panel: Locator) -> None:
    """Two pictures: the divider by keyboard, both zoomed alike."""
    panel.get_by_role("button", name="Slider", exact=True).press("Enter")
    divider = panel.get_by_role("slider", name="Divider between left and right")
    divider.press("Shift+ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "60")
    panel.locator(".va-results").press("+")
    left, right = panel.locator(".va-frame img").evaluate_all("all => all.map(e => e.style.transform)")
    assert left == right
    assert "scale(1.25)" in left
    widths = panel.locator(".va-frame img").evaluate_all("all => all.map(e => e.naturalWidth)")
    assert min(widths) > 200


def play_in_step(page: Page, panel: Locator) -> None:
    """Two films: one key plays both, and they stay together."""
    page.wait_for_function(
        "() => { const all = [...document.querySelectorAll('.va-compare-panel video')];"
        " return all.length === 2 && all.every(e => e.readyState >= 3); }",
        timeout=PATIENCE_MS,
    )
    panel.get_by_role("checkbox", name="Loop").check()
    panel.locator(".va-results").press("Space")
    page.wait_for_function(
        """() => { const [a, b] = document.querySelectorAll('.va-compare-panel video');
                   return a.currentTime > 0.2 && b.currentTime > 0.2 && Math.abs(a.currentTime - b.currentTime) < 0.2; }""",
        timeout=PATIENCE_MS,
    )
    panel.locator(".va-results").press("Space")
    expect(panel.get_by_role("button", name="Play or pause both")).to_have_text("Play")


def switch_sides(page: Page, panel: Locator) -> None:
    """Two recordings at one loudness: one key changes which one is heard."""
    panel.locator("[data-ready=true]").wait_for(timeout=PATIENCE_MS)
    panel.locator(".va-results").press("Space")
    panel.locator(".va-results").press("x")
    expect(panel.locator("[data-heard]")).to_have_attribute("data-heard", "1")
    expect(panel.get_by_role("button", name="Hear right")).to_have_attribute("aria-pressed", "true")


def see_differences(page: Page, panel: Locator) -> None:
    """Two texts: one key shows them as one with their differences."""
    panel.locator(".va-results").press("d")
    expect(panel.locator(".va-text ins").first).to_be_visible()
    expect(panel.locator(".va-text del").first).to_be_visible()
    panel.locator(".va-results").press("d")
    expect(panel.locator(".va-text")).to_have_count(2)


TOPICS = [
    "a red fox",
    "bread",
    "night trains",
    "bees",
    "old maps",
    "cold water",
    "paper planes",
    "lighthouses",
    "chess",
    ATTACK,
]
TWO_WORDINGS = {
    "openai": "{prompt}, please",
    "cohere": "{prompt}, and tell in full sentences why anybody should care about it",
}

MEDIA = [
    Medium(
        "image",
        ("embedded", "stability"),
        "openai",
        "gemini",
        f"a red fox in the snow {ATTACK}",
        slide_and_zoom,
        [{"name": "plain zebra", "provider": "stability"}, {"name": f"quokka {ATTACK}", "provider": "xai"}],
        TOPICS,
        {"aspect_ratio": "16:9"},
    ),
    Medium(
        "video",
        ("embedded", "runway"),
        "gemini",
        "vertex",
        f"a red fox in the snow {ATTACK}",
        play_in_step,
        [
            {"name": f"zebra {how}", "provider": "runway", "template": f"{{prompt}} {how}"}
            for how in ("at dawn", "at noon", "at dusk", ATTACK)
        ],
        TOPICS[:2],
        {"duration": "2", "resolution": "360p"},
        {"duration": 2},
    ),
    Medium(
        "speech",
        ("embedded", "openai"),
        "elevenlabs",
        "gemini",
        f"The fox goes home. {ATTACK}",
        switch_sides,
        [{"name": "plain zebra", "provider": "openai"}, {"name": f"quokka {ATTACK}", "provider": "embedded"}],
        [f"We talk about {topic}." for topic in TOPICS],
        failing_has={"voice_id": ATTACK},
    ),
    Medium(
        "text",
        ("embedded", "openai"),
        "anthropic",
        "gemini",
        f"Write 3 hooks for a video about {ATTACK}",
        see_differences,
        [
            {"name": f"zebra {ATTACK[:20]} {name}", "provider": name, "template": words}
            for name, words in TWO_WORDINGS.items()
        ],
        [f"Praise {topic}" for topic in TOPICS],
    ),
]


@pytest.mark.parametrize("medium", MEDIA, ids=lambda medium: medium.service)
def test_from_the_choice_of_providers_to_the_verdict(medium: Medium, lab: Lab, page: Page, problems: Problems) -> None:
    service = medium.service
    page.set_default_timeout(PATIENCE_MS)
    name = write_notebook(
        lab.root,
        f"path_{service}.ipynb",
        SETUP.format(attack=ATTACK, slow=medium.slow, failing=medium.failing, service=service),
        COMPARE.format(**vars(medium)),
        ARENA.format(**vars(medium)),
        REPORT.format(service=service),
    )
    open_notebook(page, lab, name)
    run_all(page)
    panel = page.get_by_role("region", name="Comparison", exact=True)
    choose_and_run(page, panel, medium)
    medium.look(page, panel)
    looked_at(page, panel, f"compare_{service}")
    vote_on_the_comparison(page, panel, medium)
    assert harmless(lab.root, export(panel, lab.root))
    arena = page.get_by_role("region", name="Blind votes: arena")
    arena.locator(".va-vote[aria-disabled=false]").first.wait_for()
    looked_at(page, arena, f"arena_pair_{service}")
    vote_ten_times(page, arena, medium)
    if service != "video":  # two of its pairs are left
        expect(arena).to_contain_text("You have voted on every pair that is ready.", timeout=PATIENCE_MS)
    looked_at(page, arena, f"arena_{service}", "Light")
    run_last_cell(page)
    page.get_by_text(f"{VOTES} votes in {service}_report.html").wait_for()
    assert harmless(lab.root, lab.root / f"{service}_report.html")
    assert page.evaluate("() => window.hacked") is None
    # The pictures that the attack asks for do not exist; were one asked for, it would be here as a failed request.
    assert problems == []


def choose_and_run(page: Page, panel: Locator, medium: Medium) -> None:
    """Choose three providers by keyboard, run, and stop the slow one while the others are done or failed."""
    for provider in (*medium.made, medium.slow):
        box = panel.get_by_role("checkbox", name=f"{provider}, ready", exact=True)
        box.press("Space")
        expect(box).to_be_checked()
    expect(panel.get_by_text("4 chosen")).to_be_visible()
    expect(panel.locator(".va-cost")).to_contain_text("4 calls", timeout=PATIENCE_MS)
    panel.get_by_role("button", name="Run", exact=True).press("Enter")
    for provider in medium.made:
        expect(row(panel, provider)).to_have_attribute("data-state", "over", timeout=PATIENCE_MS)
    expect(row(panel, medium.slow)).to_have_attribute("data-state", "running")
    panel.get_by_role("button", name=f"Stop {medium.slow}", exact=True).press("Enter")
    expect(row(panel, medium.slow)).to_contain_text("stopped", timeout=PATIENCE_MS)
    expect(row(panel, ATTACK)).to_contain_text("<img src=x", timeout=PATIENCE_MS)
    expect(row(panel, ATTACK).locator(".va-error-message")).to_contain_text("<img src=x", timeout=PATIENCE_MS)
    expect(panel.locator(".va-results")).to_contain_text("pair 1 of 1", timeout=PATIENCE_MS)
    expect(panel.locator(".va-shown:not(.va-waiting)")).to_be_visible(timeout=PATIENCE_MS)


def row(panel: Locator, arm: str) -> Locator:
    """The line of an arm while it runs."""
    return panel.locator(".va-arm").filter(has=panel.page.locator("bdi", has_text=re.compile(f"^{re.escape(arm)}$")))


def vote_on_the_comparison(page: Page, panel: Locator, medium: Medium) -> None:
    """Hide the names, vote with one key, take it back, vote again."""
    results = panel.locator(".va-results")
    panel.get_by_role("checkbox", name="Hide names").press("Space")
    expect(results.locator(".va-name").first).to_have_text("Left")
    expect(results.locator(".va-shown:not(.va-waiting)")).to_be_visible(timeout=PATIENCE_MS)
    told = results.inner_html()
    assert not [provider for provider in medium.made if provider in told]
    results.press("1")
    status = panel.locator(".va-status")
    expect(status).to_contain_text(
        re.compile(f"Stored: Left is better · left: ({'|'.join(medium.made)})"), timeout=PATIENCE_MS
    )
    results.press("u")
    expect(status).to_contain_text("taken back")
    results.press("2")
    expect(status).to_contain_text("Stored: Right is better")
    expect(panel.locator(".va-verdict")).to_contain_text("no winner yet", timeout=PATIENCE_MS)


def export(panel: Locator, root: Path) -> Path:
    """Press "Export HTML"; the file that came."""
    before = set(root.glob("cmp_*.html"))
    panel.get_by_role("button", name="Export HTML").press("Enter")
    expect(panel.locator(".va-status")).to_contain_text("Written to", timeout=PATIENCE_MS)
    (made,) = set(root.glob("cmp_*.html")) - before
    return made


def harmless(root: Path, path: Path) -> bool:
    """The page has the words of the attack, and none of its markup."""
    told = path.read_text("utf-8")
    assert "window.hacked=1" in told
    return "<script>window" not in told and "<img src=x" not in told


def vote_ten_times(page: Page, arena: Locator, medium: Medium) -> None:
    """Vote by keyboard: on texts for the longer one, else whatever comes; no name is on the page before the votes are in."""
    words = arena.locator(".va-progress-words")
    for done in range(VOTES):
        arena.locator(".va-vote[aria-disabled=false]").first.wait_for()
        assert not re.search("zebra|quokka|stability|runway|cohere", arena.inner_html())
        key = "1230"[done % 4]
        if medium.service == "text":
            left, right = (len(text) for text in arena.locator(".va-text").all_inner_texts())
            key = "1" if left > right else "2"
        arena.locator(".va-votes").press(key)
        expect(words).to_have_text(re.compile(rf"^{done + 1} of \d+ pairs"), timeout=PATIENCE_MS)
    said = {
        "image": "no winner yet",
        "video": "of 6 comparisons decided",
        "speech": "no winner yet",
        "text": "is preferred: 10–0",
    }
    expect(arena.locator(".va-arena-words").first).to_contain_text(said[medium.service], timeout=PATIENCE_MS)


def looked_at(page: Page, panel: Locator, name: str, *themes: str) -> None:
    """Take a picture in each theme, and let axe look at the page's panels."""
    SHOTS.mkdir(exist_ok=True)
    for theme in themes or ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        panel.screenshot(path=SHOTS / f"path_{name}_{theme.lower()}.png")
        assert grave_violations(page) == []


def run_last_cell(page: Page) -> None:
    """Run the last cell once more."""
    page.evaluate(
        """() => { const app = window.jupyterapp, notebook = app.shell.currentWidget.content;
                   notebook.activeCellIndex = notebook.widgets.length - 1; app.commands.execute('notebook:run-cell'); }"""
    )
