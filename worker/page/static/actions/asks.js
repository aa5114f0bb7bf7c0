// What a confirmation asks for: why, until when, a word or a number to type, and that the operator looked at Cal.com.
import { el } from "../core/dom.js";
import { start } from "./start.js";

const LENGTHS = {
  open: [
    ["10 minutes", 600],
    ["1 hour", 3600],
    ["no end", null],
  ],
  off: [
    ["10 minutes", 600],
    ["30 minutes", 1800],
    ["1 hour", 3600],
  ],
};

// Returns {elements, values(), isComplete()} for the questions of a preview.
// `mustLook`: the tick that the viewer looked at Cal.com is no choice; `startsAt`: the booking's start of now.
export function questions(action, preview, { mustLook = false, startsAt = null } = {}) {
  const asked = preview.asks ?? [];
  const all = [
    asked.includes("until") ? until(LENGTHS[action] ?? LENGTHS.open) : null,
    asked.includes("uid") ? uid("Its uid at Cal.com, or its seat's") : null,
    asked.includes("new_uid") ? uid("Its new uid at Cal.com, or its seat's, if it has one", true) : null,
    asked.includes("start") ? start(startsAt) : null,
    asked.includes("reason") ? reason() : null,
    asked.includes("looked") ? looked(mustLook) : null,
    asked.includes("why") ? why() : null,
    asked.some((one) => one === "type" || one === "number") ? typed(preview.typed) : null,
  ].filter(Boolean);
  return {
    elements: all.map((one) => one.element),
    values: () => Object.assign({}, ...all.map((one) => one.value())),
    isComplete: () => all.every((one) => one.isComplete()),
  };
}

function why() {
  const input = el("textarea", { rows: 2, maxlength: 500, required: true, name: "why" });
  const element = el("label", { class: "field" }, el("span", {}, "Why? It is recorded with your name."), input);
  return { element, value: () => ({ why: input.value.trim() }), isComplete: () => input.value.trim() !== "" };
}

function reason() {
  const input = el("input", { type: "text", name: "reason", maxlength: 500 });
  const label = el("span", {}, "What Cal.com tells the attendee (not required)");
  const element = el("label", { class: "field" }, label, input);
  return { element, value: () => ({ reason: input.value.trim() || null }), isComplete: () => true };
}

function until(lengths) {
  const options = lengths.map(([label, seconds], index) => {
    const input = el("input", { type: "radio", name: "until", value: seconds ?? "", checked: index === 0 });
    return el("label", {}, input, el("span", {}, label));
  });
  const element = el("fieldset", { class: "field lengths" }, el("legend", {}, "For how long?"), options);
  const chosen = () => element.querySelector("input:checked")?.value;
  return {
    element,
    value: () => ({ until: chosen() ? Number(chosen()) : null }),
    isComplete: () => chosen() !== undefined,
  };
}

function uid(question, mayLack = false) {
  const input = el("input", { type: "text", name: "uid", autocomplete: "off", spellcheck: "false", maxlength: 200 });
  const element = el("label", { class: "field" }, el("span", {}, question), input);
  const value = () => input.value.trim();
  return { element, value: () => ({ uid: value() || null }), isComplete: () => mayLack || value() !== "" };
}

function looked(isNeeded) {
  const input = el("input", { type: "checkbox", name: "not_booked" });
  const label = el("span", {}, "I looked at Cal.com: it is not booked there.");
  const element = el("label", { class: "field tick" }, input, label);
  return { element, value: () => ({ not_booked: input.checked }), isComplete: () => input.checked || !isNeeded };
}

function typed(expected) {
  const input = el("input", { type: "text", name: "typed", autocomplete: "off", spellcheck: "false", size: 12 });
  const label = el("span", {}, "Type ", el("strong", {}, expected), " to confirm.");
  const element = el("label", { class: "field" }, label, input);
  const value = () => input.value.trim();
  return { element, value: () => ({ typed: value() }), isComplete: () => value() === String(expected) };
}
