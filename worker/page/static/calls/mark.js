// The mark that a customer was called: who called and when, set and taken back by a button.
import { button, el, fill } from "../core/dom.js";
import { ask, errorText, whyNot } from "../core/door.js";
import { time } from "../core/moments.js";

const PATIENCE = 10000; // ms
const SILENCE = "No answer: press again, nobody is marked twice.";

// The mark as text; null: nobody has called.
export function markText(called) {
  return called ? el("span", { class: "called" }, `called by ${called.who} `, time(called.at, "clock")) : null;
}

// The mark and its button; `done` is called when it has changed. A viewer who may not act sees the mark alone.
export function mark(id, called, done) {
  const trouble = el("span", { class: "failed", role: "alert" });
  if (whyNot()) return [markText(called) ?? "–"];
  let isSending = false;
  const set = async () => {
    if (isSending) return; // a button that is disabled while it has the focus would lose it
    isSending = true;
    const body = { take_back: Boolean(called) };
    const answer = await ask(`/bookings/${id}/called`, { body, patience: PATIENCE });
    isSending = false;
    fill(trouble, answer.status === 200 ? "" : answer.status === 0 ? SILENCE : errorText(answer));
    done();
  };
  const label = called ? `Take back: booking ${id} was not called` : `Mark booking ${id} as called`;
  const attributes = { class: "button small", "data-key": `called-${id}`, "aria-label": label };
  const made = button(called ? "Take back" : "Mark as called", set, attributes);
  return [markText(called), " ", made, " ", trouble];
}
