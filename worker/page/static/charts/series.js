// What each chart shows of the server's answer: columns of numbers, a gap is null. Pure.

export const RANGES = { "1h": 3600, "24h": 86400, "7d": 604800 };
const MOST_TYPES = 4; // failures of more types than that are "others"

// {t, held, ...} -> the columns that uPlot draws, by chart.
export function columns(data) {
  const perMinute = (values) => values.map((value) => (value === null ? null : (value * 60) / data.step));
  const failures = byType(data.failures, data.t.length);
  return {
    breaker: [data.t, data.t.map(() => null)],
    held: [data.t, data.held],
    booked: [data.t, perMinute(data.accepted), perMinute(data.booked)],
    failures: [data.t, ...stacked(failures.map((one) => one.values))],
    latency: [data.t, data.p50, data.p95],
    types: failures,
  };
}

// The most frequent types first, the rest as one.
export function byType(failures, length) {
  const all = Object.entries(failures ?? {})
    .map(([name, values]) => ({ name, values, total: sum(values) }))
    .filter((one) => one.total > 0)
    .sort((a, b) => b.total - a.total);
  const rest = all.slice(MOST_TYPES);
  if (rest.length < 2) return all;
  const values = Array.from({ length }, (_, index) => added(rest.map((one) => one.values[index])));
  return [...all.slice(0, MOST_TYPES), { name: "others", values, total: sum(values) }];
}

// Each column with those before it added; the last is the highest and is drawn first.
export function stacked(all) {
  return all
    .map((_, upTo) => all[0].map((__, index) => added(all.slice(0, upTo + 1).map((values) => values[index]))))
    .reverse();
}

export function sum(values) {
  return values.reduce((total, value) => total + (value ?? 0), 0);
}

export function last(values) {
  return values.findLastIndex((value) => value !== null && value !== undefined);
}

// How much the held bookings grew a minute over the last five samples; null: not known.
export function trend(data) {
  const to = last(data.held);
  const from = to - 5;
  if (data.step !== 60 || from < 0 || data.held[from] === null) return null;
  return (data.held[to] - data.held[from]) / 5;
}

export function stateAt(spans, at) {
  return spans.find((span) => span.from <= at && (span.to === null || at < span.to))?.state ?? null;
}

function added(values) {
  return values.every((value) => value === null || value === undefined) ? null : sum(values);
}
