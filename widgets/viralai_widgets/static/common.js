// What all panels share. Joined in front of every panel's module by assets.py, so nothing here is exported or imported.
//
// Whatever people or providers wrote becomes text nodes and attributes, never markup: there is no innerHTML in these files.

/** One element. `props`: `class`, `text`, `on` (listeners by event), `data` (dataset), `style` (custom properties and sizes);
 *  anything else is an attribute, left out when null or false, bare when true. */
function h(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = String(value);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name === "style") for (const [rule, size] of Object.entries(value)) made.style.setProperty(rule, size);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A button with a name; `props.label` replaces the visible text for screen readers. */
function button(text, press, props = {}) {
  const { label, ...rest } = props;
  return h("button", { type: "button", class: "va-button", "aria-label": label, text, on: { click: press }, ...rest });
}

/** A control with its visible label. */
function field(words, control) {
  return h("label", { class: "va-field" }, h("span", { class: "va-label", text: words }), control);
}

let serial = 0;
/** An id no other element of the page has, for `aria-labelledby` and friends. */
function freshId(name) {
  serial += 1;
  return `va-${name}-${serial}-${Math.random().toString(36).slice(2, 8)}`;
}

/** 0.04 → "$0.0400"; null → "price unknown"; 0 → "free". */
function money(usd) {
  if (usd === null || usd === undefined) return "price unknown";
  return usd === 0 ? "free" : `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
}

/** 8.34 → "8.3 s", 83.4 → "1:23", for players. */
function clock(seconds) {
  const whole = Math.max(0, Number.isFinite(seconds) ? seconds : 0);
  return whole < 60 ? `${whole.toFixed(1)} s` : `${Math.floor(whole / 60)}:${String(Math.floor(whole % 60)).padStart(2, "0")}`;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** Object URLs of media that came as bytes. At most `limit` bytes are held: the longest unused go first and are revoked. */
class MediaStore {
  constructor(limit = 200_000_000) {
    this.limit = limit;
    this.size = 0;
    this.held = new Map();
  }
  /** Keep bytes under an id and give their URL. Only pictures, sound, film and plain data are taken: never a page. */
  put(id, bytes, mediaType) {
    this.drop(id);
    const type = /^(image\/(?!svg)|audio\/|video\/)[\w.+-]+$/.test(mediaType) ? mediaType : "application/octet-stream";
    const blob = new Blob([bytes], { type });
    this.held.set(id, { url: URL.createObjectURL(blob), size: blob.size, blob });
    this.size += blob.size;
    for (const oldest of this.held.keys()) {
      if (this.size <= this.limit || oldest === id) break;
      this.drop(oldest);
    }
    return this.held.get(id).url;
  }
  has(id) {
    return this.held.has(id);
  }
  /** The URL of an id, null when it is not held. */
  url(id) {
    return this._touched(id)?.url ?? null;
  }
  /** The bytes of an id as a Blob, null when they are not held. */
  blob(id) {
    return this._touched(id)?.blob ?? null;
  }
  _touched(id) {
    const found = this.held.get(id);
    if (found) {
      this.held.delete(id);
      this.held.set(id, found);
    }
    return found;
  }
  drop(id) {
    const found = this.held.get(id);
    if (!found) return;
    URL.revokeObjectURL(found.url);
    this.size -= found.size;
    this.held.delete(id);
  }
  /** Drop everything but these ids. */
  keep(ids) {
    const kept = new Set(ids);
    for (const id of [...this.held.keys()]) if (!kept.has(id)) this.drop(id);
  }
  clear() {
    this.keep([]);
  }
}

/** A progress bar that assistive technology understands. `set(fraction or null, words)`. */
function progressBar(name) {
  const fill = h("div", { class: "va-progress-fill" });
  const bar = h("div", { class: "va-progress", role: "progressbar", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
  const words = h("span", { class: "va-muted va-progress-words" });
  const whole = h("div", { class: "va-progress-line" }, bar, words);
  return {
    el: whole,
    set(fraction, said) {
      const known = typeof fraction === "number" && Number.isFinite(fraction);
      bar.classList.toggle("va-busy", !known);
      if (known) bar.setAttribute("aria-valuenow", Math.round(clamp(fraction, 0, 1) * 100));
      else bar.removeAttribute("aria-valuenow");
      bar.setAttribute("aria-valuetext", said);
      fill.style.width = known ? `${clamp(fraction, 0, 1) * 100}%` : "";
      words.textContent = said;
    },
  };
}

/** A typed error as a box. `words` is the trait `error`: type, message, hint, provider, billed; `stopped` makes it no error. */
function errorBox(words) {
  const bill = { maybe: "It may have been billed.", yes: "It was billed." }[words.billed];
  return h(
    "div",
    { class: words.stopped ? "va-error va-stopped" : "va-error" },
    h("div", {}, h("strong", { text: words.type }), words.provider ? h("span", { text: ` at ${words.provider}` }) : null),
    h("div", { class: "va-error-message", text: words.message }),
    words.hint ? h("div", { text: words.hint }) : null,
    bill ? h("div", { class: "va-muted", text: bill }) : null,
  );
}

/**
 * A model whose changes go out as messages of ours. The host's own way sends the next change only when the kernel has said "idle" to the
 * last one; to messages in a subshell ipykernel 7.4 says nothing while a cell awaits, so that all later changes would be lost.
 */
function savingModel(host, send) {
  const changed = new Set();
  return {
    get: (name) => host.get(name),
    set: (name, value) => {
      changed.add(name);
      host.set(name, value);
    },
    save_changes: () => {
      const state = Object.fromEntries([...changed].map((name) => [name, host.get(name)]));
      changed.clear();
      if (Object.keys(state).length) send("set", { state });
    },
  };
}

/**
 * The frame of a panel: a named region with its error box, its status line for screen readers, and a body to fill.
 *
 * Returns `{root, body, model, on, send, keys, cleanup}`:
 * - `on(event, listener)` listens on the model ("change:name", "msg:custom") until the view is gone;
 * - `send(kind, content, buffers)` is received by Python's `on_message`;
 * - `keys({key: action})` binds keys that work only while the focus is in the panel and not in a field one types in; an action that had
 *   nothing to do returns false, and the key stays the page's;
 * - `cleanup(fn)` runs when the view is gone; return `frame.dispose` from `render`.
 */
function panelFrame({ model: host, el }, name) {
  const body = h("div", { class: "va-body" });
  const failed = h("div", { class: "va-errors", role: "alert" });
  const status = h("div", { class: "va-status", role: "status", "aria-live": "polite" });
  // The live panel hides its own static version (see Panel._ipython_display_); the rule goes when the panel goes.
  const hidden = `viralai-snapshot-${String(host.get("_snapshot_id") || "none").replace(/[^\w-]/g, "")}`;
  const rule = h("style", { text: `.${hidden}{display:none}.jp-OutputArea-child:has(> .jp-OutputArea-output .${hidden}){display:none}` });
  const root = h(
    "div",
    { class: `viralai-panel va-${name}`, role: "region", "aria-label": host.get("title"), "data-panel": PANEL, "data-lm-suppress-shortcuts": "true" },
    rule, failed, body, status,
  );
  const endings = [];
  const on = (event, listener) => {
    host.on(event, listener);
    endings.push(() => host.off(event, listener));
  };
  const send = (kind, content = {}, buffers = []) => host.send({ ...content, kind }, undefined, buffers);
  const model = savingModel(host, send);
  const showError = () => {
    const words = model.get("error") || {};
    failed.replaceChildren(
      ...(words.type ? [errorBox(words), button("Dismiss", () => send("dismiss_error"), { label: "Dismiss the error" })] : []),
    );
  };
  on("change:error", showError);
  on("change:notice", () => (status.textContent = model.get("notice")));
  on("change:title", () => root.setAttribute("aria-label", model.get("title")));
  showError();
  status.textContent = model.get("notice") || "";
  const bound = new Map();
  root.addEventListener("keydown", (event) => {
    event.stopPropagation(); // else Lab would take 0 0 for "restart the kernel"
    const typing = event.target.closest("input:not([type=checkbox]):not([type=radio]):not([type=range]), textarea, select, [contenteditable]");
    const action = bound.get(event.key);
    // Space and Enter belong to the control that has the focus.
    if ((event.key === " " || event.key === "Enter") && event.target.closest("button, summary, a, input, [role=slider]")) return;
    if (!action || typing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (action(event) !== false) event.preventDefault();
  });
  el.append(root);
  return {
    root,
    body,
    model,
    on,
    send,
    keys: (actions) => Object.entries(actions).forEach(([key, action]) => bound.set(key, action)),
    cleanup: (ending) => endings.push(ending),
    dispose: () => {
      for (const ending of endings.splice(0)) ending();
      root.remove();
    },
  };
}
