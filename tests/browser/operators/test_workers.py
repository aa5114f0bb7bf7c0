"""The page of workers: who works on what, as the fleet tells of itself."""

from collections.abc import Callable

from playwright.sync_api import expect

from db.lifecycle import Status
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import finals
from worker import enqueue_booking


def test_the_page_of_workers_says_who_works_on_what(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """Threads, busy, bookings and release of each; a call that hangs stands beside its worker."""
    deployed.fault("hang", hold=2)
    number = enqueue_booking(request(0)).appointment_id
    there = viewer().open("/resilience/workers")
    row = there.page.locator("#workers tbody tr", has_text="bookings")
    expect(row.get_by_role("link", name=f"Booking {number}")).to_be_visible()
    expect(row).to_contain_text("online")
    expect(row).to_contain_text("of 16 threads")
    expect(row).to_contain_text("ago")
    expect(there.page.locator("#workers")).to_contain_text("maintenance")
    expect(there.page.locator("#queues")).to_contain_text("bookings")
    expect(there.page.locator("#queues")).to_contain_text("ago")
    deployed.well()
    assert finals([number])[number].status is Status.CONFIRMED
    expect(row).to_contain_text("no booking")
