// What operators did, the newest first: who, by which way, why, its outcome, what it left undone, and its bookings.
import { byId, el, fill, nothing, onChange, table } from "./core/dom.js";
import { path } from "./core/door.js";
import { Freshness } from "./core/freshness.js";
import { listen } from "./core/keys.js";
import { time } from "./core/moments.js";
import { plural } from "./core/numbers.js";
import { Poll } from "./core/poll.js";
import { word } from "./core/words.js";

const HEAD = ["When", "Who", "What", "Why", "Outcome", "Left undone"];
const KINDS = {
  open: "Hold all back",
  off: "Turn the breaker off",
  auto: "End the order",
  reset: "Reset the breakers",
  retry: "Retry",
  retry_held: "Retry by reason",
  cancel: "Cancel",
  reschedule: "Move",
  resolve: "Resolve",
  reveal: "Look at a person",
  called: "Called",
  not_called: "Call mark taken back",
  restored: "Restored",
};
const FEW = 5; // bookings that are listed; more have one link

const given = new URLSearchParams(location.search);
const asked = ["by", "kind", "before"].filter((name) => given.get(name));
const filter = Object.fromEntries(asked.map((name) => [name, given.get(name)]));
const plain = { ...filter, before: null };

let people = {}; // by name, each with an action of theirs

const draw = onChange(({ rows, next, who, people: theirs }) => {
  people = theirs;
  drawPeople({ who, names: Object.keys(people) });
  if (rows.length) fill(byId("list"), table("Actions", HEAD, rows.map(line), { class: "table-cards list" }));
  else fill(byId("list"), nothing(filter.before ? "No older action is like that." : "No action is like that."));
  const small = { class: "button small" };
  fill(byId("pages"), [
    filter.before ? link("First page", plain, { ...small, "data-key": "first" }) : null,
    next ? link("Next page", { ...plain, before: next }, { ...small, "data-key": "next", rel: "next" }) : null,
  ]);
});

// A person is named by one of their actions: a login's name may be an e-mail address, and stands in no address.
const drawPeople = onChange(({ who, names }) => {
  const options = names.map((name) =>
    el("option", { value: name === who ? filter.by : people[name], selected: name === who }, name),
  );
  fill(byId("people"), el("option", { value: "" }, "any"), options);
});

function line(one) {
  const who = link(one.who, { ...plain, by: one.id }, { "data-key": `who-${one.id}` });
  return el(
    "tr",
    {},
    el("th", { scope: "row" }, time(one.at, "seconds")),
    cell("Who", [who, el("small", {}, ` ${one.via}`)]),
    cell("What", what(one)),
    cell("Why", one.why || "–", "wide"),
    cell("Outcome", outcome(one), "wide"),
    cell("Left undone", one.left ?? "–", "wide"),
  );
}

function cell(label, content, extra = null) {
  return el("td", { "data-label": label, class: extra }, content);
}

function what(one) {
  const options = Object.entries(one.options).map(([name, value], index) => [index ? ", " : " ", option(name, value)]);
  const about = options.length ? el("small", {}, options) : null;
  return [el("strong", {}, KINDS[one.action] ?? word(one.action)), " ", bookings(one), about];
}

function option(name, value) {
  if (name === "start" && !Number.isNaN(Date.parse(value))) return ["to ", time(value)];
  return value === true ? word(name) : `${word(name)} ${typeof value === "object" ? JSON.stringify(value) : value}`;
}

function bookings(one) {
  if (!one.total) return null;
  if (one.total <= FEW)
    return one.ids.flatMap((id, index) => {
      const named = { "data-key": `of-${one.id}-${id}`, "aria-label": `Booking ${id}` };
      return [index ? ", " : "", el("a", { href: path(`/bookings/${id}`), ...named }, String(id))];
    });
  const rest = one.total > one.ids.length ? `, the first ${one.ids.length}` : "";
  const address = path("/bookings", { ids: one.ids.join(",") });
  return el("a", { href: address, "data-key": `of-${one.id}` }, `${plural(one.total, "booking")}${rest}`);
}

function outcome(one) {
  const toned = (tone, text) => el("span", { class: "tone", "data-tone": tone }, `${text}: ${one.outcome}`);
  if (one.refused) return toned("critical", "refused");
  return one.ended ? one.outcome : toned("warning", "goes on, or was broken off");
}

function link(label, query, attributes) {
  return el("a", { href: path("/actions", query), ...attributes }, label);
}

function drawFilters(form) {
  const options = Object.entries(KINDS).map(([value, label]) =>
    el("option", { value, selected: value === filter.kind }, label),
  );
  const kind = el("select", { name: "kind" }, el("option", { value: "" }, "any"), options);
  const who = el("select", { name: "by", id: "people" }, el("option", { value: filter.by ?? "" }, "any"));
  const buttons = [
    el("button", { class: "button", type: "submit" }, "Show"),
    el("a", { class: "button quiet", href: path("/actions") }, "All"),
  ];
  fill(
    form,
    el("label", { class: "field" }, el("span", {}, "Kind"), kind),
    el("label", { class: "field" }, el("span", {}, "Who"), who),
    el("div", { class: "filter-buttons" }, buttons),
  );
  const go = (event) => {
    event.preventDefault();
    location.assign(path("/actions", Object.fromEntries(new FormData(form))));
  };
  form.addEventListener("submit", go);
  for (const choice of [kind, who]) choice.addEventListener("change", go);
}

const poll = new Poll("/data/actions", {
  every: 4000,
  query: () => filter,
  onData: draw,
  onState: (state, answer) => freshness.state(state, answer),
});
const freshness = new Freshness(poll);

drawFilters(byId("filters"));
listen({ search: null, refresh: () => poll.restart() });
poll.now();
