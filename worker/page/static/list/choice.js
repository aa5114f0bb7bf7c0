// Which rows of a list are chosen: it outlives each reading, and a booking that left the list stays chosen.
import { button, el } from "../core/dom.js";
import { count } from "../core/numbers.js";

export class Choice {
  #ids = new Set();
  #rows = [];

  // `changed` is called when a viewer has chosen.
  constructor(changed) {
    this.changed = changed;
  }

  get ids() {
    return [...this.#ids];
  }

  shown(rows) {
    this.#rows = rows.map((row) => row.id);
  }

  // The checkbox of a row.
  one({ id }) {
    return this.#box(`choose-${id}`, `Choose booking ${id}`, this.#ids.has(id), (is) => this.#set([id], is));
  }

  // How many are chosen, as text.
  get said() {
    const gone = this.#ids.size - this.#chosen.length;
    const beyond = gone ? `, ${count(gone)} of them not in this list any more` : "";
    return this.#ids.size ? `${count(this.#ids.size)} chosen${beyond}` : "";
  }

  // A checkbox for all rows that are shown, and a button that chooses none.
  bar() {
    if (!this.#rows.length && !this.#ids.size) return null;
    const chosen = this.#chosen.length;
    const isAll = chosen > 0 && chosen === this.#rows.length;
    const all = this.#box("choose-all", "Choose all shown", isAll, (is) => this.#set(this.#rows, is));
    all.indeterminate = chosen > 0 && !isAll;
    const none = () => this.#set(this.ids, false);
    return [
      el("label", { class: "choose-all" }, all, el("span", {}, "All shown")),
      this.#ids.size ? button("None", none, { class: "button small quiet", "data-key": "choose-none" }) : null,
    ];
  }

  // Of the rows that are shown, those that are chosen.
  get #chosen() {
    return this.#rows.filter((id) => this.#ids.has(id));
  }

  #set(ids, isChosen) {
    for (const id of ids) isChosen ? this.#ids.add(id) : this.#ids.delete(id);
    for (const id of ids) {
      const box = document.querySelector(`[data-key="choose-${id}"]`);
      if (box) box.checked = isChosen;
    }
    this.changed();
  }

  #box(key, label, checked, set) {
    const attributes = { type: "checkbox", "data-key": key, "aria-label": label };
    const made = el("input", { ...attributes, onchange: () => set(made.checked) });
    made.checked = checked;
    return made;
  }
}
