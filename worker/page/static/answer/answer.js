// The verdict: who must act, one sentence, what happens if nobody acts, what else is true, and the buttons that fit.
import { byId, el, fill, onChange } from "../core/dom.js";
import { sentence, sentenceText } from "../core/moments.js";
import { LEVELS, WHOSE } from "../core/words.js";
import { buttons, decisive } from "./buttons.js";

const PAGE_TITLE = document.title;

export class Answer {
  #row = null;
  #drawWords = onChange((verdict) => this.#words(verdict));
  #drawButtons = onChange((shown) => {
    const wasOpen = byId("buttons").querySelector("details")?.open; // somebody may be choosing just now
    fill(byId("buttons"), buttons(shown, this.act));
    const more = byId("buttons").querySelector("details");
    if (more) more.open = wasOpen ?? false;
  });

  constructor(act) {
    this.act = act;
  }

  update(data) {
    this.#drawWords(data.verdict);
    this.#drawButtons(decisive(data));
    this.#announce(data.verdict);
  }

  #words(verdict) {
    byId("answer").dataset.level = verdict.level;
    fill(byId("level"), LEVELS[verdict.level] ?? verdict.level);
    fill(byId("whose"), WHOSE[verdict.whose] ?? verdict.whose ?? "");
    fill(byId("sentence"), sentence(verdict.sentence));
    const nothing = sentenceText(verdict.nothing).trim();
    const hasNothing = nothing && nothing !== "-";
    fill(byId("nothing"), hasNothing ? [el("strong", {}, "If you do nothing: "), sentence(verdict.nothing)] : "");
    const also = (one) => el("li", {}, el("strong", {}, "Also: "), sentence(one));
    fill(byId("also"), verdict.also.map(also));
    document.title = verdict.level === "calm" ? PAGE_TITLE : `${LEVELS[verdict.level]}: ${PAGE_TITLE}`;
  }

  // A screen reader reads a new sentence, but not each number that changes in it.
  #announce(verdict) {
    const row = `${verdict.row} ${verdict.name}`;
    if (row === this.#row) return;
    if (this.#row !== null) byId("said").textContent = sentenceText(verdict.sentence);
    this.#row = row;
  }
}
