"""A hostile viewer's list, in a real browser: foreign pages, foreign names, text that would run, forged addresses."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually, finals
from worker import enqueue_booking

RUNS = "<img src=x onerror=alert(1)>"
# Asks for a preview as our page does, and returns what would be sent when a person confirms it, and the token.
PRESSED = """async () => {
  const token = decodeURIComponent(document.cookie.match(/_xsrf=([^;]+)/)[1]);
  const headers = { "Content-Type": "application/json", "X-XSRFToken": token };
  const body = JSON.stringify({ action: "open", ids: null });
  const seen = await (await fetch("/resilience/actions/preview", { method: "POST", headers, body })).json();
  const { request_id, epoch } = seen;
  return { token, body: JSON.stringify({ action: "open", request_id, epoch, ids: null, why: "x", until: 600 }) };
}"""
# What a page of another website can do with that; each ends without an answer that it can read.
ATTACKS = """async ([address, { token, body }]) => {
  const act = `${address}/resilience/actions`;
  const read = [];
  const attempt = async (url, options) => {
    try {
      const answer = await fetch(url, { credentials: "include", ...options });
      if (answer.type !== "opaque") read.push(url);
    } catch {
      return; // the browser gives no answer
    }
  };
  await attempt(act, { method: "POST", mode: "no-cors", body });
  await attempt(`${act}?_xsrf=${encodeURIComponent(token)}`, { method: "POST", mode: "no-cors", body });
  await attempt(act, { method: "POST", body, headers: { "X-XSRFToken": token, "Content-Type": "application/json" } });
  for (const path of ["data/overview", "data/bookings", "bookings.csv"]) await attempt(`${address}/resilience/${path}`);
  const loaded = (tag, url) =>
    new Promise((resolve) => {
      const one = Object.assign(document.createElement(tag), { src: url });
      one.onload = () => resolve(tag === "iframe" ? [] : [url]);
      one.onerror = () => resolve([]);
      document.body.append(one);
    });
  read.push(...(await loaded("script", `${address}/resilience/data/overview`)));
  read.push(...(await loaded("iframe", `${address}/resilience`)));
  return read;
}"""
FORM = """([address, { token, body }]) => {
  const form = document.createElement("form");
  Object.assign(form, { method: "POST", action: `${address}/resilience/actions`, enctype: "text/plain" });
  form.append(Object.assign(document.createElement("input"), { name: body.slice(0, -1) + ',"', value: `":1}` }));
  document.body.append(form);
  form.submit();
}"""


class _Blank(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with an empty page."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title><body>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """Serve another website: on this machine too, and so with the cookies of Flower, which know no port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_another_website_neither_acts_nor_reads(
    viewer: Callable[..., Viewer], deployed: Deployment, elsewhere: str
) -> None:
    """In the browser of somebody who may act, knowing even the token; the very same request from our page is obeyed."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer().open()
    there.sees("All is well")
    pressed = there.page.evaluate(PRESSED)
    foreign = there.page.context.new_page()
    foreign.goto(elsewhere)
    assert foreign.evaluate(ATTACKS, [deployed.address, pressed]) == []
    assert [frame.url for frame in foreign.frames[1:] if frame.url.startswith(deployed.address)] == []
    with foreign.expect_navigation():
        foreign.evaluate(FORM, [deployed.address, pressed])
    assert "error" in foreign.content()
    orders = "SELECT (SELECT count(*) FROM operator_actions), (SELECT count(*) FROM breaker_overrides)"
    assert deployed.rows(orders) == [(0, 0)]

    send = """async ({ token, body }) => {
      const headers = { "Content-Type": "application/json", "X-XSRFToken": token };
      return (await fetch("/resilience/actions", { method: "POST", headers, body })).status;
    }"""
    assert there.page.evaluate(send, pressed) == 200
    assert deployed.rows(orders) == [(1, 1)]


def test_a_name_that_leads_to_this_machine_reads_nothing(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """As a website's own name does after DNS rebinding; Chromium leads every name below localhost to loopback."""
    number = enqueue_booking(request(0)).appointment_id
    finals([number])
    address = deployed.address.replace("127.0.0.1", "calendar.localhost")
    there = viewer(address)
    data = ("data/overview", "data/charts", "data/bookings", f"data/bookings/{number}", "bookings.csv", "bookings.json")
    for path in ("", "/bookings", f"/bookings/{number}", *(f"/{one}" for one in data)):
        answer = there.page.goto(f"{address}/resilience{path}")
        assert answer is not None
        assert answer.status == 403, path
    assert viewer().open().page.title() != ""


def test_text_of_a_caller_runs_nowhere(viewer: Callable[..., Viewer]) -> None:
    """In each field that a caller fills, as name and as value, in an operator's reason, and in an address."""
    answers: dict[str, Any] = {RUNS: RUNS, "list": [RUNS]}
    attendee = {"name": RUNS, "email": "pat@example.com", "time_zone": "UTC"}
    asked = request(
        0, attendee=attendee, idempotency_key=RUNS, booking_fields_responses=answers, metadata={RUNS: RUNS},
        correlation_id="c-1",
    )  # fmt: skip
    number = enqueue_booking(asked).appointment_id
    finals([number])
    there = viewer().open()
    there.act("do-open", why=RUNS, until="10 minutes")
    there.sees(RUNS)
    expect(there.page.locator("#changes")).to_contain_text(RUNS)
    there.open(f"/resilience/bookings/{number}")
    expect(there.page.locator("#facts")).to_contain_text(RUNS)
    dialog = there.press("show-who")
    dialog.get_by_label("Why?").fill(RUNS)
    dialog.locator("button[type=submit]").click()
    expect(there.page.locator("#who")).to_contain_text(f"{RUNS}: {RUNS}")
    for query in ("state", "reason", "event_type", "error_type", "after", "ids", "sort", "requested_from"):
        there.open(f"/resilience/bookings?{query}={RUNS}")
        expect(there.page.locator("#trouble, #list table, #list .nothing").filter(visible=True).first).to_be_visible()
        expect(there.page.locator("main img")).to_have_count(0)


FORGED = (
    "bookings/-1", "bookings/0x10", "bookings/1e3", "bookings/7;drop", "bookings/..%2f..%2fworkers", "bookings/%00",
    "data/bookings/-1", "data/bookings/99999999999999999999", "data/bookings?after=forged",
    "data/bookings?ids=1,2,x", "data/bookings?ids=99999999999999999999", "data/bookings?limit=100000",
    "data/bookings?state=held'--", "data/bookings?requested_from=0001-01-01T00:00:00Z", "bookings.csv?ids=,",
    "bookings.csv?event_type=%ff", "bookings.exe", "actions/00000000-0000-0000-0000-000000000000",
    "static/..%2fbase.py",
)  # fmt: skip


def test_a_forged_address_is_refused_and_never_breaks_the_page(viewer: Callable[..., Viewer]) -> None:
    """Numbers, pages, moments and paths that no link of ours has: an answer of 4xx each."""
    there = viewer().open()

    def statuses() -> dict[str, int] | None:
        """Return what was answered; a busy machine may answer that Postgres is slow."""
        found = {path: there.asks(f"/resilience/{path}", times=1)[0] for path in FORGED}
        return None if 503 in found.values() else found

    answered: dict[str, int] = eventually(statuses, what="Postgres has answered in time")
    assert {path: status for path, status in answered.items() if not 400 <= status < 500} == {}


def test_a_downloaded_list_has_no_formula(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """As a person downloads it: what a spreadsheet would run is text."""
    finals([enqueue_booking(request(0)).appointment_id])
    deployed.rows("UPDATE appointments SET error_type = '=cmd|''/C calc''!A0'")
    there = viewer().open("/resilience/bookings")
    with there.page.expect_download() as download:
        there.page.locator("#csv").click()
    text = download.value.path().read_text("utf-8")
    assert ",'=cmd|'/C calc'!A0," in text
    assert ",=" not in text
