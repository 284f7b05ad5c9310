// ProviderPicker: a table of providers with a check box (or a radio button) and a list of models each.

/** "provider" or "provider:model" → [provider, model or ""]. */
function splitSpec(spec) {
  const at = spec.indexOf(":");
  return at < 0 ? [spec, ""] : [spec.slice(0, at), spec.slice(at + 1)];
}

/** What stands behind a provider: can it be used now? */
function readiness(row) {
  if (!row.configured) return row.needs ? `needs ${row.needs}` : "not configured";
  return row.healthy ? "ready" : "failing just now";
}

function pickerRow(row, chosenModel, multiple, group, change) {
  const picked = chosenModel !== undefined;
  const box = h("input", {
    type: multiple ? "checkbox" : "radio",
    name: group,
    "aria-label": `${row.provider}, ${readiness(row)}`,
    disabled: !row.configured && !picked,
    data: { provider: row.provider },
    on: { change: () => change(row, box.checked, models.value) },
  });
  box.checked = picked;
  const models = h("select", {
    "aria-label": `Model of ${row.provider}`,
    disabled: !row.models.length,
    on: { change: () => change(row, true, models.value) },
  });
  const names = row.models.map((model) => model.name);
  if (chosenModel && !names.includes(chosenModel)) names.unshift(chosenModel);
  if (!names.length) names.push("");
  models.append(...names.map((name) => h("option", { value: name, text: name || (row.model || "default") })));
  models.value = chosenModel || (names.includes(row.model) ? row.model : names[0]);
  const facts = row.models.find((model) => model.name === models.value);
  const retires = (facts ? facts.retires : row.retires) || "";
  return h(
    "tr",
    { class: picked ? "va-picked" : "" },
    h("td", {}, box),
    h("th", { scope: "row" }, h("bdi", { text: row.provider }), " ",
      h("span", { class: row.configured && row.healthy ? "va-state va-ready" : "va-state", text: readiness(row) })),
    h("td", {}, models, retires ? h("span", { class: "va-ends", text: `ends ${retires}` }) : null),
    h("td", { text: facts ? facts.price : row.price }),
  );
}

/** A picker for any model that has the traits `rows`, `value` and `multiple` under these names. */
function buildPicker(frame, names = { rows: "rows", value: "value", multiple: "multiple" }) {
  const { model } = frame;
  const group = freshId("pick");
  const filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter providers and models", on: { input: () => draw() } });
  const head = ["", "provider", "model", "price"].map((text) =>
    text ? h("th", { scope: "col", text }) : h("td", {}, h("span", { class: "va-only-read", text: "chosen" })),
  );
  const body = h("tbody");
  const table = h("table", { class: "va-picker" }, h("thead", {}, h("tr", {}, head)), body);
  const said = h("span", { class: "va-muted" });

  function change(row, on, modelName) {
    const spec = modelName && modelName !== row.model ? `${row.provider}:${modelName}` : row.provider;
    const others = model.get(names.value).filter((held) => splitSpec(held)[0] !== row.provider);
    const place = model.get(names.value).findIndex((held) => splitSpec(held)[0] === row.provider);
    if (!model.get(names.multiple)) model.set(names.value, on ? [spec] : []);
    else if (!on) model.set(names.value, others);
    else model.set(names.value, place < 0 ? [...others, spec] : others.toSpliced(place, 0, spec));
    model.save_changes();
  }

  function draw() {
    const words = filter.value.trim().toLowerCase();
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    const kept = focused && [focused.closest("tr").dataset.provider, focused.tagName];
    const chosen = new Map(model.get(names.value).map(splitSpec));
    const rows = model.get(names.rows).filter((row) =>
      [row.provider, readiness(row), ...row.models.map((one) => one.name)].some((text) => text.toLowerCase().includes(words)),
    );
    body.replaceChildren(
      ...rows.map((row) => {
        const line = pickerRow(row, chosen.get(row.provider), model.get(names.multiple), group, change);
        line.dataset.provider = row.provider;
        return line;
      }),
    );
    if (!rows.length) body.append(h("tr", {}, h("td", { colspan: 4, text: "nothing here" })));
    if (kept) [...body.children].find((line) => line.dataset.provider === kept[0])?.querySelector(kept[1])?.focus();
    said.textContent = chosen.size ? `${chosen.size} chosen` : "none chosen";
  }

  for (const name of Object.values(names)) frame.on(`change:${name}`, draw);
  draw();
  return h("div", {}, h("div", { class: "va-row" }, filter, said), h("div", { class: "va-picker-box", role: "group", "aria-label": "Providers" }, table));
}
