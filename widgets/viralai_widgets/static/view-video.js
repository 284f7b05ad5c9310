// Two films in step: one play button, one scrubber, one of them heard. The longer one leads; the shorter one waits at its end.

const OUT_OF_STEP = 0.08; // seconds they may be apart before the follower is set right

/** Both players as one: `{tools, toggle, reset, listen, heard}`. */
function transport(players) {
  const play = button("Play", () => toggle(), { class: "va-button va-play", label: "Play or pause both" });
  const scrub = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, class: "va-scrub", "aria-label": "Position in both" });
  const time = h("span", { class: "va-muted va-time" });
  const loop = h("input", { type: "checkbox" });
  const hear = ["left", "right"].map((side, place) => button(`Hear ${side}`, () => listen(place), { "aria-pressed": "false" }));
  const state = { playing: false, heard: 0, tick: 0 };

  const lengthOf = (player) => (Number.isFinite(player.duration) ? player.duration : 0);
  const leader = () => (lengthOf(players[1]) > lengthOf(players[0]) ? players[1] : players[0]);

  function listen(place) {
    state.heard = place;
    players.forEach((player, number) => (player.muted = number !== place));
    hear.forEach((each, number) => each.setAttribute("aria-pressed", String(number === place)));
  }

  function draw() {
    const [at, whole] = [leader().currentTime || 0, lengthOf(leader())];
    scrub.max = whole || 1;
    if (document.activeElement !== scrub || state.playing) scrub.value = at;
    scrub.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${whole.toFixed(1)} seconds`);
    time.textContent = `${clock(at)} / ${clock(whole)}`;
  }

  function seek(position) {
    for (const player of players) player.currentTime = Math.min(position, lengthOf(player) || position);
    draw();
  }

  /** A film that is too short for this position just does not play. */
  function begin() {
    const able = players.filter((player) => player.currentTime < lengthOf(player));
    Promise.all(able.map((player) => player.play())).catch((refused) => {
      if (refused.name !== "AbortError") pause(); // the page may not play yet; the button says so
    });
  }

  function start() {
    if (leader().ended || leader().currentTime >= lengthOf(leader()) - 0.02) seek(0);
    state.playing = true;
    play.textContent = "Pause";
    begin();
    cancelAnimationFrame(state.tick);
    follow();
  }

  function pause() {
    state.playing = false;
    play.textContent = "Play";
    for (const player of players) player.pause();
    cancelAnimationFrame(state.tick);
    draw();
  }

  function follow() {
    if (!state.playing) return;
    const lead = leader();
    const other = players[0] === lead ? players[1] : players[0];
    const apart = Math.abs(other.currentTime - lead.currentTime);
    if (!other.ended && !other.seeking && lead.currentTime < lengthOf(other) && apart > OUT_OF_STEP) other.currentTime = lead.currentTime;
    if (lead.ended) {
      if (!loop.checked) return pause();
      seek(0);
      begin();
    }
    draw();
    state.tick = requestAnimationFrame(follow);
  }

  const toggle = () => (state.playing ? pause() : start());
  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  for (const player of players) player.addEventListener("loadedmetadata", draw);
  listen(0);
  draw();
  const tools = [play, scrub, time, h("label", { class: "va-check" }, loop, h("span", { text: "Loop" })),
    h("span", { class: "va-row", role: "group", "aria-label": "Which side is heard" }, hear)];
  return { tools, toggle, pause, draw, listen, heard: () => state.heard };
}

function videoView() {
  const films = [0, 1].map(() => h("video", { class: "va-picture", playsinline: true, preload: "auto" }));
  const sides = films.map((film) => sideFigure(h("div", { class: "va-frame" }, film)));
  const stage = h("div", { class: "va-stage", role: "group", "aria-label": "Films" }, sides.map((side) => side.el));
  const both = transport(films);
  const modes = modeButtons([["side", "Side by side"], ["flip", "Flip"]], (chosen) => stand(chosen, front));
  const other = button("Show the other", () => stand("flip", 1 - front));
  let mode = "side";
  let front = 0;

  /** Which films are seen; who sees one of them hears that one. A film that is not seen goes on playing. */
  function stand(chosen, seen) {
    [mode, front] = [chosen, seen];
    stage.dataset.mode = mode;
    modes.draw(mode);
    other.hidden = mode !== "flip";
    sides.forEach((side, place) => side.el.classList.toggle("va-behind", mode === "flip" && place !== front));
    if (mode === "flip") both.listen(front);
  }

  films[0].addEventListener("loadedmetadata", () => takeShape(stage, films[0].videoWidth, films[0].videoHeight));
  stand("side", 0);

  return {
    el: h("div", {}, h("div", { class: "va-row va-tools" }, modes.buttons, other), stage, h("div", { class: "va-row va-tools" }, both.tools)),
    keys: {
      " ": both.toggle,
      f: () => stand("flip", mode === "flip" ? 1 - front : front),
      s: () => stand("side", front),
      h: () => both.listen(1 - both.heard()),
      x: () => both.listen(1 - both.heard()),
    },
    hint: "space plays both, f flips, s shows both, h switches which one is heard",
    show(given) {
      both.pause();
      given.forEach((side, place) => {
        if (side.url) films[place].src = side.url;
        else films[place].removeAttribute("src");
        films[place].setAttribute("aria-label", side.alt);
      });
      this.rename(given.map((side) => side.name));
      stand(mode, 0);
      both.listen(0);
    },
    pause: both.pause,
    rename: (words) => words.forEach((text, place) => (sides[place].name.textContent = text)),
    dispose() {
      both.pause();
      for (const film of films) {
        film.removeAttribute("src");
        film.load(); // lets go of the decoder at once
      }
    },
  };
}
