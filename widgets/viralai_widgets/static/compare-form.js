// The form of a comparison: prompt, providers, variants, parameters.

/** Keeps a trait and a control alike: `write(value)` fills the control, `read()` gives what it holds. */
function bind(frame, name, control, read, write, event = "change") {
  let timer = 0;
  const save = () => {
    clearTimeout(timer);
    const value = read();
    if (JSON.stringify(value) === JSON.stringify(frame.model.get(name))) return;
    frame.model.set(name, value);
    frame.model.save_changes();
  };
  control.addEventListener(event, save);
  if (event === "change") {
    control.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(save, 300);
    });
  }
  const show = () => {
    if (JSON.stringify(read()) !== JSON.stringify(frame.model.get(name))) write(frame.model.get(name));
  };
  frame.on(`change:${name}`, show);
  frame.cleanup(() => clearTimeout(timer));
  write(frame.model.get(name));
  return save;
}

function parameterControl(spec) {
  if (spec.kind === "choice") {
    return h("select", { data: { name: spec.name } }, h("option", { value: "", text: "default" }), spec.choices.map((text) => h("option", { value: text, text })));
  }
  const numeric = spec.kind === "number" ? { type: "number", min: spec.min, max: spec.max, step: spec.step } : { type: "text" };
  return h("input", { ...numeric, placeholder: "default", class: spec.kind === "number" ? "va-short" : "", data: { name: spec.name } });
}

/** The fields of the service; what is empty is not sent. */
function parameterForm(frame) {
  const box = h("div", { class: "va-row va-parameters" });
  const values = () => Object.fromEntries([...box.querySelectorAll("[data-name]")].map((one) => [one.dataset.name, one.value]).filter(([, value]) => value !== ""));
  function draw() {
    box.replaceChildren(...frame.model.get("fields").map((spec) => field(spec.label, parameterControl(spec))));
    fill();
  }
  function fill() {
    const held = frame.model.get("parameters");
    for (const one of box.querySelectorAll("[data-name]")) if (document.activeElement !== one) one.value = held[one.dataset.name] ?? "";
  }
  box.addEventListener("change", () => {
    frame.model.set("parameters", { ...hidden(), ...values() });
    frame.model.save_changes();
  });
  // Parameters that Python has set and the form does not show are kept.
  const hidden = () => {
    const shown = new Set(frame.model.get("fields").map((spec) => spec.name));
    return Object.fromEntries(Object.entries(frame.model.get("parameters")).filter(([name]) => !shown.has(name)));
  };
  frame.on("change:fields", draw);
  frame.on("change:parameters", fill);
  draw();
  return box;
}

/** A text field for a JSON object that says at once when it is none. */
function jsonField(frame, words = "Further parameters (JSON)", example = '{"num_images": 2}') {
  const said = h("span", { class: "va-muted", id: freshId("json"), "aria-live": "polite" });
  const text = h("textarea", { rows: 2, class: "va-json", spellcheck: "false", placeholder: example, "aria-describedby": said.id });
  const check = () => {
    let wrong = "";
    try {
      const found = text.value.trim() ? JSON.parse(text.value) : {};
      if (found === null || Array.isArray(found) || typeof found !== "object") wrong = "This must be an object: {…}.";
    } catch (error) {
      wrong = `This is no JSON: ${error.message}`;
    }
    said.textContent = wrong;
    text.setAttribute("aria-invalid", String(Boolean(wrong)));
  };
  text.addEventListener("input", check);
  bind(frame, "options", text, () => text.value, (value) => {
    text.value = value;
    check();
  });
  return h("div", { class: "va-grow" }, field(words, text), said);
}

/** Arms that Python has added, each with a button that takes it away. */
function variantList(frame) {
  const box = h("div", { class: "va-row", role: "group", "aria-label": "Variants" });
  const draw = () => {
    const held = frame.model.get("variants");
    box.hidden = !held.length;
    box.replaceChildren(...held.map((arm, place) =>
      h("span", { class: "va-chip" }, h("bdi", { text: arm.name }), button("×", () => {
        frame.model.set("variants", held.filter((_, other) => other !== place));
        frame.model.save_changes();
      }, { label: `Remove ${arm.name}` })),
    ));
  };
  frame.on("change:variants", draw);
  draw();
  return box;
}

function compareForm(frame) {
  const service = h("select", {}, frame.model.get("services").map((name) => h("option", { value: name, text: name })));
  bind(frame, "service", service, () => service.value, (value) => (service.value = value));
  const prompt = h("textarea", { rows: 3, class: "va-prompt", dir: "auto" });
  bind(frame, "prompt", prompt, () => prompt.value, (value) => (prompt.value = value));
  const chosen = h("span", { class: "va-muted" });
  const count = () => {
    const arms = frame.model.get("value").length + frame.model.get("variants").length;
    chosen.textContent = arms ? ` · ${arms} chosen` : " · choose two or more";
  };
  frame.on("change:value", count);
  frame.on("change:variants", count);
  count();
  const providers = h("details", { open: true }, h("summary", {}, "Providers and models", chosen), buildPicker(frame), variantList(frame));
  const sealed = h("p", { class: "va-muted" });
  // While blind votes are open, the list of whom one has chosen would be half the answer.
  const seal = () => {
    const hidden = frame.model.get("sealed");
    const arms = frame.model.get("progress").length;
    providers.hidden = hidden;
    sealed.hidden = !hidden;
    sealed.textContent = `${arms} arms, names hidden until you have voted on every pair. To choose others now, show the names.`;
  };
  frame.on("change:sealed", seal);
  frame.on("change:progress", seal);
  seal();
  const parameters = h("details", {}, h("summary", { text: "Parameters" }), parameterForm(frame), jsonField(frame));
  return h("div", { class: "va-form" }, h("div", { class: "va-row va-top" }, field("Service", service), h("div", { class: "va-grow" }, field("Prompt", prompt))), providers, sealed, parameters);
}
