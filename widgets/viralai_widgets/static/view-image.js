// Two pictures: side by side, under one divider, or flipped in place; zoom and pan move both alike.

const ZOOM_MOST = 12;
const ZOOM_STEP = 1.25;
const ZOOM_CLICK = 3; // by a double click
const PAN_STEP = 8; // percent of the box

/** Calls `move(dx, dy, event)` while a pointer that went down on the target moves. */
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

/** The line between left and right that is dragged or moved by keys; `move(percent)` is told where to. */
function dividerHandle(place, move) {
  const handle = h("div", {
    class: "va-handle", role: "slider", tabindex: 0, "aria-label": "Divider between left and right",
    "aria-valuemin": 0, "aria-valuemax": 100, "aria-orientation": "horizontal",
  }, h("span", { class: "va-grip", "aria-hidden": "true", text: "⇔" }));
  handle.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 2;
    const at = place();
    const to = { ArrowLeft: at - step, ArrowDown: at - step, ArrowRight: at + step, ArrowUp: at + step,
      PageDown: at - 20, PageUp: at + 20, Home: 0, End: 100 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move(to);
  });
  return handle;
}

function imageView() {
  const view = { mode: "side", scale: 1, x: 0, y: 0, divide: 50, flipped: false }; // x and y: shift in percent of the box
  const sides = [0, 1].map(() => sideFigure(h("div", { class: "va-frame" })));
  const frames = sides.map((side) => side.content);
  let pictures = [];
  const handle = dividerHandle(() => view.divide, (divide) => set({ divide }));
  const divider = h("div", { class: "va-divider" }, handle);
  const stage = h("div", { class: "va-stage", role: "group", "aria-label": "Pictures" }, sides.map((side) => side.el), divider);
  const modes = modeButtons([["side", "Side by side"], ["slider", "Slider"], ["flip", "Flip"]], (mode) => set({ mode }));
  const flip = button("Show the other", () => set({ flipped: !view.flipped }));
  const level = h("span", { class: "va-muted", "aria-live": "polite" });
  const zoomIn = () => zoom(ZOOM_STEP);
  const zoomOut = () => zoom(1 / ZOOM_STEP);
  const fit = () => set({ scale: 1, x: 0, y: 0 });
  const tools = h("div", { class: "va-row va-tools" }, modes.buttons, flip,
    button("−", zoomOut, { label: "Zoom out" }), button("+", zoomIn, { label: "Zoom in" }),
    button("Fit", fit, { label: "Fit the pictures" }), level);

  function set(change) {
    Object.assign(view, change);
    view.scale = clamp(view.scale, 1, ZOOM_MOST);
    const most = ((view.scale - 1) / 2) * 100;
    view.x = clamp(view.x, -most, most);
    view.y = clamp(view.y, -most, most);
    view.divide = clamp(view.divide, 0, 100);
    draw();
  }

  /** Zoom so that the point at (px, py), in percent of the box from its middle, stays where it is. */
  function zoom(factor, [px, py] = [0, 0]) {
    const scale = clamp(view.scale * factor, 1, ZOOM_MOST);
    const grown = scale / view.scale;
    set({ scale, x: px - (px - view.x) * grown, y: py - (py - view.y) * grown });
  }

  function draw() {
    stage.dataset.mode = view.mode;
    modes.draw(view.mode);
    for (const picture of pictures) picture.style.transform = `translate(${view.x}%, ${view.y}%) scale(${view.scale})`;
    const over = view.mode === "slider";
    divider.hidden = !over;
    handle.style.left = `${view.divide}%`;
    handle.setAttribute("aria-valuenow", Math.round(view.divide));
    handle.setAttribute("aria-valuetext", `${Math.round(view.divide)} % left, ${100 - Math.round(view.divide)} % right`);
    frames[0].style.clipPath = over ? `inset(0 ${100 - view.divide}% 0 0)` : "";
    sides.forEach((side, place) => side.el.classList.toggle("va-behind", view.mode === "flip" && place !== Number(view.flipped)));
    flip.hidden = view.mode !== "flip";
    stage.classList.toggle("va-zoomed", view.scale > 1);
    level.textContent = view.scale > 1 ? `${Math.round(view.scale * 100)} %` : "";
  }

  const within = (frame, event) => {
    const box = frame.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width - 0.5) * 100, ((event.clientY - box.top) / box.height - 0.5) * 100];
  };
  dragging(handle, (_dx, _dy, now) => {
    const box = divider.getBoundingClientRect();
    set({ divide: ((now.clientX - box.left) / box.width) * 100 });
  });
  for (const frame of frames) {
    dragging(frame, (dx, dy) => {
      const box = frame.getBoundingClientRect();
      set({ x: view.x + (dx / box.width) * 100, y: view.y + (dy / box.height) * 100 });
    });
    frame.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // plain scrolling stays the notebook's
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / 300), within(frame, event));
    }, { passive: false });
    frame.addEventListener("dblclick", (event) => (view.scale > 1 ? fit() : zoom(ZOOM_CLICK, within(frame, event))));
  }
  // What is not zoomed cannot be moved: the arrows stay the page's.
  const pan = (dx, dy) => () => view.scale > 1 && set({ x: view.x + dx * PAN_STEP, y: view.y + dy * PAN_STEP });
  draw();

  return {
    el: h("div", {}, tools, stage),
    keys: {
      f: () => set({ mode: "flip", flipped: view.mode === "flip" ? !view.flipped : view.flipped }),
      s: () => set({ mode: "side" }),
      "+": zoomIn, "=": zoomIn, "-": zoomOut,
      ArrowLeft: pan(1, 0), ArrowRight: pan(-1, 0), ArrowUp: pan(0, 1), ArrowDown: pan(0, -1),
    },
    hint: "f flips, s shows both, + and − zoom, arrows move",
    show(given) {
      // New elements: an old one would go on showing the pair before until the new picture is decoded.
      pictures = given.map((side) => h("img", { class: "va-picture", src: side.url, alt: side.alt, draggable: "false" }));
      pictures.forEach((picture, place) => frames[place].replaceChildren(picture));
      pictures[0].addEventListener("load", (event) => takeShape(stage, event.target.naturalWidth, event.target.naturalHeight));
      this.rename(given.map((side) => side.name));
      set({ scale: 1, x: 0, y: 0, flipped: false });
    },
    rename: (words) => words.forEach((text, place) => (sides[place].name.textContent = text)),
    pause() {},
    dispose: () => frames.forEach((frame) => frame.replaceChildren()),
  };
}
