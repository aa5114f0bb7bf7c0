// One booking: why it is not moving, what can be done, and its whole story.
import { Action } from "./actions/action.js";
import { mark } from "./calls/mark.js";
import { button, byId, el, fill, onChange, show } from "./core/dom.js";
import { lookOnly } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen } from "./core/keys.js";
import { sentence } from "./core/moments.js";
import { Poll } from "./core/poll.js";
import { TONES, word } from "./core/words.js";
import { listenSearch } from "./list/search.js";
import { drawChanges } from "./one/changes.js";
import { drawFacts } from "./one/facts.js";
import { drawTimeline } from "./one/timeline.js";
import { Who } from "./one/who.js";

const LABELS = {
  retry: "Retry",
  resolve: "It is booked…",
  not_booked: "It is not booked…",
  done: "The change is done…",
  not_done: "The change is not done…",
  reschedule: "Move…",
  cancel: "Cancel this booking",
};
const TITLES = {
  resolve: "It is booked at Cal.com",
  not_booked: "It is not booked at Cal.com",
  done: "The held cancel or move was done at Cal.com",
  not_done: "The held cancel or move was not done at Cal.com",
  reschedule: "Move this booking",
};
const SENDS = {
  resolve: "Confirm it by this uid",
  not_booked: "Send it again",
  done: "It was done",
  not_done: "It was not done",
  reschedule: "Move it",
};
const MEANS = { not_booked: "retry", done: "resolve", not_done: "resolve" }; // what a person who has looked asks for
const id = byId("resilience").dataset.id; // as it is written: a number of twenty digits would be rounded

const draw = {
  state: onChange(({ status, hold_reason: reason }) => drawState(status, reason)),
  why: onChange((why) => fill(byId("sentence"), sentence(why))),
  buttons: onChange((actions) => fill(byId("buttons"), buttons(actions))),
  changes: onChange((changes) => drawChanges(byId("wishes"), changes)),
  timeline: onChange((timeline) => drawTimeline(byId("timeline"), timeline)),
  called: onChange((called) => fill(byId("called"), mark(id, called, () => poll.restart()))),
  facts: onChange((facts) => drawFacts(byId("facts"), facts)),
};

let startsAt = null;

function update(data) {
  startsAt = data.facts.booked_start_at ?? data.facts.start_at;
  show(byId("one"), true);
  draw.state({ status: data.status, hold_reason: data.hold_reason });
  draw.why(data.why);
  draw.buttons(data.actions);
  draw.changes(data.changes);
  draw.timeline(data.timeline);
  draw.facts(data.facts);
  draw.called(data.called);
}

let said = null;

function drawState(status, reason) {
  const tone = TONES[status] ?? "none";
  byId("answer").dataset.level = tone === "active" ? "calm" : tone;
  const text = reason ? `${word(status)}: ${word(reason)}` : word(status);
  byId("state").textContent = text;
  if (said !== null) byId("said").textContent = `Booking ${id} is now ${text}`;
  said = text;
}

function buttons(actions) {
  if (!actions.length) return null;
  return lookOnly() ?? actions.map((action) => actionButton(action));
}

function actionButton(action) {
  const label = LABELS[action] ?? action;
  const notBooked = action === "not_booked"; // a retry by a person who has looked at Cal.com
  const wasDone = { done: true, not_done: false }[action] ?? null;
  const about = { ids: [Number(id)], notBooked, wasDone, label: SENDS[action] ?? label, done: () => poll.restart() };
  const begin = () => new Action(MEANS[action] ?? action, TITLES[action] ?? label, { ...about, startsAt });
  if (action !== "cancel") return button(label, begin, { "data-key": `do-${action}` });
  const cancel = button(label, begin, { class: "button danger", "data-key": "do-cancel" });
  return el("span", { class: "apart" }, cancel);
}

function state(now, answer) {
  if (answer?.status !== 404) return freshness.state(now, answer);
  poll.stop();
  byId("state").textContent = "not there";
  return fill(byId("sentence"), `There is no booking ${id}.`);
}

const poll = new Poll(`/data/bookings/${id}`, { every: 2000, patient: true, onData: update, onState: state });
const freshness = new Freshness(poll);

new Who(byId("who"), id);
listen({ search: listenSearch(), refresh: () => poll.restart() });
poll.now();
