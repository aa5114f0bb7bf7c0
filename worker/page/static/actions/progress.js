// The progress of an action on many bookings; closing the dialog does not end the action.
import { el, fill } from "../core/dom.js";
import { ask, errorText } from "../core/door.js";
import { count } from "../core/numbers.js";

const EVERY = 700;
const PATIENCE = 20; // silent answers in a row

export async function follow(requestId, content, { ended, refused, stopped, done }) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const line = el("p", { role: "status" }, "Begun…");
  const hint = el("p", { class: "hint" }, "Closing this ends nothing: it goes on, and the bookings show it.");
  fill(content, line, bar, hint);
  for (let silent = 0; content.isConnected && silent < PATIENCE;) {
    const answer = await ask(`/actions/${encodeURIComponent(requestId)}`);
    silent = answer.status === 200 ? 0 : silent + 1;
    if (answer.status === 200) {
      const { total, done: finished, moved_on: moved, ended: isEnded, refused: isRefused, running, text } = answer.body;
      bar.max = total || 1;
      bar.value = finished + (moved ?? 0);
      const counts = said(total, finished, moved);
      line.textContent = counts;
      if (isEnded && isRefused) return refused(text);
      if (isEnded) return ended(text || counts);
      if (running === false)
        return stopped(`${counts}; then Flower or PostgreSQL was gone. Sent again, the rest is done.`);
      done();
    } else if (answer.status > 0 && answer.status < 500) {
      return ended(errorText(answer));
    } else {
      line.textContent = "Flower does not answer; asking again.";
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY));
  }
  if (content.isConnected)
    ended("How far it is cannot be told now. The bookings show it; pressing again does the rest.");
  return undefined;
}

function said(total, done, moved) {
  const had = moved ? `, ${count(moved)} had moved on` : "";
  return `${count(done)} of ${count(total)} done${had}`;
}
