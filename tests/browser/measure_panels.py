"""How long panels take to open in a real JupyterLab, and whether 200 pictures stay responsive. For people, not part of the suite:

python -m tests.browser.measure_panels

Beside each time stands the processor time that the page and the kernel spent in it: on a busy machine that is what the panel itself takes.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.lab import CHROMIUM_FLAGS, Lab, open_notebook, running_lab
from tests.widgets.notebooks import write_notebook

REPEATS = 5
SETUP = """\
import json, os
import numpy as np
from PIL import Image
from viralai_sdk import ViralAI
from viralai_sdk.store.rows import CallRow, new_id
from viralai_widgets import (ArenaPanel, ComparePanel, HealthPanel, JobsPanel, Leaderboard, ProviderPicker, SessionGallery,
    UsagePanel)
ai = ViralAI({}, home="HOME", progress=False)
folder, y = ai.session.folder("images"), np.mgrid[0:768, 0:1024][0] / 768
for number in range(200):
    path = folder / f"{number}.jpg"
    shade = np.random.default_rng(number).normal(120, 25, (768, 1024, 3)) + 60 * y[..., None]
    Image.fromarray(shade.clip(0, 255).astype("uint8")).save(path)
    call = CallRow(new_id("call"), ai.session.session_id, "image_generation", "openai", "gpt-image-2.6-flare", seconds=4.2)
    call.started, call.cost_usd = 1_790_000_000 + number, 0.01
    call.request_json = json.dumps({"prompt": f"picture {number}"})
    call.artifacts_json = [{"path": str(path), "media_type": "image/jpeg", "size": path.stat().st_size, "width": 1024, "height": 768}]
    ai.runtime.journal.record_call(call)
arms = [{"name": name, "provider": "embedded", "style": name} for name in ("noir", "neon")]
experiment = ai.experiment("foxes", service="image", arms=arms, prompts=[f"{n} foxes" for n in range(4)], width=320, height=240)
await experiment.run()
open("pid", "w").write(str(os.getpid()))"""
COMPARED = """\
panel = ComparePanel(ai, "image", arms=arms, prompt="a fox", repeats=20, options='{"width": 64, "height": 64}')
done = await panel.run()
panel"""
PANELS = {
    "ProviderPicker": ("ProviderPicker(ai)", ".va-picker tbody tr"),
    "ComparePanel": ("ComparePanel(ai, 'image')", ".va-picker tbody tr"),
    "ArenaPanel, until the pair is there": ("ArenaPanel(experiment)", ".va-vote[aria-disabled=false]"),
    "Leaderboard": ("Leaderboard(experiment)", ".va-board-table tbody tr"),
    "HealthPanel": ("HealthPanel(ai)", ".va-board-table tbody tr"),
    "JobsPanel": ("JobsPanel(ai)", ".va-board-section"),
    "UsagePanel": ("UsagePanel(ai)", ".va-board-section"),
    "SessionGallery, 200 pictures, until its tiles are there": ("SessionGallery(ai)", ".va-tile"),
    "SessionGallery, until its first thumbnail": ("SessionGallery(ai)", ".va-tile img"),
}

RUN = """async ([number, selector]) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  notebook.activeCellIndex = number;
  const cell = notebook.widgets[number].node;
  const begun = performance.now();
  window.jupyterapp.commands.execute("notebook:run-cell");
  return await new Promise(done => {
    const look = () => requestAnimationFrame(cell.querySelector(selector) ? () => done(performance.now() - begun) : look);
    look();
  });
}"""
SCROLL = """async () => {
  const list = [...document.querySelectorAll(".va-gallery")].at(-1), gaps = [];
  let before = performance.now();
  for (let step = 0; step < 120; step += 1) {
    list.scrollTop = (step / 119) * (list.scrollHeight - list.clientHeight);
    await new Promise(requestAnimationFrame);
    gaps.push(performance.now() - before);
    before = performance.now();
  }
  return gaps.sort((a, b) => a - b);
}"""
STEP = """async () => {
  const results = [...document.querySelectorAll(".va-results")].at(-1);
  const sources = () => [...results.querySelectorAll(".va-picture")];
  const before = sources()[0]?.src, begun = performance.now();
  [...results.querySelectorAll("button")].find(each => each.getAttribute("aria-label") === "Next pair").click();
  return await new Promise(done => {
    const there = () => sources().length === 2 && sources()[0].src !== before && sources().every(each => each.complete && each.naturalWidth);
    const look = () => requestAnimationFrame(there() ? () => done(performance.now() - begun) : look);
    look();
  });
}"""


def tell(what: str, found: list[float]) -> None:
    """Median and range in milliseconds."""
    print(f"{what}: median {statistics.median(found):.0f} ms, {min(found):.0f}–{max(found):.0f} ms", flush=True)


def measure(page: Page, lab: Lab) -> None:
    """Open every panel several times in cells of their own, each time from the command to run the cell to the first frame with its content."""
    cells = [source for source, _ in PANELS.values() for _ in range(REPEATS)]
    open_notebook(page, lab, write_notebook(lab.root, "panels.ipynb", SETUP, *cells, COMPARED))
    page.evaluate(RUN, [0, ".jp-InputArea"])
    wait_until_first_cell(page)
    clocks = Clocks(page, int((lab.root / "pid").read_text()))
    number = 1
    for name, (_, selector) in PANELS.items():
        found, spent = [], []
        for _ in range(REPEATS):
            before = clocks.read()
            found.append(page.evaluate(RUN, [number, selector]))
            spent.append([now - then for now, then in zip(clocks.read(), before, strict=True)])
            number += 1
        tell(name, found)
        told = [statistics.median(part) for part in zip(*spent, strict=True)]
        print(f"    of it processor time: page {told[0]:.0f} ms, kernel {told[1]:.0f} ms", flush=True)
    gaps = page.evaluate(SCROLL)
    print(
        f"scrolling 200 pictures, between frames: median {gaps[60]:.0f} ms, 95 % {gaps[113]:.0f} ms, most {gaps[-1]:.0f} ms"
    )
    page.evaluate(RUN, [number, ".va-results .va-picture"])
    tell("ComparePanel with 40 pictures, next pair", [page.evaluate(STEP) for _ in range(20)])


class Clocks:
    """Processor time in milliseconds that the page's main thread and the kernel have spent so far."""

    def __init__(self, page: Page, kernel: int) -> None:
        self._page = page.context.new_cdp_session(page)
        self._page.send("Performance.enable", {"timeDomain": "threadTicks"})
        self._kernel = Path(f"/proc/{kernel}/stat")

    def read(self) -> tuple[float, float]:
        """Both, as of now."""
        metrics = {one["name"]: one["value"] for one in self._page.send("Performance.getMetrics")["metrics"]}
        fields = self._kernel.read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])  # user and system
        return 1000 * metrics["TaskDuration"], 1000 * ticks / os.sysconf("SC_CLK_TCK")


def wait_until_first_cell(page: Page) -> None:
    """The setup has run."""
    page.wait_for_function(
        "() => { const cell = window.jupyterapp.shell.currentWidget.content.model.cells.get(0);"
        " return cell.executionCount && cell.executionState !== 'running'; }",
        timeout=120_000,
    )


def main() -> None:
    """Start Lab and Chromium, and measure."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder) / "lab") as lab,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        page = chromium.new_page(viewport={"width": 1100, "height": 1400})
        page.set_default_timeout(300_000)
        measure(page, lab)
        chromium.close()


if __name__ == "__main__":
    main()
