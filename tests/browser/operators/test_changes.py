"""An operator moves a booking and cancels it on its page: typed in their time zone, at Cal.com, and in the record."""

from collections.abc import Callable

from playwright.sync_api import expect

from db.lifecycle import Status
from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually, finals
from worker import enqueue_booking

WHY = "a test of the page"


def test_a_booking_is_moved_and_cancelled_on_its_page(viewer: Callable[..., Viewer], deployed: Deployment) -> None:
    """By keyboard; a start that is refused is there again to be mended; the focus stays near what was pressed."""
    number = enqueue_booking(request(0)).appointment_id
    assert finals([number])[number].status is Status.CONFIRMED
    there = viewer(timezone_id="America/New_York").open(f"/resilience/bookings/{number}")
    focused, wishes = there.page.locator(":focus"), there.page.locator("#wishes")

    dialog = there.press("do-reschedule")
    start = dialog.get_by_label("New start, in the time of America/New_York")
    expect(start).to_have_value("2030-02-28T19:00")
    dialog.get_by_label("Why?").fill(WHY)
    for typed, said in (("2020-03-05T04:30", "cannot be moved to a start"), ("2031-03-05T04:30", "Its move goes to")):
        start.fill(typed)
        expect(dialog).to_contain_text("09:30 UTC")
        dialog.get_by_label("Why?").fill(WHY)
        there.page.keyboard.press("Tab")
        there.page.keyboard.press("Enter")
        expect(dialog).to_contain_text(said)
        there.page.keyboard.press("Enter")  # Look again, then Close
        expect(start if said.startswith("cannot") else wishes).to_be_visible()
    expect(focused).to_have_attribute("data-key", "do-reschedule")
    there.sees("done", within="#wishes")
    expect(wishes).to_contain_text("Move to 5 Mar 2031 04:30")

    there.act("do-cancel", why=WHY)
    expect(there.page.locator("#state")).to_have_text("cancelled")
    assert there.page.evaluate("document.activeElement !== document.body && !!document.activeElement.closest('main')")
    expect(there.page.locator("#buttons button")).to_have_count(0)
    recorded = deployed.rows(
        "SELECT action, via, why, refused IS NULL, target->>'start' FROM operator_actions ORDER BY id"
    )
    moved = ("reschedule", "page", WHY)
    assert recorded == [
        (*moved, False, "2020-03-05T09:30:00+00:00"),
        (*moved, True, "2031-03-05T09:30:00+00:00"),
        ("cancel", "page", WHY, True, None),
    ]
    there_now = "SELECT kind, status, via FROM booking_changes ORDER BY id"
    done = [("reschedule", "done", "page"), ("cancel", "done", "page")]
    assert eventually(lambda: deployed.rows(there_now) == done, what="both are done")
