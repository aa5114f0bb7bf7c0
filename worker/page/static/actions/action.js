// An action: the server counts what it would do, a person confirms that, the server does it and reports its progress.
import { button, el, fill, marked } from "../core/dom.js";
import { openDialog } from "../core/dialog.js";
import { ask, errorText } from "../core/door.js";
import { plural } from "../core/numbers.js";
import { questions } from "./asks.js";
import { chosen } from "./chosen.js";
import { confirmation } from "./confirmation.js";
import { follow } from "./progress.js";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
const AGAIN = [0, 401, 503]; // these may be over in a moment: the same is worth another try
const PATIENCE = 10000; // ms
const SILENCE = "No answer: whether it was done is not known. Send it again: the same request is never done twice.";

export class Action {
  // `ids`: these bookings; `query`: the bookings of that list now; neither: an order to the breaker. `done` is called
  // when something may have changed; `notBooked`: the viewer must have looked at Cal.com; `label` is its button's;
  // `startsAt`: the start of the booking that is moved; `wasDone`: what the viewer says of a held change;
  // `service`: the host of another Cal.com, for an order to its breaker.
  constructor(action, title, given = {}) {
    const { ids = null, query = null, notBooked = false, wasDone = null, startsAt = null } = given;
    const { label = title, service = null, done = () => {} } = given;
    Object.assign(this, { action, title, ids, query, notBooked, wasDone, label, startsAt, service, done });
    this.content = el("div", {});
    this.dialog = openDialog(title, this.content, { onClose: () => this.done() });
    this.preview();
  }

  async preview() {
    this.#wait("Counting what it would do…");
    if (this.query) {
      const now = await chosen(this.query, () => this.content.isConnected);
      if (!this.content.isConnected) return undefined;
      if (now.error) return this.#failed(now.error, () => this.preview());
      if (!now.ids.length) return this.#failed("None is there any more.", null);
      this.ids = now.ids;
    }
    const body = { action: this.action, ids: this.ids, ...this.#said(), zone: ZONE };
    const answer = await ask("/actions/preview", { body, patience: PATIENCE });
    if (answer.status === 200 && !answer.body.refused) return this.#confirm(answer.body);
    return this.#failed(errorText(answer), AGAIN.includes(answer.status) ? () => this.preview() : null);
  }

  // The title has the number that was counted, too, however many the button spoke of.
  #confirm(preview) {
    if (preview.count > 1) this.dialog.querySelector("h2").textContent = this.#sendLabel(preview);
    const asked = questions(this.action, preview, { mustLook: this.notBooked, startsAt: this.startsAt });
    const form = confirmation(preview.lines, asked, this.#sendLabel(preview), {
      send: (values) => this.#send(preview, values),
      back: () => this.dialog.close(),
    });
    fill(this.content, form);
    form.querySelector("textarea, input")?.focus();
  }

  // The button has the number that was counted: some of the chosen bookings may have moved on, or go by themselves.
  #sendLabel({ count: counted }) {
    return counted > 1 ? `${this.action === "retry" ? "Retry" : "Cancel"} ${plural(counted, "booking")}` : this.label;
  }

  // The request id stays the same when it is sent again, so that a second press, or a lost answer, does nothing twice.
  async #send(preview, values) {
    const { request_id, epoch, ids } = preview;
    const asked = { ...this.#said(), until: null, typed: null, why: "", zone: ZONE, ...values };
    const body = { ...asked, action: this.action, request_id, epoch, ids };
    const again = () => this.#send(preview, values);
    this.startsAt = values.start ?? this.startsAt; // a start that is refused is there again to be mended
    this.#wait("Sending…");
    const answer = await ask("/actions", { body, patience: PATIENCE });
    this.done();
    if (answer.status === 200) return this.#ended(answer.body.text);
    if (answer.status === 202)
      return follow(answer.body.request_id, this.content, {
        done: this.done,
        ended: (text) => this.#ended(text),
        refused: (text) => this.#failed(text, null),
        stopped: (text) => this.#failed(text, again, "Go on"),
      });
    const text = answer.status === 0 ? SILENCE : errorText(answer);
    if (AGAIN.includes(answer.status)) return this.#failed(text, again, "Send again");
    return this.#failed(text, answer.status === 409 || answer.status === 422 ? () => this.preview() : null);
  }

  #said() {
    return { not_booked: this.notBooked, done: this.wasDone, service: this.service };
  }

  #wait(text) {
    fill(this.content, el("p", { class: "nothing", role: "status" }, text));
  }

  #ended(text) {
    this.#say(el("p", { class: "done", role: "status" }, marked(text || "Done.")));
    this.done();
  }

  #failed(text, again, label = "Look again") {
    const first = again && button(label, again, { class: "button first" });
    this.#say(el("p", { class: "failed", role: "alert" }, marked(text)), first);
  }

  // Shows a text and the buttons below it, of which Close is the last; the first has the focus.
  #say(text, first = null) {
    const close = button("Close", () => this.dialog.close(), { class: "button quiet" });
    fill(this.content, text, el("div", { class: "buttons" }, first, close));
    (first ?? close).focus();
  }
}
