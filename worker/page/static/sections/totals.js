// How many are on their way now, and how the last 24 hours ended; each figure leads to its list.
import { el, fill } from "../core/dom.js";
import { path } from "../core/door.js";
import { count } from "../core/numbers.js";
import { TONES } from "../core/words.js";

export function drawTotals(container, { now, day }) {
  fill(container, group("Now", now), group("Ended in 24 h", day));
}

function group(title, figures) {
  const rows = Object.entries(figures ?? {}).map(([state, value]) =>
    el(
      "div",
      { class: "total", "data-tone": value ? TONES[state] : "none" },
      el("dt", {}, state),
      el("dd", {}, el("a", { href: path("/bookings", { state }), "data-key": `${title}-${state}` }, count(value))),
    ),
  );
  return el(
    "section",
    { class: "totals" },
    el("h3", {}, title),
    rows.length ? el("dl", {}, rows) : el("p", { class: "nothing" }, "Not known while Postgres does not answer."),
  );
}
