// ComparePanel: form, run, results side by side, votes.


/** Run, stop, repeats, hidden names and what it would cost. */
function runBar(frame) {
  const { model, send } = frame;
  const run = button("Run", () => send("run"), { class: "va-button va-primary" });
  const stop = button("Stop all", () => send("stop"));
  const repeats = h("input", { type: "number", min: 1, max: 50, step: 1, class: "va-short" });
  bind(frame, "repeats", repeats, () => Math.round(clamp(Number(repeats.value) || 1, 1, 50)), (value) => (repeats.value = value));
  const hide = h("input", { type: "checkbox" });
  bind(frame, "hide_names", hide, () => hide.checked, (value) => (hide.checked = value), "input");
  const cost = h("span", { class: "va-cost", role: "status" });
  const detail = h("tbody");
  const table = h("details", { class: "va-estimate" }, h("summary", { text: "What each arm would cost and change" }),
    h("table", {}, h("thead", {}, h("tr", {}, ["arm", "model", "calls", "each", "changes"].map((text) => h("th", { scope: "col", text })))), detail));
  const drawRun = () => {
    const busy = model.get("running");
    // A disabled button loses the focus; hand it to the one that can be pressed now.
    const held = document.activeElement === run || document.activeElement === stop;
    run.disabled = busy;
    stop.disabled = !busy;
    if (held) (busy ? stop : run).focus();
  };
  const drawCost = () => {
    const found = model.get("estimate");
    cost.textContent = found.problem || (found.words ? `About ${found.words}` : "");
    cost.classList.toggle("va-problem", Boolean(found.problem));
    table.hidden = !found.rows?.length;
    detail.replaceChildren(...(found.rows ?? []).map((row) =>
      h("tr", {}, h("th", { scope: "row" }, h("bdi", { text: row.arm })), ...[row.model, row.calls, row["price each"], row.problem || row["would change"] || ""].map((text) => h("td", { text }))),
    ));
  };
  frame.on("change:running", drawRun);
  frame.on("change:estimate", drawCost);
  drawRun();
  drawCost();
  return h("div", {}, h("div", { class: "va-row va-runbar" }, run, stop, h("label", { class: "va-check" }, h("span", { text: "Repeats" }), repeats),
    h("label", { class: "va-check" }, hide, h("span", { text: "Hide names" })), cost), table);
}

/** One row an arm: preview, progress bar, stop. Rows are kept, so that a focused Stop keeps the focus. */
function armRows(frame) {
  const { model, send } = frame;
  const box = h("div", { class: "va-arms", role: "group", "aria-label": "Arms" });
  const rows = new Map();
  const previews = new MediaStore(8_000_000);
  function rowOf(arm) {
    if (!rows.has(arm.id)) {
      const bar = progressBar(arm.name);
      const picture = h("img", { class: "va-preview", alt: "", hidden: true });
      const name = h("bdi", { class: "va-arm-name" });
      const errors = h("div", { class: "va-arm-errors" });
      const stop = button("Stop", () => send("stop", { id: arm.id }));
      const line = h("div", { class: "va-arm" }, picture, name, bar.el, stop, errors);
      rows.set(arm.id, { line, bar, picture, name, errors, stop });
    }
    return rows.get(arm.id);
  }
  function draw() {
    const arms = model.get("progress");
    const ids = new Set(arms.map((arm) => arm.id));
    for (const [id, row] of rows) {
      if (ids.has(id)) continue;
      row.line.remove();
      rows.delete(id);
      previews.drop(id);
    }
    arms.forEach((arm, place) => {
      const row = rowOf(arm);
      row.name.textContent = arm.name;
      row.bar.el.firstChild.setAttribute("aria-label", arm.name);
      row.bar.set(arm.fraction ?? (arm.state === "queued" ? 0 : null), arm.words);
      row.stop.setAttribute("aria-label", `Stop ${arm.name}`);
      row.stop.disabled = arm.state === "over";
      row.line.dataset.state = arm.state;
      if (arm.state === "over") row.picture.hidden = true;
      const shown = JSON.stringify(arm.errors);
      if (row.errors.dataset.shown !== shown) {
        row.errors.dataset.shown = shown;
        row.errors.replaceChildren(...arm.errors.map(errorBox));
      }
      if (box.children[place] !== row.line) box.insertBefore(row.line, box.children[place] ?? null);
    });
    box.hidden = !arms.length;
  }
  frame.on("msg:custom", (message, buffers) => {
    if (message.kind !== "preview" || !buffers.length || !rows.has(message.id)) return;
    const { picture } = rows.get(message.id);
    picture.src = previews.put(message.id, buffers[0], message.media_type);
    picture.hidden = false;
  });
  frame.on("change:progress", draw);
  frame.cleanup(() => previews.clear());
  draw();
  return box;
}

/** Which pair: by names when they are shown, else one after the other. */
function pairBar(frame) {
  const { model, send } = frame;
  const [left, right] = ["Left", "Right"].map((words) => h("select", { "aria-label": `${words} result` }));
  const ask = () => send("show", { left: left.value, right: right.value, ...model.get("shown").place });
  left.addEventListener("change", ask);
  right.addEventListener("change", ask);
  const count = h("span", { class: "va-muted" });
  const names = h("span", { class: "va-row" }, left, h("span", { text: "against" }), right);
  const steps = h("span", { class: "va-row" }, button("Previous", () => send("step", { by: -1 }), { label: "Previous pair" }), button("Next", () => send("step", { by: 1 }), { label: "Next pair" }));
  const prompt = h("div", { class: "va-pair-prompt", dir: "auto" });
  return {
    el: h("div", {}, h("div", { class: "va-row" }, h("h3", { class: "va-heading", text: "Results" }), names, steps, count), prompt),
    draw(pair) {
      names.hidden = pair.blind;
      steps.hidden = pair.total < 2;
      count.textContent = `pair ${pair.index + 1} of ${pair.total}${pair.voted ? `, ${pair.voted} judged` : ""}`;
      prompt.textContent = pair.prompt;
      if (pair.blind) return left.replaceChildren(), right.replaceChildren();
      const arms = model.get("progress").map((arm) => arm.name);
      for (const [control, side] of [[left, pair.left], [right, pair.right]]) {
        control.replaceChildren(...arms.map((text) => h("option", { value: text, text })));
        control.value = side.name;
      }
    },
  };
}

/** The vote buttons, undo, what the votes say, and the way out. */
function voteBar(frame) {
  const { model, send } = frame;
  const cast = (choice) => {
    const pair = model.get("shown");
    if (pair.left && !pair.choice) send("vote", { choice });
  };
  const votes = voteButtons(frame, cast, () => model.get("shown").voted && send("undo"));
  const verdict = h("div", { class: "va-verdict", role: "status" });
  const draw = () => {
    const pair = model.get("shown");
    votes.draw({ open: !pair.choice, undoable: Boolean(pair.voted), chosen: pair.choice });
    const said = model.get("votes");
    const parts = said.count ? [`${said.count} ${said.count === 1 ? "vote" : "votes"}`, said.words ? "" : said.state, said.words] : ["No votes yet."];
    verdict.textContent = parts.filter(Boolean).join(" · ");
  };
  frame.on("change:votes", draw);
  frame.on("change:shown", draw);
  draw();
  return h("div", {}, votes.el, h("div", { class: "va-row" }, verdict, button("Export HTML", () => send("export"))));
}

/** Results of one pair at a time; media come as bytes, are held for this pair and the next, and are let go of after. */
function results(frame) {
  const { model, send } = frame;
  const store = new MediaStore();
  const texts = new Map();
  const asked = new Set();
  const bar = pairBar(frame);
  const place = h("div", { class: "va-shown" });
  const hint = h("div", { class: "va-muted va-hint" });
  const wrong = h("div", {});
  const box = h("section", { class: "va-results", "aria-label": "Results", tabindex: -1 }, bar.el, place, wrong, hint, voteBar(frame));
  let view = null;
  let service = "";
  let drawn = "";

  const held = (id) => store.has(id) || texts.has(id);
  const want = (ids) => {
    const missing = ids.filter((id) => !held(id) && !asked.has(id));
    missing.forEach((id) => asked.add(id));
    if (missing.length) send("want", { ids: missing });
  };
  // A caption begins with the provider; an arm that is called like it need not be named twice.
  const named = ({ name, caption = "" }) => (caption.startsWith(`${name} ·`) ? "" : name);
  const sideOf = (pair, side) => ({
    url: store.url(pair[side].id),
    blob: store.blob(pair[side].id),
    text: texts.get(pair[side].id) ?? "",
    name: [side === "left" ? "Left" : "Right", named(pair[side]), pair[side].caption].filter(Boolean).join(" · "),
    alt: `${side === "left" ? "Left" : "Right"} result${pair.prompt ? ` for: ${pair.prompt.slice(0, 200)}` : ""}`,
  });

  function useView() {
    if (service === model.get("made") && view) return;
    view?.dispose();
    service = model.get("made");
    view = viewOf(service);
    place.replaceChildren(view.el);
    bindView(frame, view);
    hint.textContent = `Keys: ${[view.hint, "n shows the next pair"].filter(Boolean).join("; ")}`;
    drawn = "";
  }

  function draw() {
    const pair = model.get("shown");
    box.hidden = !pair.left;
    if (!pair.left) {
      store.clear();
      texts.clear();
      asked.clear();
      drawn = "";
      return;
    }
    useView();
    bar.draw(pair);
    const now = [pair.left.id, pair.right.id];
    const kept = [...now, ...pair.next];
    store.keep(kept);
    for (const id of [...texts.keys()]) if (!kept.includes(id)) texts.delete(id);
    for (const id of [...asked]) if (!kept.includes(id)) asked.delete(id);
    if (!now.every(held)) {
      drawn = "";
      place.classList.add("va-waiting");
      return want(now);
    }
    place.classList.remove("va-waiting");
    const key = JSON.stringify([now, pair.open, pair.left, pair.right]);
    if (key !== drawn) {
      // Names that appear with the vote must not start the film anew: only new ids do.
      const again = drawn && JSON.stringify(JSON.parse(drawn)[0]) === JSON.stringify(now);
      wrong.replaceChildren();
      drawn = key;
      if (again) view.rename([sideOf(pair, "left").name, sideOf(pair, "right").name]);
      else view.show([sideOf(pair, "left"), sideOf(pair, "right")]);
    }
    want(pair.next);
  }

  frame.on("msg:custom", (message, buffers) => {
    if (message.kind !== "medium") return;
    asked.delete(message.id);
    const pair = model.get("shown");
    if (!pair.left || ![pair.left.id, pair.right.id, ...pair.next].includes(message.id)) return; // too late
    if (message.error) {
      texts.set(message.id, "");
      if ([pair.left.id, pair.right.id].includes(message.id)) wrong.append(errorBox(message.error));
    } else if (buffers.length) store.put(message.id, buffers[0], message.media_type);
    else texts.set(message.id, message.text);
    const errors = [...wrong.childNodes];
    draw();
    if (message.error) wrong.append(...errors);
  });
  frame.on("change:shown", draw);
  frame.keys({ n: () => model.get("shown").total > 1 && send("step", { by: 1 }) });
  frame.cleanup(() => {
    view?.dispose();
    store.clear();
  });
  draw();
  return box;
}

function render(context) {
  const frame = panelFrame(context, "compare-panel");
  frame.body.append(compareForm(frame), runBar(frame), armRows(frame), results(frame));
  return frame.dispose;
}

export default { render };
