// The choice of a Cal.com by its host.
import { el } from "./dom.js";

// The options of a <select>; `first` is the text of an option before the hosts that chooses none of them.
export function hostOptions(hosts, chosen = null, first = null) {
  const all = [...new Set(chosen ? [...hosts, chosen] : hosts)];
  const option = (value, text) => el("option", { value, selected: value === (chosen ?? "") }, text);
  return [first && option("", first), ...all.map((host) => option(host, host))];
}
