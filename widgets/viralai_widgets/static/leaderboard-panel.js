// Leaderboard: a board with a list of those whose votes may be looked at alone.

function raterSelect(frame) {
  const { model } = frame;
  const select = h("select", { on: { change: () => (model.set("rater", select.value), model.save_changes()) } });
  const whole = h("label", { class: "va-check" }, h("span", { text: "Votes of" }), select);
  const draw = () => {
    const chosen = model.get("rater");
    const names = [...new Set([...model.get("raters"), ...(chosen ? [chosen] : [])])];
    select.replaceChildren(h("option", { value: "", text: "all raters" }), ...names.map((name) => h("option", { value: name, text: name })));
    select.value = chosen;
    whole.hidden = names.length < 2 && !chosen;
  };
  frame.on("change:raters", draw);
  frame.on("change:rater", draw);
  draw();
  return whole;
}

export default { render: (context) => renderBoard(context, (frame) => [raterSelect(frame)]) };
