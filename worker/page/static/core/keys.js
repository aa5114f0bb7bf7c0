// The keys: / searches, r reads now, ? lists the keys. In a text field they are letters.
import { byId, el } from "./dom.js";
import { openDialog } from "./dialog.js";

const HELP = [
  ["/", "search a booking by id, key, correlation id or Cal.com uid"],
  ["r", "read now"],
  ["?", "this list"],
  ["Esc", "close what is open, leave the search"],
];

export function listen({ search, refresh }) {
  byId("keys").addEventListener("click", showHelp);
  const actions = { "/": () => search?.focus(), r: refresh, "?": showHelp };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === search) search.blur();
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector("dialog[open]") || !actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
}

function showHelp() {
  const list = HELP.map(([key, does]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, does)]);
  openDialog("Keys", el("dl", { class: "keys" }, list));
}

function isTyping(target) {
  return (
    target instanceof Element &&
    target.matches("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]")
  );
}
