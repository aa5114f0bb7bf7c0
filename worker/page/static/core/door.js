// All requests to the server: the page's path, what the viewer may do, and how an answer is read.
import { el } from "./dom.js";
import { setClock } from "./moments.js";

const root = document.getElementById("resilience");
const base = root?.dataset.base ?? "";
const NO_ANSWER = { status: 0, headers: null, body: { error: "Flower does not answer." } };

export function path(rest = "", query = {}) {
  const search = new URLSearchParams(
    Object.entries(query).filter(([, value]) => value !== "" && value !== null && value !== undefined),
  );
  const text = search.toString();
  return `${base}${rest}${text ? `?${text}` : ""}`;
}

// The reason why the viewer may not act; null: they may.
export function whyNot() {
  const content = document.querySelector('meta[name="may-act"]')?.content ?? "no: this page does not say";
  return content === "yes" ? null : content.replace(/^no:\s*/, "");
}

// What a viewer who may not act is shown in place of the buttons; null: they may.
export function lookOnly() {
  const reason = whyNot();
  return reason && el("p", { class: "reason" }, `You can look, not act: ${reason}`);
}

function token() {
  return decodeURIComponent(document.cookie.match(/(?:^|;\s*)_xsrf=([^;]+)/)?.[1] ?? "");
}

// Returns {status, headers, body}; the status is 0 when there is no answer. The body of an error has the server's text.
export async function ask(rest, options = {}) {
  try {
    return await fetched(rest, options);
  } catch {
    return NO_ANSWER;
  }
}

async function fetched(rest, { query, body, etag, patience = 6000 }) {
  const headers = { Accept: "application/json" };
  if (etag) headers["If-None-Match"] = etag;
  if (body !== undefined) Object.assign(headers, { "Content-Type": "application/json", "X-XSRFToken": token() });
  const answer = await fetch(path(rest, query), {
    method: body === undefined ? "GET" : "POST",
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
    redirect: "manual", // a redirect is the way to the login
    signal: AbortSignal.timeout(patience),
  });
  setClock(answer.headers.get("Date"));
  const status = answer.type === "opaqueredirect" ? 401 : answer.status;
  return { status, headers: answer.headers, body: status === 304 || status === 401 ? null : await readBody(answer) };
}

async function readBody(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    return { error: text.startsWith("<") ? `the server answered ${answer.status}` : text.slice(0, 300) };
  }
}

export function errorText(answer) {
  if (answer.status === 401) return "You are logged out. Log in again in another tab, then send it again.";
  const body = answer.body ?? {};
  return body.error ?? body.refused ?? body.text ?? `The server answered ${answer.status}.`;
}
