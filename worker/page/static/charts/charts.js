// The charts of the last hour, day or week: five on one time axis, and what switches the range and the Cal.com.
import { byId, el, fill, onChange, show } from "../core/dom.js";
import { hostOptions } from "../core/hosts.js";
import { clock, clockWithSeconds, now } from "../core/moments.js";
import { Poll } from "../core/poll.js";
import { kinds, summary } from "./kinds.js";
import { onTheme, palette } from "./palette.js";
import { makePlot, resize } from "./plot.js";
import { RANGES, columns } from "./series.js";
import { redrawTable, tableOf } from "./table.js";

const STEP = 10; // seconds by which the right end moves
const TITLES = { "1h": "The last hour", "24h": "The last 24 hours", "7d": "The last 7 days" };
const EVERY = { "1h": 10000, "24h": 30000, "7d": 60000 };

export class Charts {
  #rows = [];
  #shape = "";
  #now = null; // {data, columns, and what #live has}
  #live = {}; // {live, forecast, states}: of the newest answer
  #drawn = "";
  #isStale = false;
  #fitted = ""; // the charts that were shown when it was last fitted

  constructor() {
    this.range = rangeOf(location.search);
    this.service = serviceOf(location.search); // the host of another Cal.com; null: that of the settings
    this.place = byId("chart-rows");
    this.poll = new Poll("/data/charts", {
      every: EVERY[this.range],
      query: () => ({ range: this.range, service: this.service }),
      onData: (data) => this.#draw({ data, columns: columns(data) }),
      onState: (state) => this.#state(state),
    });
    byId("charts")
      .querySelector(".switch")
      .addEventListener("click", (event) => this.#choose(event));
    byId("charts-service").addEventListener("change", (event) => this.#go(this.range, event.target.value || null));
    window.addEventListener("popstate", () => this.#use(rangeOf(location.search), serviceOf(location.search)));
    new ResizeObserver(() => this.#fit()).observe(this.place);
    onTheme(() => this.#now && this.#draw(this.#now, true));
    this.calcoms = onChange((hosts) => this.#choice(hosts)); // the other Cal.coms, by host
    this.#mark();
    this.poll.now();
  }

  // The newest figures of the overview: how many are held now, and until when, while they are released.
  live(data) {
    const end = data.verdict.done_at; // when all is let go, while that is foreseen
    const forecast = end ? { at: Date.parse(end) / 1000, text: clock(end) } : null;
    // The cards are those of the settings' Cal.com.
    this.#live = { live: data.now?.held ?? null, forecast, states: this.service ? {} : statesOf(data) };
    if (this.#now && JSON.stringify(this.#live) !== this.#drawn) this.#draw(this.#now);
    if (!data.parts.postgres.well) this.#state("refused");
    else if (this.#isStale) this.poll.restart();
  }

  #choose(event) {
    const range = event.target.closest("a[data-range]")?.dataset.range;
    if (!range || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#go(range, this.service);
  }

  #go(range, service) {
    history.pushState(null, "", `?${new URLSearchParams({ range, ...(service ? { service } : {}) })}`);
    this.#use(range, service);
  }

  #use(range, service) {
    Object.assign(this, { range, service });
    this.poll.every = EVERY[range];
    this.#mark();
    this.poll.restart();
  }

  #choice(hosts) {
    this.hosts = hosts;
    this.#mark();
  }

  #mark() {
    const several = this.hosts?.length > 0 || this.service !== null;
    show(byId("charts-choice"), several);
    show(byId("charts-of"), several);
    fill(byId("charts-service"), hostOptions(this.hosts ?? [], this.service, "of the settings"));
    byId("charts-of").textContent = several ? ofWhich(this.service) : "";
    byId("charts-title").textContent = TITLES[this.range];
    for (const link of byId("charts").querySelectorAll("a[data-range]")) {
      if (link.dataset.range === this.range) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  #state(state) {
    const note = byId("charts-note");
    this.#isStale = state !== "well";
    show(note, this.#isStale);
    byId("charts").classList.toggle("stale", this.#isStale);
    note.textContent = this.#now
      ? `The charts are of ${clockWithSeconds(this.poll.readAt)}; there are no newer figures now.`
      : "There are no figures to draw now.";
  }

  #draw(given, rebuild = false) {
    this.#now = { ...given, ...this.#live, to: Math.max(Math.floor(now() / 1000 / STEP) * STEP, given.data.until) };
    this.#drawn = JSON.stringify(this.#live);
    const charts = kinds(() => this.#now);
    const shape = JSON.stringify(charts.map((chart) => [chart.name, chart.shape, chart.height]));
    if (rebuild || shape !== this.#shape) this.#build(charts);
    else this.#rows.forEach((row) => row.plot.setData(this.#now.columns[row.chart.name]));
    this.#shape = shape;
    this.#rows.forEach((row) => redrawTable(row.table, row.chart, () => this.#now));
    this.#heads(this.#rows[0].plot.cursor.idx ?? null);
  }

  #build(charts) {
    this.#rows.forEach((row) => row.plot.destroy());
    const colours = palette(this.place);
    this.#rows = charts.map((chart) => this.#row(chart));
    const elements = this.#rows.map((row) => row.element);
    fill(this.place, elements);
    const last = this.#shown().at(-1);
    for (const row of this.#rows) {
      const options = { withTimes: row === last, onCursor: (at) => this.#heads(at) };
      const values = this.#now.columns[row.chart.name];
      row.plot = makePlot(row.canvas, row.chart, values, () => this.#view(), colours, options);
    }
  }

  // A phone shows some of them until "All charts" is pressed; the last that is shown has the times.
  #shown() {
    return this.#rows.filter((row) => row.element.offsetWidth > 0);
  }

  #fit() {
    if (!this.#now) return;
    const shown = this.#shown()
      .map((row) => row.chart.name)
      .join();
    if (shown !== this.#fitted) this.#draw(this.#now, true);
    else this.#rows.forEach((row) => resize(row.plot, row.canvas));
    this.#fitted = shown;
  }

  #row(chart) {
    const canvas = el("div", { class: "canvas", role: "img" });
    const figures = el("p", { class: "chart-figures" });
    const table = tableOf(chart, () => this.#now);
    const title = el("div", { class: "chart-title" }, el("h3", {}, chart.title), table);
    const head = el("div", { class: "chart-head" }, title, figures);
    return { chart, canvas, figures, table, element: el("div", { class: `chart ${chart.name}` }, head, canvas) };
  }

  #view() {
    const { data, forecast, to } = this.#now;
    const length = RANGES[data.range];
    const ahead = forecast ? Math.min(forecast.at, data.until + length / 3) : to;
    return { from: data.until - length, to: Math.max(ahead, to) };
  }

  #heads(index) {
    byId("charts-at").textContent = index === null ? "" : `at ${clock(this.#now.data.t[index] * 1000)}`;
    for (const row of this.#rows) {
      const parts = row.chart.head(index).filter(Boolean);
      fill(row.figures, parts.map(figureOf));
      row.canvas.setAttribute("aria-label", summary(row.chart, this.#now));
    }
  }
}

// Each breaker's state and since when; "unknown" begins when Redis stopped to answer.
function statesOf({ cards, parts, read_at: readAt }) {
  const gone = parts.redis.well ? null : Date.parse(parts.redis.since ?? readAt) / 1000;
  return Object.fromEntries(
    (cards ?? []).map(({ name, state, since }) => [
      name,
      { state, since: since ? Date.parse(since) / 1000 : state === "unknown" ? gone : null },
    ]),
  );
}

function figureOf(part) {
  if (typeof part === "string") return el("span", {}, part);
  return el("span", { class: `swatch ${part.colour}` }, part.text);
}

function rangeOf(search) {
  const range = new URLSearchParams(search).get("range");
  return Object.hasOwn(RANGES, range) ? range : "1h";
}

function serviceOf(search) {
  return new URLSearchParams(search).get("service") || null;
}

function ofWhich(service) {
  const calcom = service ? `Cal.com at ${service}` : "the Cal.com of the settings";
  return `Breaker, failures and latency are those of ${calcom}; held and booked are of all accounts.`;
}
