// What waits at the front door: cancels and moves by state, callbacks, and Cal.com's webhooks by what came of them.
import { el, fill, nothing, table } from "../core/dom.js";
import { time } from "../core/moments.js";
import { count } from "../core/numbers.js";
import { word } from "../core/words.js";

const HEAD = ["What", "How many", "Oldest"];
const NONE = "–";
// What came of a webhook.
const OUTCOMES = {
  stranger: "not ours",
  said: "known already",
  changed: "changed here",
  reported: "needs you",
  unchanged: "nothing new",
  "too soon": "looked at too soon",
  denied: "not answered",
};

export function drawFrontDoor(container, door) {
  if (!door) return fill(container, nothing("Not known now."));
  const rows = [...changes(door), ...callbacks(door), ...webhooks(door)];
  if (!rows.length) return fill(container, nothing("No cancel, move or callback waits, and no webhook came in 24 h."));
  return fill(container, table("Cancels, moves, callbacks and webhooks", HEAD, rows, { class: "table-cards" }));
}

function changes({ changes: found, cap }) {
  if (!found.length) return [];
  const all = found.reduce((sum, one) => sum + one.count, 0);
  const states = found.map((one) => `${count(one.count, all >= cap)} ${word(one.state)}`);
  return [row("Cancels and moves", states, found[0].oldest_at)];
}

function callbacks({ callbacks: found, cap }) {
  const kinds = [];
  if (found.waiting) kinds.push(`${count(found.waiting, found.waiting >= cap)} waiting`);
  if (found.given_up) kinds.push(`${count(found.given_up, found.given_up >= cap)} given up`);
  return kinds.length ? [row("Callbacks", kinds, found.oldest_at)] : [];
}

function webhooks({ webhooks: found, cap }) {
  const all = found.reduce((sum, one) => sum + one.count, 0);
  const triggers = [...new Set(found.map((one) => one.trigger))];
  return triggers.map((trigger) => {
    const own = found.filter((one) => one.trigger === trigger);
    const kinds = own.map((one) => `${count(one.count, all >= cap)} ${outcome(one.outcome)}`);
    return row(`Webhook ${trigger}, 24 h`, kinds, null);
  });
}

function outcome(name) {
  return name === null ? "to be looked at" : (OUTCOMES[name] ?? word(name));
}

function row(what, kinds, oldest) {
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, what),
    el("td", { class: "wide", "data-label": "How many" }, kinds.join(", ")),
    el("td", { "data-label": "Oldest" }, oldest ? time(oldest, "for") : NONE),
  );
}
