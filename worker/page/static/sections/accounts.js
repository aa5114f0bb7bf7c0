// The other Cal.coms that are down, and the accounts that something of their own stops: what, since when, and how many
// of their bookings wait. The name of an account leads to its page, the number to its held bookings.
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
  return row(one, `Cal.com at ${one.host}`, count(one.waiting, one.capped));
}

function ofAccount(one) {
  const held = path("/bookings", { account: one.name, state: "held", sort: "asked" });
  const own = el("a", { href: path(`/accounts/${one.name}`), "data-key": `account-${one.name}` }, one.name);
  const label = `held bookings of ${one.name}: ${count(one.waiting, one.capped)}`;
  const leads = { href: held, "data-key": `held-${one.name}`, "aria-label": label };
  return row(one, own, el("a", leads, count(one.waiting, one.capped)));
}

function row(one, named, waiting) {
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, named),
    el("td", { class: "number", "data-label": "Waiting" }, waiting),
    el("td", { class: "wide", "data-label": "Stopped by" }, sentence(one.sentence)),
  );
}
