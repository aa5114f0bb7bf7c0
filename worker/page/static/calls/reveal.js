// Whom to call: hidden until a viewer who may act gives a reason; then shown for ten minutes, and recorded as one look.
import { el } from "../core/dom.js";
import { openDialog } from "../core/dialog.js";
import { ask, errorText } from "../core/door.js";
import { plural } from "../core/numbers.js";
import { questions } from "../actions/asks.js";
import { confirmation } from "../actions/confirmation.js";

const PATIENCE = 10000; // ms
const SILENCE = "No answer. Send it again: the same look is recorded once.";

// Asks why, and calls `show(contacts, seconds)` when they are there.
export async function reveal(ids, show) {
  const content = el("p", { class: "nothing", role: "status" }, "Asking…");
  const dialog = openDialog(`Show whom to call: ${plural(ids.length, "booking")}`, content);
  const preview = await ask("/actions/preview", { body: { action: "call_list", ids }, patience: PATIENCE });
  if (!dialog.open) return;
  if (preview.status !== 200) {
    content.replaceWith(el("p", { class: "failed", role: "alert" }, errorText(preview)));
    return;
  }
  const { request_id } = preview.body;
  const lines = [
    "Names, numbers and e-mail addresses are shown for 10 minutes, on this page only.",
    "That you looked at these bookings, and why, is recorded once.",
    "Printed and copied names stay where you put them: destroy them when the calls are over.",
  ];
  const trouble = el("p", { class: "failed", role: "alert", hidden: true });
  const form = confirmation(lines, questions("reveal", { asks: ["why"] }), "Show for 10 minutes", {
    more: trouble,
    back: () => dialog.close(),
    send: async ({ why }) => {
      const answer = await ask("/calls/who", { body: { request_id, ids, why }, patience: PATIENCE });
      trouble.hidden = answer.status === 200;
      if (answer.status !== 200) {
        trouble.textContent = answer.status === 0 ? SILENCE : errorText(answer);
        return;
      }
      show(answer.body.contacts, answer.body.seconds);
      dialog.close();
    },
  });
  content.replaceWith(form);
  form.querySelector("textarea").focus();
}
