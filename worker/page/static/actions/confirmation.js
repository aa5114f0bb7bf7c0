// A confirmation: what the action would do, the questions, and a button that is enabled by the answers.
import { button, el, list, marked } from "../core/dom.js";

// `send` is called with the answers, once at a time; `more` is an element above the buttons.
export function confirmation(lines, asks, label, { send, back, more = null }) {
  const submit = el("button", { type: "submit", class: "button first" }, label);
  const form = el(
    "form",
    { class: "confirm", method: "dialog" },
    list("ul", { class: "lines" }, lines.map(marked)),
    asks.elements,
    more,
    el("div", { class: "buttons" }, submit, button("Back", back, { class: "button quiet" })),
  );
  const refresh = () => (submit.disabled = !asks.isComplete());
  form.addEventListener("input", refresh);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    await send(asks.values());
    refresh();
  });
  refresh();
  return form;
}
