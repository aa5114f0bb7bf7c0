// The call list: up to fifty bookings of a list, whom to call for each, and who has called already.
import { asText, drawCalls } from "./calls/table.js";
import { reveal } from "./calls/reveal.js";
import { button, byId, el, fill, onChange } from "./core/dom.js";
import { copyButton } from "./core/copy.js";
import { lookOnly, path } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen } from "./core/keys.js";
import { now, span, utc } from "./core/moments.js";
import { count } from "./core/numbers.js";
import { Poll } from "./core/poll.js";
import { filterOf, title } from "./list/filters.js";

const MOST = 50; // of one call list
const EVERY = 2000; // ms: within it each viewer sees a mark

const filter = filterOf(location.search, { page: false });
let shown = null; // {ids, contacts, until}: what a look has shown; its bookings stay listed when they move on
let last = null; // the last answer

const drawTable = onChange(() => drawCalls(byId("list"), seen(), () => poll.restart()));
const drawButtons = onChange(() => fill(byId("buttons"), buttons()));

function seen() {
  const rows = [...last.rows];
  if (shown) rows.sort((one, other) => shown.ids.indexOf(one.id) - shown.ids.indexOf(other.id));
  return { rows, called: last.called, contacts: shown?.contacts ?? null };
}

function update(list) {
  last = list;
  const { rows, called, contacts } = seen();
  const ids = rows.map((one) => one.id);
  drawTable([rows, called, contacts && shown.until]);
  drawButtons([ids, contacts && shown.until]);
  const done = ids.filter((id) => called[id]).length;
  const whole = shown ? ids.length : list.count;
  const of = whole > ids.length ? ` of ${count(whole, list.capped)}` : "";
  byId("list-count").textContent = ids.length ? `${count(ids.length)}${of} to call, ${count(done)} called` : "";
}

function buttons() {
  const { rows, contacts } = seen();
  if (!rows.length) return null;
  const refusal = lookOnly();
  if (refusal) return refusal;
  if (!contacts) {
    const ids = rows.map((one) => one.id);
    const ask = () => reveal(ids, (found, seconds) => show(ids, found, seconds));
    return button(`Show whom to call (${count(ids.length)})`, ask, { class: "button first", "data-key": "show-who" });
  }
  return [
    button("Print", () => window.print(), { class: "button small", "data-key": "print" }),
    copyButton(asText(rows, contacts), byId("list")),
    button("Hide now", hide, { class: "button small", "data-key": "show-who" }),
  ];
}

function show(ids, found, seconds) {
  shown = { ids, contacts: new Map(found.map((one) => [one.id, one])), until: now() + seconds * 1000 };
  byId("printed").textContent = `Shown at ${utc(now())}.`; // on paper nothing else says when
  update(last);
  tick();
  poll.restart();
}

// The names leave the page: after ten minutes, by the button, and when the viewer leaves: going back shows none.
function hide() {
  if (!shown?.contacts) return;
  shown = { ...shown, contacts: null };
  byId("hidden-in").textContent = "";
  if (last) update(last);
}

function tick() {
  if (!shown?.contacts) return;
  const left = (shown.until - now()) / 1000;
  if (left <= 0) hide();
  else byId("hidden-in").textContent = `Hidden again in ${span(left)}.`;
}

// A look is about its very bookings: one that has moved on meanwhile is still there, with its state.
function query() {
  return shown ? { ids: shown.ids.join(","), limit: MOST } : { ...filter, limit: MOST };
}

const poll = new Poll("/data/bookings", {
  every: EVERY,
  query,
  onData: update,
  onState: (state, answer) => freshness.state(state, answer),
});
const freshness = new Freshness(poll);

document.title = `Call list: ${title(filter)} · Flower`;
byId("list-of").textContent = title(filter);
fill(byId("as-list"), el("a", { href: path("/bookings", filter) }, "As a list"));
window.addEventListener("pagehide", hide);
setInterval(tick, 500);
listen({ search: null, refresh: () => poll.restart() });
poll.now();
