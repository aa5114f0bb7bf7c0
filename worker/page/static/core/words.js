// The words for the server's names: each state, level and reason has a word, a colour is never alone.

export const LEVELS = { critical: "Critical", warning: "Warning", calm: "Calm" };

export const WHOSE = {
  ours: "On our side",
  ordered: "As ordered",
  "Cal.com": "Cal.com",
  "the limit": "The limit",
  yours: "Waits for you",
  nobody: "",
};

export const STATES = {
  closed: "closed",
  open: "open",
  half_open: "half-open",
  forced_open: "held back by order",
  off: "off by override",
  unknown: "unknown",
};

// The colour of a state: calm, warning or critical.
export const TONES = {
  closed: "calm",
  open: "critical",
  half_open: "warning",
  forced_open: "warning",
  off: "warning",
  unknown: "none",
  confirmed: "calm",
  held: "warning",
  retrying: "warning",
  failed: "critical",
  expired: "critical",
  rejected: "none",
  cancelled: "none",
  pending: "none",
  booking: "active",
  waiting: "none",
  changing: "active",
  done: "calm",
  refused: "critical",
  withdrawn: "none",
};

// What stops the line of held bookings now, where its reason alone would say something else.
export const WAITS = {
  order: ", by an operator's order",
  credentials: ", now for our key",
  configuration: ", now for Cal.com's API",
};

// An error type of a call to Cal.com: its "database" is not ours.
export function errorWord(name) {
  return name === "database" ? "Cal.com's database" : word(name);
}

// The states of a booking that has ended.
export const ENDED = ["confirmed", "rejected", "failed", "expired", "cancelled"];

export function word(name) {
  return String(name ?? "").replaceAll("_", " ");
}
