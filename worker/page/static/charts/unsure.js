// Hatches the steps of which not all calls are known, or none: else a gap would look like "no failure".
import { stripe } from "./band.js";

export const SURE = 0;

// What a head says before a figure to which more may belong.
export function atLeast(unsure, index) {
  const some = index === null ? unsure.slice(0, known(unsure)).some((level) => level !== SURE) : unsure[index] !== SURE;
  return some ? "at least " : "";
}

// How many steps there are before the newest ones, which are not counted yet.
export function known(unsure) {
  return unsure.findLastIndex((level) => level === SURE || level === 1) + 1;
}

export function hatch(plot, { data }, colours) {
  const { top, height } = plot.bbox;
  (data.unsure ?? []).forEach((level, index) => {
    if (level === SURE) return;
    const [left, right] = [data.t[index], data.t[index] + data.step].map((at) => plot.valToPos(at, "x", true));
    stripe(plot.ctx, [left, top, right - left, height], colours.grid, devicePixelRatio || 1);
  });
}
