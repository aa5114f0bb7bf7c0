// The course of the last hour, day or week: five charts on one time axis, and the switch whose range is in the address.
import { byId, el, fill, show } from "../core/dom.js";
import { clock, clockWithSeconds } from "../core/moments.js";
import { Poll } from "../core/poll.js";
import { kinds, summary } from "./kinds.js";
import { onTheme, palette } from "./palette.js";
import { makePlot, resize } from "./plot.js";
import { RANGES, columns } from "./series.js";
import { redrawTable, tableOf } from "./table.js";

const EVERY = { "1h": 10000, "24h": 30000, "7d": 60000 };

export class Charts {
  #rows = [];
  #shape = "";
  #now = null; // {data, columns, forecast, live}

  constructor() {
    this.range = rangeOf(location.search);
    this.place = byId("chart-rows");
    this.poll = new Poll("/data/charts", {
      every: EVERY[this.range],
      query: () => ({ range: this.range }),
      onData: (data) => this.#draw({ ...this.#now, data, columns: columns(data) }),
      onState: (state) => this.#state(state),
    });
    byId("charts").querySelector(".switch").addEventListener("click", (event) => this.#choose(event));
    window.addEventListener("popstate", () => this.#use(rangeOf(location.search)));
    new ResizeObserver(() => this.#rows.forEach((row) => resize(row.plot, row.canvas))).observe(this.place);
    onTheme(() => this.#now && this.#draw(this.#now, true));
    this.#mark();
    this.poll.now();
  }

  // The newest figures of the answer: how many are held now, and until when, while they are let go.
  live(data) {
    const end = data.verdict.name === "draining" ? data.verdict.nothing.find((part) => part.as === "clock") : null;
    const forecast = end ? { at: Date.parse(end.at) / 1000, text: clock(end.at) } : null;
    const live = data.now?.held ?? null;
    if (this.#now && (this.#now.live !== live || this.#now.forecast?.at !== forecast?.at)) this.#draw({ ...this.#now, live, forecast });
    else if (!this.#now) this.#early = { live, forecast };
  }

  #early = {};

  #choose(event) {
    const range = event.target.closest("a[data-range]")?.dataset.range;
    if (!range || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.pushState(null, "", `?range=${range}`);
    this.#use(range);
  }

  #use(range) {
    this.range = range;
    this.poll.every = EVERY[range];
    this.#mark();
    this.poll.restart();
  }

  #mark() {
    for (const link of byId("charts").querySelectorAll("a[data-range]")) {
      if (link.dataset.range === this.range) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  #state(state) {
    const note = byId("charts-note");
    const readAt = this.poll.readAt;
    show(note, state !== "well");
    byId("charts").classList.toggle("stale", state !== "well");
    note.textContent = this.#now ? `The charts are of ${clockWithSeconds(readAt)}; newer figures are not to be had.` : "There are no figures to draw yet.";
  }

  #draw(now, anew = false) {
    this.#now = { ...this.#early, ...now };
    const charts = kinds(() => this.#now);
    const shape = JSON.stringify(charts.map((chart) => [chart.name, chart.shape, chart.height]));
    if (anew || shape !== this.#shape) this.#build(charts);
    else this.#rows.forEach((row) => row.plot.setData(this.#now.columns[row.chart.name]));
    this.#shape = shape;
    this.#rows.forEach((row) => redrawTable(row.table, row.chart, () => this.#now));
    this.#heads(null);
  }

  #build(charts) {
    this.#rows.forEach((row) => row.plot.destroy());
    const colours = palette(this.place);
    this.#rows = charts.map((chart) => this.#row(chart));
    fill(this.place, this.#rows.map((row) => row.element));
    this.#rows.forEach((row, index) => {
      const withTimes = index === this.#rows.length - 1;
      row.plot = makePlot(row.canvas, row.chart, this.#now.columns[row.chart.name], () => this.#view(), colours, { withTimes, onCursor: (at) => this.#heads(at) });
    });
  }

  #row(chart) {
    const canvas = el("div", { class: "canvas", role: "img" });
    const figures = el("p", { class: "chart-figures" });
    const table = tableOf(chart, () => this.#now);
    const head = el("div", { class: "chart-head" }, el("h3", {}, chart.title), figures, table);
    return { chart, canvas, figures, table, element: el("div", { class: `chart ${chart.name}` }, head, canvas) };
  }

  #view() {
    const { data, forecast } = this.#now;
    const length = RANGES[data.range];
    const ahead = forecast ? Math.min(forecast.at, data.until + length / 3) : data.until;
    return { from: data.until - length, to: Math.max(ahead, data.until) };
  }

  #heads(index) {
    byId("charts-at").textContent = index === null ? "" : `at ${clock(this.#now.data.t[index] * 1000)}`;
    for (const row of this.#rows) {
      fill(row.figures, row.chart.head(index).filter(Boolean).map((part) => figureOf(part)));
      row.canvas.setAttribute("aria-label", summary(row.chart, () => this.#now));
    }
  }
}

function figureOf(part) {
  if (typeof part === "string") return el("span", {}, part);
  return el("span", { class: `swatch ${part.colour}` }, part.text);
}

function rangeOf(search) {
  const range = new URLSearchParams(search).get("range");
  return RANGES[range] ? range : "1h";
}
