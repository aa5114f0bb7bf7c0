// A confirmation: what it comes to, what is asked for, and a button that waits for the answers.
import { el } from "../core/dom.js";

// `send` is called with the answers, once at a time; `more` is an element above the buttons.
export function confirmation(lines, asks, label, { send, back, more = null }) {
  const button = el("button", { type: "submit", class: "button first" }, label);
  const form = el(
    "form",
    { class: "confirm", method: "dialog" },
    el(
      "ul",
      { class: "lines" },
      lines.map((line) => el("li", {}, line)),
    ),
    asks.elements,
    more,
    el(
      "div",
      { class: "buttons" },
      button,
      el("button", { type: "button", class: "button quiet", onclick: back }, "Back"),
    ),
  );
  const refresh = () => (button.disabled = !asks.isComplete());
  form.addEventListener("input", refresh);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    await send(asks.values());
    refresh();
  });
  refresh();
  return form;
}
