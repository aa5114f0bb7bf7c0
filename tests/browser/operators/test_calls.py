"""Eighteen customers to call and two operators: nobody is called twice, one record, nothing personal where it stays."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Response, expect

from db.lifecycle import Status
from tasks.enqueue import outcome
from tasks.operations import breaker_overrides
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.browser.operators.test_choice import press
from tests.browser.test_access import HOSTILE
from tests.support.fleet import eventually
from worker import enqueue_bookings

AT_RISK = 18
WHY = "they start soon"
NAME, PHONE, MAIL = "Pat Example", "+12025550143", "example.com"
PERSONAL = ("Pat Example", "Pat%20Example", "2025550143", "@example.com", "%40example.com")
CALLS = "/resilience/calls?state=held&at_risk=1&sort=start"


@pytest.fixture
def ids(deployed: Deployment) -> list[int]:
    """Hold eighteen bookings that start soon, by an order: after an outage the breaker's probes take one at a time."""
    deps = deployed.dependencies
    order = lambda: breaker_overrides.force(deps.engine, deps.breaker, "open", by="test", why="held")  # noqa: E731
    eventually(order, what="an order")
    attendee = {"phone_number": PHONE, "time_zone": "Europe/Berlin"}
    names = [HOSTILE, *[NAME] * (AT_RISK - 1)]
    asked = [
        request(n, hours=1, attendee=attendee | {"name": name, "email": f"pat{n}@{MAIL}"}, idempotency_key=f"call-{n}")
        for n, name in enumerate(names)
    ]
    held = [one.appointment_id for one in enqueue_bookings(asked)]
    eventually(lambda: {found.status for one in held if (found := outcome(one))} == {Status.HELD}, what="all are held")
    return held


def reveal(there: Viewer) -> None:
    """Say why, and see whom to call."""
    dialog = there.press("show-who")
    dialog.get_by_label("Why?").fill(WHY)
    dialog.locator("button[type=submit]").click()
    expect(there.page.locator("#list")).to_contain_text(NAME)


def listen(there: Viewer) -> tuple[list[str], list[Response]]:
    """Keep each address that is asked for, and each answer."""
    asked: list[str] = []
    answered: list[Response] = []
    there.page.on("request", lambda one: asked.append(f"{one.url} {one.headers.get('referer', '')}"))
    there.page.on("response", lambda one: (answered.append(one), None)[1])
    return asked, answered


# Presses the first or the last button that offers a mark, and waits until it offers none; false: there is none.
CALL_NEXT = """async (end) => {
  const offered = () => [...document.querySelectorAll('button[data-key^="called-"]')].filter(
    (one) => one.textContent === "Mark as called");
  const button = offered().at(end);
  button?.click();
  const isOffered = () => offered().some((one) => one.dataset.key === button.dataset.key);
  while (button && isOffered()) await new Promise((resume) => setTimeout(resume, 20));
  return Boolean(button);
}"""


def called(answered: list[Response]) -> list[int]:
    """Return whose call this viewer has by the server's answers."""
    marks = [one for one in answered if one.url.endswith("/called")]
    return [int(one.url.split("/")[-2]) for one in marks if one.ok]


def row(there: Viewer, number: int) -> Locator:
    """Return the row of a booking."""
    return there.page.locator("#list tbody tr").filter(has=there.page.locator(f'[data-key="row-{number}"]'))


def test_two_operators_call_eighteen_and_nobody_twice(
    viewer: Callable[..., Viewer], deployed: Deployment, ids: list[int]
) -> None:
    """Each sees the other's marks in the list within a poll; what is booked meanwhile is said to need no call."""
    address = {who: deployed.also_flower(f"flower of {who}", basic_auth=f"{who}:secret") for who in ("ann", "bob")}
    ann, bob = (
        viewer(address[who], http_credentials={"username": who, "password": "secret"}) for who in ("ann", "bob")
    )
    heard = [listen(one) for one in (ann, bob)]
    ann.open().page.locator("a", has_text=f"Show the {AT_RISK} at risk").click()
    bob.open(CALLS)
    for one in (ann, bob):
        one.sees(f"{AT_RISK} to call, 0 called", within="#list-count")
        expect(one.page.locator("main")).not_to_contain_text(NAME)
        reveal(one)
        expect(one.page.locator("#list")).to_contain_text(PHONE)
        expect(one.page.locator("#list")).to_contain_text(HOSTILE)
        expect(one.page.locator("main img, main script")).to_have_count(0)

    first = row(ann, ids[0])
    first.get_by_role("button", name="Mark").click()
    expect(row(bob, ids[0])).to_contain_text(re.compile(r"called by ann \d\d:\d\d"))
    expect(bob.page.get_by_role("button", name=f"Mark booking {ids[0]} as called")).to_have_count(0)
    while any([ann.page.evaluate(CALL_NEXT, 0), bob.page.evaluate(CALL_NEXT, -1)]):
        pass
    calls = [called(answered) for _, answered in heard]
    assert all(len(theirs) > 1 for theirs in calls), "both of them called"
    assert sorted(number for theirs in calls for number in theirs) == sorted(ids), (
        "each customer is called, and none twice"
    )
    for one in (ann, bob):
        one.sees(f"{AT_RISK} to call, {AT_RISK} called", within="#list-count")
    marked = "SELECT ids[1], count(*) FROM operator_actions WHERE action = 'called' GROUP BY 1 HAVING count(*) = 1"
    assert {row[0] for row in deployed.rows(marked)} == set(ids)
    looks = "SELECT who, why, cardinality(ids), done FROM operator_actions WHERE action = 'reveal' ORDER BY who"
    assert deployed.rows(looks) == [("ann", WHY, AT_RISK, AT_RISK), ("bob", WHY, AT_RISK, AT_RISK)], "one record a look"

    bob.page.get_by_role("button", name=f"Take back: booking {ids[1]}").click()
    expect(ann.page.get_by_role("button", name=f"Mark booking {ids[1]} as called")).to_be_visible()
    looking = viewer().open("/resilience/bookings?state=held")
    expect(row(looking, ids[0])).to_contain_text("called by ann")
    looking.open(f"/resilience/bookings/{ids[0]}")
    looking.sees("called by ann", within="#called")
    deps = deployed.dependencies
    eventually(lambda: breaker_overrides.reset(deps.engine, deps.breaker, by="test", why="over"), what="a reset")
    expect(row(ann, ids[0])).to_contain_text("confirmed: no call is needed")

    ann.page.get_by_role("button", name="Hide now").click()
    expect(ann.page.locator("main")).not_to_contain_text(NAME)
    nothing_personal(deployed, ann, heard)


def test_the_call_list_needs_no_mouse(viewer: Callable[..., Viewer], ids: list[int]) -> None:
    """Shown, marked and printed by keyboard; on paper there is no button; it is hidden when its time is over."""
    there = viewer()
    page = there.page
    page.clock.install()
    there.open(CALLS).sees(f"{AT_RISK} to call, 0 called", within="#list-count")
    page.evaluate("window.print = () => { window.printed = document.querySelector('#list').textContent; }")
    page.locator("#keys").focus()
    press(page, "show-who")
    expect(page.get_by_role("dialog").get_by_label("Why?")).to_be_focused()
    page.keyboard.type(WHY)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#list")).to_contain_text(NAME)
    expect(page.locator(":focus")).to_have_attribute("data-key", "show-who")
    press(page, f"called-{ids[0]}")
    expect(row(there, ids[0])).to_contain_text("called by")
    expect(page.locator(":focus")).to_have_attribute("data-key", f"called-{ids[0]}")
    page.locator("#keys").focus()
    press(page, "print")
    assert NAME in page.evaluate("window.printed")
    page.emulate_media(media="print")
    expect(page.locator(".call-list button:visible")).to_have_count(0)
    expect(page.locator("#printed")).to_contain_text("UTC")
    page.emulate_media(media="screen")
    page.clock.fast_forward(601_000)
    expect(page.locator("main")).not_to_contain_text(NAME)


def nothing_personal(deployed: Deployment, ann: Viewer, heard: list[tuple[list[str], list[Response]]]) -> None:
    """Look for a person in each address, in what a cache may store, and in each log."""
    found = [url for asked, _ in heard for url in asked if any(one in url for one in PERSONAL)]
    assert found == [], "an address"
    answered = [one for _, answers in heard for one in answers]
    may_be_stored = {
        one.url for one in answered if one.request.method == "GET" and one.headers.get("cache-control") != "no-store"
    }
    assert len([url for url in may_be_stored if "/resilience/data/" in url]) > 1
    stored = [url for url in may_be_stored if any(word in ann.page.request.get(url).text() for word in PERSONAL)]
    assert stored == [], "a cache may store it"
    posted = [one for one in answered if one.request.method == "POST" and one.headers["cache-control"] != "no-store"]
    assert posted == []
    shown = [one for one in answered if one.url.endswith("/calls/who")]
    assert [one.headers["cache-control"] for one in shown] == ["no-store"] * 2
    logs = [path.read_text("utf-8", "replace") for path in deployed.environment.processes.logs.glob("*.log")]
    assert sum(map(len, logs)) > 1000, "the logs were read"
    assert [word for word in PERSONAL for log in logs if word in log] == [], "a log"
