// Shows how old the figures are, and hatches them when they are too old to act on.
import { byId, el, fill, show } from "./dom.js";
import { errorText } from "./door.js";
import { clockWithSeconds, dated, now, span, tick, utc } from "./moments.js";

const TOO_OLD = 5; // seconds

export class Freshness {
  #state = "well";
  #answer = null;
  #said = "";
  #alert = el("span", { role: "alert" });
  #again = el("span");
  #at = el("time");
  #age = el("span");

  constructor(poll) {
    Object.assign(this, { poll, page: byId("resilience"), line: byId("read"), banner: byId("trouble") });
    fill(this.banner, this.#alert, this.#again);
    fill(this.line, this.#at, this.#age);
    setInterval(() => this.tick(), 1000);
  }

  state(state, answer = null) {
    this.#state = state;
    this.#answer = answer;
    this.tick();
  }

  tick() {
    tick();
    const readAt = this.poll.readAt;
    const age = readAt === null ? null : (now() - readAt) / 1000;
    show(this.line, age !== null);
    if (age !== null) this.#asOf(readAt, age);
    const old = this.#state !== "well" || (age !== null && age > TOO_OLD);
    this.page.classList.toggle("old", old && readAt !== null);
    show(this.banner, old);
    this.#say(old ? this.#trouble(readAt) : "");
    this.#again.textContent = this.#state === "silent" || this.#state === "refused" ? this.#soon() : "";
  }

  // The moment of the figures with its day and zone, so that a screenshot of them can be read tomorrow; and their age.
  #asOf(readAt, age) {
    this.#at.dateTime = new Date(readAt).toISOString();
    this.#at.title = utc(readAt);
    this.#at.textContent = dated(readAt);
    this.#age.textContent = `, read ${span(age)} ago`;
  }

  // Outside the alert that a screen reader reads, for it changes each second.
  #soon() {
    return ` Asking again in ${span(Math.ceil((this.poll.nextAt - now()) / 1000))}.`;
  }

  #trouble(readAt) {
    const figures = readAt === null ? "" : ` These figures are of ${clockWithSeconds(readAt)}.`;
    if (this.#state === "login") return `You are logged out.${figures}`;
    if (this.#state === "silent") return `Flower does not answer.${figures}`;
    if (this.#state === "wrong") return `This address cannot be shown: ${errorText(this.#answer)}.`;
    if (this.#state === "refused") return `Flower answers with an error: ${errorText(this.#answer)}.${figures}`;
    return `No new reading.${figures}`;
  }

  #say(text) {
    if (text === this.#said) return;
    this.#said = text;
    // This page's own address: Flower asks for the login there, and comes back here.
    const login = this.#state === "login" && text ? [" ", el("a", { href: location.href }, "Log in again")] : [];
    fill(this.#alert, text, ...login);
  }
}
