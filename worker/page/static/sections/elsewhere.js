// Orders to another Cal.com than that of the settings: which one, and what to do there.
import { ORDERS } from "../answer/buttons.js";
import { button, el, fill } from "../core/dom.js";
import { whyNot } from "../core/door.js";
import { hostOptions } from "../core/hosts.js";

// `order(action, title, host)` asks for an order to the breaker there.
export function drawElsewhere(container, hosts, order) {
  if (!hosts.length || whyNot()) return fill(container);
  const before = container.querySelector("select")?.value;
  const chosen = hosts.includes(before) ? before : null;
  const choice = el("select", { "data-key": "elsewhere-host" }, hostOptions(hosts, chosen));
  const ask = (name) => order(name, `${ORDERS[name]}: Cal.com at ${choice.value}`, choice.value);
  const buttons = Object.keys(ORDERS).map((name) =>
    button(ORDERS[name], () => ask(name), { class: "button small", "data-key": `elsewhere-${name}` }),
  );
  const isOpen = container.querySelector("details")?.open ?? false;
  const details = el(
    "details",
    { class: "elsewhere", open: isOpen },
    el("summary", { "data-key": "elsewhere" }, "Orders to another Cal.com"),
    el("label", { class: "field" }, el("span", {}, "Which one?"), choice),
    el("div", { class: "buttons" }, buttons),
  );
  return fill(container, details);
}
