// Asks the server repeatedly, one request at a time, and not while the page is hidden.
import { ask } from "./door.js";
import { now } from "./moments.js";
import { released } from "./pointer.js";

const EVERY = 1000; // with what a reading of a frozen server takes, less than three seconds
const SLOWER = 3; // times what the last answer took: a patient poll leaves a busy Flower to the others
const LONGEST = 4000; // ms, to which that makes a pause longer: figures are hatched after five seconds
const FIRST_RETRY = 2000;
const LAST_RETRY = 15000;

// `states`: "well", "silent" (no answer), "refused" (an error instead of figures), "wrong" (the address), "login".
export class Poll {
  #etag = null;
  #timer = 0;
  #flying = false;
  #again = false;
  #failures = 0;
  #took = 0; // ms

  constructor(rest, { every = EVERY, patient = false, query = () => ({}), onData = () => {}, onState = () => {} }) {
    Object.assign(this, { rest, every, patient, query, onData, onState, readAt: null, nextAt: null });
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#wait(null) : this.now()));
    window.addEventListener("online", () => this.now());
  }

  // Also forgets the last answer's tag: the query may have changed.
  restart() {
    this.#etag = null;
    return this.now();
  }

  async now() {
    if (this.#flying) {
      this.#again = true;
      return;
    }
    this.#wait(null);
    if (document.hidden || this.every === null) return;
    this.#flying = true;
    try {
      await this.#once();
    } finally {
      this.#flying = false;
      const soon = this.#again;
      this.#again = false;
      if (soon) this.now();
      else if (!document.hidden) this.#wait(this.#pause());
    }
  }

  stop() {
    this.every = null;
    this.#wait(null);
  }

  async #once() {
    const asked = JSON.stringify(this.query());
    const began = performance.now();
    const answer = await ask(this.rest, { query: JSON.parse(asked), etag: this.#etag });
    this.#took = performance.now() - began;
    if (answer.status === 0) return this.#failed("silent");
    const readAt = now(); // by the clock that ages use, not by PostgreSQL's: Flower sends no old reading
    await released();
    if (asked !== JSON.stringify(this.query())) return (this.#again = true);
    if (answer.status === 401) return this.#failed("login");
    if (answer.status === 422) return this.#wrong(answer);
    if (answer.status !== 200 && answer.status !== 304) return this.#failed("refused", answer);
    this.#failures = 0;
    this.readAt = readAt;
    if (answer.status === 200) {
      this.#etag = answer.headers.get("ETag");
      this.onData(answer.body);
    }
    this.onState("well");
  }

  // The question itself is wrong: asked again it would be refused again.
  #wrong(answer) {
    this.stop();
    this.onState("wrong", answer);
  }

  #failed(state, answer = null) {
    this.#failures += 1;
    this.nextAt = now() + this.#pause();
    this.onState(state, answer);
  }

  #pause() {
    if (this.every === null) return null;
    if (!this.#failures) return Math.max(this.every, this.patient ? Math.min(LONGEST, SLOWER * this.#took) : 0);
    return Math.min(LAST_RETRY, FIRST_RETRY * 2 ** (this.#failures - 1));
  }

  #wait(pause) {
    clearTimeout(this.#timer);
    if (pause !== null) this.#timer = setTimeout(() => this.now(), pause);
  }
}
