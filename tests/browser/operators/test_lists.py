"""Lists for filters that no index serves: they look on, say how far, and never that there is none too early."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment

# Ended bookings of one type; the oldest two are of another.
_FILL = """
INSERT INTO appointments (
    idempotency_key, key_derived, payload_hash, correlation_id, task_id, event_type_id, start_at, attendee_name,
    attendee_email, attendee_time_zone, status
)
SELECT
    'list-' || n, false, 'hash', 'list', gen_random_uuid(), CASE WHEN n <= 2 THEN 777 ELSE 101 END,
    now() + interval '1 day', 'Pat Example', 'pat@example.com', 'UTC', 'cancelled'
FROM generate_series(1, 1100) AS n
"""


@pytest.mark.parametrize(
    ("event_type", "said"), [("777", "2 of 2 shown"), ("778", "No booking is like that.")], ids=["some", "none"]
)
def test_a_list_looks_on_behind_what_it_looks_at_first(
    viewer: Callable[..., Viewer], deployed: Deployment, event_type: str, said: str
) -> None:
    """The two stand behind the newest 1,000; "none" is said once all were looked at."""
    deployed.rows(_FILL)

    there = viewer().open(f"/resilience/bookings?event_type={event_type}")

    expect(there.page.locator("main")).to_contain_text(said)
    expect(there.page.locator("#looked")).to_have_count(0)


def test_an_address_that_is_no_list_is_not_asked_for_again(viewer: Callable[..., Viewer]) -> None:
    """It would be refused each time; and what stands in it is no title."""
    there = viewer().open("/resilience/bookings?state=%3Cscript%3E")

    there.sees("This address cannot be shown: state: must be one of", within="#trouble")
    expect(there.page.locator("#trouble")).not_to_contain_text("Asking again")
    expect(there.page.locator("#list-title")).to_have_text("All bookings")
