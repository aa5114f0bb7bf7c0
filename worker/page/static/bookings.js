// The list: what the address says, asked for again every few seconds.
import { Action } from "./actions/action.js";
import { byId, el, fill, onChange, show } from "./core/dom.js";
import { mayAct, path } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen, showHelp } from "./core/keys.js";
import { count, plural } from "./core/numbers.js";
import { Poll } from "./core/poll.js";
import { drawFilters, filterOf, title } from "./list/filters.js";
import { drawRows } from "./list/rows.js";
import { listenSearch } from "./list/search.js";

const RETRIED = ["failed", "unreachable", "suspect", "blind_key", "credentials", "configuration"];
const ENDED = ["confirmed", "rejected", "failed", "expired", "cancelled"];

const filter = filterOf(location.search);
const plain = filterOf(location.search, { page: false });

const drawTable = onChange((rows) => drawRows(byId("list"), rows, { empty: "No booking is like that." }));
const drawBulk = onChange((ids) => fill(byId("bulk"), bulk(ids)));
const drawPages = onChange((next) => fill(byId("pages"), pages(next)));

function update({ rows, next, count: total, capped }) {
  drawTable(rows);
  drawPages(next);
  byId("list-count").textContent = rows.length ? `${count(rows.length)} of ${count(total, capped)} shown` : "";
  drawBulk({ retry: rows.filter(mayRetry).map((row) => row.id), cancel: rows.filter((row) => !ENDED.includes(row.status)).map((row) => row.id) });
}

function mayRetry(row) {
  return RETRIED.includes(row.status === "held" ? row.hold_reason : row.status);
}

function bulk({ retry, cancel }) {
  if (!retry.length && !cancel.length) return null;
  const may = mayAct();
  if (may !== "yes") return el("p", { class: "reason" }, `You can look, not act: ${may}`);
  return [button("retry", retry), button("cancel", cancel)];
}

function button(action, ids) {
  if (!ids.length) return null;
  const name = `${action === "retry" ? "Retry" : "Cancel"} shown (${count(ids.length)})`;
  const verb = `${action === "retry" ? "Retry" : "Cancel"} ${plural(ids.length, "booking")}`;
  return el("button", { type: "button", class: "button small", "data-key": `bulk-${action}`, onclick: () => new Action(action, verb, { ids, done: () => poll.restart() }) }, name);
}

function pages(next) {
  return [
    filter.after ? el("a", { class: "button small", href: path("/bookings", plain), "data-key": "first" }, "First page") : null,
    next ? el("a", { class: "button small", href: path("/bookings", { ...plain, after: next }), "data-key": "next", rel: "next" }, "Next page") : null,
  ];
}

function state(now, said) {
  show(byId("list-note"), false);
  freshness.state(now, said);
}

const poll = new Poll("/data/bookings", { every: 4000, query: () => filter, onData: update, onState: state });
const freshness = new Freshness(poll);

byId("list-title").textContent = title(filter);
document.title = `${title(filter)} · Flower`;
byId("csv").href = path("/bookings.csv", plain);
byId("json").href = path("/bookings.json", plain);
drawFilters(byId("filters"), filter);
byId("keys").addEventListener("click", showHelp);
listen({ search: listenSearch(), refresh: () => poll.restart() });
poll.now();
