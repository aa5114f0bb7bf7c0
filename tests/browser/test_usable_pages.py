"""The call list, the actions, the workers, chosen rows and their dialogs: for everybody, in each theme and width."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tasks.operations import breaker_overrides
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.browser.test_usable import LOOKS
from tests.support.fleet import eventually, finals
from worker import enqueue_booking, enqueue_bookings

ALL_LOOKS: dict[str, dict[str, Any]] = {**LOOKS, "dark phone": {**LOOKS["phone"], **LOOKS["dark"]}}


def test_axe_finds_nothing_serious_on_the_pages_of_an_operator(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """Hidden and shown, with a mark, with rows chosen, with each dialog open; a phone scrolls one way only."""
    first = enqueue_booking(request(0)).appointment_id
    finals([first])
    deps = deployed.dependencies
    forced = lambda: breaker_overrides.force(deps.engine, deps.breaker, "open", by="test", why="held")  # noqa: E731
    eventually(forced, what="an order")
    ids = [one.appointment_id for one in enqueue_bookings([request(n, hours=1) for n in range(1, 4)])]
    deployed.rows(
        "UPDATE appointments SET outcome_unknown = true, sent_at = now(), settle_at = now() - interval '1 minute' "
        "WHERE id = %(id)s",
        id=ids[0],
    )
    viewers = {look: viewer(**context) for look, context in ALL_LOOKS.items()}
    faults: dict[str, list[str]] = {}

    def judge(state: str) -> None:
        for look, there in viewers.items():
            faults[f"{state}, {look}"] = there.serious_faults()
            assert there.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{state}, {look}"

    for there in viewers.values():
        there.open("/resilience/calls?state=held&at_risk=1&sort=start").sees("3 to call", within="#list-count")
    judge("call list")
    for there in viewers.values():
        there.press("show-who").get_by_label("Why?").fill("a test")
    judge("look")
    for there in viewers.values():
        there.page.get_by_role("dialog").locator("button[type=submit]").click()
        there.sees("Pat Example", within="#list")
    next(iter(viewers.values())).press(f"called-{ids[1]}")
    for there in viewers.values():
        there.sees("called by", within="#list")
    judge("call list, shown")
    for there in viewers.values():
        there.open("/resilience/bookings?state=held").page.locator('[data-key="choose-all"]').check()
        there.sees("3 chosen", within="#chosen")
    judge("chosen")
    for there in viewers.values():
        there.open(f"/resilience/bookings/{ids[0]}").press("do-resolve").get_by_label("Why?").fill("a test")
    judge("resolve")
    for there in viewers.values():
        there.open(f"/resilience/bookings/{first}").press("do-reschedule").get_by_label("New start").fill(
            "2031-03-05T10:00"
        )
    judge("move")
    for there in viewers.values():
        there.open("/resilience/actions").sees("Look at a person", within="#list")
    judge("actions")
    for there in viewers.values():
        there.open("/resilience/workers").sees("online", within="#workers")
        expect(there.page.locator("#queues")).to_contain_text("maintenance")
    judge("workers")
    assert {place: found for place, found in faults.items() if found} == {}
