// The colours of the charts: a canvas knows no CSS, so they are read from it, and again when the theme changes.

const TONES = ["ink", "paper", "muted", "grid", "calm", "warning", "critical", "active", "none"];
// Each kind of failure has a colour of its own (failures.css); kinds that are rarer share one.
const FAILURES = [
  ...["http_500", "http_502", "http_503", "http_504", "http_52x", "timeout", "connect", "dns", "tls", "reset"],
  ...["throttled", "database", "unreadable", "others"],
];
const NAMES = [...TONES, "p50", "p95", ...FAILURES];

export function colourOf(failure) {
  return FAILURES.includes(failure) ? failure : "others";
}

export function palette(element) {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--c-${name}`).trim()]));
}

// On paper the colours are those of the light theme.
export function onTheme(redraw) {
  matchMedia("print").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
}

// A light version of a colour, for what is below a line.
export function faint(colour, share = 0.18) {
  const [red, green, blue] = [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${share})`;
}
