"""What stands in the head of each page, so that a screenshot in a channel can be read the next day."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import finals
from worker import enqueue_booking
from worker.settings.values import place_of


def test_a_head_has_the_moment_of_its_figures_and_the_fleet(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """The day, the time and its zone, and which fleet it is: in the title, too, where another tab shows another one."""
    number = enqueue_booking(request(0)).appointment_id
    finals([number])
    fleet = place_of(deployed.environment.servers.database_url)
    there = viewer(timezone_id="America/New_York", locale="de-DE")
    for path, title in (
        ("/resilience", f"Resilience · {fleet} · Flower"),
        ("/resilience/bookings?state=confirmed", f"Confirmed bookings · Resilience · {fleet} · Flower"),
        (f"/resilience/bookings/{number}", f"Booking {number} · Resilience · {fleet} · Flower"),
    ):
        there.open(path)
        expect(there.page).to_have_title(title)
        head = there.page.locator(".read")
        expect(head).to_contain_text(fleet)
        expect(head.locator("time")).to_have_text(re.compile(r"^\d+ [A-Z][a-z]{2,3} 20\d\d, \d\d:\d\d:\d\d GMT-[45]$"))
        expect(head).to_contain_text("ago")
