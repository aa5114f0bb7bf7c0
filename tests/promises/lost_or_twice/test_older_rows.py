"""Promises 1 and 2 across an upgrade: what a worker of an older version wrote is neither posted at once nor left."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import func

from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tests.support.fleet import request, row
from tests.support.stepping import BLIND, POST, accept, carry, state, write

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
PLAIN, ROUND_ROBIN = 101, 104


def test_a_502_that_an_older_worker_took_for_settled_is_not_posted_at_once(
    settings: Settings, simulator: Any, posts: Counts
) -> None:
    """It wrote that another POST may go at once, and not from when absence counts; Cal.com may be working still."""
    settings(CALCOM_API_KEY="cal_test_host4", CALCOM_SETTLE_SECONDS="1300", CALCOM_SETTLE_ANSWERED_SECONDS="5")
    simulator.faults("status", name="bad_gateway", match=POST, count=1)
    [lost] = accept(request(1, ROUND_ROBIN))
    carry(lost)
    write(lost, sent_at=func.now(), settle_at=func.now(), ends_at=None, answered_at=None, askable_since=None)

    early = [carry(lost, after=300) for _ in range(4)]

    assert {one.posts for one in early} == {1}
    assert {one.outcome_unknown for one in early} == {True}
    assert carry(lost, after=300).status is Status.CONFIRMED
    assert posts()[str(row(lost).uuid)] == 2


def test_what_an_older_worker_held_for_a_blind_key_is_looked_for(settings: Settings, simulator: Any) -> None:
    """It gave no time for the next look: the first one finds what was booked long ago."""
    settings()
    simulator.faults("commit_then_reset", match=POST, count=1)
    [held] = accept(request(1, PLAIN))
    carry(held)
    write(
        held,
        status=Status.HELD,
        hold_reason=HoldReason.BLIND_KEY,
        held_for=dependencies.current().calcom.key_fingerprint,
        held_at=func.now(),
        hold_until=None,
        next_attempt_at=None,
    )
    assert state(row(held)) == BLIND

    now = carry(held, after=1)

    [booking] = simulator.bookings()
    assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, booking["uid"])
