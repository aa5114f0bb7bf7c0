"""What waits at the front door stands on the page, in words that are true."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.browser.browser import Viewer
from tests.browser.deployment import Deployment, request
from tests.support.fleet import eventually, finals
from tests.truth import page
from tests.truth.claims import grammar
from tests.truth.claims.front_door import FRONT_DOOR
from tests.truth.claims.grammar import Seen
from tests.truth.page import Told
from tests.truth.world import World
from worker import enqueue_booking

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
REGIONS = ("front door", "no front door")
# Nobody sends it, for no queue has its message.
CHANGE = """
INSERT INTO booking_changes (
    appointment_id, account_id, service, kind, status, start_at, reason, asked_by, via, correlation_id, task_id,
    from_uid, hold_reason, held_at, line_at, requested_at
)
SELECT
    id, 1, 'calcom', 'cancel', 'held', start_at, 'a test', 'caller', 'Python', correlation_id,
    CAST(gen_random_uuid() AS text), 'uid', 'suspect', now(), now(), now() - interval '4 minutes'
FROM appointments
"""
CALLBACKS = """
INSERT INTO callbacks (appointment_id, sequence, api_key_id, type, data, about, url, host, created_at, given_up_at)
SELECT id, 1 + n, 1, 'booking.confirmed', '{}', '{}', 'https://example.com/hooks', 'example.com',
    now() - n * interval '1 hour', CASE WHEN n = 3 THEN now() END
FROM appointments, generate_series(1, 3) AS n
"""
HINTS = """
INSERT INTO calcom_webhooks (account_id, trigger, uid, told_at, body_hash, outcome)
SELECT
    1, 'BOOKING_CREATED', 'uid', now(), sha256(CAST(n AS text)::bytea), CASE WHEN n < 4 THEN 'said' ELSE 'changed' END
FROM generate_series(1, 4) AS n
"""


def told(there: Viewer) -> tuple[Told, ...]:
    """Return what the page says of the front door."""
    return tuple(one for one in page.read(there.page) if one.region in REGIONS)


def claims(there: Viewer, world: World) -> list[bool]:
    """Return of each claim whether it holds; each text must be understood."""
    seen = told(there)
    found = [grammar.read(FRONT_DOOR, Seen(one, datetime.now(UTC), world, seen)) for one in seen]
    assert None not in found
    return [claim.true for one in found for claim in one or []]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_waits_at_the_front_door_stands_there(
    viewer: Callable[..., Viewer], deployed: Deployment, theme: str
) -> None:
    """Each row is understood, and true; on a phone nothing is too wide."""
    finals([enqueue_booking(request(0)).appointment_id])
    there = viewer(color_scheme=theme, **PHONE).open()
    there.page.evaluate("document.querySelectorAll('details.fold').forEach((one) => (one.open = true))")
    quiet = "No cancel, move or callback waits, and no webhook came in 24 h."
    expect(there.page.locator("#front-door")).to_have_text(quiet)

    with World(deployed) as world:
        eventually(lambda: claims(there, world) == [True], what="the quiet sentence holds in PostgreSQL")
        for statement in (CHANGE, CALLBACKS, HINTS):
            deployed.rows(statement)
        expect(there.page.locator("#front-door tbody tr")).to_have_count(3)
        assert [one.text for one in told(there)] == [
            "Cancels and moves | 1 held | @",
            "Callbacks | 2 waiting, 1 given up | @",
            "Webhook BOOKING_CREATED, 24 h | 1 changed here, 3 known already | \N{EN DASH}",
        ]
        eventually(lambda: claims(there, world) == [True] * 5, what="each claim holds in PostgreSQL")
    assert there.serious_faults() == []
    assert there.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
