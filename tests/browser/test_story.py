"""One booking's story as it is drawn: the newest first, runs folded, the machine's words replaced."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import finals
from worker import enqueue_booking

_HELD = """
INSERT INTO appointment_events (appointment_id, kind, by, detail, created_at)
SELECT %(id)s, kind, 'worker', CAST(detail AS jsonb), now() - interval '1 hour' + 10 * n * interval '1 second' + after
FROM generate_series(1, %(times)s) AS n, (VALUES
    ('held', '{"why": "our own rate limit is reached", "denied_for": "throttled"}', interval '0'),
    ('pending', '{"why": "released", "held": "throttled"}', interval '5 seconds')
) AS event (kind, detail, after)
"""


def test_the_newest_comes_first_and_a_run_of_holds_is_one_line(
    viewer: Callable[..., Viewer], deployed: Deployment
) -> None:
    """Which opens by a key, stays open while the story grows, and has each of them."""
    number = enqueue_booking(request(0)).appointment_id
    finals([number])
    deployed.rows("UPDATE appointments SET requested_at = requested_at - interval '2 hours'")
    deployed.rows(_HELD, id=number, times=38)
    there = viewer().open(f"/resilience/bookings/{number}")
    steps = there.page.locator("#timeline > ol > .step")
    expect(steps.first).to_contain_text("confirmed by worker")
    run = there.page.locator("#timeline details.run")
    expect(run.locator("summary")).to_have_text("held 38 times without a call: by the limit")
    run.locator("summary").press("Enter")
    expect(run.locator(".step")).to_have_count(2 * 38)
    expect(run.locator(".step").first).to_contain_text("released, after it was held: throttled")

    deployed.rows(
        "INSERT INTO appointment_events (appointment_id, kind, by) VALUES (%(id)s, 'restored', 'operator')", id=number
    )
    expect(steps.first).to_contain_text("restored by operator")
    expect(run).to_have_attribute("open", "")
    expect(there.page.locator(":focus")).to_have_text("held 38 times without a call: by the limit")
