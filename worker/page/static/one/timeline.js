// One booking's story, the newest first: what happened when, who did it, its calls, how long they took, the pauses.
import { el, fill, marked, nothing, pairs } from "../core/dom.js";
import { duration, time, utc } from "../core/moments.js";
import { TONES, word } from "../core/words.js";

const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  fractionalSecondDigits: 3,
});
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const EVENT_TONES = {
  claimed: "active",
  breaker_closed: "calm",
  breaker_open: "critical",
  breaker_half_open: "warning",
};
const LONG_PAUSE = 1000; // ms
const SHORTEST_BAR = 1000; // ms: bars are as long as the calls, beside the longest of them

export function drawTimeline(container, timeline) {
  const open = [...container.querySelectorAll("details[open]")].map((one) => one.dataset.from);
  const times = timeline.flatMap((event) => event.calls.map((one) => one.ms ?? 0));
  const longest = Math.max(SHORTEST_BAR, ...times);
  const steps = story(timeline, longest, open);
  fill(container, timeline.length ? el("ol", { class: "timeline" }, steps) : nothing("Nothing is written down of it."));
}

function story(entries, longest, open = []) {
  return entries.map((event, index) => [
    between(entries[index - 1], event),
    event.entries ? run(event, longest, open) : step(event, longest),
  ]);
}

// What stands above an event: the pause to the later one above it, of a second or more, and its day if that is another.
function between(later, event) {
  const day = DAY.format(new Date(event.at));
  const isNewDay = !later || DAY.format(new Date(later.from ?? later.at)) !== day;
  const pause = later ? Date.parse(later.from ?? later.at) - Date.parse(event.at) : 0;
  const hidden = el("span", { class: "visually-hidden" }, " between");
  return [
    pause >= LONG_PAUSE ? el("li", { class: "pause" }, duration(pause), hidden) : null,
    isNewDay ? el("li", { class: "day" }, day) : null,
  ];
}

// Many holds in a row as one line, which opens; one that is open stays so when the story grows.
function run(event, longest, open) {
  const summary = el("summary", { "data-key": `run-${event.from}` }, event.title);
  const inner = el("ol", { class: "timeline" }, story(event.entries, longest));
  const isOpen = open.includes(event.from);
  const details = el("details", { class: "run", "data-from": event.from, open: isOpen }, summary, inner);
  return el("li", { class: "step", "data-tone": "warning" }, moment(event.at), details);
}

function moment(at) {
  return el("time", { datetime: at, title: utc(at) }, CLOCK.format(new Date(at)));
}

function step(event, longest) {
  const tone = TONES[event.kind] ?? EVENT_TONES[event.kind] ?? "none";
  const by = el("span", {}, event.by ? ` by ${event.by}` : "");
  const calls = event.calls.map((one) => call(one, longest));
  const content = [
    el("p", { class: "kind" }, el("strong", {}, event.title), by),
    event.why ? el("p", {}, marked(event.why)) : null,
    calls.length ? el("ul", { class: "calls" }, calls) : null,
    details(event.detail),
  ];
  return el("li", { class: "step", "data-tone": tone }, moment(event.at), el("div", {}, content));
}

function call(one, longest) {
  const tone = typeof one.status === "number" && one.status < 400 ? "calm" : "critical";
  return el(
    "li",
    { "data-tone": tone },
    el("code", {}, one.endpoint),
    el("span", { class: "took" }, typeof one.ms === "number" ? duration(one.ms) : "–"),
    el("meter", { min: 0, max: longest, value: one.ms ?? 0, "aria-hidden": "true" }),
    el("span", { class: "tone", "data-tone": tone }, one.status ? `HTTP ${one.status}` : "no answer"),
  );
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const UNITS = { _ms: (value) => duration(value), _s: (value) => `${value} s` };

function details(detail) {
  const known = Object.entries(detail).filter(([, value]) => value !== null && value !== "");
  const written = known.map(([name, value]) => [word(name.replace(/_(ms|s)$/, "")), text(name, value)]);
  return known.length ? el("dl", { class: "detail" }, pairs(written)) : null;
}

function text(name, value) {
  const unit = Object.keys(UNITS).find((ending) => name.endsWith(ending) && typeof value === "number");
  if (unit) return UNITS[unit](value);
  if (typeof value === "string" && MOMENT.test(value)) return time(value, "seconds");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
