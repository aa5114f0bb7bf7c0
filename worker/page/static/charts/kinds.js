// The five charts: what each is called, how it is drawn, and what its head says at a moment.
import { clock } from "../core/moments.js";
import { count, plural, rate, seconds } from "../core/numbers.js";
import { STATES, errorWord } from "../core/words.js";
import { LANE, drawBand } from "./band.js";
import { bars } from "./plot.js";
import { colourOf, faint } from "./palette.js";
import { last, stateAt, sum, trend } from "./series.js";
import { atLeast, hatch, known } from "./unsure.js";

const STEPS = [1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10];

// The next round number above, of which half is whole: 2, 4, 6, 8, 10, 12, 16, 20, 24, 30, ...
export function round(highest) {
  if (highest <= 2) return 2;
  const size = 10 ** Math.floor(Math.log10(highest));
  const tops = STEPS.map((step) => Math.round(step * size * 10) / 10);
  return tops.find((top) => top >= highest && top % 2 === 0);
}

// `now()` is what is drawn: {data, columns, and of the newest answer: live, forecast, states; and to, the right end}.
export function kinds(now) {
  return [breaker(now), held(now), booked(now), failures(now), latency(now)];
}

// The service, and each other breaker that was not closed all the time, each up to the state of the newest overview.
export function lanes({ data, states }) {
  const isRestless = (lane) => lane.spans.some((span) => span.state !== "closed");
  const known = data.breaker.map((lane) => ({ ...lane, spans: upToNow(lane.spans, states?.[lane.name]) }));
  return known.filter((lane, index) => index === 0 || isRestless(lane)).slice(0, 4);
}

// The overview is newer than the chart: it may have a change, or that the state is unknown.
function upToNow(spans, now) {
  if (!now?.since || spans.at(-1)?.state === now.state) return spans;
  const before = spans
    .filter((span) => span.from < now.since)
    .map((span) => ({ ...span, to: Math.min(span.to ?? now.since, now.since) }));
  return [...before, { from: now.since, to: null, state: now.state }];
}

const NAMES = { calcom: "Cal.com", database: "Database" };

function breaker(now) {
  const shown = lanes(now());
  return {
    name: "breaker",
    title: "Breaker",
    height: Math.max(1, shown.length) * LANE + 6,
    shape: shown.map((lane) => lane.name).join(),
    series: () => [{ show: false }],
    top: () => 1,
    draw: (plot, colours) => drawBand(plot, lanes(now()), now().to, colours),
    head: (index) => lanes(now()).map((lane) => stateText(lane, at(now, index))),
  };
}

function stateText({ name, spans }, moment) {
  return `${NAMES[name] ?? name} ${STATES[stateAt(spans, moment)] ?? "unknown"}`;
}

// The moment under the cursor; without one, now.
function at(now, index) {
  return index === null ? Infinity : now().data.t[index];
}

function held(now) {
  return {
    name: "held",
    title: "Held",
    height: 92,
    series: (colours) => [{ stroke: colours.warning, width: 2, fill: faint(colours.warning), points: { show: false } }],
    top: (highest) => round(Math.max(highest, now().live ?? 0)),
    draw: (plot, colours) => drawNow(plot, now(), colours),
    head: (index) => {
      const { data, live, forecast } = now();
      if (index !== null) return [count(data.held[index])];
      const value = live ?? data.held[last(data.held)];
      const grows = forecast ? null : trend(data);
      const change = grows ? `${grows > 0 ? "+" : "−"}${rate(Math.abs(grows))} a minute` : null;
      return [count(value), change, forecast ? `done at about ${forecast.text}` : null];
    },
  };
}

// From the last sample to what is held now; and dotted from there to none at the foreseen end.
function drawNow(plot, { data, live, forecast, to }, colours) {
  const index = last(data.held);
  if (live === null || live === undefined || index < 0) return;
  fillBelow(plot, [data.t[index], data.held[index]], [to, live], faint(colours.warning));
  drawLine(plot, [data.t[index], data.held[index]], [to, live], colours.warning);
  if (forecast) drawLine(plot, [to, live], [forecast.at, 0], colours.warning, [1, 5]);
}

const placeOf = (plot, [x, y]) => [plot.valToPos(x, "x", true), plot.valToPos(y, "y", true)];

function fillBelow(plot, from, to, colour) {
  const { ctx } = plot;
  ctx.fillStyle = colour;
  ctx.beginPath();
  for (const corner of [[from[0], 0], from, to, [to[0], 0]]) ctx.lineTo(...placeOf(plot, corner));
  ctx.fill();
}

function drawLine(plot, from, to, colour, dash = []) {
  const { ctx } = plot;
  const ratio = devicePixelRatio || 1;
  ctx.save();
  Object.assign(ctx, { strokeStyle: colour, lineWidth: 2 * ratio, lineCap: "round" });
  ctx.setLineDash(dash.map((length) => length * ratio));
  ctx.beginPath();
  ctx.moveTo(...placeOf(plot, from));
  ctx.lineTo(...placeOf(plot, to));
  ctx.stroke();
  ctx.restore();
}

function booked(now) {
  return {
    name: "booked",
    title: "Booked",
    height: 68,
    series: (colours) => [
      { stroke: colours.muted, width: 1, dash: [3, 3], points: { show: false } },
      bar(colours.calm),
    ],
    top: round,
    head: (index) => {
      const [, asked, done] = now().columns.booked;
      const where = index ?? last(done);
      const until = index === null && where >= 0 ? upTo(now().data, where) : null;
      return [`${rate(done[where])} a minute`, `${rate(asked[where])} asked for (dashed)`, until];
    },
  };
}

function failures(now) {
  const types = now().columns.types;
  return {
    name: "failures",
    title: "Failures",
    height: 68,
    shape: types.map((type) => type.name).join(),
    series: (colours) => [...types].reverse().map((type) => bar(colours[colourOf(type.name)])),
    top: round,
    draw: (plot, colours) => hatch(plot, now(), colours),
    head: (index) => {
      const { data, columns } = now();
      const least = atLeast(data.unsure, index);
      const until = index === null ? upTo(data, known(data.unsure) - 1) : null;
      if (!columns.types.length) return [least ? "not all known" : "none", until];
      const figures = columns.types.map((type) => {
        const value = index === null ? type.total : type.values[index];
        return { text: `${errorWord(type.name)} ${least}${count(value)}`, colour: `kind-${colourOf(type.name)}` };
      });
      return [...figures, until];
    },
  };
}

function bar(colour) {
  return { stroke: colour, fill: colour, width: 0, paths: bars(), points: { show: false } };
}

// A point between two gaps makes no line: it is drawn as a point.
function lonely(plot, series) {
  const values = plot.data[series];
  const isGap = (index) => values[index] === null || values[index] === undefined;
  return values.map((_, index) => index).filter((index) => !isGap(index) && isGap(index - 1) && isGap(index + 1));
}

function latency(now) {
  return {
    name: "latency",
    title: "Latency",
    height: 68,
    fine: true,
    series: (colours) => [
      { stroke: colours.p50, width: 2, points: { size: 4, fill: colours.p50, filter: lonely } },
      { stroke: colours.p95, width: 2, dash: [6, 3], points: { size: 4, fill: colours.p95, filter: lonely } },
    ],
    top: (highest) => (highest <= 1 ? 1 : round(highest)),
    draw: (plot, colours) => hatch(plot, now(), colours),
    head: (index) => {
      const { data } = now();
      const where = index ?? Math.max(last(data.p50), last(data.p95));
      if (where < 0) return ["no calls"];
      const when = index === null ? upTo(data, where, "at") : null;
      return [`p50 ${seconds(data.p50[where])}`, `p95 ${seconds(data.p95[where])} (dashed)`, when];
    },
  };
}

// Of when a head's newest figures are, once they are older than one step; else nothing.
function upTo({ t, step, until }, index, preposition = "until") {
  const ends = t[index] === undefined ? until : t[index] + step;
  if (until - ends < step) return null;
  return `${preposition} ${clock((preposition === "at" ? t[index] : ends) * 1000)}`;
}

// The text that a screen reader reads for a chart.
export function summary(chart, { data, columns }) {
  const minutes = plural(Math.round((data.t.length * data.step) / 60), "minute");
  if (chart.name === "failures") {
    const total = sum(columns.types.map((type) => type.total));
    return `Failures in ${minutes}: ${atLeast(data.unsure, null)}${count(total)}`;
  }
  return `${chart.title} over ${minutes}, now ${chart.head(null).filter(Boolean).join(", ")}`;
}
