// Two films in step: one play button, one scrubber, one loop.

const OUT_OF_STEP = 0.08;

function videoView() {
  const films = [0, 1].map(() => h("video", { playsinline: true, muted: true, preload: "auto" }));
  films.forEach((film) => (film.muted = true));
  const names = films.map(() => h("figcaption", { class: "va-name" }));
  const figures = films.map((film, side) => h("figure", { class: "va-side" }, h("div", { class: "va-frame" }, film), names[side]));
  const stage = h("div", { class: "va-stage", "data-mode": "side" }, figures);
  const play = button("Play", () => (playing ? pause() : start()));
  const scrub = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, class: "va-scrub", "aria-label": "Position in both films" });
  const time = h("span", { class: "va-muted va-time" });
  const loop = h("input", { type: "checkbox", checked: true });
  const sound = h("select", { on: { change: () => listen() } },
    [["off", "off"], ["0", "left"], ["1", "right"]].map(([value, text]) => h("option", { value, text })));
  const tools = h("div", { class: "va-row va-tools" }, play, scrub, time,
    h("label", { class: "va-check" }, loop, h("span", { text: "Loop" })), h("label", { class: "va-check" }, h("span", { text: "Sound" }), sound));
  let playing = false;
  let tick = 0;

  const length = () => Math.max(0, ...films.map((film) => (Number.isFinite(film.duration) ? film.duration : 0)));
  const master = () => (films[1].duration > films[0].duration ? films[1] : films[0]);
  const listen = () => films.forEach((film, side) => (film.muted = sound.value !== String(side)));

  function seek(position) {
    for (const film of films) film.currentTime = Math.min(position, Number.isFinite(film.duration) ? film.duration : position);
    draw();
  }

  function draw() {
    const at = master().currentTime || 0;
    if (document.activeElement !== scrub || playing) scrub.value = at;
    scrub.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${length().toFixed(1)} seconds`);
    time.textContent = `${clock(at)} / ${clock(length())}`;
  }

  function start() {
    if (master().ended || master().currentTime >= length() - 0.02) seek(0);
    playing = true;
    play.textContent = "Pause";
    // A film that has no source yet, or is too short for this position, just does not play.
    for (const film of films) if (film.currentTime < (film.duration || 0)) film.play().catch(() => undefined);
    cancelAnimationFrame(tick);
    follow();
  }

  function pause() {
    playing = false;
    play.textContent = "Play";
    for (const film of films) film.pause();
    cancelAnimationFrame(tick);
    draw();
  }

  function follow() {
    if (!playing) return;
    const lead = master();
    for (const film of films) {
      if (film === lead || film.ended || !Number.isFinite(film.duration) || film.seeking) continue;
      if (Math.abs(film.currentTime - lead.currentTime) > OUT_OF_STEP && lead.currentTime < film.duration) film.currentTime = lead.currentTime;
    }
    if (lead.ended) {
      if (!loop.checked) return pause();
      seek(0);
      for (const film of films) film.play().catch(() => undefined);
    }
    draw();
    tick = requestAnimationFrame(follow);
  }

  scrub.addEventListener("input", () => seek(Number(scrub.value)));
  for (const film of films) {
    film.addEventListener("loadedmetadata", () => {
      scrub.max = length();
      if (film === films[0] && film.videoHeight) stage.style.setProperty("--va-ratio", clamp(film.videoWidth / film.videoHeight, 0.9, 2.4));
      draw();
    });
  }

  return {
    el: h("div", {}, stage, tools),
    keys: { " ": () => (playing ? pause() : start()) },
    hint: "space plays both",
    show(sides) {
      pause();
      sides.forEach((side, place) => {
        if (side.url) films[place].src = side.url;
        else films[place].removeAttribute("src");
        films[place].setAttribute("aria-label", side.alt);
        names[place].textContent = side.name;
      });
      scrub.value = 0;
      draw();
    },
    rename: (words) => words.forEach((text, place) => (names[place].textContent = text)),
    dispose() {
      pause();
      for (const film of films) film.removeAttribute("src");
    },
  };
}
