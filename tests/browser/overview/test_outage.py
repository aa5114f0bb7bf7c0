"""What somebody sees who has the page open: the first day, an outage as it happens, and its end."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually, finals
from worker import enqueue_booking, enqueue_bookings

LATE = 1  # answer: out of a reading that began before the change; see test_servers_gone.py for what that is in seconds


def changed_at(deployed: Deployment, state: str) -> float:
    """Return when the breaker last came into a state, in ms since 1970: its epoch is that moment."""
    found = "SELECT max(epoch) FROM circuit_breaker_events WHERE endpoint IS NULL AND new_state = %(state)s"
    [(epoch,)] = eventually(lambda: [row for row in deployed.rows(found, state=state) if row[0]], what=state)
    return float(epoch)


def test_the_first_day_shows_what_to_try_and_then_what_was_booked(viewer: Callable[..., Viewer]) -> None:
    """Nothing is booked yet: no zeros, but the command that books one; and then it is there by itself."""
    there = viewer().open()
    there.sees("no booking yet")
    expect(there.page.locator("#first-day")).to_contain_text("enqueue -")
    finals([enqueue_booking(request(0)).appointment_id])
    there.sees("All is well: 1 booked")
    expect(there.page.locator("#first-day")).to_be_hidden()


def test_an_outage_is_shown_as_it_happens_and_so_is_its_end(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """By the second answer to what was asked since, without a key pressed; the title says so to other tabs."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer().open()
    there.sees("All is well")

    deployed.fault("status", name="unavailable")
    receipts = enqueue_bookings([request(number, hours=3) for number in range(1, 13)])
    there.sees("Cal.com is down since")
    assert there.late(lambda said: "Cal.com is down" in said, since=changed_at(deployed, "open")) <= LATE
    there.sees("Cal.com is down since", within="#said")  # what a screen reader says
    there.sees("12 held")
    there.sees("next probe in")
    there.sees("go by themselves", within="#nothing")
    expect(there.page.locator("#cards")).to_contain_text("open")
    expect(there.page.locator("#holds")).to_contain_text("breaker open")
    expect(there.page).to_have_title(re.compile(r".+: Resilience · .+ · Flower"))

    there.forget()
    deployed.well()
    finals([one.appointment_id for one in receipts])
    there.sees("All is well")
    assert there.late(lambda said: "Cal.com is down" not in said, since=changed_at(deployed, "closed")) <= LATE
