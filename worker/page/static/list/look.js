// Looks on behind a list's first rows, where no index knows what is wanted: until it has a page, or 5 s are over.
import { el } from "../core/dom.js";
import { ask } from "../core/door.js";
import { time } from "../core/moments.js";
import { count } from "../core/numbers.js";

const PAGE = 50;
const LONGEST = 5000; // ms
// Lists that do not begin with the newest.
const ORDERED = ["sort", "reason", "at_risk", "requested_from", "requested_to"];

export class Look {
  #place = null; // where to look on; null: it was looked at all, or has not begun
  #looked = 0;
  #downTo = null;
  #isLooking = false;
  #begun = false;
  #isOver = false; // an answer was an error
  rows = []; // what was found behind the first rows
  called = {}; // and the call marks of these

  // `onChange` draws the list again.
  constructor(filter, onChange) {
    Object.assign(this, { filter, onChange });
  }

  // Returns the first rows and those found behind them; begins to look when the first page is short.
  async join({ rows, next, looked, down_to: downTo }) {
    if (!this.#begun && next && rows.length < PAGE) {
      this.#begun = true;
      Object.assign(this, { first: rows.length });
      [this.#place, this.#looked, this.#downTo] = [next, looked, downTo];
      this.on();
    } else if (this.rows.length) await this.#readAgain();
    return [...rows, ...this.rows.filter((one) => !rows.some((other) => other.id === one.id))];
  }

  // The place of the next page, once this has looked.
  next(first) {
    return this.#begun ? this.#place : first;
  }

  get #found() {
    return this.first + this.rows.length;
  }

  async on() {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const ends = performance.now() + LONGEST;
    this.onChange();
    this.#isOver = false;
    const goesOn = () => this.#place && !this.#isOver && this.#found < PAGE && performance.now() < ends;
    while (goesOn()) await this.#step();
    this.#isLooking = false;
    this.onChange();
  }

  async #step() {
    const limit = PAGE - this.#found;
    const answer = await ask("/data/bookings", { query: { ...this.filter, after: this.#place, look: 1, limit } });
    if (answer.status === 503) return new Promise((done) => setTimeout(done, 300)); // busy: again, while there is time
    if (answer.status !== 200) return (this.#isOver = true);
    const { rows, called, next, looked, down_to: downTo } = answer.body;
    this.rows.push(...rows);
    Object.assign(this.called, called);
    [this.#place, this.#looked, this.#downTo] = [next, this.#looked + looked, downTo ?? this.#downTo];
    return this.onChange();
  }

  async #readAgain() {
    const ids = this.rows.map((one) => one.id).join();
    const { after: _after, ...plain } = this.filter;
    const answer = await ask("/data/bookings", { query: { ...plain, ids, limit: PAGE } });
    if (answer.status === 200) [this.rows, this.called] = [answer.body.rows, answer.body.called];
  }

  // How far it has looked, and the button that goes on; null: there is nothing to say.
  note(found) {
    if (!this.#begun || !this.#place || found >= PAGE) return null;
    const far = [`${count(this.#looked)} looked at`, this.#downTo ? [", down to ", time(this.#downTo, "clock")] : ""];
    const which = ORDERED.some((name) => this.filter[name]) ? "first" : "newest";
    const text = [found ? count(found) : "None", ` among the ${which} `, far];
    const button = el("button", { class: "button small", type: "button", "data-key": "look-on" }, "Look on");
    button.addEventListener("click", () => this.on());
    return el("p", { class: "note", id: "looked" }, text, ". ", this.#isLooking ? "Looking on…" : button);
  }
}
