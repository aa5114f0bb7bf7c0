// Draws the breakers' states as bands, one lane each: closed is a thin line, all else a block with its word in it.
import { STATES } from "../core/words.js";

export const LANE = 26; // CSS pixels

const LOOKS = {
  closed: { colour: "calm", thin: true },
  open: { colour: "critical" },
  half_open: { colour: "warning", striped: true },
  forced_open: { colour: "warning" },
  off: { colour: "none", striped: true },
};

export function drawBand(plot, lanes, until, colours) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  lanes.forEach((lane, index) => {
    const height = bbox.height / lanes.length;
    for (const span of lane.spans) drawSpan(plot, span, { top: bbox.top + index * height, height, until }, colours);
  });
  ctx.restore();
}

function drawSpan(plot, span, { top, height, until }, colours) {
  const look = LOOKS[span.state] ?? LOOKS.off;
  const left = Math.max(plot.bbox.left, plot.valToPos(span.from, "x", true));
  const right = Math.min(plot.bbox.left + plot.bbox.width, plot.valToPos(span.to ?? until, "x", true));
  const ratio = devicePixelRatio || 1;
  const width = Math.max(right - left, look.thin ? 0 : 2 * ratio); // what was short is still seen
  const thickness = look.thin ? 3 * ratio : height - 6 * ratio;
  const box = [left, top + (height - thickness) / 2, width, thickness];
  if (right < plot.bbox.left || width <= 0) return;
  plot.ctx.fillStyle = colours[look.colour];
  plot.ctx.fillRect(...box);
  if (look.striped) stripe(plot.ctx, box, colours.grid, ratio);
  if (!look.thin) write(plot.ctx, box, STATES[span.state] ?? span.state, colours, ratio);
}

function stripe(ctx, [left, top, width, height], colour, ratio) {
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

function write(ctx, [left, top, width, height], text, colours, ratio) {
  ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
  const wide = ctx.measureText(text).width;
  if (wide + 12 * ratio > width) return;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  ctx.fillStyle = colours.ink;
  ctx.globalAlpha = 1;
  const paper = [left + 4 * ratio, top + 2 * ratio, wide + 6 * ratio, height - 4 * ratio];
  ctx.save();
  ctx.fillStyle = colours.paper;
  ctx.fillRect(...paper);
  ctx.restore();
  ctx.fillText(text, left + 7 * ratio, top + height / 2 + ratio);
}
