// Writes moments: the server sends moments, the page writes how long ago or in how long.
import { el, marked } from "./dom.js";

let skew = 0; // ms by which the server's clock is ahead of this one

// The Date header has whole seconds: a smaller difference is ignored.
export function setClock(header) {
  const server = Date.parse(header ?? "");
  if (Number.isNaN(server)) return;
  const ahead = server + 500 - Date.now();
  skew = Math.abs(ahead) < 1500 ? 0 : ahead;
}

export function now() {
  return Date.now() + skew;
}

// 17 s, 5 min, 3 h, 4 days: as the command line writes it (tasks/words.py), in whole seconds.
export function span(seconds) {
  const length = Math.max(0, seconds);
  if (length < 120) return `${Math.floor(length)} s`;
  if (length < 7200) return `${Math.floor(length / 60)} min`;
  if (length < 172800) return `${Math.floor(length / 3600)} h`;
  return `${Math.floor(length / 86400)} days`;
}

// How long a call took: 28 ms, 0.8 s, 30.0 s.
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return span(milliseconds / 1000);
}

const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const DAY_AND_YEAR = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });

const DATED = new Intl.DateTimeFormat("en-GB", {
  ...{ day: "numeric", month: "short", year: "numeric" },
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short" },
});

// A moment that is understood elsewhere and later: 29 Nov 2026, 05:03:12 CET.
export function dated(at) {
  return DATED.format(new Date(at));
}

export function clock(at, from = now()) {
  const moment = new Date(at);
  if (isSameDay(at, from)) return TIME.format(moment);
  const isSameYear = moment.getFullYear() === new Date(from).getFullYear();
  return `${(isSameYear ? DAY : DAY_AND_YEAR).format(moment)} ${TIME.format(moment)}`;
}

// The seconds matter today; the title has them for other days.
export function clockWithSeconds(at, from = now()) {
  return isSameDay(at, from) ? SECONDS.format(new Date(at)) : clock(at, from);
}

function isSameDay(at, from) {
  return new Date(at).toDateString() === new Date(from).toDateString();
}

export function utc(at) {
  return new Date(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}

const STYLES = {
  clock: (at, from) => clock(at, from),
  seconds: (at, from) => clockWithSeconds(at, from),
  in: (at, from) => (at - from < 1000 ? "a moment" : span((at - from) / 1000)),
  ago: (at, from) => span((from - at) / 1000),
  for: (at, from) => span((from - at) / 1000),
};

export function written(part, from = now()) {
  if (typeof part === "string") return part;
  return (STYLES[part.as] ?? STYLES.clock)(Date.parse(part.at), from);
}

export function sentenceText(parts, from = now()) {
  return (Array.isArray(parts) ? parts : [parts ?? ""]).map((part) => written(part, from)).join("");
}

// A moment that keeps ticking; its UTC time is in the title.
export function time(at, as = "clock") {
  const element = el("time", { datetime: at, "data-as": as, title: utc(at) });
  element.textContent = written({ at, as });
  return element;
}

export function sentence(parts) {
  return (Array.isArray(parts) ? parts : [parts ?? ""]).map((part) =>
    typeof part === "string" ? marked(part) : time(part.at, part.as),
  );
}

export function tick(root = document) {
  const from = now();
  for (const element of root.querySelectorAll("time[data-as]")) {
    const text = written({ at: element.dateTime, as: element.dataset.as }, from);
    if (element.textContent !== text) element.textContent = text;
  }
}
