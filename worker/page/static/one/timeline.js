// One booking's story: what happened when, who did it, its calls and how long they took, and the pauses between.
import { el, fill } from "../core/dom.js";
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
  const longest = Math.max(
    SHORTEST_BAR,
    ...(timeline ?? []).flatMap((event) => (event.calls ?? []).map((one) => one.ms ?? 0)),
  );
  const steps = (timeline ?? []).flatMap((event, index) => [
    ...between(timeline[index - 1], event),
    step(event, longest),
  ]);
  fill(
    container,
    steps.length
      ? el("ol", { class: "timeline" }, steps)
      : el("p", { class: "nothing" }, "Nothing is written down of it."),
  );
}

// A new day, and a pause that is worth a word.
function between(before, event) {
  const day = DAY.format(new Date(event.at));
  const isNewDay = !before || DAY.format(new Date(before.at)) !== day;
  const pause = before ? Date.parse(event.at) - Date.parse(before.at) : 0;
  return [
    pause >= LONG_PAUSE
      ? el("li", { class: "pause" }, duration(pause), el("span", { class: "visually-hidden" }, " later"))
      : null,
    isNewDay ? el("li", { class: "day" }, day) : null,
  ].filter(Boolean);
}

function step(event, longest) {
  return el(
    "li",
    { class: "step", "data-tone": TONES[event.kind] ?? EVENT_TONES[event.kind] ?? "none" },
    el("time", { datetime: event.at, title: utc(event.at) }, CLOCK.format(new Date(event.at))),
    el(
      "div",
      {},
      el("p", { class: "kind" }, el("strong", {}, word(event.kind)), el("span", {}, event.by ? ` by ${event.by}` : "")),
      event.why ? el("p", {}, event.why) : null,
      (event.calls ?? []).length
        ? el(
            "ul",
            { class: "calls" },
            event.calls.map((one) => call(one, longest)),
          )
        : null,
      details(event.detail),
    ),
  );
}

function call(one, longest) {
  const well = typeof one.status === "number" && one.status < 400;
  const bar = el("meter", { min: 0, max: longest, value: one.ms ?? 0, "aria-hidden": "true" });
  return el(
    "li",
    { "data-tone": well ? "calm" : "critical" },
    el("code", {}, one.endpoint),
    el("span", { class: "took" }, typeof one.ms === "number" ? duration(one.ms) : "–"),
    bar,
    el(
      "span",
      { class: "tone", "data-tone": well ? "calm" : "critical" },
      one.status ? `HTTP ${one.status}` : "no answer",
    ),
  );
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/;
const UNITS = { _ms: (value) => duration(value), _s: (value) => `${value} s` };

function details(detail) {
  const known = Object.entries(detail ?? {}).filter(([, value]) => value !== null && value !== "");
  if (!known.length) return null;
  return el(
    "dl",
    { class: "detail" },
    known.map(([name, value]) =>
      el("div", {}, el("dt", {}, word(name.replace(/_(ms|s)$/, ""))), el("dd", {}, written(name, value))),
    ),
  );
}

function written(name, value) {
  const unit = Object.keys(UNITS).find((ending) => name.endsWith(ending) && typeof value === "number");
  if (unit) return UNITS[unit](value);
  if (typeof value === "string" && MOMENT.test(value)) return time(value, "seconds");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
