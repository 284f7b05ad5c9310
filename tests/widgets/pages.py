"""A panel on a static page: its module with a stub model, no Jupyter and no server."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from viralai_widgets import Panel

DARK = {
    "--jp-ui-font-color1": "rgba(255, 255, 255, 1)",
    "--jp-ui-font-color2": "rgba(255, 255, 255, 0.7)",
    "--jp-layout-color1": "#111111",
    "--jp-layout-color2": "#424242",
    "--jp-border-color1": "#616161",
    "--jp-brand-color1": "#1e88e5",
}
"""What JupyterLab's dark theme sets."""

_MOUNT = """async ([source, css, state]) => {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const listeners = new Map();
  const fire = (event, ...given) => [...(listeners.get(event) ?? [])].forEach(listener => listener(...given));
  window.sent = [];
  window.model = {
    get: name => structuredClone(state[name]),
    set: (name, value) => { state[name] = value; fire(`change:${name}`); },
    save_changes: () => {},
    on: (event, listener) => listeners.set(event, [...(listeners.get(event) ?? []), listener]),
    off: (event, listener) => listeners.set(event, (listeners.get(event) ?? []).filter(one => one !== listener)),
    send: content => window.sent.push(content),
  };
  window.listening = () => [...listeners.values()].reduce((sum, all) => sum + all.length, 0);
  window.receive = (content, base64) => fire("msg:custom", content,
    base64 ? [new DataView(Uint8Array.from(atob(base64), sign => sign.charCodeAt(0)).buffer)] : []);
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  const module = await import(url);
  const el = document.createElement("div");
  document.body.append(el);
  window.dispose = module.default.render({model: window.model, el});
}"""


def mount(page: Page, panel: type[Panel], state: dict[str, Any], *, dark: bool = False) -> None:
    """Show a panel with this state. `window.model`, `window.sent` and `window.receive` are the other end."""
    page.goto("about:blank")
    colours = "".join(f"{name}:{value};" for name, value in DARK.items()) if dark else ""
    paper = "#111111" if dark else "#ffffff"
    page.set_content(
        f'<!doctype html><html lang="en"><title>Panel</title><body style="{colours}background:{paper}"><main></main>'
    )
    whole = {name: trait.default() for name, trait in panel.class_traits(sync=True).items()} | state
    data = json.loads(json.dumps({name: value for name, value in whole.items() if not callable(value)}, default=str))
    page.evaluate(_MOUNT, [panel._esm, panel._css, data])


def sent(page: Page, kind: str) -> list[dict[str, Any]]:
    """What the panel has sent of one kind."""
    return [message for message in page.evaluate("() => window.sent") if message["kind"] == kind]


def set_state(page: Page, **state: Any) -> None:
    """Python changes traits."""
    for name, value in state.items():
        page.evaluate("([name, value]) => window.model.set(name, value)", [name, value])


def receive(page: Page, content: dict[str, Any], data: bytes | Path | None = None) -> None:
    """Python sends a message, with bytes beside it."""
    raw = data.read_bytes() if isinstance(data, Path) else data
    page.evaluate(
        "([content, data]) => window.receive(content, data)", [content, base64.b64encode(raw).decode() if raw else None]
    )


def pair(service: str, *, blind: bool = False, ids: tuple[str, str] = ("aaaa", "bbbb"), **more: Any) -> dict[str, Any]:
    """State of a ComparePanel that shows two results of two arms."""
    names = ("embedded", "openai")
    left, right = (
        {"id": token} | ({} if blind else {"name": name, "caption": f"{name} · 0.3 s · free"})
        for token, name in zip(ids, names, strict=True)
    )
    shown = {
        "index": 0,
        "total": 3,
        "voted": 0,
        "prompt": "a red fox",
        "blind": blind,
        "open": not blind,
        "choice": "",
        "left": left,
        "right": right,
        "next": [],
    }
    if not blind:
        shown["place"] = {"prompt": "p001", "repeat": 0}
    rows = [
        {"id": f"row{place}", "name": name, "state": "over", "fraction": 1, "words": "done", "errors": []}
        for place, name in enumerate(names)
    ]
    return {"service": service, "made": service, "title": "Comparison", "progress": rows, "shown": shown | more}
