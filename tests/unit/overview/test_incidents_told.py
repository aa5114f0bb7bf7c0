"""An incident as the page has it: its numbers are of the last health check that found it."""

from datetime import timedelta
from typing import Any

import pytest

from tasks.overview.payload import COUNTS_LAST, payload
from tasks.overview.sentences import iso
from tasks.overview.verdict import verdict
from tests.support.incidents import make_incident
from tests.unit.overview.test_verdict import NOW, overview

JUST = timedelta(seconds=5)
LONG_AGO = COUNTS_LAST + timedelta(seconds=1)


def told(ago: timedelta, **detail: Any) -> dict[str, Any]:
    """Return an incident of which a check wrote this detail so long ago, as the page has it."""
    detail = {"present": "Cal.com is down: 108 held, 1 at risk", **detail}
    incident = make_incident(NOW - timedelta(minutes=5), id=3, detail=detail, last_seen_at=NOW - ago)
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
