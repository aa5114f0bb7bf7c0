// Draws the breakers' states as bands, one lane each: closed is a thin line, all else a block with its word in it.
import { STATES } from "../core/words.js";

export const LANE = 26; // CSS pixels

const LOOKS = {
  closed: { colour: "calm", thin: true },
  open: { colour: "critical" },
  half_open: { colour: "warning", striped: true },
  forced_open: { colour: "warning" },
  off: { colour: "none", striped: true },
  unknown: { colour: "grid", striped: true, stripes: "muted" },
};

export function drawBand(plot, lanes, until, colours) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  lanes.forEach((lane, index) => {
    const height = bbox.height / lanes.length;
    const place = { top: bbox.top + index * height, height, until };
    for (const span of lane.spans) drawSpan(plot, span, place, colours);
    for (const run of runs(lane.spans)) write(plot, run, place, colours);
  });
  ctx.restore();
}

// States that follow each other and are not closed: an outage goes from open to half-open and back, one word for all.
export function runs(spans) {
  const found = [];
  spans.forEach((span, index) => {
    const run = found.at(-1);
    if (span.state === "closed") return;
    if (run && run.to === span.from && span.state !== "unknown")
      Object.assign(run, { to: span.to, state: longest(run, span) });
    else found.push({ ...span, hasRoom: index > 0 && spans[index - 1].state === "closed" });
  });
  return found;
}

const longest = (run, span) =>
  span.to === null || span.state === "open" || span.to - span.from > 60 ? span.state : run.state;

function ends(plot, span, until) {
  const { left, width } = plot.bbox;
  return [
    Math.max(left, plot.valToPos(span.from, "x", true)),
    Math.min(left + width, plot.valToPos(span.to ?? until, "x", true)),
  ];
}

function drawSpan(plot, span, { top, height, until }, colours) {
  const look = LOOKS[span.state] ?? LOOKS.off;
  const [left, right] = ends(plot, span, until);
  const ratio = devicePixelRatio || 1;
  const width = Math.max(right - left, look.thin ? 0 : 2 * ratio); // what was short is still seen
  const thickness = look.thin ? 3 * ratio : height - 6 * ratio;
  const box = [left, top + (height - thickness) / 2, width, thickness];
  if (right < plot.bbox.left || width <= 0) return;
  plot.ctx.fillStyle = colours[look.colour];
  plot.ctx.fillRect(...box);
  if (look.striped) stripe(plot.ctx, box, colours[look.stripes ?? "grid"], ratio);
}

export function stripe(ctx, [left, top, width, height], colour, ratio) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 2 * ratio;
  ctx.beginPath();
  for (let x = left - height; x < left + width; x += 7 * ratio) {
    ctx.moveTo(x, top + height);
    ctx.lineTo(x + height, top);
  }
  ctx.stroke();
  ctx.restore();
}

// Before the run where there is space, so that its own colours stay visible; else in it.
function write(plot, run, { top, height, until }, colours) {
  const { ctx } = plot;
  const ratio = devicePixelRatio || 1;
  const text = STATES[run.state] ?? run.state;
  const [left, right] = ends(plot, run, until);
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  const wide = ctx.measureText(text).width;
  const before = left - wide - 6 * ratio;
  const isBefore = run.hasRoom && before > plot.bbox.left;
  if (right < plot.bbox.left || (!isBefore && wide + 12 * ratio > right - left)) return;
  const from = isBefore ? before : left + 6 * ratio;
  const middle = top + height / 2;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillStyle = colours.paper;
  ctx.fillRect(from - 3 * ratio, middle - 8 * ratio, wide + 6 * ratio, 16 * ratio);
  ctx.fillStyle = colours.ink;
  ctx.fillText(text, from, middle + ratio);
}
