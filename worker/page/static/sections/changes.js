// What has happened: the breakers' changes of state, and the incidents that are open.
import { el, fill, marked, nothing } from "../core/dom.js";
import { path } from "../core/door.js";
import { time } from "../core/moments.js";
import { STATES, TONES, word } from "../core/words.js";

const NOT_KNOWN = "Not known now.";

function drawLog(container, entries, draw, none) {
  if (entries?.length) fill(container, el("ol", { class: "log" }, entries.map(draw)));
  else fill(container, nothing(entries ? none : NOT_KNOWN));
}

// An entry: when, what in bold, and the rest.
function entry(at, ...children) {
  return el("li", {}, time(at, "seconds"), el("div", {}, children));
}

export function drawChanges(container, changes) {
  drawLog(container, changes, change, "No breaker has changed.");
}

function change(one) {
  const by = one.by ? ` by ${one.by}` : "";
  const why = one.why ? `: “${one.why}”` : "";
  return entry(
    one.at,
    el("strong", {}, one.of === "calcom" ? "Cal.com" : one.of),
    one.from && one.from !== one.to ? ` ${STATES[one.from] ?? one.from} → ` : " ",
    el("span", { class: "tone", "data-tone": TONES[one.to] ?? "none" }, STATES[one.to] ?? one.to),
    el("small", {}, ` ${word(one.reason)}${by}${why}`),
  );
}

export function drawIncidents(container, incidents) {
  drawLog(container, incidents, incident, "No incident is open.");
}

function incident(one) {
  const told = one.told_at ? ["told at ", time(one.told_at, "clock")] : "not told yet";
  const about = el("small", {}, ` ${word(one.kind)}, open for `, time(one.opened_at, "for"), ", ", told);
  const shown = el("a", { href: path(one.path), "aria-label": `Show what “${one.title}” is about` }, "Show");
  const todo = one.do ? el("p", { class: "todo" }, el("strong", {}, "What to do: "), marked(one.do), ". ") : null;
  if (one.path) (todo ?? about).append(shown);
  return entry(one.opened_at, el("strong", {}, one.title), about, todo);
}
