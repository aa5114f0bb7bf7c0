// Which buttons fit the answer: the ones it names first, the other orders under More.
import { el } from "../core/dom.js";
import { mayAct, path } from "../core/door.js";
import { plural } from "../core/numbers.js";

const ORDERS = {
  open: "Hold all back",
  off: "Turn the breaker off",
  auto: "End the order",
  reset: "Reset",
};
const WAITS_FOR_REDIS = ["open", "off"]; // kept until Redis is back; the others need it at once
const YOURS = ["suspect", "blind_key", "configuration", "credentials"]; // holds that wait for a person

export function buttons({ verdict, cards, parts, holds, first_day }, act) {
  const named = verdict.buttons ?? [];
  const first = named.map((name) => link(name, verdict, holds) ?? order(name, parts, act)).filter(Boolean);
  first[0]?.classList.add("first");
  const others = first_day || parts.postgres?.well === false ? [] : fitting(cards).filter((name) => !named.includes(name));
  const may = mayAct();
  return [...first, may === "yes" && others.length ? more(others, parts, act) : null, may === "yes" ? null : reason(may)];
}

function link(name, verdict, holds) {
  const address = addresses(verdict, holds)[name];
  return address && el("a", { class: "button", href: address.to, "data-key": `go-${name}` }, address.text);
}

function addresses(verdict, holds) {
  const all = holds ?? [];
  const list = (query) => path("/bookings", query);
  const atRisk = all.reduce((sum, hold) => sum + (hold.at_risk ?? 0), 0);
  const reason = all.find((hold) => hold.reason === verdict.name)?.reason ?? all.find((hold) => YOURS.includes(hold.reason))?.reason;
  return {
    show_at_risk: { to: list({ state: "held", at_risk: "1", sort: "start" }), text: atRisk ? `Show the ${atRisk} at risk` : "Show those at risk" },
    show_held: { to: list({ state: "held", sort: "asked" }), text: "Show what is held" },
    show_failed: { to: list({ state: "failed" }), text: "Show what failed" },
    show_reason: { to: list({ state: "held", reason }), text: reason ? `Show ${held(all, reason)}` : "Show what waits" },
    retry: { to: list(verdict.name === "ended_badly" ? { state: "failed" } : { state: "held", reason }), text: "Retry…" },
    cancel: { to: list({ state: "held", reason }), text: "Cancel…" },
  };
}

function held(holds, reason) {
  const one = holds.find((hold) => hold.reason === reason);
  return one?.count ? `the ${plural(one.count, "booking")}` : "what waits";
}

function order(name, parts, act) {
  if (!ORDERS[name] || mayAct() !== "yes") return null;
  const button = el("button", { type: "button", class: "button", "data-key": `do-${name}` }, ORDERS[name]);
  const gone = parts.redis?.well === false && !WAITS_FOR_REDIS.includes(name);
  if (gone) Object.assign(button, { disabled: true, title: "Redis does not answer" });
  button.addEventListener("click", () => act(name, ORDERS[name]));
  return gone ? el("span", { class: "with-reason" }, button, el("small", {}, "Redis does not answer")) : button;
}

// Open and Off unless they are ordered already, Auto to end an order, Reset when a breaker is not calm.
function fitting(cards) {
  const states = (cards ?? []).map((card) => card.state);
  const ordered = states.some((state) => state === "forced_open" || state === "off");
  const calm = states.every((state) => state === "closed");
  return [
    states.includes("forced_open") ? null : "open",
    states.includes("off") ? null : "off",
    ordered ? "auto" : null,
    calm ? null : "reset",
  ].filter(Boolean);
}

function more(names, parts, act) {
  const menu = el("div", { class: "menu-items", role: "group", "aria-label": "More orders" }, names.map((name) => order(name, parts, act)));
  const details = el("details", { class: "menu" }, el("summary", { class: "button quiet", "data-key": "more" }, "More"), menu);
  menu.addEventListener("click", () => (details.open = false));
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    details.querySelector("summary").focus();
  });
  details.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
  });
  return details;
}

function reason(text) {
  return el("p", { class: "reason" }, `You can look, not act: ${text}`);
}
