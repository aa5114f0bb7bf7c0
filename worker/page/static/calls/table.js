// The call list as a table: each booking's state and start, whom to call while that is shown, and who has called.
import { el, fill, nothing, table } from "../core/dom.js";
import { path } from "../core/door.js";
import { ACCOUNT, cell, starts, startsAt, state } from "../list/rows.js";
import { mark } from "./mark.js";

const BEFORE = ["Booking", "State", "Starts"];
const WHO = ["Name", "Phone", "E-mail"];

// `contacts` is a Map by id, null while they are hidden; `done` is called when a mark has changed.
export function drawCalls(container, { rows, called, contacts }, done) {
  if (!rows.length) return fill(container, nothing("Nobody is to be called: no booking is like that now."));
  const several = rows.some((one) => one.account);
  const head = [...BEFORE, ...(several ? [ACCOUNT] : []), ...(contacts ? WHO : []), "Called"];
  const lines = rows.map((one) => line(one, called[one.id] ?? null, { contacts, done, several }));
  return fill(container, table("Call list", head, lines, { class: "table-cards list calls" }));
}

function line(one, called, { contacts, done, several }) {
  const link = el("a", { href: path(`/bookings/${one.id}`), "data-key": `row-${one.id}` }, String(one.id));
  return el(
    "tr",
    { class: called ? "was-called" : null },
    el("th", { scope: "row" }, link),
    cell("State", [state(one), one.status === "confirmed" ? ": no call is needed" : ""]),
    cell("Starts", starts(one)),
    several ? cell(ACCOUNT, one.account ?? "–") : null,
    contacts ? who(contacts.get(one.id)) : null,
    cell("Called", mark(one.id, called, done), "call-mark"),
  );
}

function who(contact) {
  return [
    cell("Name", contact?.name || "–", "wide"),
    cell("Phone", contact?.phone ? link("tel", contact.phone) : "–"),
    cell("E-mail", contact?.email ? link("mailto", contact.email) : "–", "wide"),
  ];
}

// What is dialled has no other letters than a number; an address is encoded, so that it can add no subject or copy.
function link(scheme, text) {
  const target = scheme === "tel" ? text.replace(/[^+\d]/g, "") : encodeURIComponent(text).replace("%40", "@");
  return el("a", { href: `${scheme}:${target}` }, text);
}

// A line of text a booking. It begins with the id, so that a spreadsheet takes no name for a formula.
export function asText(rows, contacts) {
  const written = rows.map((one) => {
    const { name, phone, email } = contacts.get(one.id) ?? {};
    const known = [startsAt(one), one.account, name, phone, email].filter(Boolean);
    return `${one.id}: ${known.map((part) => part.replace(/\s+/g, " ")).join(", ")}`;
  });
  return `${written.join("\n")}\n`;
}
