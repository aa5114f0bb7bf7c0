// Writes figures as the command line does: 1,204 bookings, 0.8 s, 1,000+.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const UNKNOWN = "–";

export function count(value, capped = false) {
  if (value === null || value === undefined) return UNKNOWN;
  return WHOLE.format(value) + (capped ? "+" : "");
}

export function plural(value, one, many = `${one}s`) {
  return `${count(value)} ${value === 1 ? one : many}`;
}

// Small figures with one decimal, others without: 0.4, 6, 120.
export function rate(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(1) : WHOLE.format(value);
}

export function seconds(value) {
  if (value === null || value === undefined) return UNKNOWN;
  return value < 0.1 ? `${Math.round(value * 1000)} ms` : `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
}
