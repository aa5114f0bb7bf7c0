// The cancels and moves of one booking, the newest first: what is wanted, how it stands, who asked for it, and when.
import { el, fill, list, marked, show } from "../core/dom.js";
import { time } from "../core/moments.js";
import { TONES, word } from "../core/words.js";

export function drawChanges(block, changes) {
  show(block, changes.length > 0);
  fill(block.querySelector("div:last-child"), list("ol", { class: "log" }, changes.map(item)));
}

function item(one) {
  const state = one.hold_reason ? `${word(one.status)}: ${word(one.hold_reason)}` : word(one.status);
  const wanted = one.wanted ? ["Move to ", time(one.wanted)] : "Cancel";
  const head = [el("strong", {}, wanted), " ", pill(one.status, state), el("small", {}, ` by ${one.by}, ${one.via}`)];
  return [time(one.at, "seconds"), el("div", {}, el("p", {}, head), el("p", { class: "todo" }, marked(one.said)))];
}

function pill(status, text) {
  return el("span", { class: "pill", "data-tone": TONES[status] ?? "none" }, text);
}
