// The other Cal.coms that are down, and the accounts that something of their own stops: what, since when, and how many
// of their bookings wait.
import { el, fill, table } from "../core/dom.js";
import { path } from "../core/door.js";
import { sentence } from "../core/moments.js";
import { count } from "../core/numbers.js";

const HEAD = ["Account", "Waiting", "Stopped by"];

export function drawAccounts(container, services, accounts) {
  const rows = [...services.map(ofService), ...accounts.map(ofAccount)];
  if (!rows.length) return fill(container);
  return fill(container, table("Accounts that wait", HEAD, rows, { class: "table-cards" }));
}

function ofService(one) {
  return row(one, `Cal.com at ${one.host}`);
}

function ofAccount(one) {
  const held = path("/bookings", { account: one.name, state: "held", sort: "asked" });
  return row(one, el("a", { href: held, "data-key": `account-${one.name}` }, one.name));
}

function row(one, named) {
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, named),
    el("td", { class: "number", "data-label": "Waiting" }, count(one.waiting, one.capped)),
    el("td", { class: "wide", "data-label": "Stopped by" }, sentence(one.sentence)),
  );
}
