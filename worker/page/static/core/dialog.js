// A modal dialog: the browser keeps the focus inside and ends it by Esc; the focus goes back to where it was.
import { byId, el } from "./dom.js";

let number = 0;

export function openDialog(title, content, { wide = false, onClose = () => {} } = {}) {
  const id = `dialog-${(number += 1)}`;
  const from = document.activeElement;
  const heading = el("h2", { id }, title);
  const close = el("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() }, "×");
  const dialog = el(
    "dialog",
    { class: `panel${wide ? " wide" : ""}`, "aria-labelledby": id },
    el("header", {}, heading, close),
    el("div", { class: "body" }, content),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
    giveBack(from);
  });
  byId("resilience").append(dialog);
  dialog.showModal();
  return dialog;
}

// Where the focus came from may have been drawn anew meanwhile.
function giveBack(element) {
  const key = element?.dataset?.key;
  const target = element?.isConnected ? element : key && document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  target?.focus?.();
}
