// What is held, by reason: how many, how many of them at risk, since when, and who moves them on.
import { el, fill, nothing, table } from "../core/dom.js";
import { path } from "../core/door.js";
import { sentence, time } from "../core/moments.js";
import { count } from "../core/numbers.js";
import { WAITS, word } from "../core/words.js";

const HEAD = ["Reason", "Held", "At risk", "Oldest", "First starts", "Moved on by"];

export function drawHolds(container, holds) {
  if (!holds) return fill(container, nothing("Not known now."));
  const some = holds.filter((hold) => hold.count > 0);
  if (!some.length) return fill(container, nothing("Nothing is held."));
  return fill(container, table("Held bookings by reason", HEAD, some.map(row), { class: "table-cards" }));
}

function row(hold) {
  const all = path("/bookings", { state: "held", reason: hold.reason, sort: "asked" });
  const near = path("/bookings", { state: "held", reason: hold.reason, at_risk: "1", sort: "start" });
  const link = el("a", { href: all, "data-key": `hold-${hold.reason}` }, word(hold.reason));
  const risk = hold.at_risk
    ? el("a", { href: near, class: "risk", "data-key": `risk-${hold.reason}` }, `${count(hold.at_risk)} at risk`)
    : "none";
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, link, WAITS[hold.waits_for] ?? ""),
    el("td", { class: "number", "data-label": "Held" }, count(hold.count, hold.capped)),
    el("td", { "data-label": "At risk" }, risk),
    el("td", { "data-label": "Oldest" }, hold.oldest_at ? time(hold.oldest_at, "for") : "–"),
    el("td", { "data-label": "First starts" }, hold.first_start ? time(hold.first_start, "clock") : "–"),
    el("td", { class: "wide", "data-label": "Moved on by" }, sentence(hold.moves_on)),
  );
}
