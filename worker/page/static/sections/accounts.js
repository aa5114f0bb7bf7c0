// The accounts that something of their own stops: what, since when, and how many of their bookings wait.
import { el, fill, table } from "../core/dom.js";
import { path } from "../core/door.js";
import { sentence } from "../core/moments.js";
import { count } from "../core/numbers.js";

const HEAD = ["Account", "Waiting", "Stopped by"];

export function drawAccounts(container, accounts) {
  if (!accounts?.length) return fill(container);
  return fill(container, table("Accounts that wait", HEAD, accounts.map(row), { class: "table-cards" }));
}

function row(one) {
  const held = path("/bookings", { account: one.name, state: "held", sort: "asked" });
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, el("a", { href: held, "data-key": `account-${one.name}` }, one.name)),
    el("td", { class: "number", "data-label": "Waiting" }, count(one.waiting, one.capped)),
    el("td", { class: "wide", "data-label": "Stopped by" }, sentence(one.sentence)),
  );
}
