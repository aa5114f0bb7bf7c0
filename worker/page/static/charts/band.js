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
    for (const label of labels(boxes(plot, lane.spans, until), bounds(plot))) write(plot, label, place, colours);
  });
  ctx.restore();
}

// States that follow each other and are not closed: an outage goes from open to half-open and back, one word for all.
export function runs(spans) {
  const found = [];
  spans.forEach((span) => {
    const run = found.at(-1);
    if (span.state === "closed") return;
    if (run && run.to === span.from && span.state !== "unknown")
      Object.assign(run, { to: span.to, state: longest(run, span) });
    else found.push({ ...span });
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
  const ratio = ratioNow();
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

const ratioNow = () => devicePixelRatio || 1;
const bounds = ({ bbox: { left, width } }) => ({ left, right: left + width, gap: 6 * ratioNow() });

// The runs as boxes in pixels: where each block is, its text, and how wide that is.
function boxes(plot, spans, until) {
  plot.ctx.font = `600 ${11 * ratioNow()}px system-ui, sans-serif`;
  return runs(spans).map((run) => {
    const [left, right] = ends(plot, run, until);
    const text = STATES[run.state] ?? run.state;
    const { width: wide } = plot.ctx.measureText(text);
    return { state: run.state, text, wide, left, right: Math.max(right, left + 2 * ratioNow()) };
  });
}

// Where each text is: before its block, in it, or behind it; none where it would cover another block or another text.
export function labels(blocks, { left, right, gap }) {
  const placed = [];
  const isFree = (from, to, own) =>
    from >= left &&
    to <= right &&
    blocks.every((block) => block === own || to + gap <= block.left || block.right + gap <= from) &&
    placed.every((one) => to + gap <= one.from || one.to + gap <= from);
  for (const block of blocks) {
    const before = block.left - gap - block.wide;
    const inside = Math.max(block.left, left) + gap;
    const behind = block.right + gap;
    const hasRoom = inside + block.wide + gap <= Math.min(block.right, right);
    const from = [before, hasRoom ? inside : NaN, behind].find((at) => isFree(at, at + block.wide, block));
    if (from !== undefined) placed.push({ ...block, from, to: from + block.wide, isInside: from === inside });
  }
  return placed;
}

function write({ ctx }, { text, from, wide, state, isInside }, { top, height }, colours) {
  const ratio = ratioNow();
  const middle = top + height / 2;
  const look = LOOKS[state] ?? LOOKS.off;
  ctx.textBaseline = "middle";
  ctx.textAlign = "left";
  if (!isInside || look.striped) {
    ctx.fillStyle = isInside ? colours[look.colour] : colours.paper; // over its own stripes, or the line of "closed"
    ctx.fillRect(from - 3 * ratio, middle - 8 * ratio, wide + 6 * ratio, 16 * ratio);
  }
  ctx.fillStyle = isInside && look.colour !== "grid" ? colours.paper : colours.ink;
  ctx.fillText(text, from, middle + ratio);
}
