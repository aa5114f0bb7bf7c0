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

// Replaces the content and gives the focus back to the element with the same data-key, if it had it.
export function fill(container, ...children) {
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  container.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  if (focused) container.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
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
