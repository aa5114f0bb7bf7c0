// What has happened: the breakers' changes of state, and the incidents that are open.
import { el, fill, marked, nothing } from "../core/dom.js";
import { path } from "../core/door.js";
import { time } from "../core/moments.js";
import { STATES, TONES, word } from "../core/words.js";

const SHOWN = 5; // changes
const NOT_KNOWN = "Not known now.";

function drawLog(container, entries, draw, none) {
  if (entries?.length) fill(container, el("ol", { class: "log" }, entries.map(draw)));
  else fill(container, nothing(entries ? none : NOT_KNOWN));
}

// An entry: when, what in bold, and the rest.
function entry(at, ...children) {
  return el("li", {}, time(at, "seconds"), el("div", {}, children));
}

// The newest ones; the others open, so that a flapping breaker leaves no empty card beside it.
export function drawChanges(container, changes) {
  const wasOpen = container.querySelector("details")?.open ?? false;
  drawLog(container, changes?.slice(0, SHOWN), change, "No breaker has changed.");
  const earlier = changes?.slice(SHOWN) ?? [];
  if (!earlier.length) return;
  const summary = el("summary", { "data-key": "earlier-changes" }, `${earlier.length} earlier`);
  container.append(el("details", { open: wasOpen }, summary, el("ol", { class: "log" }, earlier.map(change))));
}

function change(one) {
  const by = one.by ? ` by ${one.by}` : "";
  const why = one.why ? `: “${one.why}”` : "";
  return entry(
    one.at,
    el("strong", {}, one.of === "calcom" ? "Cal.com" : one.of),
    one.from && one.from !== one.to ? ` ${STATES[one.from] ?? one.from} → ` : " ",
    el("span", { class: "tone", "data-tone": TONES[one.to] ?? "none" }, STATES[one.to] ?? one.to),
    el("small", {}, ` ${one.because}${by}${why}`),
  );
}

export function drawIncidents(container, incidents) {
  drawLog(container, incidents, incident, "No incident is open.");
}

function incident(one) {
  const told = one.told_at ? ["told at ", time(one.told_at, "clock")] : "not told yet";
  const asOf = one.as_of ? [", as of ", time(one.as_of, "seconds")] : "";
  const about = el("small", {}, ` ${word(one.kind)}, open for `, time(one.opened_at, "for"), ", ", told);
  const shown = el("a", { href: path(one.path), "aria-label": `Show what “${one.title}” is about` }, "Show");
  const todo = one.do ? el("p", { class: "todo" }, el("strong", {}, "What to do: "), marked(one.do), ". ") : null;
  if (one.path) (todo ?? about).append(shown);
  return entry(one.opened_at, el("strong", {}, one.title, asOf), about, todo);
}
