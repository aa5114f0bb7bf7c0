// Copies a text; where the browser gives no clipboard (plain HTTP from another machine), it marks the text instead.
import { button } from "./dom.js";

export function copyButton(text, source) {
  const copy = async () => {
    made.textContent = (await copied(text, source)) ? "Copied" : "Marked: press Ctrl+C";
    setTimeout(() => (made.textContent = "Copy"), 4000);
  };
  const made = button("Copy", copy, { class: "button small", "data-key": "copy" });
  return made;
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
