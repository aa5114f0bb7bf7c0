// An action: the server counts what it would do, a person confirms that, the server does it and says how far it is.
import { el, fill } from "../core/dom.js";
import { openDialog } from "../core/dialog.js";
import { ask, errorText } from "../core/door.js";
import { plural } from "../core/numbers.js";
import { questions } from "./asks.js";
import { chosen } from "./chosen.js";
import { confirmation } from "./confirmation.js";
import { follow } from "./progress.js";

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
const AGAIN = [401, 503]; // what may be well in a moment: the same is worth another try
const SILENCE = "No answer: whether it was done is not known. Send it again: the same request is never done twice.";

export class Action {
  // `ids`: those bookings; `query`: those that are in that list now; neither: an order to the breaker. `done` is called
  // when something may have changed.
  constructor(action, title, { ids = null, query = null, done = () => {} } = {}) {
    Object.assign(this, { action, title, ids, query, done });
    this.content = el("div", {});
    this.dialog = openDialog(title, this.content, { onClose: () => this.#closed() });
    this.preview();
  }

  async preview() {
    fill(this.content, el("p", { class: "nothing", role: "status" }, "Counting what it would do…"));
    if (this.query) {
      const now = await chosen(this.query, () => this.content.isConnected);
      if (!this.content.isConnected) return undefined;
      if (now.error) return this.#failed(now.error, () => this.preview());
      if (!now.ids.length) return this.#failed("None is there any more.", null);
      this.ids = now.ids;
    }
    const answer = await this.#ask("/actions/preview", {
      action: this.action,
      ids: this.ids,
      not_booked: false,
      zone: ZONE,
    });
    if (!answer) return this.#failed("Flower does not answer.", () => this.preview());
    if (answer.status !== 200 || answer.body.refused)
      return this.#failed(errorText(answer), AGAIN.includes(answer.status) ? () => this.preview() : null);
    return this.#confirm(answer.body);
  }

  #confirm(preview) {
    const form = confirmation(preview.lines, questions(this.action, preview), this.#sendLabel(preview), {
      send: (values) => this.#send(preview, values),
      back: () => this.dialog.close(),
    });
    fill(this.content, form);
    form.querySelector("textarea, input")?.focus();
  }

  // What the button says is what was counted: some that were chosen may have moved on, or go by themselves.
  #sendLabel({ count: counted }) {
    return counted > 1 ? `${this.action === "retry" ? "Retry" : "Cancel"} ${plural(counted, "booking")}` : this.title;
  }

  // The request id stays the same when it is sent again, so that a second press, or a lost answer, does nothing twice.
  async #send(preview, values) {
    const body = { not_booked: false, until: null, typed: null, why: "", zone: ZONE, ...values };
    Object.assign(body, {
      action: this.action,
      request_id: preview.request_id,
      epoch: preview.epoch,
      ids: preview.ids,
    });
    fill(this.content, el("p", { class: "nothing", role: "status" }, "Sending…"));
    const answer = await this.#ask("/actions", body);
    this.done();
    if (!answer) return this.#failed(SILENCE, () => this.#send(preview, values), "Send again");
    if (answer.status === 200) return this.#ended(answer.body.text);
    if (answer.status === 202)
      return follow(answer.body.request_id, this.content, {
        done: this.done,
        ended: (text) => this.#ended(text),
        stopped: (text) => this.#failed(text, () => this.#send(preview, values), "Go on"),
      });
    if (AGAIN.includes(answer.status))
      return this.#failed(errorText(answer), () => this.#send(preview, values), "Send again");
    return this.#failed(
      errorText(answer),
      answer.status === 409 || answer.status === 422 ? () => this.preview() : null,
    );
  }

  async #ask(rest, body) {
    try {
      return await ask(rest, { body, patience: 10000 });
    } catch {
      return null;
    }
  }

  #ended(text) {
    const close = this.#back("Close");
    fill(
      this.content,
      el("p", { class: "done", role: "status" }, text || "Done."),
      el("div", { class: "buttons" }, close),
    );
    close.focus();
    this.done();
  }

  #failed(text, again, label = "Look again") {
    const button = again && el("button", { type: "button", class: "button first", onclick: again }, label);
    fill(
      this.content,
      el("p", { class: "failed", role: "alert" }, text),
      el("div", { class: "buttons" }, button, this.#back("Close")),
    );
    (button ?? this.content.querySelector("button")).focus();
  }

  #back(label = "Back") {
    return el("button", { type: "button", class: "button quiet", onclick: () => this.dialog.close() }, label);
  }

  #closed() {
    this.done();
  }
}
