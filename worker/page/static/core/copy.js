// Copies a text; where the browser gives no clipboard (plain HTTP from another machine), it marks the text instead.
import { el } from "./dom.js";

export function copyButton(text, source) {
  const button = el("button", { type: "button", class: "button small", "data-key": "copy" }, "Copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text, source)) ? "Copied" : "Marked: press Ctrl+C";
    setTimeout(() => (button.textContent = "Copy"), 4000);
  });
  return button;
}

async function copied(text, source) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(source);
    return false;
  }
}
