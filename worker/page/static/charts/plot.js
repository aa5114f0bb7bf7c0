// One chart by uPlot: all of them share the time axis and the cursor; only the last writes the times.
import { clock } from "../core/moments.js";
import { rate } from "../core/numbers.js";

const AXIS_WIDTH = 46;
const FONT = "11px system-ui, sans-serif";
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric" });

// `chart`: {name, height, series, top, draw?}; `view()`: {from, to}, read each time so that it may move.
export function makePlot(element, chart, columns, view, colours, { withTimes, onCursor }) {
  const options = {
    width: Math.max(element.clientWidth, 120),
    height: chart.height + (withTimes ? 26 : 0),
    padding: [8, 8, withTimes ? 0 : 6, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: chart.name !== "breaker", size: 6 },
      drag: { x: false, y: false },
      sync: { key: "course", scales: ["x", null] },
    },
    scales: {
      x: { time: true, range: () => [view().from, view().to] },
      y: { range: (_, __, highest) => [0, chart.top(highest ?? 0)] },
    },
    axes: [times(colours, withTimes, view), chart.name === "breaker" ? nothing() : heights(colours, chart)],
    series: [{}, ...chart.series(colours)],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      draw: chart.draw ? [(plot) => chart.draw(plot, colours)] : [],
    },
  };
  return new window.uPlot(options, columns, element);
}

export function resize(plot, element) {
  if (element.clientWidth) plot.setSize({ width: element.clientWidth, height: plot.height });
}

export const bars = () => window.uPlot.paths.bars({ size: [0.75, 24], align: 1 });

function times(colours, shown, view) {
  return {
    stroke: colours.muted,
    font: FONT,
    size: shown ? 26 : 0,
    space: 70,
    gap: 4,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
    values: (_, splits) => (shown ? splits.map((at) => (at === null ? "" : label(at, view()))) : []),
  };
}

// Within a day the time, over several the day at midnight.
function label(at, { from, to }) {
  const moment = new Date(at * 1000);
  if (to - from < 90000) return clock(moment, moment);
  return moment.getHours() === 0 && moment.getMinutes() === 0 ? DAY.format(moment) : clock(moment, moment);
}

function heights(colours, chart) {
  return {
    stroke: colours.muted,
    font: FONT,
    size: AXIS_WIDTH,
    gap: 4,
    grid: { stroke: colours.grid, width: 1 },
    ticks: { show: false },
    splits: (_, __, lowest, highest) => [lowest, highest / 2, highest],
    values: (_, splits) =>
      splits.map((value) => (value === 0 || Number.isInteger(value) || chart.fine ? rate(value) : "")),
  };
}

function nothing() {
  return { size: AXIS_WIDTH, values: () => [], grid: { show: false }, ticks: { show: false } };
}
