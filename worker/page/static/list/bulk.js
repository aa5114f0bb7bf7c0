// What can be done with a list: with the chosen bookings, else with those that are shown, or all, a thousand at most.
import { button, el } from "../core/dom.js";
import { lookOnly, path } from "../core/door.js";
import { count, plural } from "../core/numbers.js";
import { ENDED } from "../core/words.js";
import { MOST } from "../actions/chosen.js";

const VERBS = { retry: "Retry", cancel: "Cancel" };
// The states and reasons of bookings that do not go by themselves.
const RETRIED = ["failed", "unreachable", "suspect", "blind_key", "credentials", "configuration"];
const CALLED = ["held", "failed", "expired", "rejected"]; // whose customers may have to be called
const MOST_CALLED = 50;

// What the buttons depend on: the ids for each action, and how many there are beyond this page. The chosen bookings
// are all asked for, whatever they are: the dialog says which ones an action leaves alone, and why.
export function doable({ rows, count: total, capped }, chosen = []) {
  if (chosen.length) return { chosen, ids: { retry: chosen, cancel: chosen }, calls: chosen.length, all: null };
  const ids = {
    retry: rows.filter(mayRetry).map((row) => row.id),
    cancel: rows.filter(mayCancel).map((row) => row.id),
  };
  const calls = rows.some((row) => CALLED.includes(row.status)) ? total : 0;
  const all = total > rows.length ? Math.min(total, MOST) : null;
  return { chosen, ids, calls, all, first: capped || total > MOST };
}

// `act(action, title, about)`: `about` is {ids}, or {all: true} for the whole list; `query` is the list's.
// Cancel stands apart, and looks unlike retry.
export function bulk(what, query, act) {
  const calls = what.calls ? callList(what, query) : null;
  const refusal = lookOnly();
  const offered = Object.keys(VERBS).filter((action) => what.ids[action].length);
  if (refusal) return offered.length ? [calls, refusal] : calls;
  const [retry, cancel] = Object.keys(VERBS).map((name) => (offered.includes(name) ? buttons(name, what, act) : null));
  return [retry, calls, cancel && el("span", { class: "apart" }, cancel)];
}

function callList({ chosen, calls }, query) {
  const asked = chosen.length ? { ids: chosen.slice(0, MOST_CALLED).join(",") } : query;
  const number = calls > MOST_CALLED ? `the first ${MOST_CALLED}` : count(calls);
  const address = { class: "button small", href: path("/calls", asked), "data-key": "call-list" };
  return el("a", address, `Call list (${number})`);
}

function buttons(action, { chosen, ids, all, first }, act) {
  const number = ids[action].length;
  const title = `${VERBS[action]} ${plural(number, "booking")}`;
  const label = `${VERBS[action]} ${chosen.length ? "chosen" : "shown"} (${count(number)})`;
  const these = small(action, `bulk-${action}`, label, () => act(action, title, { ids: ids[action] }));
  if (!all) return [these];
  const whole = `${VERBS[action]} ${first ? "the first" : "all"} ${count(all)}`;
  return [these, small(action, `all-${action}`, whole, () => act(action, whole, { all: true }))];
}

function mayRetry(row) {
  return RETRIED.includes(row.status === "held" ? row.hold_reason : row.status);
}

function mayCancel(row) {
  return !ENDED.includes(row.status) && !row.cancel_requested;
}

function small(action, key, title, onclick) {
  const look = action === "cancel" ? "button small danger" : "button small";
  return button(title, onclick, { class: look, "data-key": key });
}
