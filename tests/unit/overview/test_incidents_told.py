"""An incident as the page has it: its numbers are of the last health check that found it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from db.monitoring.incidents import Incident
from tasks.overview.payload import COUNTS_LAST, payload
from tasks.overview.sentences import iso
from tasks.overview.verdict import verdict
from tests.unit.overview.test_verdict import NOW, overview

JUST = timedelta(seconds=5)
LONG_AGO = COUNTS_LAST + timedelta(seconds=1)


def told(ago: timedelta, **detail: Any) -> dict[str, Any]:
    """Return an incident of which a check wrote this detail so long ago, as the page has it."""
    seen_at: datetime = NOW - ago
    incident = Incident(
        id=3,
        kind="outage",
        subject="calcom",
        occurrences=1,
        detail={"present": "Cal.com is down: 108 held, 1 at risk", **detail},
        opened_at=NOW - timedelta(minutes=5),
        last_seen_at=seen_at,
        notified_at=None,
        closed_at=None,
        updated_at=seen_at,
        news=1,
        news_at=seen_at,
        message="Cal.com is down",
    )
    seen = overview({"incidents": (incident,)})
    [found] = payload(seen, verdict(seen))["incidents"]
    return found


def test_numbers_that_no_check_has_counted_lately_have_their_moment() -> None:
    """As while Redis is gone, and no check runs: what is held changes meanwhile."""
    assert told(LONG_AGO, held=108)["as_of"] == iso(NOW - LONG_AGO)
    assert told(JUST, held=108)["as_of"] is None


@pytest.mark.parametrize("detail", [{}, {"held": 108, "is_past": True}])
def test_what_has_no_numbers_has_no_moment(detail: dict[str, Any]) -> None:
    """What is over, and what never counted."""
    assert told(LONG_AGO, **detail)["as_of"] is None
