// SessionGallery: many results, few elements. Only the tiles in view exist; their thumbnails are asked for when they come into view, and
// only so many are held. The open result's file is the only large thing on the page.

const TILE_WIDTH = 172; // at least; tiles share what a row has left
const TILE_HEIGHT = 196;
const TILE_GAP = 8;
const SPARE_ROWS = 1;
const THUMBNAIL_BYTES = 8_000_000;
const FILE_BYTES = 80_000_000;
const SIGNS = { text: "¶", image: "▣", video: "▶", speech: "♪" };

/** The items that pass the filters: the same rule as `SessionGallery.found`. */
function passing(items, { service, provider, text }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return items.filter((item) => {
    const said = `${item.prompt} ${item.provider} ${item.model}`.toLowerCase();
    return (!service || item.service === service) && (!provider || item.provider === provider) && words.every((word) => said.includes(word));
  });
}

/** A scrolling grid of which only what is in view exists. `draw(item)` makes a tile's content, `seen(ids)` is told what is in view. */
function tileGrid({ name, draw, seen, open }) {
  const sizer = h("div", { class: "va-tiles", role: "presentation" });
  const el = h("div", { class: "va-gallery", role: "listbox", "aria-label": name, tabindex: -1 }, sizer);
  const tiles = new Map();
  let items = [];
  let columns = 1;
  let wide = TILE_WIDTH;
  let active = 0; // the one tile that Tab reaches; arrows move it
  let chosen = "";
  let due = null;
  const place = (number) => ({ top: Math.floor(number / columns) * (TILE_HEIGHT + TILE_GAP), left: (number % columns) * (wide + TILE_GAP) });
  const made = (item) => {
    const tile = h("div", { class: "va-tile", role: "option", on: { click: () => open(item.id), focus: () => mark(tile.number) } });
    tile.append(...draw(item));
    tile.item = item;
    return tile;
  };
  const arrange = () => {
    due = null;
    if (!el.clientWidth || !el.clientHeight) return; // out of sight, as in a cell that Lab has put away: what is there stays
    columns = Math.max(1, Math.floor((sizer.clientWidth + TILE_GAP) / (TILE_WIDTH + TILE_GAP)));
    wide = Math.floor((sizer.clientWidth + TILE_GAP) / columns) - TILE_GAP;
    const rows = Math.ceil(items.length / columns);
    sizer.style.height = `${Math.max(0, rows * (TILE_HEIGHT + TILE_GAP) - TILE_GAP)}px`;
    const first = Math.max(0, Math.floor(el.scrollTop / (TILE_HEIGHT + TILE_GAP)) - SPARE_ROWS) * columns;
    const last = Math.min(items.length, (Math.ceil((el.scrollTop + el.clientHeight) / (TILE_HEIGHT + TILE_GAP)) + SPARE_ROWS) * columns);
    const wanted = new Map();
    for (let number = first; number < last; number += 1) wanted.set(items[number].id, number);
    if (items[active] && el.contains(document.activeElement)) wanted.set(items[active].id, active); // the focus is never scrolled away
    for (const [id, tile] of tiles) {
      if (wanted.has(id) && tile.item === items[wanted.get(id)]) continue;
      tile.remove();
      tiles.delete(id);
    }
    for (const [id, number] of wanted) {
      let tile = tiles.get(id);
      if (!tile) {
        tile = made(items[number]);
        tiles.set(id, tile);
      }
      tile.number = number;
      const { top, left } = place(number);
      tile.style.width = `${wide}px`;
      tile.style.transform = `translate(${left}px, ${top}px)`;
      tile.tabIndex = number === active ? 0 : -1;
      tile.setAttribute("aria-setsize", items.length);
      tile.setAttribute("aria-posinset", number + 1);
      tile.setAttribute("aria-selected", String(id === chosen));
    }
    // In reading order, so that screen readers go through them as they stand; what stands right is not moved, or it would lose the focus.
    const ordered = [...wanted.keys()].map((id) => tiles.get(id)).sort((one, other) => one.number - other.number);
    ordered.forEach((tile, number) => sizer.children[number] !== tile && sizer.insertBefore(tile, sizer.children[number] || null));
    seen([...wanted.keys()]);
  };
  const soon = () => (due ??= requestAnimationFrame(arrange));
  const mark = (number) => {
    tiles.get(items[active]?.id)?.setAttribute("tabindex", "-1");
    active = clamp(number, 0, Math.max(0, items.length - 1));
    tiles.get(items[active]?.id)?.setAttribute("tabindex", "0");
  };
  const go = (number) => {
    mark(number);
    const { top } = place(active);
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + TILE_HEIGHT > el.scrollTop + el.clientHeight) el.scrollTop = top + TILE_HEIGHT - el.clientHeight;
    arrange();
    tiles.get(items[active]?.id)?.focus({ preventScroll: true });
  };
  el.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(el.clientHeight / (TILE_HEIGHT + TILE_GAP))) * columns;
    const to = { ArrowRight: active + 1, ArrowLeft: active - 1, ArrowDown: active + columns, ArrowUp: active - columns,
      PageDown: active + page, PageUp: active - page, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) go(clamp(to, 0, items.length - 1));
    else if ((event.key === "Enter" || event.key === " ") && items[active]) open(items[active].id);
    else return;
    event.preventDefault();
  });
  el.addEventListener("scroll", soon, { passive: true });
  const sized = new ResizeObserver(soon);
  sized.observe(el);
  return {
    el,
    show(found) {
      items = found;
      active = clamp(active, 0, Math.max(0, items.length - 1));
      soon();
    },
    choose(id) {
      chosen = id;
      soon();
    },
    tile: (id) => tiles.get(id),
    focus: (id) => go(Math.max(0, items.findIndex((item) => item.id === id))),
    dispose() {
      cancelAnimationFrame(due);
      sized.disconnect();
    },
  };
}

/** The open result: its medium, what is known of it, and what can be done with it. */
function detailPane(frame, files) {
  const pane = h("section", { class: "va-detail", "aria-label": "The open result", tabindex: -1, hidden: true });
  const stage = h("div", { class: "va-detail-stage" });
  let shown = { id: "", number: 0 };
  const key = (id, number) => `${id}/${number}`;
  const showFile = (detail, number) => {
    shown = { id: detail.id, number };
    const file = detail.files[number];
    const words = detail.text ? [h("div", { class: "va-detail-text", dir: "auto", tabindex: 0, role: "region", "aria-label": "The text", text: detail.text })] : [];
    if (!file) return void stage.replaceChildren(...words);
    if (!file.there) return void stage.replaceChildren(h("p", { class: "va-muted", text: "The file is gone." }));
    const url = files.url(key(detail.id, number));
    if (!url) {
      stage.replaceChildren(h("p", { class: "va-muted", text: "Loading…" }));
      frame.send("file", { id: detail.id, number });
      return;
    }
    const made = {
      image: () => h("img", { src: url, alt: detail.prompt.slice(0, 300) || "The picture" }),
      video: () => h("video", { src: url, controls: true, loop: true, "aria-label": "The film" }),
      speech: () => h("audio", { src: url, controls: true, "aria-label": "The recording" }),
    }[detail.service];
    stage.replaceChildren(made ? made() : "");
  };
  const facts = (file) => [file.width ? `${file.width} × ${file.height}` : "", file.duration ? `${file.duration.toFixed(1)} s` : "", `${Math.max(1, Math.round(file.size / 1000))} kB`]
    .filter(Boolean).join(" · ");
  const copy = async (code, press) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      press.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // the page may not write to the clipboard: the person can
      press.textContent = "Selected: press Ctrl+C";
    }
  };
  const draw = (close) => {
    const detail = frame.model.get("detail");
    files.keep(detail.id ? detail.files?.map((_, number) => key(detail.id, number)) ?? [] : []);
    const focused = pane.contains(document.activeElement);
    pane.hidden = !detail.id;
    if (!detail.id) return void pane.replaceChildren();
    const code = h("pre", { class: "va-code", tabindex: 0, "aria-label": "Code that makes it again", text: detail.code });
    const press = button("Copy code", () => copy(code, press));
    const many = detail.files.length > 1
      ? h("div", { class: "va-row", role: "group", "aria-label": "Files" }, detail.files.map((file, number) =>
        button(String(number + 1), () => showFile(detail, number), { label: `File ${number + 1}: ${file.name}` })))
      : null;
    pane.replaceChildren(
      stage, many ?? "",
      h("p", { class: "va-detail-prompt", dir: "auto", text: detail.prompt }),
      h("div", { class: "va-muted" }, h("bdi", { text: detail.caption })),
      h("div", { class: "va-muted" }, detail.files.map((file) => h("div", {}, h("bdi", { text: file.name }), ` · ${facts(file)}`))),
      h("dl", { class: "va-detail-parameters" }, Object.entries(detail.parameters).flatMap(([name, value]) => [h("dt", { text: name }), h("dd", {}, h("bdi", { text: value }))])),
      detail.warnings.length ? h("ul", { class: "va-muted" }, detail.warnings.map((words) => h("li", {}, h("bdi", { text: words })))) : "",
      code,
      h("div", { class: "va-row" }, button("Reuse prompt", () => frame.send("reuse", { id: detail.id }), { class: "va-button va-primary" }), press, button("Close", close)));
    showFile(detail, shown.id === detail.id ? shown.number : 0);
    if (focused) pane.focus({ preventScroll: true }); // the button that had it was drawn anew
  };
  const took = (id, number) => {
    const detail = frame.model.get("detail");
    if (detail.id === id && shown.number === number) showFile(detail, number);
  };
  return { el: pane, draw, took, key };
}

function renderGallery(context) {
  const frame = panelFrame(context, "session-gallery");
  const { model, send } = frame;
  const small = new MediaStore(THUMBNAIL_BYTES);
  const files = new MediaStore(FILE_BYTES);
  const blank = new Set();
  const set = (name, value) => (model.set(name, value), model.save_changes());
  const service = h("select", { on: { change: () => set("service", service.value) } },
    ["", "text", "image", "video", "speech"].map((name) => h("option", { value: name, text: name || "all" })));
  const provider = h("select", { on: { change: () => set("provider", provider.value) } });
  const text = h("input", { type: "search", placeholder: "words of the prompt", on: { input: () => set("text", text.value) } });
  const all = h("input", { type: "checkbox", on: { change: () => set("all_sessions", all.checked) } });
  const count = h("span", { class: "va-muted", role: "status" });

  const picture = (item) => {
    const url = small.url(item.id);
    return url ? h("img", { class: "va-thumb", src: url, alt: "" }) : h("div", { class: "va-thumb va-thumb-sign", "aria-hidden": "true", text: SIGNS[item.service] || "" });
  };
  const aside = (item) => [item.files > 1 ? `${item.files} files` : "", item.duration ? `${item.duration.toFixed(1)} s` : ""].filter(Boolean).join(" · ");
  const grid = tileGrid({
    name: "Results",
    draw: (item) => [
      picture(item),
      h("div", { class: "va-tile-words" }, h("bdi", { text: item.prompt || "(no words)" })),
      h("div", { class: "va-muted va-tile-maker" }, h("bdi", { text: item.provider }), aside(item) ? ` · ${aside(item)}` : ""),
    ],
    seen: (ids) => {
      const missing = ids.filter((id) => !small.has(id) && !blank.has(id));
      if (missing.length) send("thumbnails", { ids: missing });
    },
    open: (id) => set("selected", id),
  });
  const pane = detailPane(frame, files);
  const close = () => {
    const id = model.get("selected");
    set("selected", "");
    grid.focus(id);
  };
  const list = () => {
    const items = model.get("items");
    const names = [...new Set(items.map((item) => item.provider))].sort();
    const wanted = model.get("provider");
    if (wanted && !names.includes(wanted)) names.push(wanted);
    provider.replaceChildren(...["", ...names].map((name) => h("option", { value: name, text: name || "all" })));
    filter();
  };
  const filter = () => {
    const chosen = { service: model.get("service"), provider: model.get("provider"), text: model.get("text") };
    service.value = chosen.service;
    provider.value = chosen.provider;
    if (text.value !== chosen.text) text.value = chosen.text;
    all.checked = model.get("all_sessions");
    const items = model.get("items");
    const found = passing(items, chosen);
    count.textContent = found.length === items.length ? `${items.length} results` : `${found.length} of ${items.length} results`;
    grid.show(found);
  };
  const select = () => {
    grid.choose(model.get("selected"));
    pane.draw(close);
  };
  frame.on("msg:custom", (message, buffers) => {
    if (message.kind === "thumbnail") {
      if (!buffers.length) return void blank.add(message.id);
      const url = small.put(message.id, buffers[0], message.media_type);
      grid.tile(message.id)?.querySelector(".va-thumb")?.replaceWith(h("img", { class: "va-thumb", src: url, alt: "" }));
    } else if (message.kind === "file") {
      files.put(pane.key(message.id, message.number), buffers[0], message.media_type);
      pane.took(message.id, message.number);
    }
  });
  frame.on("change:items", list);
  for (const name of ["service", "provider", "text", "all_sessions"]) frame.on(`change:${name}`, filter);
  frame.on("change:selected", () => grid.choose(model.get("selected")));
  frame.on("change:detail", select);
  frame.keys({ Escape: () => model.get("selected") && close() });
  frame.cleanup(() => {
    grid.dispose();
    small.clear();
    files.clear();
  });
  frame.body.append(
    h("div", { class: "va-row va-gallery-tools" }, field("Service", service), field("Provider", provider), field("Search", text),
      h("label", { class: "va-check" }, all, "All sessions"), button("Refresh", () => send("refresh")), count),
    h("div", { class: "va-gallery-room" }, grid.el, pane.el));
  list();
  select();
  return frame.dispose;
}

export default { render: renderGallery };
