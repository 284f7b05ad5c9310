// The picker as a panel of its own.

function render(context) {
  const frame = panelFrame(context, "provider-picker");
  const service = h("select", { on: { change: () => (frame.model.set("service", service.value), frame.model.save_changes()) } });
  service.append(...frame.model.get("services").map((name) => h("option", { value: name, text: name })));
  const showService = () => (service.value = frame.model.get("service"));
  frame.on("change:service", showService);
  showService();
  frame.body.append(
    h("div", { class: "va-row va-picker-top" }, field("Service", service), button("Refresh", () => frame.send("refresh"), { label: "Read the providers anew" })),
    buildPicker(frame),
  );
  return frame.dispose;
}

export default { render };
