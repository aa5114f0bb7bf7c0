// A list of bookings, nothing personal in it: its state, when it starts and was requested, what comes next.
import { el, fill, nothing, table } from "../core/dom.js";
import { path } from "../core/door.js";
import { now, time } from "../core/moments.js";
import { plural } from "../core/numbers.js";
import { TONES, errorWord, word } from "../core/words.js";

const HEAD = ["Booking", "State", "What", "Starts", "Asked", "Next", "Last error"];

export function drawRows(container, rows, { empty = "No booking." } = {}) {
  if (!rows.length) return fill(container, nothing(empty));
  return fill(container, table("Bookings", HEAD, rows.map(row), { class: "table-cards list" }));
}

function row(one) {
  const link = el("a", { href: path(`/bookings/${one.id}`), "data-key": `row-${one.id}` }, String(one.id));
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, link),
    cell("State", state(one)),
    cell("What", what(one.event_type)),
    cell("Starts", one.start_at ? time(one.start_at, "clock") : "–"),
    cell("Asked", one.requested_at ? [time(one.requested_at, "ago"), " ago"] : "–"),
    cell("Next", next(one)),
    cell("Last error", error(one), "wide"),
  );
}

// On a phone a row is a paragraph, and each figure has its label before it.
function cell(label, content, extra = null) {
  const names = [extra, content === "–" ? "empty" : null].filter(Boolean).join(" ");
  return el("td", { "data-label": label, class: names || null }, content);
}

function state(one) {
  const reason = one.status === "held" && one.hold_reason ? ` ${word(one.hold_reason)}` : "";
  return el("span", { class: "tone", "data-tone": TONES[one.status] ?? "none" }, `${word(one.status)}${reason}`);
}

function what(type) {
  return type ? `type ${String(type).replace(/^id:/, "")}` : "–";
}

function next(one) {
  const at = one.status === "held" ? one.hold_until : one.next_attempt_at;
  if (!at) return one.status === "held" ? "in its turn" : "–";
  return Date.parse(at) > now() ? ["in ", time(at, "in")] : "due";
}

function error(one) {
  const tries = one.retry_count ? `, ${plural(one.retry_count, "retry", "retries")}` : "";
  const unknown = one.outcome_unknown ? el("strong", {}, "outcome unknown: ") : null;
  return one.error_type || unknown ? [unknown, `${errorWord(one.error_type)}${tries}`] : "–";
}
