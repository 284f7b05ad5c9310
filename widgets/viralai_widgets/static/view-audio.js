// Two recordings at the same loudness: both run all the time, one is heard; switching keeps the position.

const SILENT = 1e-5; // mean square of a block at -50 dB: pauses do not count as quiet speech
const MATCHED = 0.1; // target RMS, about -20 dB below full scale

/** RMS of what is not silence, and the highest peak. */
function levelsOf(buffer) {
  const block = Math.max(1, Math.round(buffer.sampleRate * 0.05));
  let [sum, count, peak] = [0, 0, 0];
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const data = buffer.getChannelData(channel);
    for (let from = 0; from < data.length; from += block) {
      const to = Math.min(from + block, data.length);
      let square = 0;
      for (let at = from; at < to; at += 1) {
        square += data[at] * data[at];
        peak = Math.max(peak, Math.abs(data[at]));
      }
      if (square / (to - from) > SILENT) {
        sum += square;
        count += to - from;
      }
    }
  }
  return { rms: count ? Math.sqrt(sum / count) : 0, peak };
}

/** Gains that bring all recordings to one RMS, as loud as the one with the highest crest allows without clipping. */
function matchedGains(levels) {
  const room = levels.filter((level) => level.rms > 0).map((level) => (0.98 * level.rms) / Math.max(level.peak, 1e-6));
  const target = Math.min(MATCHED, ...room);
  return levels.map((level) => (level.rms > 0 ? target / level.rms : 1));
}

/** The waveform as a mask: its colour is the style sheet's, so that it follows the theme. An empty one for null. */
function drawWave(box, buffer) {
  if (!buffer) {
    box.style.maskImage = "linear-gradient(transparent, transparent)";
    return;
  }
  const canvas = h("canvas", { width: 600, height: 64 });
  const [width, height] = [canvas.width, canvas.height];
  const pen = canvas.getContext("2d");
  const data = buffer.getChannelData(0);
  for (let x = 0; x < width; x += 1) {
    const from = Math.floor((x / width) * data.length);
    const to = Math.max(from + 1, Math.floor(((x + 1) / width) * data.length));
    let most = 0;
    for (let at = from; at < to; at += 1) most = Math.max(most, Math.abs(data[at]));
    const half = Math.max(0.5, most * (height / 2));
    pen.fillRect(x, height / 2 - half, 1, half * 2);
  }
  box.style.maskImage = `url(${canvas.toDataURL()})`;
}

function audioView() {
  const state = { buffers: [null, null], gains: [1, 1], heard: 0, offset: 0, began: 0, playing: false, turn: 0 };
  const names = [0, 1].map(() => h("span", { class: "va-name" }));
  const waves = [0, 1].map((side) => h("div", { class: "va-wave", role: "img", "aria-label": `Waveform ${side ? "right" : "left"}` }));
  const hear = [0, 1].map((side) => button(`Hear ${side ? "right" : "left"}`, () => listen(side), { "aria-pressed": "false" }));
  const rows = [0, 1].map((side) => h("div", { class: "va-voice" }, names[side], hear[side], h("div", { class: "va-wave-box" }, waves[side], h("div", { class: "va-cursor" }))));
  const play = button("Play", () => (state.playing ? pause() : start()), { class: "va-button va-play", label: "Play or pause both" });
  const scrub = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: 0, class: "va-scrub", "aria-label": "Position in both" });
  const time = h("span", { class: "va-muted va-time" });
  const said = h("span", { class: "va-muted" });
  const whole = h("div", {}, rows, h("div", { class: "va-row va-tools" }, play, scrub, time, said));
  let context = null;
  let sources = [];
  let volumes = [];
  let tick = 0;

  const length = () => Math.max(0, ...state.buffers.map((buffer) => buffer?.duration ?? 0));
  const position = () => (state.playing ? Math.min(length(), state.offset + context.currentTime - state.began) : state.offset);

  function silence() {
    for (const source of sources) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    sources = [];
  }

  function start(from = state.offset) {
    if (!length()) return;
    context ??= new AudioContext();
    context.resume();
    silence();
    state.offset = from >= length() - 0.02 ? 0 : from;
    const at = context.currentTime + 0.02;
    volumes = state.buffers.map((buffer, side) => {
      const volume = context.createGain();
      volume.gain.value = side === state.heard ? state.gains[side] : 0;
      volume.connect(context.destination);
      if (buffer && state.offset < buffer.duration) {
        const source = context.createBufferSource();
        source.buffer = buffer;
        source.connect(volume);
        source.start(at, state.offset);
        sources.push(source);
      }
      return volume;
    });
    state.began = at;
    state.playing = true;
    play.textContent = "Pause";
    cancelAnimationFrame(tick);
    follow();
  }

  function pause(at = position()) {
    state.offset = clamp(at, 0, length());
    state.playing = false;
    silence();
    cancelAnimationFrame(tick);
    play.textContent = "Play";
    draw();
  }

  function follow() {
    if (!state.playing) return;
    if (position() >= length()) return pause(0);
    draw();
    tick = requestAnimationFrame(follow);
  }

  function listen(side) {
    state.heard = side;
    if (state.playing) {
      volumes.forEach((volume, place) => volume.gain.setTargetAtTime(place === side ? state.gains[place] : 0, context.currentTime, 0.006));
    }
    draw();
  }

  function draw() {
    const at = Math.max(0, position());
    hear.forEach((tool, side) => tool.setAttribute("aria-pressed", String(side === state.heard)));
    rows.forEach((row, side) => {
      const own = state.buffers[side]?.duration ?? 0;
      row.querySelector(".va-cursor").style.left = `${own ? Math.min(100, (at / own) * 100) : 0}%`;
    });
    if (document.activeElement !== scrub || state.playing) scrub.value = at;
    scrub.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${length().toFixed(1)} seconds`);
    time.textContent = `${clock(at)} / ${clock(length())}`;
    whole.dataset.heard = String(state.heard);
  }

  scrub.addEventListener("input", () => {
    if (state.playing) start(Number(scrub.value));
    else {
      state.offset = Number(scrub.value);
      draw();
    }
  });

  async function decode(side) {
    if (!side.blob) return null;
    const decoder = new OfflineAudioContext(1, 1, 48000); // needs no gesture of the user
    return decoder.decodeAudioData(await side.blob.arrayBuffer());
  }

  return {
    el: whole,
    keys: {
      " ": () => (state.playing ? pause() : start()),
      ...Object.fromEntries(["h", "x", "f"].map((key) => [key, () => listen(1 - state.heard)])),
    },
    hint: "space plays, h switches which one is heard at the same place",
    async show(sides) {
      pause(0);
      state.turn += 1;
      const turn = state.turn;
      this.rename(sides.map((side) => side.name));
      state.buffers = [null, null]; // until the new ones are decoded nothing of the pair before can be heard or seen
      waves.forEach((wave) => drawWave(wave, null));
      whole.removeAttribute("data-ready");
      said.textContent = "decoding";
      const found = await Promise.allSettled(sides.map(decode));
      if (turn !== state.turn) return;
      state.buffers = found.map((one) => (one.status === "fulfilled" ? one.value : null));
      const levels = state.buffers.map((buffer) => (buffer ? levelsOf(buffer) : { rms: 0, peak: 0 }));
      state.gains = matchedGains(levels);
      state.buffers.forEach((buffer, side) => drawWave(waves[side], buffer));
      scrub.max = length();
      const lost = found.filter((one) => one.status === "rejected").length;
      said.textContent = lost ? "This browser cannot decode one of them." : "levels matched";
      whole.dataset.gains = state.gains.map((gain) => gain.toFixed(4)).join(" ");
      if (state.buffers.every(Boolean)) whole.dataset.ready = "true";
      listen(0);
    },
    rename: (words) => words.forEach((text, place) => (names[place].textContent = text)),
    pause: () => pause(),
    dispose() {
      state.turn += 1;
      pause(0);
      context?.close();
    },
  };
}
