// Which buttons fit the answer: the ones it names first, the other orders under More.
import { el } from "../core/dom.js";
import { mayAct, path } from "../core/door.js";
import { plural } from "../core/numbers.js";

const ORDERS = {
  open: "Hold all back",
  off: "Turn the breaker off",
  auto: "End the order",
  reset: "Reset the breakers",
};
const NEED_REDIS = ["auto", "reset"]; // open and off are kept until it is back

// What the buttons depend on, and nothing that moves all the time: they stay under the pointer while figures change.
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

// `act` has order(name, title) and bookings(action, query, title), which asks about the very ones that are there now.
export function buttons(seen, act) {
  const may = mayAct();
  const shown = seen.named
    .flatMap((name) => links(name, seen) ?? (may === "yes" ? actionButton(name, seen, act) : null))
    .filter(Boolean);
  shown[0]?.classList.add("first");
  if (may !== "yes") return [...shown, el("p", { class: "reason" }, `You can look, not act: ${may}`)];
  const others = seen.others.filter((name) => !seen.named.includes(name));
  return [
    ...shown,
    others.length
      ? more(
          shown.length ? "More" : "Orders",
          others.map((name) => order(name, seen, act)),
        )
      : null,
  ];
}

// Where a button leads that changes nothing; undefined: it is none of these.
function links(name, seen) {
  const atRisk = seen.atRisk ? `Show the ${seen.atRisk} at risk` : "Show those at risk";
  switch (name) {
    case "show_at_risk":
      return [link(atRisk, { state: "held", at_risk: "1", sort: "start" })];
    case "show_held":
      return [link("Show what is held", { state: "held", sort: "asked" })];
    case "show_reason":
      return [link(`Show ${theOnes(seen)}`, { state: "held", reason: seen.about, sort: "asked" })];
    case "show_failed":
      return ended(seen);
    case "retry":
      return seen.name === "ended_badly" ? [] : undefined; // in the list: which ones is for a person to say
    default:
      return undefined;
  }
}

function ended(seen) {
  const failed = seen.named.includes("retry") ? link("Show and retry what failed", { state: "failed" }) : null;
  return [failed, seen.hasExpired || !failed ? link("Show what expired", { state: "expired" }) : null];
}

function link(text, query) {
  return el(
    "a",
    { class: "button", href: path("/bookings", query), "data-key": `go-${Object.values(query).join("-")}` },
    text,
  );
}

function theOnes({ count }) {
  return count ? `the ${plural(count, "booking")}` : "what waits";
}

function actionButton(name, seen, act) {
  if (name !== "retry" && name !== "cancel") return order(name, seen, act);
  const title = `${name === "retry" ? "Retry" : "Cancel"} ${theOnes(seen)}`;
  return button(name, title, () => act.bookings(name, { state: "held", reason: seen.about, sort: "asked" }, title));
}

function order(name, seen, act) {
  if (!ORDERS[name]) return null;
  const made = button(name, ORDERS[name], () => act.order(name, ORDERS[name]));
  if (seen.hasRedis || !NEED_REDIS.includes(name)) return made;
  made.disabled = true;
  return el("span", { class: "with-reason" }, made, el("small", {}, "Redis does not answer"));
}

function button(name, title, onclick) {
  return el("button", { type: "button", class: "button", "data-key": `do-${name}`, onclick }, title);
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
  const menu = el(
    "details",
    { class: "menu" },
    el("summary", { class: label === "More" ? "button quiet" : "button", "data-key": "more" }, label),
    items,
  );
  items.addEventListener("click", (event) => event.target.matches("button") && (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  return menu;
}
