// One booking's story: what happened when, who did it, its calls and how long they took, and the pauses between.
import { el, fill, nothing, pairs } from "../core/dom.js";
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
  const times = timeline.flatMap((event) => event.calls.map((one) => one.ms ?? 0));
  const longest = Math.max(SHORTEST_BAR, ...times);
  const steps = timeline.map((event, index) => [between(timeline[index - 1], event), step(event, longest)]);
  fill(container, steps.length ? el("ol", { class: "timeline" }, steps) : nothing("Nothing is written down of it."));
}

// The entries before an event: a pause of a second or more, and a new day.
function between(before, event) {
  const day = DAY.format(new Date(event.at));
  const isNewDay = !before || DAY.format(new Date(before.at)) !== day;
  const pause = before ? Date.parse(event.at) - Date.parse(before.at) : 0;
  const later = el("span", { class: "visually-hidden" }, " later");
  return [
    pause >= LONG_PAUSE ? el("li", { class: "pause" }, duration(pause), later) : null,
    isNewDay ? el("li", { class: "day" }, day) : null,
  ];
}

function step(event, longest) {
  const tone = TONES[event.kind] ?? EVENT_TONES[event.kind] ?? "none";
  const at = el("time", { datetime: event.at, title: utc(event.at) }, CLOCK.format(new Date(event.at)));
  const by = el("span", {}, event.by ? ` by ${event.by}` : "");
  const calls = event.calls.map((one) => call(one, longest));
  const content = [
    el("p", { class: "kind" }, el("strong", {}, word(event.kind)), by),
    event.why ? el("p", {}, event.why) : null,
    calls.length ? el("ul", { class: "calls" }, calls) : null,
    details(event.detail),
  ];
  return el("li", { class: "step", "data-tone": tone }, at, el("div", {}, content));
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
