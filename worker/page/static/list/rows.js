// A list of bookings, nothing personal in it: its state, when it starts and was requested, what comes next.
import { el, fill, nothing, table } from "../core/dom.js";
import { path } from "../core/door.js";
import { now, time } from "../core/moments.js";
import { plural } from "../core/numbers.js";
import { ENDED, TONES, errorWord, word } from "../core/words.js";
import { markText } from "../calls/mark.js";

export const ACCOUNT = "Account"; // a column where there are several
const HEAD = ["Booking", "State", "What", "Starts", "Asked", "Next", "Last error"];

// `called` has the call marks by id; `choice` adds a column of checkboxes (choice.js).
export function drawRows(container, rows, { empty = "No booking.", called = {}, choice = null } = {}) {
  if (!rows.length) return fill(container, nothing(empty));
  const several = rows.some((one) => one.account);
  const named = several ? [...HEAD.slice(0, 2), ACCOUNT, ...HEAD.slice(2)] : HEAD;
  const head = choice ? [el("span", { class: "visually-hidden" }, "Choose"), ...named] : named;
  const drawn = rows.map((one) => row(one, called[one.id] ?? null, choice, several));
  return fill(container, table("Bookings", head, drawn, { class: "table-cards list" }));
}

function row(one, called, choice, several) {
  const link = el("a", { href: path(`/bookings/${one.id}`), "data-key": `row-${one.id}` }, String(one.id));
  return el(
    "tr",
    {},
    choice ? el("td", { class: "choice" }, choice.one(one)) : null,
    el("th", { scope: "row" }, link),
    cell("State", [state(one), marks(one, called)]),
    several ? cell(ACCOUNT, one.account ?? "–") : null,
    cell("What", what(one.event_type)),
    cell("Starts", starts(one)),
    cell("Asked", one.requested_at ? [time(one.requested_at, "ago"), " ago"] : "–"),
    cell("Next", next(one)),
    cell("Last error", error(one), "wide"),
  );
}

// Where it is now: a moved booking is not at the start that was asked for.
export function startsAt(one) {
  return one.booked_start_at ?? one.start_at;
}

export function starts(one) {
  const moved = one.booked_start_at ? el("small", {}, " moved") : null;
  return startsAt(one) ? [time(startsAt(one), "clock"), moved] : "–";
}

// On a phone a row is a paragraph, and each figure has its label before it.
export function cell(label, content, extra = null) {
  const names = [extra, content === "–" ? "empty" : null].filter(Boolean).join(" ");
  return el("td", { "data-label": label, class: names || null }, content);
}

export function state(one) {
  const reason = one.status === "held" && one.hold_reason ? ` ${word(one.hold_reason)}` : "";
  return el("span", { class: "tone", "data-tone": TONES[one.status] ?? "none" }, `${word(one.status)}${reason}`);
}

// What somebody has done about it already, so that nobody does it twice.
function marks(one, called) {
  const asked = one.cancel_requested && !ENDED.includes(one.status) ? el("small", {}, " cancel asked for") : null;
  return [asked, called ? [" ", markText(called)] : null];
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
