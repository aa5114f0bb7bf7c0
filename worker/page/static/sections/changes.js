// What has happened: the breakers' changes of state, and the incidents that are open.
import { el, fill } from "../core/dom.js";
import { time } from "../core/moments.js";
import { STATES, TONES, word } from "../core/words.js";

const NOT_KNOWN = "Not known while Postgres does not answer.";

export function drawChanges(container, changes) {
  if (!changes?.length)
    return fill(container, el("p", { class: "nothing" }, changes ? "No breaker has changed." : NOT_KNOWN));
  return fill(container, el("ol", { class: "log" }, changes.map(change)));
}

function change(one) {
  const by = one.by ? ` by ${one.by}` : "";
  const why = one.why ? `: “${one.why}”` : "";
  return el(
    "li",
    {},
    time(one.at, "seconds"),
    el(
      "span",
      {},
      el("strong", {}, one.of === "calcom" ? "Cal.com" : one.of),
      one.from && one.from !== one.to ? ` ${STATES[one.from] ?? one.from} → ` : " ",
      el("span", { class: "tone", "data-tone": TONES[one.to] ?? "none" }, STATES[one.to] ?? one.to),
      el("small", {}, ` ${word(one.reason)}${by}${why}`),
    ),
  );
}

export function drawIncidents(container, incidents) {
  if (!incidents?.length)
    return fill(container, el("p", { class: "nothing" }, incidents ? "No incident is open." : NOT_KNOWN));
  return fill(container, el("ol", { class: "log" }, incidents.map(incident)));
}

function incident(one) {
  const told = one.told_at ? ["told at ", time(one.told_at, "clock")] : "not told yet";
  return el(
    "li",
    {},
    time(one.opened_at, "seconds"),
    el(
      "span",
      {},
      el("strong", {}, one.title),
      el("small", {}, ` ${word(one.kind)}, open for `, time(one.opened_at, "for"), ", ", told),
    ),
  );
}
