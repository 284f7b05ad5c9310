// Two results of one prompt in equal boxes: pictures that zoom together and flip in place, films and sound that play as one, texts.
//
// `pairStage(kind, left, right)` gives `{el, keys, dispose}`; a side is `{url, blob, text, name}`. Nothing here knows who made what.

const DRIFT = 0.06; // seconds two players may be apart before the second one is set right
const ZOOM_MOST = 12;
const WAVE_BYTES = 40_000_000; // longer sound is played without its outline: decoding it would fill the page's memory

function pairStage(kind, left, right) {
  const sides = [left, right].map((side, number) => ({ ...side, name: number ? "Right" : "Left" }));
  const made = { image: pictureStage, video: filmStage, audio: soundStage, text: textStage }[kind] || textStage;
  return made(sides);
}

/** One box with its name. Which of the two is in front while flipping is a class of the whole stage. */
function sideBox(side, content) {
  return h("figure", { class: "va-side", "aria-label": side.name }, h("figcaption", { class: "va-side-name", text: side.name }), content);
}

/** Side by side, or both at the same place with one of them in front. */
function flipper(el) {
  const together = button("Side by side (s)", () => show(null), { label: "Show both side by side" });
  const flip = button("Flip (f)", () => show(front === 0 ? 1 : 0), { label: "Flip: show both at the same place, one at a time" });
  let front = null;
  const show = (which) => {
    front = which;
    el.classList.toggle("va-flipped", which !== null);
    el.classList.toggle("va-front-left", which === 0);
    el.classList.toggle("va-front-right", which === 1);
    together.disabled = which === null;
  };
  show(null);
  return { tools: [flip, together], keys: { f: () => show(front === 0 ? 1 : 0), s: () => show(null) }, show, front: () => front };
}

function pictureStage(sides) {
  const images = sides.map((side) => h("img", { class: "va-picture", src: side.url, alt: `${side.name} picture`, draggable: "false" }));
  const views = images.map((image) => h("div", { class: "va-view" }, image));
  const pair = h("div", { class: "va-pair" }, sides.map((side, number) => sideBox(side, views[number])));
  const flip = flipper(pair);
  let [zoom, x, y] = [1, 0, 0]; // x and y: shift of the middle, in parts of the box
  const draw = () => {
    const edge = (zoom - 1) / 2;
    [x, y] = [clamp(x, -edge, edge), clamp(y, -edge, edge)];
    for (const image of images) image.style.transform = `translate(${x * 100}%, ${y * 100}%) scale(${zoom})`;
    for (const view of views) view.classList.toggle("va-zoomed", zoom > 1);
    level.textContent = `${Math.round(zoom * 100)} %`;
  };
  /** Zoom so that the point under (px, py), in parts of the box from its middle, stays where it is. */
  const scale = (factor, px = 0, py = 0) => {
    const next = clamp(zoom * factor, 1, ZOOM_MOST);
    [x, y] = [px - ((px - x) * next) / zoom, py - ((py - y) * next) / zoom];
    zoom = next;
    draw();
  };
  const at = (view, event) => {
    const box = view.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width - 0.5, (event.clientY - box.top) / box.height - 0.5];
  };
  const level = h("span", { class: "va-muted", "aria-live": "polite" });
  const fit = () => ((zoom = 1), draw());
  for (const view of views) {
    view.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // else a page could not be scrolled past the pictures
      event.preventDefault();
      scale(Math.exp(-event.deltaY / 300), ...at(view, event));
    }, { passive: false });
    view.addEventListener("dblclick", (event) => (zoom > 1 ? fit() : scale(3, ...at(view, event))));
    view.addEventListener("pointerdown", (event) => {
      if (zoom === 1 || event.button) return;
      view.setPointerCapture(event.pointerId);
      let [fromX, fromY] = [event.clientX, event.clientY];
      const move = (moved) => {
        x += (moved.clientX - fromX) / view.clientWidth;
        y += (moved.clientY - fromY) / view.clientHeight;
        [fromX, fromY] = [moved.clientX, moved.clientY];
        draw();
      };
      view.addEventListener("pointermove", move);
      const end = () => view.removeEventListener("pointermove", move);
      view.addEventListener("pointerup", end, { once: true });
      view.addEventListener("pointercancel", end, { once: true });
    });
  }
  const pan = (dx, dy) => () => ((x += dx / 10), (y += dy / 10), draw());
  const zoomIn = () => scale(1.5);
  const zoomOut = () => scale(1 / 1.5);
  draw();
  const tools = h("div", { class: "va-row va-stage-tools" },
    button("−", zoomOut, { label: "Zoom out" }), level, button("+", zoomIn, { label: "Zoom in" }), button("Fit", fit), ...flip.tools);
  return {
    el: h("div", { class: "va-stage" }, pair, tools),
    keys: { ...flip.keys, "+": zoomIn, "-": zoomOut, ArrowLeft: pan(1, 0), ArrowRight: pan(-1, 0), ArrowUp: pan(0, 1), ArrowDown: pan(0, -1) },
    dispose: () => {},
  };
}

/** Two players as one: same position, one of them heard. The longer one leads; the shorter one waits at its end. */
function transport(players, hear) {
  const play = button("Play (space)", () => toggle(), { class: "va-button va-play", label: "Play or pause both" });
  const place = h("input", { type: "range", min: 0, max: 1000, value: 0, step: 1, class: "va-scrub", "aria-label": "Position in both" });
  const time = h("span", { class: "va-muted va-time", text: "0:00 / 0:00" });
  const again = h("input", { type: "checkbox" });
  let beat = null;
  let running = false;
  const length = (player) => (Number.isFinite(player.duration) ? player.duration : 0);
  const leader = () => (length(players[1]) > length(players[0]) ? players[1] : players[0]);
  const seek = (seconds) => {
    for (const player of players) player.currentTime = clamp(seconds, 0, Math.max(0, length(player) - 0.001));
    tell();
  };
  const tell = () => {
    const whole = length(leader());
    if (whole) place.value = Math.round((leader().currentTime / whole) * 1000);
    place.setAttribute("aria-valuetext", `${clock(leader().currentTime)} of ${clock(whole)}`);
    time.textContent = `${clock(leader().currentTime)} / ${clock(whole)}`;
  };
  const follow = () => {
    const first = leader();
    const other = players[0] === first ? players[1] : players[0];
    if (first.ended && again.checked) {
      seek(0);
      start();
      return;
    }
    if (first.ended) pause();
    else if (!other.ended && first.currentTime < length(other) && Math.abs(other.currentTime - first.currentTime) > DRIFT) {
      other.currentTime = first.currentTime;
      if (running && other.paused) other.play().catch(() => {});
    }
    tell();
    if (running) beat = requestAnimationFrame(follow);
  };
  const start = () => {
    if (leader().ended) seek(0);
    running = true;
    play.textContent = "Pause (space)";
    const begun = players.map((player) => (player.ended ? null : player.play()));
    Promise.all(begun).catch((refused) => {
      if (refused.name !== "AbortError") pause(); // the page may not play yet; the button stays as it was
    });
    cancelAnimationFrame(beat);
    beat = requestAnimationFrame(follow);
  };
  const pause = () => {
    running = false;
    play.textContent = "Play (space)";
    players.forEach((player) => player.pause());
    cancelAnimationFrame(beat);
  };
  const toggle = () => (running ? pause() : start());
  place.addEventListener("input", () => seek((Number(place.value) / 1000) * length(leader())));
  players.forEach((player) => player.addEventListener("loadedmetadata", tell));
  const heard = hear ? hearing(players) : null;
  const el = h("div", { class: "va-row va-stage-tools" }, play, place, time,
    h("label", { class: "va-check" }, again, "Loop"), heard?.el);
  const dispose = () => {
    pause();
    for (const player of players) {
      player.removeAttribute("src");
      player.load(); // lets go of the decoder at once
    }
  };
  return { el, heard, keys: { " ": toggle }, dispose };
}

/** Which of two players is heard. Both go on, so that switching keeps the position. */
function hearing(players) {
  const names = ["Left", "Right"];
  const choose = (which) => {
    players.forEach((player, number) => (player.muted = number !== which));
    buttons.forEach((each, number) => each.setAttribute("aria-pressed", String(number === which)));
    chosen = which;
  };
  let chosen = 0;
  const buttons = names.map((name, number) => button(`Hear ${name.toLowerCase()}`, () => choose(number)));
  choose(0);
  return { el: h("span", { class: "va-row", role: "group", "aria-label": "Which side is heard" }, buttons), choose, flip: () => choose(1 - chosen) };
}

function filmStage(sides) {
  const films = sides.map((side) => h("video", { class: "va-picture", src: side.url, playsinline: true, preload: "auto", "aria-label": `${side.name} film` }));
  const pair = h("div", { class: "va-pair" }, sides.map((side, number) => sideBox(side, h("div", { class: "va-view" }, films[number]))));
  const flip = flipper(pair);
  const moves = transport(films, true);
  const flipBoth = () => {
    flip.keys.f();
    moves.heard.choose(flip.front());
  };
  return {
    el: h("div", { class: "va-stage" }, pair, moves.el, h("div", { class: "va-row va-stage-tools" }, flip.tools)),
    keys: { ...moves.keys, f: flipBoth, s: flip.keys.s, h: () => moves.heard.flip() },
    dispose: moves.dispose,
  };
}

function soundStage(sides) {
  const players = sides.map((side) => h("audio", { src: side.url, preload: "auto" }));
  const waves = sides.map((side) => outline(side.blob, `${side.name} recording`));
  const boxes = sides.map((side, number) => sideBox(side, h("div", { class: "va-wave-box" }, waves[number].el, players[number])));
  const moves = transport(players, true);
  const marks = () => waves.forEach((wave, number) => wave.mark(players[number]));
  players.forEach((player) => ["timeupdate", "seeked"].forEach((event) => player.addEventListener(event, marks)));
  return {
    el: h("div", { class: "va-stage" }, h("div", { class: "va-pair" }, boxes), moves.el,
      h("div", { class: "va-muted", text: "Both at the same loudness. h switches while they play." })),
    keys: { ...moves.keys, h: () => moves.heard.flip(), f: () => moves.heard.flip() },
    dispose: moves.dispose,
  };
}

/** The outline of a recording with a mark at the position. */
function outline(blob, name) {
  const canvas = h("canvas", { class: "va-wave", width: 600, height: 96, role: "img", "aria-label": `Outline of the ${name.toLowerCase()}` });
  const needle = h("div", { class: "va-needle" });
  if (blob && blob.size < WAVE_BYTES) {
    blob.arrayBuffer()
      .then((bytes) => new OfflineAudioContext(1, 1, 22050).decodeAudioData(bytes))
      .then((sound) => drawOutline(canvas, sound.getChannelData(0)))
      .catch(() => canvas.setAttribute("aria-label", `The ${name.toLowerCase()} has no outline`)); // it may play all the same
  }
  const mark = (player) => {
    if (player.duration) needle.style.left = `${(player.currentTime / player.duration) * 100}%`;
  };
  return { el: h("div", { class: "va-wave-line" }, canvas, needle), mark };
}

function drawOutline(canvas, samples) {
  const pen = canvas.getContext("2d");
  pen.fillStyle = getComputedStyle(canvas).color;
  const step = samples.length / canvas.width;
  for (let column = 0; column < canvas.width; column += 1) {
    let most = 0;
    const end = Math.min(samples.length, (column + 1) * step);
    for (let place = Math.floor(column * step); place < end; place += 1) most = Math.max(most, Math.abs(samples[place]));
    const tall = Math.max(1, most * canvas.height);
    pen.fillRect(column, (canvas.height - tall) / 2, 1, tall);
  }
}

function textStage(sides) {
  const boxes = sides.map((side) =>
    sideBox(side, h("div", { class: "va-text", dir: "auto", tabindex: 0, role: "group", "aria-label": `${side.name} text`, text: side.text || "" })));
  return { el: h("div", { class: "va-stage" }, h("div", { class: "va-pair" }, boxes)), keys: {}, dispose: () => {} };
}
