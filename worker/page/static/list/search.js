// Finds a booking by its id, key, correlation id or Cal.com uid, and opens its page. The text is sent by POST.
// On the list of an account it finds the bookings of that account alone.
import { byId, fill, nothing } from "../core/dom.js";
import { ask, errorText, path } from "../core/door.js";
import { drawRows } from "./rows.js";

export function listenSearch(account = "") {
  const form = byId("search");
  const found = byId("found");
  let last = 0;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = form.elements.q.value.trim();
    const mine = (last += 1);
    if (!text) return fill(found);
    fill(found, nothing("Searching…"));
    const answer = await ask("/data/search", { body: { q: text, ...(account && { account }) } });
    if (mine !== last) return undefined; // a newer search is under way
    if (answer.status !== 200) return fill(found, nothing(errorText(answer)));
    const { rows } = answer.body;
    if (rows.length === 1) return location.assign(path(`/bookings/${rows[0].id}`));
    if (rows.length) return drawRows(found, rows);
    const whose = account ? ` of account ${account}` : "";
    return fill(found, nothing(`No booking${whose} has “${text}” as its id, key, correlation id or Cal.com uid.`));
  });
  form.elements.q.addEventListener("input", () => form.elements.q.value || fill(found));
  return form.elements.q;
}
