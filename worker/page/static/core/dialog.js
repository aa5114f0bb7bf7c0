// A modal dialog: the browser closes it at Esc; the focus stays inside, and returns to where it was.
import { button, byId, el, focusNear } from "./dom.js";

let number = 0;

export function openDialog(title, content, { onClose = () => {} } = {}) {
  const id = `dialog-${(number += 1)}`;
  const from = document.activeElement;
  const part = from?.closest("[id]");
  const heading = el("h2", { id }, title);
  const close = button("×", () => dialog.close(), { class: "close", "aria-label": "Close" });
  const dialog = el(
    "dialog",
    { class: "panel", "aria-labelledby": id },
    el("header", {}, heading, close),
    el("div", { class: "body" }, content),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    onClose();
    giveBack(from, part);
  });
  dialog.addEventListener("keydown", (event) => event.key === "Tab" && stayInside(dialog, event));
  byId("resilience").append(dialog);
  dialog.showModal();
  return dialog;
}

// By default Tab would leave the page for the browser's own bars, where Esc closes nothing.
function stayInside(dialog, event) {
  const able = [...dialog.querySelectorAll("a[href], button, input, textarea, select, summary")].filter(
    (one) => !one.disabled,
  );
  const [first, last] = event.shiftKey ? [able.at(-1), able[0]] : [able[0], able.at(-1)];
  if (document.activeElement !== last && dialog.contains(document.activeElement)) return;
  event.preventDefault();
  first.focus();
}

// The element that had the focus may have been replaced meanwhile, and its button may be there no more.
function giveBack(element, part) {
  const key = element?.dataset?.key;
  const target = element?.isConnected ? element : key && document.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const isFolded = target && !target.checkVisibility();
  (isFolded ? target.closest("details")?.querySelector("summary") : target)?.focus();
  const isLost = !document.activeElement || document.activeElement === document.body;
  if (isLost && element && element !== document.body) focusNear(part?.isConnected ? part : byId("resilience"));
}
