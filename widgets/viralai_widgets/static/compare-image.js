// Two pictures: side by side, under one divider, or flipped in place; zoom and pan move both alike.

const ZOOM_MOST = 8;

function imageView() {
  const view = { mode: "side", scale: 1, x: 0, y: 0, divide: 50, flipped: false };
  const pictures = [h("img", { alt: "", draggable: "false" }), h("img", { alt: "", draggable: "false" })];
  const names = [h("figcaption", { class: "va-name" }), h("figcaption", { class: "va-name" })];
  const frames = pictures.map((picture) => h("div", { class: "va-frame" }, picture));
  const figures = frames.map((frame, side) => h("figure", { class: "va-side" }, frame, names[side]));
  const handle = h("div", {
    class: "va-handle", role: "slider", tabindex: 0, "aria-label": "Divider between left and right",
    "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal",
  }, h("span", { class: "va-grip", "aria-hidden": "true", text: "⇔" }));
  const divider = h("div", { class: "va-divider" }, handle);
  const stage = h("div", { class: "va-stage", role: "group", "aria-label": "Pictures; plus and minus zoom, arrow keys move", tabindex: 0 }, figures, divider);
  const modes = [["side", "Side by side"], ["slider", "Slider"], ["flip", "Flip"]].map(([mode, words]) =>
    button(words, () => set({ mode }), { "aria-pressed": "false", data: { mode } }),
  );
  const flip = button("Show the other", () => set({ flipped: !view.flipped }));
  const level = h("span", { class: "va-muted", "aria-live": "polite" });
  const tools = h("div", { class: "va-row va-tools" }, modes, flip,
    button("−", () => zoom(1 / 1.25), { label: "Zoom out" }),
    button("+", () => zoom(1.25), { label: "Zoom in" }),
    button("Fit", () => set({ scale: 1, x: 0, y: 0 }), { label: "Fit the pictures" }), level);

  function set(change) {
    Object.assign(view, change);
    view.scale = clamp(view.scale, 1, ZOOM_MOST);
    const most = ((view.scale - 1) / 2) * 100;
    view.x = clamp(view.x, -most, most);
    view.y = clamp(view.y, -most, most);
    view.divide = clamp(view.divide, 0, 100);
    draw();
  }

  const zoom = (factor) => set({ scale: view.scale * factor });

  function draw() {
    stage.dataset.mode = view.mode;
    for (const tool of modes) tool.setAttribute("aria-pressed", String(tool.dataset.mode === view.mode));
    for (const picture of pictures) picture.style.transform = `translate(${view.x}%, ${view.y}%) scale(${view.scale})`;
    const over = view.mode === "slider";
    divider.hidden = !over;
    handle.style.left = `${view.divide}%`;
    handle.setAttribute("aria-valuenow", Math.round(view.divide));
    handle.setAttribute("aria-valuetext", `${Math.round(view.divide)} % left, ${100 - Math.round(view.divide)} % right`);
    frames[0].style.clipPath = over ? `inset(0 ${100 - view.divide}% 0 0)` : "";
    figures[0].hidden = view.mode === "flip" && view.flipped;
    figures[1].hidden = view.mode === "flip" && !view.flipped;
    flip.hidden = view.mode !== "flip";
    level.textContent = view.scale > 1 ? `${Math.round(view.scale * 100)} %` : "";
  }

  function dragging(target, move) {
    target.addEventListener("pointerdown", (start) => {
      if (start.button !== 0) return;
      target.setPointerCapture(start.pointerId);
      let [x, y] = [start.clientX, start.clientY];
      const moved = (now) => {
        move(now.clientX - x, now.clientY - y, now);
        [x, y] = [now.clientX, now.clientY];
      };
      const over = () => {
        target.removeEventListener("pointermove", moved);
        target.removeEventListener("pointerup", over);
        target.removeEventListener("pointercancel", over);
      };
      target.addEventListener("pointermove", moved);
      target.addEventListener("pointerup", over);
      target.addEventListener("pointercancel", over);
    });
  }

  dragging(handle, (_dx, _dy, now) => {
    const box = stage.getBoundingClientRect();
    set({ divide: ((now.clientX - box.left) / box.width) * 100 });
  });
  for (const frame of frames) {
    dragging(frame, (dx, dy) => {
      const box = frame.getBoundingClientRect();
      set({ x: view.x + (dx / box.width) * 100, y: view.y + (dy / box.height) * 100 });
    });
  }
  stage.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // plain scrolling stays the notebook's
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
  }, { passive: false });
  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 2;
    const to = { ArrowLeft: view.divide - step, ArrowDown: view.divide - step, ArrowRight: view.divide + step, ArrowUp: view.divide + step,
      PageDown: view.divide - 20, PageUp: view.divide + 20, Home: 0, End: 100 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set({ divide: to });
  });
  stage.addEventListener("keydown", (event) => {
    if (event.target !== stage || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: [8, 0], ArrowRight: [-8, 0], ArrowUp: [0, 8], ArrowDown: [0, -8] }[event.key];
    if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(1 / 1.25);
    else if (steps && view.scale > 1) set({ x: view.x + steps[0], y: view.y + steps[1] });
    else return;
    event.preventDefault();
  });
  // Both boxes take the shape of the left picture; one very tall would push the votes off the screen.
  pictures[0].addEventListener("load", () => stage.style.setProperty("--va-ratio", clamp(pictures[0].naturalWidth / pictures[0].naturalHeight, 0.9, 2.4)));
  draw();

  return {
    el: h("div", {}, tools, stage),
    keys: { f: () => set({ mode: "flip", flipped: view.mode === "flip" ? !view.flipped : view.flipped }) },
    hint: "f flips; + and − zoom the pictures when they have the focus",
    show(sides) {
      sides.forEach((side, place) => {
        if (side.url) pictures[place].src = side.url;
        else pictures[place].removeAttribute("src");
        pictures[place].alt = side.alt;
        names[place].textContent = side.name;
      });
      set({ scale: 1, x: 0, y: 0, flipped: false });
    },
    rename: (words) => words.forEach((text, place) => (names[place].textContent = text)),
    dispose: () => pictures.forEach((picture) => picture.removeAttribute("src")),
  };
}
