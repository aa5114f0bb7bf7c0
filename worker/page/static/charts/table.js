// A chart's figures as a table, made when it is opened.
import { el, fill, table } from "../core/dom.js";
import { clock } from "../core/moments.js";
import { rate, seconds } from "../core/numbers.js";
import { STATES, errorWord } from "../core/words.js";

export function tableOf(chart, now) {
  const label = `${chart.title} as a table`;
  const place = el("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": label });
  const hidden = el("span", { class: "visually-hidden" }, ` of ${chart.title}`);
  const summary = el("summary", { "data-key": `table-${chart.name}` }, "Table", hidden);
  const details = el("details", { class: "as-table" }, summary, place);
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    details.open = false;
    summary.focus();
  });
  details.addEventListener("toggle", () => details.open && draw(place, chart, now()));
  return details;
}

export function redrawTable(details, chart, now) {
  if (details.open) draw(details.querySelector(".table-scroll"), chart, now());
}

function draw(place, chart, { data, columns }) {
  const { head, rows } = CONTENT[chart.name](data, columns);
  const cell = (text) => el("td", {}, text);
  const lines = rows.map((row) => el("tr", {}, row.map(cell)));
  fill(place, table(chart.title, head, lines));
}

const at = (moment) => clock(moment * 1000);
const newestFirst = (data, ...values) =>
  data.t.map((moment, index) => [at(moment), ...values.map((one) => one(index))]).reverse();
const figure =
  (values, write = rate) =>
  (index) =>
    write(values[index]);

const spanRow = ({ name }, { from, to, state }) => [name, at(from), to ? at(to) : "now", STATES[state] ?? state];

const CONTENT = {
  breaker: (data) => ({
    head: ["Breaker", "From", "Until", "State"],
    rows: data.breaker.flatMap((lane) => lane.spans.map((span) => spanRow(lane, span))).reverse(),
  }),
  held: (data) => ({ head: ["Time", "Held"], rows: newestFirst(data, figure(data.held)) }),
  booked: (data, columns) => ({
    head: ["Time", "Booked a minute", "Asked for a minute"],
    rows: newestFirst(data, figure(columns.booked[2]), figure(columns.booked[1])),
  }),
  failures: (data, columns) => ({
    head: ["Time", ...columns.types.map((type) => errorWord(type.name))],
    rows: newestFirst(data, ...columns.types.map((type) => figure(type.values))),
  }),
  latency: (data) => ({
    head: ["Time", "p50", "p95"],
    rows: newestFirst(data, figure(data.p50, seconds), figure(data.p95, seconds)),
  }),
};
