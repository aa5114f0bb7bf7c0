// The list of bookings that the page's address describes, read every few seconds.
import { Action } from "./actions/action.js";
import { byId, el, fill, onChange, show } from "./core/dom.js";
import { path, whyNot } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen } from "./core/keys.js";
import { count } from "./core/numbers.js";
import { Poll } from "./core/poll.js";
import { bulk, doable } from "./list/bulk.js";
import { Choice } from "./list/choice.js";
import { drawFilters, filterOf, title } from "./list/filters.js";
import { Look } from "./list/look.js";
import { drawRows } from "./list/rows.js";
import { listenSearch } from "./list/search.js";

const filter = filterOf(location.search);
const plain = filterOf(location.search, { page: false });

let newest = null; // the last answer
let shown = null; // the same, with what was found behind it
const look = new Look(filter, () => newest && draw(newest));
const choice = new Choice(() => drawChoice());
const drawTable = onChange(({ rows, called, empty }) =>
  drawRows(byId("list"), rows, { empty, called, choice: whyNot() ? null : choice }),
);
const drawBulk = onChange((what) => fill(byId("bulk"), bulk(what, plain, act)));
const drawPages = onChange((next) => fill(byId("pages"), pages(next)));

async function update(list) {
  newest = list;
  draw({ ...list, rows: await look.join(list) });
}

function draw(list) {
  const next = look.next(list.next);
  const rows = [...list.rows, ...look.rows.filter((one) => !list.rows.some((other) => other.id === one.id))];
  const all = next ? count(list.count, list.capped) : count(Math.max(rows.length, list.capped ? 0 : list.count));
  const note = look.note(rows.length);
  shown = { ...list, rows };
  choice.shown(rows);
  const called = { ...look.called, ...list.called };
  drawTable({ rows, called, empty: note ? "None so far." : "No booking is like that." });
  drawPages(next);
  fill(byId("list-looked"), note);
  byId("list-count").textContent = rows.length ? `${count(rows.length)} of ${all} shown` : "";
  drawChoice();
}

function drawChoice() {
  if (!whyNot()) fill(byId("choice"), choice.bar());
  if (byId("chosen").textContent !== choice.said) byId("chosen").textContent = choice.said;
  drawBulk(doable(shown, choice.ids));
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
listen({ search: listenSearch(filter.account), refresh: () => poll.restart() });
poll.now();
