// The overview: one reading a second, drawn from the verdict downwards.
import { Action } from "./actions/action.js";
import { Answer } from "./answer/answer.js";
import { Charts } from "./charts/charts.js";
import { button, byId, fill, onChange, show } from "./core/dom.js";
import { path } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen } from "./core/keys.js";
import { clockWithSeconds } from "./core/moments.js";
import { count } from "./core/numbers.js";
import { Poll } from "./core/poll.js";
import { drawRows } from "./list/rows.js";
import { listenSearch } from "./list/search.js";
import { drawAccounts } from "./sections/accounts.js";
import { drawCards } from "./sections/cards.js";
import { drawChanges, drawIncidents } from "./sections/changes.js";
import { drawElsewhere } from "./sections/elsewhere.js";
import { drawFirstDay } from "./sections/first_day.js";
import { drawFrontDoor } from "./sections/front_door.js";
import { drawHolds } from "./sections/holds.js";
import { drawTotals } from "./sections/totals.js";

const PHONE = "(max-width: 40rem)";
const LISTED = 10; // bookings below the overview

const done = () => poll.restart();
const answer = new Answer({
  order: (action, title) => new Action(action, title, { done }),
  bookings: (action, query, title) => new Action(action, title, { query, done }),
});
const elsewhere = (action, title, service) => new Action(action, title, { service, done });
const charts = { view: null };
let listed = null;

const draw = {
  cards: onChange((value) => drawCards(byId("cards"), value)),
  holds: onChange((value) => drawHolds(byId("holds"), value)),
  accounts: onChange((value) => drawAccounts(byId("accounts"), value.services ?? [], value.accounts ?? [])),
  elsewhere: onChange((value) => drawElsewhere(byId("elsewhere"), value, elsewhere)),
  totals: onChange((value) => drawTotals(byId("totals"), value)),
  frontDoor: onChange((value) => drawFrontDoor(byId("front-door"), value)),
  changes: onChange((value) => drawChanges(byId("changes"), value)),
  incidents: onChange((value) => drawIncidents(byId("incidents"), value)),
  firstDay: onChange((value) => drawFirstDay(byId("first-day"), value)),
};

function update(data) {
  answer.update(data);
  show(byId("first-day"), Boolean(data.first_day));
  draw.firstDay(data.first_day ? data.try : null);
  show(byId("figures"), !data.first_day);
  if (data.first_day) return;
  charts.view ??= new Charts();
  charts.view.live(data);
  draw.cards({ cards: data.cards, parts: data.parts });
  kept(data);
  list(data);
}

// What cannot be read now stays as it was read last, hatched, with its moment.
let lastKnown = null;

function kept(data) {
  const unread = data.now === null;
  for (const id of ["holds-block", "front-door-block", "changes-block", "incidents-block", "bookings"])
    byId(id).classList.toggle("stale", unread);
  const note = document.querySelector('[data-note="postgres"]');
  show(note, unread);
  const shown = unread && lastKnown ? lastKnown : data;
  const why = data.parts.postgres?.well ? "Postgres is slow" : "Postgres does not answer";
  note.textContent = lastKnown
    ? `These figures are of ${clockWithSeconds(lastKnown.read_at)}: ${why}.`
    : `${why}: how many are held is not known.`;
  if (!unread) lastKnown = data;
  draw.holds(shown.holds);
  draw.accounts({ services: shown.services, accounts: shown.accounts });
  draw.elsewhere(shown.calcoms ?? []);
  charts.view.calcoms(shown.calcoms ?? []);
  const whose = shown.calcoms?.length ? "breakers of the Cal.com of the settings" : "";
  for (const place of document.querySelectorAll('[data-of="settings"]')) place.textContent = whose;
  draw.totals({ now: shown.now, day: shown.day, unknown: shown.unknown, queues: shown.queues, capped: shown.capped });
  draw.frontDoor(shown.front_door);
  draw.changes(shown.changes);
  draw.incidents(shown.incidents);
  byId("holds-figure").textContent = shown.now?.held ? count(shown.now.held, shown.capped.includes("held")) : "";
  byId("incidents-figure").textContent = shown.incidents?.length ? count(shown.incidents.length) : "";
}

// Held bookings if there are any, else the newest; read again when their number has changed.
function list(data) {
  if (data.now === null && listed) return;
  const held = (data.now?.held ?? 0) > 0;
  const query = held ? { state: "held", sort: "asked" } : {};
  const all = byId("list-all");
  all.href = path("/bookings", query);
  const number = held ? count(data.now.held, data.capped.includes("held")) : "";
  all.textContent = held ? `All ${number} held ${data.now.held === 1 ? "booking" : "bookings"}` : "All bookings";
  const changed = JSON.stringify([query, data.now, data.day]);
  listed ??= new Poll("/data/bookings", {
    every: 10000,
    patient: true,
    query: () => ({ ...listed.filter, limit: LISTED }),
    onData: drawList,
    onState: listState,
  });
  listed.filter = query;
  if (changed !== listed.changed) listed.restart();
  listed.changed = changed;
}

const drawList = onChange(({ rows, called }) =>
  drawRows(byId("list"), rows.slice(0, LISTED), { empty: "No booking yet.", called }),
);

function listState(state) {
  const note = byId("list-note");
  show(note, state !== "well");
  const older = byId("list").childElementCount ? "; what is below is older." : ".";
  note.textContent = state === "well" ? "" : `The list cannot be read now${older}`;
}

function foldOnPhone() {
  if (!matchMedia(PHONE).matches) return;
  for (const id of ["cards-block", "front-door-block", "changes-block", "incidents-block"]) byId(id).open = false;
  const showAll = () => {
    byId("charts").classList.add("all");
    all.remove();
  };
  const all = button("All charts", showAll, { class: "button small quiet all-charts" });
  byId("charts").append(all);
}

const poll = new Poll("/data/overview", { onData: update, onState: (state, said) => freshness.state(state, said) });
const freshness = new Freshness(poll);

foldOnPhone();
listen({
  search: listenSearch(),
  refresh: () => Promise.all([poll.restart(), charts.view?.poll.restart(), listed?.restart()]),
});
fill(byId("buttons"));
poll.now();
