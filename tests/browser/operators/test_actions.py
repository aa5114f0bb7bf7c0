"""What each button does, read from PostgreSQL and the breaker afterwards: row, order, who, by which way, why."""

import getpass
from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from db.lifecycle import Status
from resilience.circuit_breaker.types import State
from tasks.enqueue import outcome
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually, finals
from worker import enqueue_booking, enqueue_bookings

POST = {"method": "POST", "path": "/v2/bookings"}
WHY = "a test of the page"
OPENINGS = 3  # after so many a breaker waits several times as long for its probe as after the first
ME = getpass.getuser()  # at home, with no login set, it is who runs Flower


def action(deployed: Deployment, name: str) -> dict[str, Any]:
    """Return the one action of this name, once it is done; it names who ordered it, by which way, and why."""
    found = (
        "SELECT who, via, why, refused, ids, done, moved_on, target FROM operator_actions "
        "WHERE action = %(name)s AND done_at IS NOT NULL"
    )
    [row] = eventually(lambda: deployed.rows(found, name=name), what=f"{name} is recorded")
    recorded = dict(zip(("who", "via", "why", "refused", "ids", "done", "moved_on", "target"), row, strict=True))
    assert (recorded["who"], recorded["via"], recorded["why"], recorded["refused"]) == (ME, "page", WHY, None)
    return recorded


def orders(deployed: Deployment) -> list[tuple[Any, ...]]:
    """Return the orders to the breaker: what, by whom, why, whether it ends by itself, and who has ended it."""
    return deployed.rows("SELECT mode, by, why, until IS NOT NULL, lifted_by FROM breaker_overrides ORDER BY id")


def is_now(deployed: Deployment, state: State) -> None:
    """Wait until the breaker is in a state."""
    eventually(lambda: deployed.dependencies.breaker.get_status().state is state, what=state.value)


def status(number: int) -> Status | None:
    """Return where a booking stands."""
    found = outcome(number)
    return None if found is None else found.status


def test_hold_all_back_is_an_order_and_its_end_lets_them_go(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """Nothing is sent meanwhile, though Cal.com is well; what was held is booked afterwards."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer().open()
    there.act("do-open", why=WHY, until="1 hour")
    there.sees("An operator holds all back until")
    there.sees(WHY)
    action(deployed, "open")
    assert orders(deployed) == [("open", ME, WHY, True, None)]
    is_now(deployed, State.FORCED_OPEN)
    calls = len(deployed.calcom.journal())
    held = enqueue_booking(request(1)).appointment_id
    there.sees("1 held")
    assert (status(held), len(deployed.calcom.journal())) == (Status.HELD, calls)

    there.act("do-auto", why=WHY)
    action(deployed, "auto")
    assert orders(deployed) == [("open", ME, WHY, True, ME)]
    assert finals([held])[held].status is Status.CONFIRMED
    there.sees("All is well")


def test_off_lets_every_call_go(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """Whatever fails; who orders it types its name first."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer().open()
    there.act("do-off", why=WHY, until="10 minutes", typed="OFF")
    there.sees("An operator turned the breaker off until")
    action(deployed, "off")
    assert orders(deployed) == [("off", ME, WHY, True, None)]
    is_now(deployed, State.OFF)


def test_reset_closes_what_an_outage_has_opened(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """What it held goes at once, and not at the next probe."""
    deployed.fault("status", name="unavailable")
    receipts = enqueue_bookings([request(number) for number in range(8)])
    there = viewer().open()
    there.sees("Cal.com is down since")
    opened = "SELECT count(*) FROM circuit_breaker_events WHERE new_state = 'open'"
    eventually(lambda: deployed.rows(opened)[0][0] > OPENINGS, what="the next probe is far, and closes nothing")
    deployed.well()
    there.act("do-reset", why=WHY)
    action(deployed, "reset")
    ends = finals([one.appointment_id for one in receipts])
    assert {end.status for end in ends.values()} == {Status.CONFIRMED}
    found = "SELECT context FROM circuit_breaker_events WHERE new_state = 'closed' ORDER BY epoch DESC LIMIT 1"
    [(context,)] = eventually(lambda: deployed.rows(found), what="the change is written down")
    assert (context["by"], context["why"]) == (ME, WHY)


def test_cancel_shown_cancels_the_very_bookings_that_were_counted(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """Above twenty their number is typed; what was asked for since is left alone."""
    finals([enqueue_booking(request(99)).appointment_id])
    there = viewer().open()
    there.act("do-open", why=WHY, until="no end")
    counted = [one.appointment_id for one in enqueue_bookings([request(number) for number in range(23)])]
    eventually(lambda: {status(number) for number in counted} == {Status.HELD}, what="all are held")
    there.open("/resilience/bookings?state=held&sort=asked")
    dialog = there.press("bulk-cancel")
    expect(dialog).to_contain_text("23")
    later = enqueue_booking(request(30)).appointment_id
    eventually(lambda: status(later) is Status.HELD, what="one more is held")
    dialog.get_by_label("Why?").fill(WHY)
    dialog.get_by_label("to confirm").fill("23")
    dialog.locator("button[type=submit]").click()
    expect(dialog.locator(".done")).to_contain_text("23")
    recorded = action(deployed, "cancel")
    assert (sorted(recorded["ids"]), recorded["done"], recorded["moved_on"]) == (sorted(counted), 23, 0)
    assert {status(number) for number in counted} == {Status.CANCELLED}
    assert status(later) is Status.HELD
    told = "SELECT DISTINCT detail->>'why', detail->>'via' FROM appointment_events WHERE kind = 'cancelled'"
    assert deployed.rows(told) == [(WHY, "page")]


def test_one_booking_is_tried_again_after_its_failure(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """Sent again, and booked."""
    deployed.fault("status", name="database", match=POST)
    number = enqueue_booking(request(0)).appointment_id
    # Errors fail nobody who has asked just now.
    asked = "UPDATE appointments SET requested_at = requested_at - interval '1 hour' WHERE id = %(number)s"
    deployed.rows(asked, number=number)
    eventually(lambda: status(number) is Status.FAILED, what="it has failed")
    deployed.well()
    there = viewer().open(f"/resilience/bookings/{number}")
    there.act("do-retry", why=WHY)
    assert action(deployed, "retry")["ids"] == [number]
    assert finals([number])[number].status is Status.CONFIRMED
    expect(there.page.locator("#state")).to_have_text("confirmed")


def test_who_it_is_for_is_shown_for_a_minute_and_that_is_recorded(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """Hidden before, hidden afterwards, and never in what the page asks for by itself."""
    number = enqueue_booking(request(0)).appointment_id
    finals([number])
    there = viewer()
    there.page.clock.install()
    there.open(f"/resilience/bookings/{number}")
    who = there.page.locator("#who")
    expect(who).to_contain_text("hidden")
    dialog = there.press("show-who")
    dialog.get_by_label("Why?").fill(WHY)
    dialog.locator("button[type=submit]").click()
    expect(who).to_contain_text("Pat Example")
    assert action(deployed, "reveal")["ids"] == [number]
    there.page.clock.fast_forward(61_000)
    expect(who).to_contain_text("hidden")
    expect(there.page.locator("main")).not_to_contain_text("Pat Example")
