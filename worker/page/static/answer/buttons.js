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

// `act` has order(name, title) and bookings(action, query, title), which asks about the very ones that are there now.
export function buttons({ verdict, cards, parts, holds, first_day: isFirstDay }, act) {
  const may = mayAct();
  const named = verdict.buttons ?? [];
  const shown = named.map((name) => link(name, verdict, holds) ?? (may === "yes" ? deed(name, { verdict, parts, holds }, act) : null)).filter(Boolean);
  shown[0]?.classList.add("first");
  if (may !== "yes") return [...shown, el("p", { class: "reason" }, `You can look, not act: ${may}`)];
  const others = isFirstDay || !parts.postgres.well ? [] : fitting(cards).filter((name) => !named.includes(name));
  return [...shown, others.length ? more(shown.length ? "More" : "Orders", others.map((name) => order(name, parts, act))) : null];
}

function link(name, verdict, holds) {
  const [query, text] = links(verdict, holds ?? [])[name] ?? [];
  return text && el("a", { class: "button", href: path("/bookings", query), "data-key": `go-${name}` }, text);
}

function links({ name, reason }, holds) {
  const atRisk = holds.reduce((sum, hold) => sum + (hold.at_risk ?? 0), 0);
  return {
    show_at_risk: [{ state: "held", at_risk: "1", sort: "start" }, atRisk ? `Show the ${atRisk} at risk` : "Show those at risk"],
    show_held: [{ state: "held", sort: "asked" }, "Show what is held"],
    show_failed: [{ state: "failed" }, "Show what failed"],
    show_reason: [{ state: "held", reason: reason ?? name, sort: "asked" }, `Show ${theOnes(holds, reason ?? name)}`],
    ...(name === "ended_badly" ? { retry: [{ state: "failed" }, "Retry in the list"] } : {}),
  };
}

function theOnes(holds, reason) {
  const count = holds.find((hold) => hold.reason === reason)?.count;
  return count ? `the ${plural(count, "booking")}` : "what waits";
}

function deed(name, { verdict, parts, holds }, act) {
  if (name !== "retry" && name !== "cancel") return order(name, parts, act);
  const reason = verdict.reason ?? verdict.name;
  const title = `${name === "retry" ? "Retry" : "Cancel"} ${theOnes(holds ?? [], reason)}`;
  return button(name, title, () => act.bookings(name, { state: "held", reason, sort: "asked" }, title));
}

function order(name, parts, act) {
  if (!ORDERS[name]) return null;
  const made = button(name, ORDERS[name], () => act.order(name, ORDERS[name]));
  if (parts.redis.well || !NEED_REDIS.includes(name)) return made;
  made.disabled = true;
  return el("span", { class: "with-reason" }, made, el("small", {}, "Redis does not answer"));
}

function button(name, title, onclick) {
  return el("button", { type: "button", class: "button", "data-key": `do-${name}`, onclick }, title);
}

// Open and Off unless they are ordered already, Auto to end an order, Reset when a breaker is not calm.
function fitting(cards) {
  const states = (cards ?? []).map((card) => card.state);
  const isOrdered = states.some((state) => state === "forced_open" || state === "off");
  return [
    states.includes("forced_open") ? null : "open",
    states.includes("off") ? null : "off",
    isOrdered || states.includes("unknown") ? "auto" : null,
    states.every((state) => state === "closed") ? null : "reset",
  ].filter(Boolean);
}

function more(label, orders) {
  const items = el("div", { class: "menu-items", role: "group", "aria-label": "More orders" }, orders);
  const menu = el("details", { class: "menu" }, el("summary", { class: label === "More" ? "button quiet" : "button", "data-key": "more" }, label), items);
  items.addEventListener("click", (event) => event.target.matches("button") && (menu.open = false));
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("click", (event) => menu.contains(event.target) || (menu.open = false));
  return menu;
}
