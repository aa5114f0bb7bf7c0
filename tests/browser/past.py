"""The hour before the pictures, as a fleet writes it: quiet, some twenty bookings a minute, now and then a 503."""

import random
from datetime import UTC, datetime, timedelta

from tests.browser.deployment import Deployment

MINUTES = 70
_MINUTE = """
INSERT INTO booking_minutes (minute, accepted, confirmed, held)
VALUES (%(minute)s, %(accepted)s, %(confirmed)s, 0) ON CONFLICT DO NOTHING
"""
_CALLS = """
INSERT INTO failure_metrics (
    service, endpoint, error_type, count, success_rate, avg_response_time_ms, window_start, window_end,
    response_time_buckets
) VALUES ('calcom', 'bookings.create', %(type)s, %(failed)s, 1, 700, %(minute)s, %(ends)s, %(times)s)
"""
_CLOSED = """
INSERT INTO circuit_breaker_events (service, old_state, new_state, reason, epoch, created_at)
VALUES ('calcom', 'half_open', 'closed', 'the probe was answered', %(epoch)s, %(at)s)
"""


def write(deployed: Deployment) -> None:
    """Write it, the minute that is under way too; chance is the same each time."""
    rng = random.Random(7)  # noqa: S311 - no secret
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    for minute in (now - timedelta(minutes=before) for before in range(MINUTES, -1, -1)):
        booked = rng.randint(16, 23)
        deployed.rows(_MINUTE, minute=minute, accepted=booked + rng.randint(-1, 1), confirmed=booked)
        # Buckets of .25 to .5 s, to 1, to 1.5 and to 2.5 s.
        times = [0, 0, 0, booked // 4, booked // 2, booked // 5, rng.randint(0, 2), 0, 0, 0, 0, 0, 0]
        failed = int(rng.random() < 0.1)
        kind = "http_503" if failed else "none"
        deployed.rows(_CALLS, minute=minute, ends=minute + timedelta(minutes=1), type=kind, failed=failed, times=times)
    at = now - timedelta(hours=9)
    deployed.rows(_CLOSED, at=at, epoch=int(1000 * at.timestamp()))
