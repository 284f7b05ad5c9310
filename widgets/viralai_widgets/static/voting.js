// The vote of every panel that compares two results: one set of answers, words and keys, in one order. Python's table is `ANSWERS` in
// viralai_sdk/compare/ballot.py.

const ANSWERS = [
  { choice: "left", key: "1", words: "Left is better" },
  { choice: "right", key: "2", words: "Right is better" },
  { choice: "tie", key: "3", words: "Tie" },
  { choice: "both_bad", key: "0", words: "Both bad" },
];

/** What an answer is called. */
const answerWords = (choice) => ANSWERS.find((answer) => answer.choice === choice)?.words ?? "No opinion";

/** A button that says which key does the same. */
function keyButton(key, words, press, props = {}) {
  const { label, ...rest } = props;
  return h("button", { type: "button", class: "va-button", "aria-label": label, "aria-keyshortcuts": key, on: { click: press }, ...rest },
    h("kbd", { "aria-hidden": "true", text: key }), ` ${words}`);
}

/**
 * The vote buttons and Undo, with their keys. `cast(choice)` and `undo()` look themselves whether a vote is wanted now.
 *
 * `draw({open, undoable, chosen})` says what can be pressed and which answer the shown pair has had. What cannot be pressed is only marked
 * so: a disabled button would lose the focus, and the keys with it.
 */
function voteButtons(frame, cast, undo) {
  const votes = ANSWERS.map(({ choice, key, words }) => keyButton(key, words, () => cast(choice), { class: "va-button va-vote", data: { choice } }));
  const back = keyButton("u", "Undo", undo, { label: "Undo my latest vote" });
  frame.keys(Object.fromEntries(ANSWERS.map(({ choice, key }) => [key, () => cast(choice)])));
  frame.keys({ u: undo });
  return {
    el: h("div", { class: "va-row va-votes", role: "group", tabindex: -1, "aria-label": "Which is better?" }, votes, back),
    draw({ open, undoable, chosen = "" }) {
      for (const vote of votes) {
        vote.setAttribute("aria-disabled", String(!open));
        vote.setAttribute("aria-pressed", String(vote.dataset.choice === chosen));
      }
      back.setAttribute("aria-disabled", String(!undoable));
    },
  };
}
