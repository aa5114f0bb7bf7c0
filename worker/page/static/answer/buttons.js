// The buttons that fit the verdict: first those that it names, the other orders under More.
import { button, el } from "../core/dom.js";
import { lookOnly, path } from "../core/door.js";
import { count, plural } from "../core/numbers.js";
import { MOST } from "../actions/chosen.js";

export const ORDERS = {
  open: "Hold all back",
  off: "Turn the breaker off",
  auto: "End the order",
  reset: "Reset the breakers",
};
const NEED_REDIS = ["auto", "reset"]; // open and off are kept until it is back

// What the buttons depend on, without figures that change all the time: buttons must stay under the pointer.
export function decisive({ verdict, cards, parts, holds, day, first_day: isFirstDay }) {
  const about = verdict.reason ?? verdict.name;
  return {
    name: verdict.name,
    named: verdict.buttons ?? [],
    hasExpired: (day?.expired ?? 0) > 0,
    about, // the hold reason that show_reason, retry and cancel are about
    count: holds?.find((hold) => hold.reason === about)?.count ?? null,
    atRisk: (holds ?? []).reduce((sum, hold) => sum + (hold.at_risk ?? 0), 0),
    others: isFirstDay || !parts.postgres.well ? [] : fitting(cards ?? []),
    hasRedis: parts.redis.well,
  };
}

// `act` has order(name, title) and bookings(action, query, title), which is about the bookings of the query now.
export function buttons(seen, act) {
  const refusal = lookOnly();
  const named = seen.named.filter((name) => name !== "cancel");
  const shown = named
    .flatMap((name) => links(name, seen) ?? (refusal ? null : actionButton(name, seen, act)))
    .filter(Boolean);
  shown[0]?.classList.add("first");
  if (refusal) return [...shown, refusal];
  const isCancel = seen.named.includes("cancel");
  const cancel = isCancel ? el("span", { class: "apart" }, actionButton("cancel", seen, act)) : null;
  const others = seen.others.filter((name) => !seen.named.includes(name)).map((name) => order(name, seen, act));
  return [...shown, others.length ? more(shown.length ? "More" : "Orders", others) : null, cancel];
}

// The links of a button that changes nothing; undefined: the button is an action.
function links(name, seen) {
  const atRisk = seen.atRisk ? `Show the ${seen.atRisk} at risk` : "Show those at risk";
  return {
    show_at_risk: [link(atRisk, { state: "held", at_risk: "1", sort: "start" }, "/calls")],
    show_held: [link("Show what is held", { state: "held", sort: "asked" })],
    show_reason: [link(`Show ${theOnes(seen)}`, { state: "held", reason: seen.about, sort: "asked" })],
    show_failed: ended(seen),
    retry: seen.name === "ended_badly" ? [] : undefined, // in the list: which bookings is for a person to say
  }[name];
}

function ended(seen) {
  const failed = seen.named.includes("retry") ? link("Show and retry what failed", { state: "failed" }) : null;
  return [failed, seen.hasExpired || !failed ? link("Show what expired", { state: "expired" }) : null];
}

function link(text, query, list = "/bookings") {
  const key = `go-${Object.values(query).join("-")}`;
  return el("a", { class: "button", href: path(list, query), "data-key": key }, text);
}

function theOnes({ count }) {
  return count ? `the ${plural(count, "booking")}` : "what waits";
}

// What one action can be about.
function atMost(seen) {
  return seen.count > MOST ? `the first ${count(MOST)} of ${plural(seen.count, "booking")}` : theOnes(seen);
}

function actionButton(name, seen, act) {
  if (name !== "retry" && name !== "cancel") return order(name, seen, act);
  const title = `${name === "retry" ? "Retry" : "Cancel"} ${atMost(seen)}`;
  const ask = () => act.bookings(name, { state: "held", reason: seen.about, sort: "asked" }, title);
  const look = name === "cancel" ? "button danger" : "button";
  return button(title, ask, { class: look, "data-key": `do-${name}` });
}

function order(name, seen, act) {
  if (!ORDERS[name]) return null;
  const disabled = NEED_REDIS.includes(name) && !seen.hasRedis;
  const made = button(ORDERS[name], () => act.order(name, ORDERS[name]), { "data-key": `do-${name}`, disabled });
  return disabled ? el("span", { class: "with-reason" }, made, el("small", {}, "Redis does not answer")) : made;
}

// Open and Off unless they are ordered already, Auto to end an order, Reset when a breaker is not calm.
function fitting(cards) {
  const states = cards.map((card) => card.state);
  const isOrdered = states.some((state) => state === "forced_open" || state === "off");
  return [
    states.includes("forced_open") ? null : "open",
    states.includes("off") ? null : "off",
    isOrdered || states.includes("unknown") ? "auto" : null,
    states.every((state) => state === "closed") ? null : "reset",
  ].filter(Boolean);
}

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]"))
    if (!menu.contains(event.target)) menu.open = false;
});

function more(label, orders) {
  const items = el("div", { class: "menu-items", role: "group", "aria-label": "More orders" }, orders);
  const look = label === "More" ? "button quiet" : "button";
  const menu = el("details", { class: "menu" }, el("summary", { class: look, "data-key": "more" }, label), items);
  items.addEventListener("click", (event) => event.target.matches("button") && (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  return menu;
}
