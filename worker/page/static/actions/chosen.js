// The very bookings that a list shows now, up to as many as one action takes: an action is never about a filter.
import { ask, errorText } from "../core/door.js";

export const MOST = 1000; // bookings of one action
const PAGE = 200;

// Returns {ids} or {error}; it stops at MOST bookings, and when the dialog is closed.
export async function chosen(query, isWanted) {
  const ids = [];
  let after = null;
  do {
    const answer = await ask("/data/bookings", { query: { ...query, after, limit: PAGE } });
    if (answer.status !== 200) return { error: errorText(answer) };
    ids.push(...answer.body.rows.map((row) => row.id));
    after = answer.body.next;
  } while (after && ids.length < MOST && isWanted());
  return { ids: [...new Set(ids)].slice(0, MOST) };
}
