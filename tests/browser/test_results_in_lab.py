"""Results as people meet them: in a live JupyterLab, in one reopened without a kernel, in one that does not trust the file, and in
the page that nbconvert makes. The screenshots are for looking at; what must hold is asserted on the page."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import Problems, watch
from tests.browser.gallery import write_gallery
from tests.browser.lab import (
    OUTPUTS,
    SHOTS,
    Lab,
    open_notebook,
    output_html,
    save,
    set_theme,
    shot,
    start_all,
    until_same,
    wait_until_run,
    weakest_contrast,
)

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]

TALL: ViewportSize = {"width": 1100, "height": 4400}

CAPTIONS = [
    "openai · gpt-image-2.6-flare · 4.2 s · $0.0400 · after gemini (RateLimitError)",
    "embedded · 0.3 s · free · made by rules, not by a model",
    "runway · gen-5 · 63.0 s · price unknown",
    "elevenlabs · eleven_v4 · 0.9 s · $0.0021",
    "anthropic · claude-opus-5 · 1.4 s · $0.0113",
]
"""One caption for each kind of result in the gallery."""


def pictures_are_shown(page: Page) -> None:
    """Every picture is decoded, visible and says what it shows."""
    for image in page.locator(".jp-OutputArea-output figure img, .jp-OutputArea-output figure ~ img").all():
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("e => e.naturalWidth > 0 && e.clientWidth > 0")
        assert image.get_attribute("alt")


def captions_are_shown(page: Page) -> None:
    for caption in CAPTIONS:
        expect(page.get_by_text(caption, exact=True).first).to_be_visible()
    assert page.evaluate("() => window.hacked") is None


def text_is_readable(page: Page) -> None:
    ratio, text = weakest_contrast(page)
    assert 4.5 <= ratio < 21, (ratio, text)


def media_play(page: Page) -> None:
    """The film has pixels and moves, the recording has its length."""
    video = page.locator(".jp-OutputArea-output video").first
    video.evaluate("async e => { e.muted = true; await e.play(); }")
    page.wait_for_function("() => document.querySelector('.jp-OutputArea-output video').currentTime > 0.2")
    assert video.evaluate("e => [e.videoWidth, e.videoHeight]") == [320, 180]
    video.evaluate("e => e.pause()")
    audio = page.locator(".jp-OutputArea-output audio")
    audio.evaluate("async e => { e.muted = true; await e.play(); }")
    assert audio.evaluate("e => e.duration") == pytest.approx(1.0, abs=0.05)


def run_with_progress(page: Page, lab: Lab) -> None:
    """Run the notebook; look at the progress while its last cells wait for us."""
    start_all(page)
    bars = page.locator(".jp-OutputArea").get_by_role("progressbar")
    expect(bars).to_have_count(2)
    assert bars.first.get_attribute("aria-valuenow") == "42"
    assert bars.nth(1).get_attribute("aria-valuenow") is None
    assert bars.first.get_attribute("aria-label") == "video · runway"
    first = bars.first.get_attribute("aria-valuetext")
    page.wait_for_function(
        "old => document.querySelector('.jp-OutputArea [role=progressbar]').getAttribute('aria-valuetext') !== old",
        arg=first,
    )
    # The display is redrawn five times a second, too often for a picture of the element itself.
    cell = page.locator(".jp-CodeCell", has=page.get_by_role("progressbar"))
    for theme in ("Dark", "Light"):
        set_theme(page, f"JupyterLab {theme}")
        page.screenshot(path=SHOTS / f"progress_{theme.lower()}.png", clip=cell.bounding_box())
    (lab.root / "go on").touch()
    wait_until_run(page)
    expect(bars).to_have_count(0)
    expect(page.get_by_text("stopped; the job goes on at comfyui", exact=True)).to_be_visible()


def save_without_kernel(page: Page, lab: Lab) -> Path:
    """Save, stop the kernel, and make sure that opening the file again starts none."""
    save(page)
    page.close()
    lab.stop_kernels()
    path = lab.root / "gallery.ipynb"
    book = nbformat.read(path, as_version=4)
    nbformat.validate(book)
    assert path.stat().st_size < 1_000_000
    assert [dict(out["data"]) for out in book.cells[-2].outputs] == [{}], (
        "finished progress leaves an output without content"
    )
    return path


def static_page(notebook: Path, theme: str) -> Path:
    """The page that nbconvert makes of a saved notebook, beside it."""
    target = notebook.with_name(f"static_{theme}.html")
    command = [sys.executable, "-m", "nbconvert", "--to", "html", "--theme", theme, "--output", target.name]
    command += [f"--HTMLExporter.{library}_url=" for library in ("mathjax", "require_js", "jquery", "mermaid_js")]
    subprocess.run([*command, str(notebook)], check=True, capture_output=True, timeout=400)
    return target


def looks_alike(page: Page, live: list[str]) -> None:
    """The same outputs as in the live notebook, but for addresses that Lab has resolved."""
    expect(page.locator(OUTPUTS)).to_have_count(len(live))  # cells appear one after the other
    wanted = [without_addresses(html) for html in live]
    until_same(page, lambda: [without_addresses(html) for html in output_html(page)], wanted)


def without_addresses(html: str) -> str:
    return re.sub(r' (src|href|data-[a-z-]+)="[^"]*"', "", html)


def distrusted(saved: Path) -> str:
    """A copy whose outputs carry no signature of this server: somebody else's notebook."""
    book = nbformat.read(saved, as_version=4)
    book.cells.append(nbformat.v4.new_markdown_cell("From another machine."))
    nbformat.write(book, saved.with_name("foreign.ipynb"))
    return "foreign.ipynb"


def styles(page: Page) -> list[str]:
    """Every inline style of the outputs with what the page's CSS engine kept of it."""
    return list(
        page.eval_on_selector_all(".jp-RenderedHTML [style]", "all => all.map(e => e.tagName + ' ' + e.style.cssText)")
    )


def test_results_look_the_same_live_reopened_untrusted_and_as_a_static_page(
    lab: Lab, page: Page, browser: Browser, problems: Problems
) -> None:
    write_gallery(lab.root)
    open_notebook(page, lab, "gallery.ipynb")
    run_with_progress(page, lab)
    shot(page, "live_light")
    text_is_readable(page)
    captions_are_shown(page)
    pictures_are_shown(page)
    media_play(page)
    set_theme(page, "JupyterLab Dark")
    shot(page, "live_dark")
    text_is_readable(page)
    set_theme(page, "JupyterLab Light")
    live, live_styles = output_html(page), styles(page)
    saved = save_without_kernel(page, lab)

    with browser.new_context(viewport=TALL) as context:
        context.on("page", lambda opened: watch(opened, problems))
        again = context.new_page()
        open_notebook(again, lab, "gallery.ipynb", kernel=False)
        looks_alike(again, live)
        captions_are_shown(again)
        pictures_are_shown(again)
        media_play(again)
        shot(again, "reopened")
        again.close()

        foreign = context.new_page()
        open_notebook(foreign, lab, distrusted(saved), kernel=False)
        expect(foreign.locator(OUTPUTS)).to_have_count(len(live))
        captions_are_shown(foreign)
        pictures_are_shown(foreign)
        media_play(foreign)
        until_same(
            foreign, lambda: styles(foreign), live_styles
        )  # the sanitizer of untrusted notebooks keeps our styles
        set_theme(foreign, "JupyterLab Dark")
        shot(foreign, "untrusted_dark")
        text_is_readable(foreign)
        set_theme(foreign, "JupyterLab Light")
        foreign.close()

        for theme in ("light", "dark"):
            page = context.new_page()
            page.goto(static_page(saved, theme).as_uri())
            captions_are_shown(page)
            pictures_are_shown(page)
            shot(page, f"static_{theme}")
            page.close()
    assert lab.kernels() == []
    assert problems == []
