// The facts of one booking: what it is, its state, and the names by which it is found. Nothing personal.
import { el, fill, pairs } from "../core/dom.js";
import { path } from "../core/door.js";
import { time } from "../core/moments.js";
import { word } from "../core/words.js";

const NAMES = {
  account: "Account",
  what: "What",
  start_at: "Starts",
  booked_start_at: "Starts",
  moved: "Moved",
  awaits_host: "Awaits",
  requested_at: "Asked for",
  answer_by: "Wanted until",
  calcom_booking_uid: "Cal.com uid",
  calcom_seat_uid: "Seat uid",
  held_at: "Held since",
  hold_until: "Not before",
  next_attempt_at: "Next attempt",
  series_uid: "Series uid",
  series_weeks: "Weeks booked",
  series_of: "Weeks asked for",
  tries: "Calls",
  outcome_unknown: "Outcome",
  cancel_requested: "Cancellation",
  last_error: "Last error",
  error_type: "Kind of error",
  idempotency_key: "Idempotency key",
  uuid: "UUID",
  task_id: "Task id",
  correlation_id: "Correlation id",
};
const TRUE = {
  awaits_host: "its host's yes, or its payment",
  outcome_unknown: "unknown: it may be booked",
  cancel_requested: "asked for",
};
const CODES = ["calcom_booking_uid", "calcom_seat_uid", "idempotency_key", "uuid", "task_id", "correlation_id"];

export function drawFacts(list, facts) {
  const known = Object.entries(facts).filter(([, value]) => ![null, "", false].includes(value));
  const names = facts.booked_start_at ? { ...NAMES, start_at: "Asked to start" } : NAMES;
  fill(list, pairs(known.map(([name, value]) => [names[name] ?? word(name), written(name, value)])));
}

function written(name, value) {
  if (name === "account") return el("a", { href: path(`/accounts/${value}`) }, value);
  if (value === true) return TRUE[name] ?? "yes";
  if (typeof value === "string" && /_at$|_until$/.test(name) && !Number.isNaN(Date.parse(value)))
    return time(value, name.endsWith("start_at") ? "clock" : "seconds");
  if (CODES.includes(name)) return el("code", {}, String(value));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
