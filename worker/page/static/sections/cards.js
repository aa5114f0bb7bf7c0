// A card for each breaker and a line for each server: its state in a word, since when, and its figures.
import { el, fill, list } from "../core/dom.js";
import { duration, time } from "../core/moments.js";
import { count } from "../core/numbers.js";
import { STATES, TONES } from "../core/words.js";

const TITLES = { calcom: "Cal.com", database: "Database" };
const NAMES = { postgres: "PostgreSQL", redis: "Redis", broker: "Broker" };

export function drawCards(container, { cards, parts }) {
  const servers = Object.keys(NAMES).map((name) => part(name, parts?.[name]));
  fill(container, el("div", { class: "cards" }, (cards ?? []).map(card)), el("ul", { class: "parts" }, servers));
}

function card(one) {
  const since = one.since ? [" for ", time(one.since, "for")] : null;
  return el(
    "article",
    { class: "card", "data-tone": TONES[one.state] ?? "none" },
    el("h3", {}, TITLES[one.name] ?? one.name),
    el("p", { class: "state" }, el("span", { class: "pill" }, STATES[one.state] ?? one.state), el("small", {}, since)),
    list("ul", { class: "facts" }, facts(one).filter(Boolean)),
  );
}

function facts(one) {
  const known = one.calls !== null && one.calls !== undefined;
  const period = one.since_closed ? "since it closed" : "in 5 min"; // a breaker that closes begins the counts again
  return [
    one.next_at && one.state === "open" ? ["next probe in ", time(one.next_at, "in")] : null,
    one.until ? ["until ", time(one.until, "clock")] : null,
    one.by ? [`by ${one.by}`, one.why ? `: “${one.why}”` : ""] : null,
    known ? `${one.calls ? `${count(one.failed)} of ${count(one.calls)} failed` : "no call"} ${period}` : null,
    one.average_ms ? `${duration(one.average_ms)} on average` : null,
    one.limit_left !== null && one.limit_left !== undefined ? `limit: ${count(one.limit_left)} calls left` : null,
  ];
}

function part(name, one) {
  const well = one?.well;
  const state = well === false ? "no answer" : well ? "well" : "unknown";
  const tone = well === false ? "critical" : well ? "calm" : "none";
  const since = well === false && one.since ? el("small", {}, "for ", time(one.since, "for")) : null;
  const took = well && typeof one.ms === "number" ? el("small", {}, `answers in ${milliseconds(one.ms)} ms`) : null;
  return el("li", { "data-tone": tone }, NAMES[name], " ", el("span", { class: "pill" }, state), " ", since, took);
}

function milliseconds(value) {
  return value < 10 ? value.toFixed(1) : Math.round(value);
}
