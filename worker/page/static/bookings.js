// The list of bookings that the page's address describes, read every few seconds.
import { Action } from "./actions/action.js";
import { byId, el, fill, onChange, show } from "./core/dom.js";
import { path } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen } from "./core/keys.js";
import { count } from "./core/numbers.js";
import { Poll } from "./core/poll.js";
import { bulk, doable } from "./list/bulk.js";
import { drawFilters, filterOf, title } from "./list/filters.js";
import { drawRows } from "./list/rows.js";
import { listenSearch } from "./list/search.js";

const filter = filterOf(location.search);
const plain = filterOf(location.search, { page: false });

const drawTable = onChange((rows) => drawRows(byId("list"), rows, { empty: "No booking is like that." }));
const drawBulk = onChange((what) => fill(byId("bulk"), bulk(what, act)));
const drawPages = onChange((next) => fill(byId("pages"), pages(next)));

function update(list) {
  const { rows, next, count: total, capped } = list;
  drawTable(rows);
  drawPages(next);
  byId("list-count").textContent = rows.length ? `${count(rows.length)} of ${count(total, capped)} shown` : "";
  drawBulk(doable(list));
}

function act(action, verb, { ids = null, all = false }) {
  return new Action(action, verb, { ids, query: all ? plain : null, done: () => poll.restart() });
}

function pages(next) {
  return [
    filter.after ? pageLink("First page", plain, { "data-key": "first" }) : null,
    next ? pageLink("Next page", { ...plain, after: next }, { "data-key": "next", rel: "next" }) : null,
  ];
}

function pageLink(label, query, attributes) {
  return el("a", { class: "button small", href: path("/bookings", query), ...attributes }, label);
}

function state(now, said) {
  show(byId("list-note"), false);
  freshness.state(now, said);
}

const poll = new Poll("/data/bookings", { every: 4000, query: () => filter, onData: update, onState: state });
const freshness = new Freshness(poll);

byId("list-title").textContent = title(filter);
document.title = document.title.replace(/^Bookings/, () => title(filter));
byId("csv").href = path("/bookings.csv", plain);
byId("json").href = path("/bookings.json", plain);
drawFilters(byId("filters"), filter);
listen({ search: listenSearch(), refresh: () => poll.restart() });
poll.now();
