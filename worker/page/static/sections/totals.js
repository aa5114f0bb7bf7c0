// How many are on their way now, and how the last 24 hours ended; each figure leads to its list.
import { el, fill, nothing } from "../core/dom.js";
import { path } from "../core/door.js";
import { count } from "../core/numbers.js";
import { TONES } from "../core/words.js";

export function drawTotals(container, { now, day, unknown, queues, capped }) {
  const more = new Set(capped ?? []); // the names of figures of which there may be more
  fill(container, group("Now", now, more), group("Ended in 24 h", day), beside({ unknown, queues, more }));
}

// What may be booked though nobody knows, and what waits for a worker: figures that have no list.
function beside({ unknown, queues, more }) {
  const messages = Object.entries(queues ?? {}).map(([name, length]) => `${name} ${count(length)}`);
  const unclear = count(unknown, more.has("unknown"));
  const parts = [
    unknown ? `${unclear} may be booked: each is looked up before it is posted again.` : null,
    messages.length ? `Messages in the queues: ${messages.join(", ")}.` : null,
  ].filter(Boolean);
  return parts.length ? el("p", { class: "note" }, parts.join(" ")) : null;
}

function group(title, figures, more = new Set()) {
  const rows = Object.entries(figures ?? {}).map(([state, value]) => {
    const told = count(value, more.has(state));
    const named = `${told} ${state}, ${title.toLowerCase()}`;
    const address = { href: path("/bookings", { state }), "data-key": `${title}-${state}`, "aria-label": named };
    const link = el("a", address, told);
    const tone = value ? TONES[state] : "none";
    return el("div", { class: "total", "data-tone": tone }, el("dt", {}, state), el("dd", {}, link));
  });
  const content = rows.length ? el("dl", {}, rows) : nothing("Not known now.");
  return el("section", { class: "totals" }, el("h3", {}, title), content);
}
