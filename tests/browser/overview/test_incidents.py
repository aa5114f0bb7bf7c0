"""An incident on the page: what an operator does about it, and the way to its bookings."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import finals
from worker import enqueue_booking


def test_an_incident_has_its_step_and_leads_to_its_bookings(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """The runbook's own words, its commands marked up; and the link shows what the alert counts, and nothing else."""
    finals([enqueue_booking(request(0)).appointment_id])
    deployed.fault("status", name="invalid_key")
    refused = enqueue_booking(request(1)).appointment_id
    there = viewer().open()
    incident = there.page.locator("#incidents li", has_text="Cal.com refuses our API key")
    expect(incident.locator(".todo")).to_contain_text("What to do: set a valid CALCOM_API_KEY")
    expect(incident.locator("code")).to_have_text("booking breaker reset")
    incident.get_by_role("link").click()
    alone = deployed.rows("SELECT alone FROM calcom_accounts WHERE id = 1") in ([], [(True,)])  # no test added another
    title = "Held bookings, credentials" if alone else "Held bookings, account default"
    expect(there.page.locator("#list-title")).to_have_text(title)
    expect(there.page.locator("#list tbody th")).to_have_text([str(refused)])


def test_a_list_can_be_of_some_bookings(viewer: Callable[..., Viewer]) -> None:
    """As the address of an incident that no filter finds."""
    numbers = [enqueue_booking(request(number)).appointment_id for number in range(3)]
    finals(numbers)
    there = viewer().open(f"/resilience/bookings?ids={numbers[0]},{numbers[2]}")
    expect(there.page.locator("#list-title")).to_have_text("2 bookings, by id")
    expect(there.page.locator("#list tbody th")).to_have_text([str(numbers[2]), str(numbers[0])])
    expect(there.page.locator("#csv")).to_have_attribute(
        "href", f"/resilience/bookings.csv?ids={numbers[0]}%2C{numbers[2]}"
    )
