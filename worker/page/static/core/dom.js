// Builds elements. Text goes in as text and never as HTML, so that what a customer wrote cannot run.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

// `head` are its columns' titles, `rows` its <tr>s; the caption is for screen readers, for a heading stands above.
export function table(caption, head, rows, attributes = {}) {
  const titles = head.map((title) => el("th", { scope: "col" }, title));
  const hidden = el("caption", { class: "visually-hidden" }, caption);
  return el("table", attributes, hidden, el("thead", {}, el("tr", {}, titles)), el("tbody", {}, rows));
}

// A button that sends no form.
export function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", class: "button", onclick, ...attributes }, label);
}

// A list with an item for each of `lines`.
export function list(tag, attributes, lines) {
  const items = lines.map((line) => el("li", {}, line));
  return el(tag, attributes, items);
}

// The items of a <dl>: names, and what belongs to each.
export function pairs(entries) {
  return entries.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}

// A note where there is nothing to show.
export function nothing(text) {
  return el("p", { class: "nothing" }, text);
}

// A sentence's commands, which are between `backticks` in it, become code.
export function marked(text) {
  const parts = String(text).split("`");
  return parts.length % 2 ? parts.map((part, index) => (index % 2 ? el("code", {}, part) : part)) : [String(text)];
}

export function byId(id) {
  return document.getElementById(id);
}

// Replaces the content. The focus stays on the element with the same data-key; without one it stays near.
export function fill(container, ...children) {
  const focused = container.contains(document.activeElement) ? document.activeElement : null;
  container.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  if (!focused) return;
  const same = focused.dataset.key && container.querySelector(`[data-key="${CSS.escape(focused.dataset.key)}"]`);
  if (same) same.focus({ preventScroll: true });
  else focusNear(container);
}

const ABLE = "a[href], button:not(:disabled), input:not(:disabled), select, textarea, summary";

// Gives the focus to the first element of a part of the page that can have it, else to the part's heading: never to
// the page's beginning, where somebody at the keyboard would have to start again.
export function focusNear(part) {
  const able = [...part.querySelectorAll(ABLE)].find((one) => one.checkVisibility());
  if (able) return able.focus({ preventScroll: true });
  const around = [...ancestors(part)].map((one) => one.querySelector("h1, h2")).find((one) => one?.checkVisibility());
  around?.setAttribute("tabindex", "-1");
  return around?.focus({ preventScroll: true });
}

function* ancestors(element) {
  for (let one = element; one; one = one.parentElement) yield one;
}

// Calls `draw` only when what it draws has changed: nothing blinks, no text selection is lost.
export function onChange(draw) {
  let last;
  return (value) => {
    const text = JSON.stringify(value);
    if (text === last) return;
    last = text;
    draw(value);
  };
}

export function show(element, visible) {
  element.hidden = !visible;
}
