// What can be done with a list: to the very bookings that are shown, or to all that are in it, a thousand at most.
import { el } from "../core/dom.js";
import { mayAct } from "../core/door.js";
import { count, plural } from "../core/numbers.js";

const VERBS = { retry: "Retry", cancel: "Cancel" };
// Others go by themselves.
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

// `act(action, title, about)`: about is {ids}, or {all: true} for the list's.
export function bulk({ ids, all, first }, act) {
  const actions = Object.keys(VERBS).filter((action) => ids[action].length);
  if (!actions.length) return null;
  const may = mayAct();
  if (may !== "yes") return el("p", { class: "reason" }, `You can look, not act: ${may}`);
  const shown = actions.map((action) =>
    button(`bulk-${action}`, `${VERBS[action]} shown (${count(ids[action].length)})`, () =>
      act(action, `${VERBS[action]} ${plural(ids[action].length, "booking")}`, { ids: ids[action] }),
    ),
  );
  const whole =
    all &&
    actions.map((action) => {
      const title = `${VERBS[action]} ${first ? "the first" : "all"} ${count(all)}`;
      return button(`all-${action}`, title, () => act(action, title, { all: true }));
    });
  return [...shown, whole];
}

function mayRetry(row) {
  return RETRIED.includes(row.status === "held" ? row.hold_reason : row.status);
}

function mayCancel(row) {
  return !ENDED.includes(row.status);
}

function button(key, title, onclick) {
  return el("button", { type: "button", class: "button small", "data-key": key, onclick }, title);
}
