// Two texts side by side, or as one text with what the right one leaves out and adds, word by word.

const DIFF_CELLS = 4_000_000; // words × words that are compared at most

/** Words with the white space that follows them. */
const wordsOf = (text) => text.match(/\S+\s*|\s+/g) ?? [];

/** [["same"|"gone"|"new", text], …], or null when the texts are too long for it. */
function wordDiff(left, right) {
  const [a, b] = [wordsOf(left), wordsOf(right)];
  const same = (i, j) => a[i].trim() === b[j].trim();
  let head = 0;
  while (head < a.length && head < b.length && same(head, head)) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && same(a.length - 1 - tail, b.length - 1 - tail)) tail += 1;
  const [n, m] = [a.length - head - tail, b.length - head - tail];
  if (n * m > DIFF_CELLS) return null;
  // Longest common subsequence, from the end, so that it can be read off from the start.
  const table = new Uint16Array((n + 1) * (m + 1));
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let j = m - 1; j >= 0; j -= 1) {
      const at = i * (m + 1) + j;
      table[at] = same(head + i, head + j) ? table[at + m + 2] + 1 : Math.max(table[at + m + 1], table[at + 1]);
    }
  }
  const parts = [];
  const add = (kind, word) => (parts.at(-1)?.[0] === kind ? (parts.at(-1)[1] += word) : parts.push([kind, word]));
  for (let i = 0; i < head; i += 1) add("same", b[i]);
  let [i, j] = [0, 0];
  while (i < n || j < m) {
    const at = i * (m + 1) + j;
    if (i < n && j < m && same(head + i, head + j)) {
      add("same", b[head + j]);
      i += 1;
      j += 1;
    } else if (i < n && (j === m || table[at + m + 1] >= table[at + 1])) {
      add("gone", a[head + i]);
      i += 1;
    } else {
      add("new", b[head + j]);
      j += 1;
    }
  }
  for (let k = b.length - tail; k < b.length; k += 1) add("same", b[k]);
  return parts;
}

function textView() {
  let mode = "side";
  let shown = [];
  const box = h("div", { class: "va-texts" });
  const modes = modeButtons([["side", "Side by side"], ["diff", "Differences"]], (chosen) => choose(chosen));
  const choose = (chosen) => {
    mode = chosen;
    draw();
  };

  function draw() {
    modes.draw(mode);
    box.dataset.mode = mode;
    if (mode === "side" || shown.length < 2) {
      box.replaceChildren(...shown.map((side) =>
        h("figure", { class: "va-side" }, h("figcaption", { class: "va-name", text: side.name }),
          h("div", { class: "va-text", dir: "auto", tabindex: 0, role: "group", "aria-label": side.alt, text: side.text })),
      ));
      return;
    }
    const parts = wordDiff(shown[0].text, shown[1].text);
    const body = h("div", { class: "va-text", dir: "auto", tabindex: 0, role: "group", "aria-label": "Differences from left to right" });
    if (parts === null) body.textContent = "These texts are too long for a comparison word by word.";
    else body.append(...parts.map(([kind, text]) => (kind === "same" ? text : h(kind === "gone" ? "del" : "ins", { text }))));
    box.replaceChildren(body, h("p", { class: "va-muted", text: "struck through: only left; underlined: only right" }));
  }

  return {
    el: h("div", {}, h("div", { class: "va-row va-tools" }, modes.buttons), box),
    keys: { d: () => choose(mode === "diff" ? "side" : "diff"), s: () => choose("side") },
    hint: "d shows the differences",
    show(sides) {
      shown = sides;
      draw();
    },
    rename(words) {
      shown = shown.map((side, place) => ({ ...side, name: words[place] }));
      draw();
    },
    pause() {},
    dispose() {},
  };
}
