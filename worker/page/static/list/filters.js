// Which bookings a list shows: the page's address has the filter, and the form reads and writes that address.
import { el } from "../core/dom.js";
import { path } from "../core/door.js";
import { plural } from "../core/numbers.js";
import { word } from "../core/words.js";

const STATES = ["pending", "booking", "retrying", "held", "confirmed", "rejected", "failed", "expired", "cancelled"];
const REASONS = [
  "breaker_open",
  "throttled",
  "in_line",
  "unreachable",
  "settling",
  "credentials",
  "configuration",
  "blind_key",
  "suspect",
  "paused",
];
const SORTS = { id: "newest first", asked: "asked first", start: "starts first" };
const MOMENTS = ["requested_from", "requested_to", "start_from", "start_to"];
const NAMES = ["account", "state", "reason", "event_type", "error_type", ...MOMENTS, "at_risk", "ids", "sort"];

// The filter in the address, as the server takes it; `after` is the page.
export function filterOf(search, { page = true } = {}) {
  const given = new URLSearchParams(search);
  const names = page ? [...NAMES, "after"] : NAMES;
  return Object.fromEntries(names.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
}

// The list's title, such as "Held bookings, breaker open, at risk".
export function title(filter) {
  if (filter.ids) return `${plural(filter.ids.split(",").length, "booking")}, by id`;
  const asked = STATES.includes(filter.state) ? filter.state : null;
  const state = asked ?? (filter.at_risk || filter.reason ? "held" : "all");
  const parts = [
    `${state[0].toUpperCase()}${state.slice(1)} bookings`,
    REASONS.includes(filter.reason) && word(filter.reason),
    filter.at_risk && "at risk",
    filter.account && `account ${filter.account}`,
  ];
  return parts.filter(Boolean).join(", ");
}

export function drawFilters(form, filter) {
  const more = [...MOMENTS, "account", "event_type", "error_type"].some((name) => filter[name]);
  form.replaceChildren(
    choice("state", "State", STATES, filter.state),
    choice("reason", "Held by", REASONS, filter.reason),
    sorted(filter.sort),
    check(filter.at_risk),
    el(
      "details",
      { class: "more-filters", open: more },
      el("summary", {}, "More"),
      el(
        "div",
        {},
        text("account", "Account", filter.account),
        text("event_type", "Event type", filter.event_type),
        text("error_type", "Error", filter.error_type),
        moment("requested_from", "Asked from", filter),
        moment("requested_to", "Asked until", filter),
        moment("start_from", "Starts from", filter),
        moment("start_to", "Starts until", filter),
      ),
    ),
    el(
      "div",
      { class: "filter-buttons" },
      el("button", { class: "button", type: "submit" }, "Show"),
      el("a", { class: "button quiet", href: path("/bookings") }, "All"),
    ),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(path("/bookings", read(form)));
  });
  form.addEventListener(
    "change",
    (event) => event.target.matches("select, [type=checkbox]") && location.assign(path("/bookings", read(form))),
  );
}

function read(form) {
  const values = Object.fromEntries(new FormData(form));
  for (const name of MOMENTS) if (values[name]) values[name] = new Date(values[name]).toISOString();
  if (values.sort === "id") delete values.sort;
  if (values.state && values.state !== "held") delete values.reason;
  if (values.reason) values.state = "held";
  return values;
}

function field(name, label, input) {
  return el("label", { class: "field" }, el("span", {}, label), Object.assign(input, { name }));
}

function choice(name, label, values, chosen) {
  const options = values.map((value) => el("option", { value, selected: value === chosen }, word(value)));
  return field(name, label, el("select", {}, el("option", { value: "" }, "any"), options));
}

function sorted(chosen) {
  const options = Object.entries(SORTS).map(([value, label]) =>
    el("option", { value, selected: value === chosen }, label),
  );
  return field("sort", "Order", el("select", {}, options));
}

function check(chosen) {
  return el(
    "label",
    { class: "field tick" },
    el("input", { type: "checkbox", name: "at_risk", value: "1", checked: Boolean(chosen) }),
    el("span", {}, "at risk only"),
  );
}

function text(name, label, value) {
  return field(name, label, el("input", { type: "text", value: value ?? "", maxlength: 200, spellcheck: "false" }));
}

// The form has local time, the address UTC.
function moment(name, label, filter) {
  const at = filter[name] ? new Date(filter[name]) : null;
  const local =
    at && !Number.isNaN(at.getTime()) ? new Date(at - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16) : "";
  return field(name, label, el("input", { type: "datetime-local", value: local }));
}
