"""A real JupyterLab on loopback and the few moves a test makes in it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

SOURCE = Path(__file__).parents[2]
SHOTS = Path(__file__).with_name("shots")
START_SECONDS = 180
KERNEL_MS = 180_000
OUTPUTS = ".jp-OutputArea .jp-RenderedHTMLCommon.jp-RenderedHTML"
"""Where Lab shows the HTML of outputs."""

PATIENCE_MS = 90_000
"""How long a page may take to show what it is about to show: long enough for a machine that does ten other things."""
expect.set_options(timeout=PATIENCE_MS)

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]

_SETTINGS: dict[str, dict[str, Any]] = {
    "notification": {"fetchNews": "false", "checkForUpdates": False},  # else a dialog asks about news
    "themes": {"theme": "JupyterLab Light"},
}


@dataclass
class Lab:
    """A running server: its address, and the folder whose notebooks it serves."""

    url: str
    root: Path

    def kernels(self) -> list[str]:
        """Ids of the running kernels."""
        with urllib.request.urlopen(f"{self.url}/api/kernels", timeout=10) as answer:
            return [kernel["id"] for kernel in json.load(answer)]

    def light(self) -> None:
        """Begin in the light theme, whatever an earlier test has left behind."""
        path = self.root.parent / "settings" / "@jupyterlab" / "apputils-extension" / "themes.jupyterlab-settings"
        path.write_text(json.dumps(_SETTINGS["themes"]))

    def stop_kernels(self) -> None:
        """Shut every kernel down."""
        for kernel in self.kernels():
            request = urllib.request.Request(f"{self.url}/api/kernels/{kernel}", method="DELETE")
            urllib.request.urlopen(request, timeout=30).close()


@contextlib.contextmanager
def running_lab(folder: Path) -> Iterator[Lab]:
    """JupyterLab with all its folders under `folder`, so that nothing of this machine's own set-up is read or changed."""
    root = folder / "root"
    settings = folder / "settings" / "@jupyterlab" / "apputils-extension"
    for made in (root, settings):
        made.mkdir(parents=True)
    for name, values in _SETTINGS.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    port = _free_port()
    environ = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(SOURCE), str(SOURCE / "widgets"), os.environ.get("PYTHONPATH", "")]),
        "PYTHONWARNINGS": "",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"]
    command += [f"--ServerApp.root_dir={root}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    command += [
        "--ServerApp.disable_check_xsrf=True",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.collaborative=False",
    ]
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.STDOUT)
    lab = Lab(f"http://127.0.0.1:{port}", root)
    try:
        _wait_until_up(lab, server, log)
        yield lab
        lab.stop_kernels()
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_up(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{lab.url}/api", timeout=5).close()
            return
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def open_notebook(page: Page, lab: Lab, path: str, *, kernel: bool = True) -> None:
    """Open a notebook of the server's root alone in a fresh workspace; with `kernel`, wait until it really listens.

    The toolbar says "idle" before the client is connected; running then would open a dialog. So ask the application.
    """
    if page.url == "about:blank":
        lab.light()
    workspace = f"auto-{time.monotonic_ns()}"
    if kernel:
        page.goto(f"{lab.url}/doc/workspaces/{workspace}/tree/{path}?reset")
    else:
        page.goto(f"{lab.url}/doc/workspaces/{workspace}?reset")
        page.wait_for_function("() => window.jupyterapp?.commands?.hasCommand('docmanager:open')", timeout=KERNEL_MS)
        page.evaluate(
            """async path => { await window.jupyterapp.restored; window.jupyterapp.commands.execute(
                 'docmanager:open', {path, factory: 'Notebook', kernelPreference: {shouldStart: false, shouldReuse: false}}); }""",
            path,
        )
    page.wait_for_function(
        """path => { const widget = window.jupyterapp?.shell?.currentWidget;
                    return widget?.context?.isReady && widget.context.path === path; }""",
        arg=path,
        timeout=KERNEL_MS,
    )
    if kernel:
        page.wait_for_function(
            """async () => { const session = window.jupyterapp.shell.currentWidget.sessionContext;
                             await session.ready; const found = session.session?.kernel;
                             if (!found) return false; await found.info; return found.connectionStatus === 'connected'; }""",
            timeout=KERNEL_MS,
        )
    page.wait_for_selector(".jp-Notebook .jp-Cell")


def run_all(page: Page) -> None:
    """Run every cell and wait for the last one."""
    start_all(page)
    wait_until_run(page)


def start_all(page: Page) -> None:
    """Begin to run every cell. The command's own promise is not awaited: it would hold the page's protocol until the end."""
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")


def wait_until_run(page: Page) -> None:
    """Wait until every code cell has its number and the kernel rests."""
    page.wait_for_function(
        """() => { const cells = [...window.jupyterapp.shell.currentWidget.content.model.cells]
                         .filter(cell => cell.type === 'code' && cell.sharedModel.source.trim());
                   return cells.length && cells.every(cell => cell.executionCount && cell.executionState !== 'running'); }""",
        timeout=KERNEL_MS,
    )
    page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'", timeout=KERNEL_MS
    )


def save(page: Page) -> None:
    """Write the notebook to disk."""
    page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.context.save(); }")


def set_theme(page: Page, name: str) -> None:
    """Switch to "JupyterLab Light" or "JupyterLab Dark" and wait until the page says so."""
    page.evaluate("name => { window.jupyterapp.commands.execute('apputils:change-theme', {theme: name}); }", name)
    light = "false" if "Dark" in name else "true"
    page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")
    page.wait_for_timeout(300)


def output_html(page: Page) -> list[str]:
    """The HTML of every cell's rendered outputs, as the page holds it."""
    return list(page.eval_on_selector_all(OUTPUTS, "all => all.map(e => e.innerHTML)"))


def until_shown(page: Page, *words: str) -> None:
    """Wait until the HTML of the outputs has all of these: Lab renders them one after the other, each when it finds the time."""
    page.wait_for_function(
        """([outputs, words]) => { const html = [...document.querySelectorAll(outputs)].map(e => e.innerHTML).join('\\n');
                                 return words.every(each => html.includes(each)); }""",
        arg=[OUTPUTS, list(words)],
        timeout=PATIENCE_MS,
    )


def until_same(page: Page, look: Callable[[], object], wanted: object) -> None:
    """Wait until a look at the page finds this; a difference that stays is shown."""
    until = time.monotonic() + PATIENCE_MS / 1000
    while (found := look()) != wanted and time.monotonic() < until:
        page.wait_for_timeout(100)
    assert found == wanted


def weakest_contrast(page: Page) -> tuple[float, str]:
    """The least contrast of any text in the outputs against what lies behind it, opacity counted, and that text."""
    found: dict[str, Any] = page.evaluate(_CONTRAST, OUTPUTS)
    return found["ratio"], found["text"]


_CONTRAST = """outputs => {
  const rgba = css => { const n = css.match(/[\\d.]+/g).map(Number); return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
  const over = (top, alpha, under) => [0, 1, 2].map(i => top[i] * alpha + under[i] * (1 - alpha));
  const light = c => c.map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
                      .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = e => { if (!e) return [255, 255, 255];
    const [r, g, b, a] = rgba(getComputedStyle(e).backgroundColor);
    return a === 1 ? [r, g, b] : over([r, g, b], a, paper(e.parentElement)); };
  let worst = {ratio: 21, text: ''};
  for (const e of document.querySelectorAll(outputs + ' *')) {
    const text = [...e.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join('');
    if (!text || ['VIDEO', 'AUDIO'].includes(e.tagName) || e.closest('video, audio, details:not([open]) > div')) continue;
    let opacity = 1;
    for (let up = e; up; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
    const ink = rgba(getComputedStyle(e).color), under = paper(e);
    const [a, b] = [light(over(ink, ink[3] * opacity, under)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < worst.ratio) worst = {ratio, text};
  }
  return worst;
}"""


def shot(page: Page, name: str) -> Path:
    """A picture of the page in `tests/browser/shots`, for people to look at."""
    SHOTS.mkdir(exist_ok=True)
    path = SHOTS / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path
