// The workers and the queues: threads, how many are busy and on which bookings, last seen, release; what waits.
import { byId, el, fill, nothing, onChange, show, table } from "./core/dom.js";
import { path } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen } from "./core/keys.js";
import { time } from "./core/moments.js";
import { count, plural } from "./core/numbers.js";
import { Poll } from "./core/poll.js";

const WORKERS = ["Worker", "State", "Busy", "On", "Last seen", "Release"];
const QUEUES = ["Queue", "Messages", "Waiting", "Oldest waits", "Last tick"];
const UNKNOWN = "not known";
const TABLE = { class: "table-cards list" };
const FEW = 12; // bookings that are listed of a worker

const drawWorkers = onChange((workers) => {
  const none = "Flower has heard of no worker yet. It hears of each one within seconds, if the broker answers.";
  fill(byId("workers"), workers.length ? table("Workers", WORKERS, workers.map(worker), TABLE) : nothing(none));
});
const drawQueues = onChange((queues) => fill(byId("queues"), table("Queues", QUEUES, queues.map(queue), TABLE)));
const drawUnplaced = onChange((claimed) => {
  const what = `${plural(claimed.length, "booking is", "bookings are")} being tried by a worker that is not known: `;
  fill(byId("unplaced"), claimed.length ? el("p", { class: "hint" }, what, bookings(claimed)) : null);
});
function update({ workers, queues, unplaced, postgres }) {
  drawQueues(queues);
  drawWorkers(workers.map((one) => ({ ...one, known: postgres })));
  drawUnplaced(unplaced);
  show(byId("postgres-note"), !postgres);
}

function worker(one) {
  const release = one.release ?? UNKNOWN;
  const celery = one.celery ? el("small", {}, ` Celery ${one.celery}`) : null;
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, one.name, el("small", {}, ` ${one.host}${one.pid ? `, process ${one.pid}` : ""}`)),
    cell("State", el("span", { class: "tone", "data-tone": one.online ? "calm" : "critical" }, state(one))),
    cell("Busy", busy(one)),
    cell("On", one.bookings.length ? bookings(one.bookings) : one.known ? "no booking" : UNKNOWN, "wide"),
    cell("Last seen", one.seen_at ? [time(one.seen_at, "ago"), " ago"] : UNKNOWN),
    cell("Release", [release, celery]),
  );
}

function busy(one) {
  if (one.busy === null) return UNKNOWN;
  const threads = one.threads ? ` of ${plural(one.threads, "thread")}` : `, of how many is ${UNKNOWN}`;
  return `${count(one.busy)}${threads}`;
}

function state(one) {
  return one.online ? "online" : "not heard of";
}

function bookings(claimed) {
  const listed = claimed.slice(0, FEW).flatMap((one, index) => {
    const named = { "data-key": `on-${one.id}`, "aria-label": `Booking ${one.id}` };
    const address = { href: path(`/bookings/${one.id}`), ...named };
    return [index ? ", " : "", el("a", address, String(one.id)), " for ", time(one.since, "for")];
  });
  return claimed.length > FEW ? [...listed, `, and ${count(claimed.length - FEW)} more`] : listed;
}

function queue(one) {
  const waiting = one.waiting === null ? UNKNOWN : count(one.waiting, one.capped);
  const oldest = one.oldest_at ? time(one.oldest_at, "for") : one.waiting === 0 ? "none waits" : UNKNOWN;
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, one.name),
    cell("Messages", one.messages === null ? UNKNOWN : count(one.messages)),
    cell("Waiting", one.name === "maintenance" ? "–" : waiting),
    cell("Oldest waits", one.name === "maintenance" ? "–" : oldest),
    cell("Last tick", one.name === "bookings" ? "–" : one.ticked_at ? [time(one.ticked_at, "ago"), " ago"] : UNKNOWN),
  );
}

function cell(label, content, extra = null) {
  const names = [extra, content === "–" ? "empty" : null].filter(Boolean).join(" ");
  return el("td", { "data-label": label, class: names || null }, content);
}

const poll = new Poll("/data/workers", {
  every: 2000,
  onData: update,
  onState: (now, answer) => freshness.state(now, answer),
});
const freshness = new Freshness(poll);

listen({ search: null, refresh: () => poll.restart() });
poll.now();
