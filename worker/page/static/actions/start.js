// The new start of a booking: typed in the browser's time zone, which its label names, and sent as UTC.
import { el } from "../core/dom.js";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
const LATEST = "2099-12-31T23:59"; // a later one is refused
const PARTS = {
  ...{ weekday: "short", day: "numeric", month: "short", year: "numeric" },
  ...{ hour: "2-digit", minute: "2-digit", timeZoneName: "short" },
};
const [HERE, UTC] = [ZONE, "UTC"].map((timeZone) => new Intl.DateTimeFormat("en-GB", { ...PARTS, timeZone }));

// `present` is the start of now, from which the field begins.
export function start(present) {
  const input = el("input", {
    ...{ type: "datetime-local", name: "start", required: true, max: LATEST, step: 60 },
    ...{ value: present ? local(new Date(present)) : null, "aria-describedby": "start-in-utc" },
  });
  const means = el("p", { class: "hint", id: "start-in-utc" });
  const label = el("label", { class: "field" }, el("span", {}, `New start, in the time of ${ZONE}`), input);
  const tell = () => (means.textContent = inWords(moment(input.value)));
  input.addEventListener("input", tell);
  tell();
  return {
    element: el("div", {}, label, means),
    value: () => ({ start: moment(input.value)?.toISOString().replace(/\.\d+Z$/, "Z") ?? null }),
    isComplete: () => moment(input.value) !== null,
  };
}

// What the browser makes of it: a time that a clock skips in spring is an hour later.
export function inWords(at) {
  if (!at) return "Give a day and a time.";
  return ZONE === "UTC" ? UTC.format(at) : `${HERE.format(at)} is ${UTC.format(at)}.`;
}

export function moment(text) {
  const at = new Date(text);
  return text && !Number.isNaN(at.getTime()) ? at : null;
}

// A moment as such a field has it: 2030-03-05T10:00.
export function local(at) {
  const two = (number) => String(number).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
