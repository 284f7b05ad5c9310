// ArenaPanel: which of two is better, not knowing who made them.
//
// The page knows a pair by its id and its masked bytes. A vote is final when Python says so (state "storing" ends), not when a key is hit.

const REVEAL_MS = 3000;

function renderArena(context) {
  const frame = panelFrame(context, "arena");
  const { model, send } = frame;
  const media = new MediaStore(300_000_000);
  const asked = new Set();
  let shown = { id: null, since: 0 };
  let view = null; // kept from pair to pair of one medium, so that a rater's way of looking stays
  let medium = "";
  let leaving = null;

  const words = h("p", { class: "va-arena-prompt", dir: "auto" });
  const head = h("div", { class: "va-arena-head" }, h("span", { class: "va-label", text: "Which is better for this prompt?" }), words);
  const line = progressBar("Pairs you have voted on");
  const room = h("div", { class: "va-arena-room" });
  const hint = h("p", { class: "va-muted va-hint" });
  const reveal = h("div", { class: "va-arena-reveal", role: "status" });
  const decision = h("div", { class: "va-arena-decision" });
  const ready = () => model.get("state") === "voting" && shown.id !== null && shown.id === model.get("pair").id;
  const vote = (choice) => {
    if (!ready()) return;
    send("vote", { pair: shown.id, choice, seconds: (performance.now() - shown.since) / 1000 });
  };
  const votes = voteButtons(frame, vote, () => send("undo"));
  const onward = () => {
    clearTimeout(leaving);
    if (model.get("state") === "revealed") send("next");
  };

  /** Ask for the bytes of a pair once; they come as messages. */
  const need = (pair) => {
    for (const side of ["left", "right"]) {
      const name = `${pair.id}/${side}`;
      if (!pair.id || pair[side].text !== null || media.has(name) || asked.has(name)) continue;
      asked.add(name);
      send("media", { pair: pair.id, side });
    }
  };
  const sideOf = (pair, side) => {
    const name = side === "left" ? "Left" : "Right";
    const held = `${pair.id}/${side}`;
    return { text: pair[side].text ?? "", url: media.url(held), blob: media.blob(held), name, alt: `${name} result` };
  };
  const there = (pair) => ["left", "right"].every((side) => pair[side].text !== null || media.has(`${pair.id}/${side}`));

  const clear = () => {
    const focused = room.contains(document.activeElement);
    view?.pause();
    room.replaceChildren();
    if (focused) votes.el.focus({ preventScroll: true }); // else the keys would be lost with the element that had the focus
    shown = { id: null, since: 0 };
  };
  const putAway = () => {
    clear();
    view?.dispose();
    view = null;
    bindView(frame, null);
  };
  const drawPair = () => {
    const pair = model.get("pair");
    const coming = model.get("upcoming");
    if (pair.id) need(pair);
    if (coming.id) need(coming);
    head.hidden = !pair.id;
    if (!pair.id) {
      putAway();
      words.textContent = "";
      return void drawState(); // the words for the end, which clearing has taken away
    }
    if (shown.id === pair.id) return;
    if (shown.id !== null) clear();
    words.textContent = pair.prompt;
    if (!there(pair)) return void room.replaceChildren(h("p", { class: "va-muted", text: "Loading the pair…" }));
    if (!view || medium !== pair.media) {
      view?.dispose();
      medium = pair.media;
      view = viewOf(medium);
      bindView(frame, view);
      hint.textContent = `Keys: ${view.hint}`;
    }
    view.show([sideOf(pair, "left"), sideOf(pair, "right")]);
    room.replaceChildren(view.el, hint);
    shown = { id: pair.id, since: performance.now() };
    const held = [pair.id, coming.id].filter(Boolean).flatMap((id) => [`${id}/left`, `${id}/right`]);
    media.keep(held);
    for (const name of asked) if (!held.includes(name)) asked.delete(name);
    drawState();
  };
  const drawState = () => {
    const state = model.get("state");
    votes.draw({ open: ready(), undoable: state !== "storing" && Boolean(model.get("progress").votes) });
    frame.root.dataset.state = state;
    if (["done", "stuck"].includes(state)) {
      putAway();
      const text = state === "done" ? "You have voted on every pair that is ready." : "The next pair cannot be shown.";
      room.replaceChildren(h("p", { class: "va-arena-end", text }), button("Look again", () => send("retry")));
    }
  };
  const drawReveal = () => {
    clearTimeout(leaving);
    const told = model.get("revealed");
    if (!told.left) return void reveal.replaceChildren();
    reveal.replaceChildren(
      h("span", { text: `Stored: ${answerWords(told.choice)}. ` }),
      h("span", {}, "Left was ", h("strong", {}, h("bdi", { text: told.left })), ", right was ", h("strong", {}, h("bdi", { text: told.right })), "."),
      button("Next (Enter)", onward, { label: "Next pair" }));
    leaving = setTimeout(onward, REVEAL_MS);
  };
  const drawProgress = () => {
    const { votes: done = 0, left = 0, waiting = 0, failed = 0 } = model.get("progress");
    const aside = [waiting ? `${waiting} still being made` : "", failed ? `${failed} not shown: a result failed` : ""].filter(Boolean);
    const pairs = done + left === 1 ? "pair" : "pairs";
    line.set(done + left ? done / (done + left) : 1, [`${done} of ${done + left} ${pairs}`, ...aside].join(" · "));
    drawState();
  };
  const drawDecision = () => {
    const told = model.get("decision");
    decision.replaceChildren(
      ...(told.lines || []).map((each) => h("p", { class: "va-arena-words" }, h("bdi", { text: each }))),
      ...(told.interval ? [intervalBar(told.interval)] : []));
  };

  frame.on("msg:custom", (message, buffers) => {
    if (message.kind !== "media") return;
    const name = `${message.pair}/${message.side}`;
    asked.delete(name);
    if (![model.get("pair").id, model.get("upcoming").id].includes(message.pair)) return; // came too late
    media.put(name, buffers[0], message.media_type);
    drawPair();
  });
  frame.on("change:pair", drawPair);
  frame.on("change:upcoming", drawPair);
  frame.on("change:state", drawState);
  frame.on("change:revealed", drawReveal);
  frame.on("change:progress", drawProgress);
  frame.on("change:decision", drawDecision);
  frame.keys({ Enter: () => model.get("state") === "revealed" && onward() });
  frame.root.tabIndex = -1; // a click anywhere in the panel gives it the keys
  frame.body.append(
    head, room, votes.el, reveal, line.el, decision);
  frame.cleanup(() => {
    clearTimeout(leaving);
    putAway();
    media.clear();
  });
  drawDecision();
  drawReveal();
  drawPair();
  drawProgress();
  return frame.dispose;
}

export default { render: renderArena };
