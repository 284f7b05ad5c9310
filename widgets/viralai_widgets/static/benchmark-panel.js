// BenchmarkPanel: what to measure and what it would cost; the run as it goes; figures, failures, cost; past runs and two of them compared.

function benchmarkForm(frame) {
  const service = h("select", {}, frame.model.get("services").map((name) => h("option", { value: name, text: name })));
  bind(frame, "service", service, () => service.value, (value) => (service.value = value));
  const prompts = h("textarea", { rows: 3, class: "va-prompt", dir: "auto" });
  bind(frame, "prompts", prompts, () => prompts.value, (value) => (prompts.value = value));
  const file = h("input", { type: "text", class: "va-path", placeholder: "prompts.txt, .csv or .jsonl", spellcheck: "false" });
  bind(frame, "prompts_file", file, () => file.value, (value) => (file.value = value));
  const unused = () => prompts.classList.toggle("va-unused", Boolean(frame.model.get("prompts_file").trim()));
  frame.on("change:prompts_file", unused);
  unused();
  const chosen = h("span", { class: "va-muted" });
  const count = () => {
    const some = frame.model.get("value");
    chosen.textContent = some.length ? ` · ${some.join(", ")}` : " · choose one or more";
  };
  frame.on("change:value", count);
  count();
  const providers = h("details", { open: true }, h("summary", {}, "Providers and models", chosen), buildPicker(frame));
  const settings = h("details", {}, h("summary", { text: "Parameters of every call, and further options" }), parameterForm(frame),
    jsonField(frame, "Further options (JSON): rate, warm_up, stream, vary, latency, faults, timeout, out, resume …", '{"warm_up": 2, "rate": 5}'));
  return h("div", { class: "va-form" },
    h("div", { class: "va-row va-top" }, field("Service", service), h("div", { class: "va-grow" }, field("Prompts, one a line", prompts)), field("or a file of prompts", file)),
    providers, measureRow(frame), settings);
}

/** A check box that is a trait, with a name that says what it means. */
function benchCheck(frame, trait, words, title) {
  const box = h("input", { type: "checkbox" });
  bind(frame, trait, box, () => box.checked, (value) => (box.checked = value), "input");
  return h("label", { class: "va-check", title }, box, h("span", { text: words }));
}

/** How often, how many at once, for how much, of whom. */
function measureRow(frame) {
  const repeats = h("input", { type: "number", min: 1, max: 10000, step: 1, class: "va-short" });
  bind(frame, "repeats", repeats, () => Math.round(clamp(Number(repeats.value) || 1, 1, 10000)), (value) => (repeats.value = value));
  const levels = h("input", { type: "text", class: "va-levels", placeholder: "1, 4, 16" });
  bind(frame, "concurrency", levels, () => levels.value, (value) => (levels.value = value));
  const budget = h("input", { type: "text", inputmode: "decimal", class: "va-short", placeholder: "no limit" });
  bind(frame, "budget", budget, () => budget.value, (value) => (budget.value = value));
  return h("div", { class: "va-row va-measure" },
    field("Repeats", repeats), field("Calls at once (levels)", levels), field("Budget in USD", budget),
    benchCheck(frame, "simulate", "Simulated vendors", "No key is needed and nothing is charged"),
    benchCheck(frame, "notebook", "As a notebook", "In a process of its own; keeps the executed notebook and a report"));
}

/** Run, stop, and what it would cost. */
function benchRunBar(frame) {
  const { model, send } = frame;
  const run = button("Run", () => send("run"), { class: "va-button va-primary" });
  const stop = button("Stop", () => send("stop"));
  const cost = h("span", { class: "va-cost", role: "status" });
  const notes = h("ul", { class: "va-notes" });
  const detail = h("tbody");
  const table = h("details", { class: "va-estimate" }, h("summary", { text: "Plan: what each arm would do and cost" }),
    h("div", { class: "va-board-scroll" }, h("table", { class: "va-board-table" },
      h("thead", {}, h("tr", {}, ["arm", "model", "calls", "of them warm-up", "expected cost"].map((text) => h("th", { scope: "col", text })))), detail)));
  const drawRun = () => {
    const busy = model.get("running");
    // A disabled button loses the focus; hand it to the one that can be pressed now.
    const held = document.activeElement === run || document.activeElement === stop;
    run.disabled = busy;
    stop.disabled = !busy;
    stop.textContent = model.get("stopping") ? "Stop at once" : "Stop";
    if (held && document.activeElement !== (busy ? stop : run)) (busy ? stop : run).focus();
  };
  const drawCost = () => {
    const found = model.get("estimate");
    cost.textContent = found.problem || found.words || "";
    cost.classList.toggle("va-problem", Boolean(found.problem));
    notes.replaceChildren(...(found.notes ?? []).map((text) => h("li", { text })));
    notes.hidden = !found.notes?.length;
    table.hidden = !found.rows?.length;
    detail.replaceChildren(...(found.rows ?? []).map((row) =>
      h("tr", {}, h("th", { scope: "row" }, h("bdi", { text: row.arm })), ["model", "calls", "of them warm-up", "expected cost"].map((name) => h("td", { text: row[name] })))));
  };
  frame.on("change:running", drawRun);
  frame.on("change:stopping", drawRun);
  frame.on("change:estimate", drawCost);
  drawRun();
  drawCost();
  return h("div", {}, h("div", { class: "va-row va-runbar" }, run, stop, cost), notes, table);
}

/** The run as it goes: one bar for all, one line an arm. Lines are kept and only their words change. */
function benchLive(frame) {
  const { model } = frame;
  const whole = progressBar("All calls");
  const body = h("tbody");
  const failures = h("ul", { class: "va-live-failures", "aria-label": "Failures so far" });
  const columns = ["arm", "calls", "failed", "measured at", "p50 so far", "p95 so far"];
  const table = h("table", { class: "va-board-table va-live" },
    h("caption", { class: "va-only-read", text: "Providers while they are measured" }),
    h("thead", {}, h("tr", {}, columns.map((text) => h("th", { scope: "col", text })))), body);
  const box = h("section", { class: "va-live-box", "aria-label": "Progress" }, whole.el, h("div", { class: "va-board-scroll" }, table), failures);
  const lines = new Map();
  function lineOf(arm) {
    if (!lines.has(arm)) {
      const bar = progressBar(`Calls of ${arm}`);
      const cells = Object.fromEntries(["failed", "level", "p50", "p95"].map((name) => [name, h("td", { class: "va-cell-number" })]));
      lines.set(arm, { bar, cells, line: h("tr", {}, h("th", { scope: "row" }, h("bdi", { text: arm })), h("td", {}, bar.el), Object.values(cells)) });
    }
    return lines.get(arm);
  }
  function draw() {
    const found = model.get("progress");
    box.hidden = !model.get("running") || !found.arms;
    if (box.hidden) return;
    whole.set(found.total ? found.done / found.total : 0, found.words);
    const now = new Set(found.arms.map((each) => each.arm));
    for (const [arm, { line }] of lines) if (!now.has(arm)) (line.remove(), lines.delete(arm));
    found.arms.forEach((each, place) => {
      const { bar, cells, line } = lineOf(each.arm);
      bar.set(each.total ? each.done / each.total : 0, `${each.done} of ${each.total}`);
      for (const [name, cell] of Object.entries(cells)) cell.textContent = each[name];
      cells.failed.classList.toggle("va-problem", each.failed > 0);
      if (body.children[place] !== line) body.insertBefore(line, body.children[place] ?? null);
    });
    failures.hidden = !found.failures.length;
    failures.replaceChildren(...found.failures.map((each) =>
      h("li", {}, h("strong", { text: `${each.calls} × ${each.error}` }), " at ", h("bdi", { text: each.arm }), ": ", h("bdi", { text: each.message }))));
  }
  frame.on("change:progress", draw);
  frame.on("change:running", draw);
  draw();
  return box;
}

/** A trait that holds sections of a board. */
function benchBoard(frame, trait, words) {
  const box = h("div", { class: "va-bench-board", role: "group", "aria-label": words });
  const draw = () => redrawn(box, () => {
    box.replaceChildren(...frame.model.get(trait).map((each) => boardSection(each, frame.send)));
    box.hidden = !box.children.length;
  });
  frame.on(`change:${trait}`, draw);
  draw();
  return box;
}

/** Two past runs and the button that compares them. The newest stands ready against the newest other one of its service. */
function benchPick(frame) {
  const { model, send } = frame;
  const [now, before] = [h("select", { class: "va-run" }), h("select", { class: "va-run" })];
  const go = button("Compare", () => send("compare", { run: now.value, baseline: before.value }));
  const box = h("div", { class: "va-row va-pick" }, field("Run", now), field("Baseline", before), go);
  let newest = "";
  function draw() {
    const runs = model.get("past");
    box.hidden = runs.length < 2;
    if (box.hidden) return;
    const held = [now.value, before.value];
    for (const control of [now, before]) control.replaceChildren(...runs.map((each) => h("option", { value: each.name, text: each.words })));
    const kept = runs[0].name === newest && held.every((name) => runs.some((each) => each.name === name));
    newest = runs[0].name;
    const other = runs.slice(1).find((each) => each.service === runs[0].service) ?? runs[1];
    [now.value, before.value] = kept ? held : [newest, other.name];
  }
  frame.on("change:past", draw);
  draw();
  return box;
}

function render(context) {
  const frame = panelFrame(context, "benchmark-panel");
  const past = h("details", { class: "va-past" }, h("summary", { text: "Past runs, and two of them compared" }),
    benchPick(frame), benchBoard(frame, "verdicts", "Comparison of two runs"), benchBoard(frame, "history", "Past runs"));
  frame.body.append(benchmarkForm(frame), benchRunBar(frame), benchLive(frame), benchBoard(frame, "results", "Results"), past);
  return frame.dispose;
}

export default { render };
