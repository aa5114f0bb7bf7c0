// The first day, without any booking: the command that makes one.
import { el, fill } from "../core/dom.js";
import { copyButton } from "../core/copy.js";

export function drawFirstDay(container, command) {
  if (!command) return fill(container);
  const code = el("code", {}, command);
  return fill(
    container,
    el("h2", {}, "Try it"),
    el("p", {}, "Book one from a terminal, in the project's folder; within three seconds it is here:"),
    el("div", { class: "command" }, el("pre", { tabindex: "0" }, code), copyButton(command, code)),
  );
}
