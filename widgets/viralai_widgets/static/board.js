// Boards: tables that stay up to date. What they say is data (`sections`); this file only knows kinds of cells.

/** A cell by its column's kind. Values are plain data from Python; a missing one is an empty cell. */
const CELLS = {
  text: (value) => h("bdi", { text: value }),
  code: (value) => h("code", { text: value }),
  time: (value) => h("span", { text: value }),
  number: (value) => h("span", { text: value }),
  badge: (value) => h("span", { class: `va-badge va-${value.tone}`, title: value.title || null }, h("bdi", { text: value.text })),
  interval: (value) => intervalBar(value),
  progress: (value) => {
    if (value.resting) return h("span", { class: "va-muted", text: value.text });
    const bar = progressBar(value.name);
    bar.set(value.fraction, value.text);
    return bar.el;
  },
};

/** A value with its interval on a line from `min` to `max`, with an optional mark such as 50 %. The words say the same. */
function intervalBar({ value, low, high, min, max, mark, text }) {
  const place = (at) => `${clamp((at - min) / (max - min || 1), 0, 1) * 100}%`;
  const known = [low, high].every((end) => typeof end === "number");
  return h("div", { class: "va-interval" },
    h("div", { class: "va-interval-line", role: "img", "aria-label": text },
      typeof mark === "number" ? h("div", { class: "va-interval-mark", style: { left: place(mark) } }) : null,
      known ? h("div", { class: "va-interval-range", style: { left: place(low), width: `${Math.max(0.5, parseFloat(place(high)) - parseFloat(place(low)))}%` } }) : null,
      typeof value === "number" ? h("div", { class: "va-interval-value", style: { left: place(value) } }) : null),
    h("span", { class: "va-interval-words", "aria-hidden": "true", text }));
}

function boardTable(section, send) {
  const head = section.columns.map((column) =>
    h("th", { scope: "col", class: `va-cell-${column.kind}`, title: column.help || null, text: column.label }));
  const acts = section.rows.some((row) => row.actions?.length);
  if (acts) head.push(h("th", { scope: "col", text: "Actions" }));
  const rows = section.rows.map((row) => {
    const cells = section.columns.map((column, number) => {
      const value = row.cells[column.key];
      const made = value === null || value === undefined ? null : CELLS[column.kind](value);
      return h(number ? "td" : "th", { class: `va-cell-${column.kind}`, scope: number ? null : "row" }, made);
    });
    if (acts) {
      const buttons = (row.actions || []).map((action) =>
        button(action.label, () => send("act", { act: action.act, key: row.key }), {
          label: action.name || null,
          data: { focus: `${section.id}/${row.key}/${action.act}` },
        }));
      cells.push(h("td", { class: "va-cell-actions" }, h("div", { class: "va-row" }, buttons)));
    }
    return h("tr", {}, cells);
  });
  return h("div", { class: "va-board-scroll", role: "group", tabindex: 0, "aria-label": section.title },
    h("table", { class: "va-board-table" }, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)));
}

function boardSection(section, send) {
  return h("section", { class: "va-board-section" },
    h("h4", { class: "va-board-title", text: section.title }),
    (section.words || []).map((line) => h("p", { class: `va-board-words va-tone-${line.tone || "idle"}` }, h("bdi", { text: line.text }))),
    section.rows.length ? boardTable(section, send) : section.empty ? h("p", { class: "va-muted", text: section.empty }) : null);
}

/** Draw again without taking the keyboard's place away: the same control gets the focus back, tables keep how far they were scrolled. */
function redrawn(root, draw) {
  const held = root.contains(document.activeElement) ? document.activeElement.dataset.focus : null;
  const scrolled = [...root.querySelectorAll(".va-board-scroll")].map((each) => each.scrollLeft);
  draw();
  root.querySelectorAll(".va-board-scroll").forEach((each, number) => (each.scrollLeft = scrolled[number] || 0));
  if (held) [...root.querySelectorAll("[data-focus]")].find((each) => each.dataset.focus === held)?.focus({ preventScroll: true });
}

/** A checkbox that is a trait. */
function traitCheck(frame, { trait, label }) {
  const box = h("input", { type: "checkbox", on: { change: () => (frame.model.set(trait, box.checked), frame.model.save_changes()) } });
  const show = () => (box.checked = Boolean(frame.model.get(trait)));
  frame.on(`change:${trait}`, show);
  show();
  return h("label", { class: "va-check" }, box, label);
}

/** `more(frame)` gives further controls for the top of one kind of board. */
function renderBoard(context, more = () => []) {
  const frame = panelFrame(context, "board");
  const { model } = frame;
  const heading = h("h3", { class: "va-board-heading" });
  const board = h("div", { class: "va-board" });
  const tools = h("div", { class: "va-row" }, more(frame),
    (model.get("switches") || []).map((each) => traitCheck(frame, each)),
    (model.get("tools") || []).map((each) => button(each.label, () => frame.send("act", { act: each.act, key: "" }))),
    traitCheck(frame, { trait: "live", label: "Live" }),
    button("Refresh", () => frame.send("act", { act: "refresh", key: "" })));
  const name = () => (heading.textContent = model.get("title"));
  const draw = () => redrawn(board, () => board.replaceChildren(...(model.get("sections") || []).map((each) => boardSection(each, frame.send))));
  frame.on("change:sections", draw);
  frame.on("change:title", name);
  name();
  draw();
  frame.body.append(h("div", { class: "va-row va-board-top" }, heading, tools), board);
  watched(frame);
  return frame.dispose;
}

/** Tell Python that somebody looks, and when nobody does any more, so that it works only for eyes. */
function watched(frame) {
  const view = freshId("view");
  frame.send("shown", { view });
  frame.cleanup(() => frame.send("gone", { view }));
}
