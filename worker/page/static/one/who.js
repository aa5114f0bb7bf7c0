// Who a booking is for: hidden until a viewer who may act gives a reason, then shown for a minute; this is recorded.
import { button, el, fill, list, pairs } from "../core/dom.js";
import { openDialog } from "../core/dialog.js";
import { ask, errorText, whyNot } from "../core/door.js";
import { word } from "../core/words.js";
import { questions } from "../actions/asks.js";
import { confirmation } from "../actions/confirmation.js";

// A list or an object becomes a list of its values, an object's as "name: value": such a name is Cal.com's, kept as is.
function shown(value) {
  if (value === null || typeof value !== "object") return String(value ?? "–");
  const lines = Array.isArray(value)
    ? value.map(shown)
    : known(value).map(([name, inner]) => [`${name}: `, shown(inner)]);
  return lines.length ? list("ul", {}, lines) : "none";
}

function known(fields) {
  return Object.entries(fields).filter(([, value]) => value !== null && value !== "");
}

export class Who {
  #timer = 0;

  constructor(place, id) {
    Object.assign(this, { place, id });
    window.addEventListener("pagehide", () => this.hide());
    this.hide();
  }

  hide() {
    clearInterval(this.#timer);
    const reason = whyNot();
    const last = reason
      ? el("p", { class: "reason" }, `Not to be shown: ${reason}`)
      : this.#button("Show", () => this.#ask());
    fill(this.place, el("p", { class: "hidden-who" }, "Name, address and answers are hidden. "), last);
  }

  #button(label, onclick) {
    return button(label, onclick, { class: "button small", "data-key": "show-who" });
  }

  #ask() {
    const lines = ["Shown for 60 seconds, on this page only.", "That you looked, and why, is recorded."];
    const trouble = el("p", { class: "failed", role: "alert", hidden: true });
    const form = confirmation(lines, questions("reveal", { asks: ["why"] }), "Show for a minute", {
      more: trouble,
      back: () => dialog.close(),
      send: async (values) => {
        const said = await this.#reveal(values);
        trouble.hidden = !said;
        trouble.textContent = said ?? "";
        if (!said) dialog.close();
      },
    });
    const dialog = openDialog("Show who it is for", form);
    form.querySelector("textarea").focus();
  }

  // Returns the error's text, or undefined.
  async #reveal(values) {
    const answer = await ask(`/bookings/${this.id}/who`, { body: values });
    if (answer.status !== 200) return errorText(answer);
    this.#show(answer.body.fields, answer.body.seconds);
    return undefined;
  }

  #show(fields, seconds) {
    const left = el("p", { class: "hint", role: "timer" });
    const until = Date.now() + seconds * 1000;
    const rows = known(fields).map(([name, value]) => [word(name), shown(value)]);
    const hide = this.#button("Hide now", () => this.hide());
    fill(this.place, el("dl", { class: "facts-list" }, pairs(rows)), left, hide);
    const count = () => {
      const seconds_left = Math.ceil((until - Date.now()) / 1000);
      left.textContent = `Hidden again in ${Math.max(0, seconds_left)} s.`;
      if (seconds_left <= 0) this.hide();
    };
    clearInterval(this.#timer);
    this.#timer = setInterval(count, 500);
    count();
  }
}
