// Finds a booking by its id, key, correlation id or Cal.com uid: its page opens. What is searched is in no address.
import { byId, el, fill } from "../core/dom.js";
import { ask, errorText, path } from "../core/door.js";
import { drawRows } from "./rows.js";

export function listenSearch() {
  const form = byId("search");
  const found = byId("found");
  let last = 0;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = form.elements.q.value.trim();
    const mine = (last += 1);
    if (!text) return fill(found);
    fill(found, el("p", { class: "nothing" }, "Searching…"));
    const said = await search(text);
    if (mine !== last) return undefined; // a newer search is under way
    if (said.rows?.length === 1) return location.assign(path(`/bookings/${said.rows[0].id}`));
    if (said.rows?.length) return drawRows(found, said.rows);
    return fill(
      found,
      el(
        "p",
        { class: "nothing" },
        said.error ?? `No booking has “${text}” as its id, key, correlation id or Cal.com uid.`,
      ),
    );
  });
  form.elements.q.addEventListener("input", () => form.elements.q.value || fill(found));
  return form.elements.q;
}

async function search(text) {
  try {
    const answer = await ask("/data/search", { body: { q: text } });
    return answer.status === 200 ? answer.body : { error: errorText(answer) };
  } catch {
    return { error: "Flower does not answer." };
  }
}
