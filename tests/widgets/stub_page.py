"""A page without Jupyter that shows one panel on a stub of its model: the front end alone, with JupyterLab's colours."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Page

from viralai_widgets import Panel

LIGHT = {
    "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
    "--jp-ui-font-color2": "rgba(0, 0, 0, 0.54)",
    "--jp-layout-color1": "white",
    "--jp-layout-color2": "#eeeeee",
    "--jp-border-color1": "#bdbdbd",
    "--jp-brand-color1": "#1976d2",
}
DARK = {
    "--jp-ui-font-color1": "rgba(255, 255, 255, 1)",
    "--jp-ui-font-color2": "rgba(255, 255, 255, 0.7)",
    "--jp-layout-color1": "#111111",
    "--jp-layout-color2": "#424242",
    "--jp-border-color1": "#616161",
    "--jp-brand-color1": "#1976d2",
}

_MODEL = """
class Model {
  constructor(state) { this.state = state; this.heard = new Map(); this.sent = []; }
  get(name) { return this.state[name]; }
  set(name, value) { this.put({[name]: value}); }
  put(state) {
    const changed = Object.keys(state).filter(name => JSON.stringify(this.state[name]) !== JSON.stringify(state[name]));
    Object.assign(this.state, state);
    for (const name of changed) this.tell(`change:${name}`);
  }
  on(event, listener) { this.heard.set(event, [...(this.heard.get(event) || []), listener]); }
  off(event, listener) { this.heard.set(event, (this.heard.get(event) || []).filter(each => each !== listener)); }
  tell(event, ...given) { for (const each of this.heard.get(event) || []) each(...given); }
  send(content) { this.sent.push(content); }
}
"""


def show(page: Page, kind: type[Panel], state: Mapping[str, Any], colours: Mapping[str, str] = LIGHT) -> None:
    """Render a panel's front end on an empty page."""
    rules = "".join(f"{name}: {value};" for name, value in colours.items())
    page.set_content(
        f"<!doctype html><html lang='en'><head><title>A panel</title><style>:root {{ {rules} }} "
        f"body {{ margin: 12px; background: var(--jp-layout-color1); }}</style><style>{kind._css}</style></head>"
        "<body><main><div id='panel'></div></main></body></html>"
    )
    page.evaluate(
        """async ([modelCode, code, state]) => {
             const Model = new Function(modelCode + '; return Model')();
             const url = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}));
             window.model = new Model(state);
             window.panel = (await import(url)).default;
             window.end = window.panel.render({model: window.model, el: document.getElementById('panel')});
           }""",
        [_MODEL, str(kind._esm), {"title": "A panel", "error": {}, "notice": "", "_snapshot_id": "x", **state}],
    )


def recolour(page: Page, colours: Mapping[str, str]) -> None:
    """Switch the theme."""
    page.evaluate(
        "colours => Object.entries(colours).forEach(each => document.documentElement.style.setProperty(...each))",
        dict(colours),
    )


def put(page: Page, **state: Any) -> None:
    """Python has set traits."""
    page.evaluate("state => window.model.put(state)", json.loads(json.dumps(state)))


def tell(page: Page, content: Mapping[str, Any], *buffers: bytes) -> None:
    """Python has sent a message."""
    page.evaluate(
        """([content, buffers]) => window.model.tell('msg:custom', content,
              buffers.map(each => new DataView(Uint8Array.from(atob(each), sign => sign.charCodeAt(0)).buffer)))""",
        [dict(content), [base64.b64encode(data).decode() for data in buffers]],
    )


def sent(page: Page, kind: str | None = None) -> list[dict[str, Any]]:
    """What the page has sent, of one kind or of all but changes of traits."""
    found: list[dict[str, Any]] = page.evaluate("() => window.model.sent")
    return [each for each in found if (kind or each["kind"]) == each["kind"] and (kind or each["kind"] != "set")]


def saved(page: Page) -> list[dict[str, Any]]:
    """The changes of traits that the page has made."""
    return [each["state"] for each in sent(page, "set")]
