// Actions on a list: on the bookings that are shown, or on all of the list, a thousand at most.
import { button } from "../core/dom.js";
import { lookOnly } from "../core/door.js";
import { count, plural } from "../core/numbers.js";

const VERBS = { retry: "Retry", cancel: "Cancel" };
// The states and reasons of bookings that do not go by themselves.
const RETRIED = ["failed", "unreachable", "suspect", "blind_key", "credentials", "configuration"];
const ENDED = ["confirmed", "rejected", "failed", "expired", "cancelled"];
const MOST = 1000;

// What the buttons depend on: the ids for each action, and how many there are beyond this page.
export function doable({ rows, count: total, capped }) {
  const ids = {
    retry: rows.filter(mayRetry).map((row) => row.id),
    cancel: rows.filter(mayCancel).map((row) => row.id),
  };
  return { ids, all: total > rows.length ? Math.min(total, MOST) : null, first: capped || total > MOST };
}

// `act(action, title, about)`: `about` is {ids}, or {all: true} for the whole list.
export function bulk({ ids, all, first }, act) {
  const actions = Object.keys(VERBS).filter((action) => ids[action].length);
  if (!actions.length) return null;
  return lookOnly() ?? offered(actions, { ids, all, first }, act);
}

function offered(actions, { ids, all, first }, act) {
  const shown = actions.map((action) => {
    const title = `${VERBS[action]} ${plural(ids[action].length, "booking")}`;
    const label = `${VERBS[action]} shown (${count(ids[action].length)})`;
    return small(`bulk-${action}`, label, () => act(action, title, { ids: ids[action] }));
  });
  if (!all) return shown;
  const whole = actions.map((action) => {
    const title = `${VERBS[action]} ${first ? "the first" : "all"} ${count(all)}`;
    return small(`all-${action}`, title, () => act(action, title, { all: true }));
  });
  return [...shown, ...whole];
}

function mayRetry(row) {
  return RETRIED.includes(row.status === "held" ? row.hold_reason : row.status);
}

function mayCancel(row) {
  return !ENDED.includes(row.status);
}

function small(key, title, onclick) {
  return button(title, onclick, { class: "button small", "data-key": key });
}
