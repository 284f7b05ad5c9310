// Two results of one prompt in equal boxes, for every panel that compares them.
//
// There is one view for each medium, and all have the same face: `{el, keys, hint, show(sides), rename(names), pause(), dispose()}`. A side
// is `{url, blob, text, name, alt}`. A view shows one pair after the other and keeps how it is looked at. Nothing here knows who made what.

const VIEW_KEYS = [" ", "f", "s", "h", "x", "d", "+", "=", "-", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

function viewOf(medium) {
  return ({ image: imageView, video: videoView, audio: audioView, speech: audioView }[medium] ?? textView)();
}

/** Give a view its keys; those that only the view before it had are free again. */
function bindView(frame, view) {
  frame.keys(Object.fromEntries(VIEW_KEYS.map((key) => [key, view?.keys[key] ?? null])));
}

/** One side: its name, and below it a box. */
function sideFigure(content) {
  const name = h("figcaption", { class: "va-name" });
  return { el: h("figure", { class: "va-side" }, name, content), name, content };
}

/** How two pictures or films stand: `modes` are `[mode, words]`; one of the buttons is pressed. */
function modeButtons(modes, choose) {
  const buttons = modes.map(([mode, words]) => button(words, () => choose(mode), { "aria-pressed": "false", data: { mode } }));
  const draw = (chosen) => buttons.forEach((each) => each.setAttribute("aria-pressed", String(each.dataset.mode === chosen)));
  return { buttons, draw };
}

/** In single file the boxes are as wide as the left result needs; the height is always the same, so that the votes stay where they are. */
function takeShape(stage, width, height) {
  if (width && height) stage.style.setProperty("--va-ratio", clamp(width / height, 0.5, 2.4));
}
