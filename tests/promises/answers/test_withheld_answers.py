"""Promises 1, 2 and 5: a page in place of Cal.com's answer says nothing of what Cal.com has done behind it."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db import appointments
from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.changes.ask.ask import Via
from tasks.changes.ask.change import cancel
from tests.support.fleet import request, row
from tests.support.stepping import POST, accept, carry, carry_until, state

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
PLAIN, TRAP = 101, 110  # Cal.com books the second POST of the trap, too
HELD = (Status.HELD, HoldReason.CONFIGURATION)
PAGES: dict[str, dict[str, Any]] = {
    "a firewall's 403": {"status": 403, "shape": "C"},
    "a login's 302": {"status": 302, "shape": "C"},
    "a gateway's 413": {"status": 413, "shape": "C"},
    "a guard's own 403": {"status": 403, "shape": "B", "message": "Forbidden resource"},
    "a 200 without a booking": {"status": 200, "shape": "B", "message": "ok"},
}


@pytest.mark.parametrize("page", PAGES)
def test_a_booking_whose_answer_a_page_replaces_is_found_at_once(
    settings: Settings, simulator: Any, posts: Counts, page: str
) -> None:
    """Cal.com has booked it before the page was written: one look, and no second POST."""
    settings()
    simulator.faults("commit_then_status", match=POST, **PAGES[page])
    [one] = accept(request(1, TRAP))

    assert carry(one).status is Status.CONFIRMED

    assert posts() == {str(row(one).uuid): 1}


@pytest.mark.parametrize("page", PAGES)
def test_a_booking_that_a_page_hides_is_looked_for_before_another_post(
    settings: Settings, simulator: Any, booked: Counts, page: str
) -> None:
    """A replica lags, so that the look at once finds nothing: its hold is as before, its outcome is unknown."""
    settings()
    simulator.settings(replica_lag=3600)
    simulator.faults("commit_then_status", match=POST, count=1, **PAGES[page])
    [one] = accept(request(1, TRAP))
    held = carry(one)
    assert (state(held), held.outcome_unknown) == (HELD, True)

    simulator.settings(replica_lag=0)

    assert carry(one, after=60).status is Status.CONFIRMED
    assert booked() == {str(held.uuid): 1}


def test_neither_its_start_nor_a_cancel_ends_a_booking_that_a_page_hides(settings: Settings, simulator: Any) -> None:
    """Told "expired" or "cancelled", and alive at Cal.com, nobody would look for it again."""
    settings()
    simulator.settings(replica_lag=3600)
    simulator.faults("commit_then_status", match=POST, count=2, **PAGES["a firewall's 403"])
    near, unwanted = accept(request(1, PLAIN), request(2, PLAIN))
    assert [state(carry(one)) for one in (near, unwanted)] == [HELD, HELD]

    with dependencies.current().engine.begin() as conn:
        assert appointments.expire(conn, lead_seconds=10**9, limit=10) == []
    cancel(dependencies.current().engine, unwanted, by="operator", via=Via.COMMAND_LINE, why="")

    assert Status.CANCELLED not in {row(one).status for one in (near, unwanted)}
    simulator.settings(replica_lag=0)
    assert [carry(one, after=60).status for one in (near, unwanted)] == [Status.CONFIRMED] * 2


@pytest.mark.long
def test_a_page_of_many_hours_uses_up_no_retry(settings: Settings, simulator: Any, booked: Counts) -> None:
    """It is an operator's matter: each POST comes after a look, and later than the one before, by an hour at last."""
    settings(CALCOM_RATE_LIMIT_PER_MINUTE="0")
    simulator.faults("html", status=403, match=POST)
    [one] = accept(request(1, PLAIN))
    for _ in range(12):
        held = carry_until(one, lambda now: state(now) == HELD, every=60, attempts=10)

    assert (held.retry_count, held.outcome_unknown, held.hold_until - held.held_at) == (0, True, timedelta(hours=1))
    simulator.no_faults()
    carry_until(one, lambda now: now.status is Status.CONFIRMED, every=3600, attempts=5)
    assert booked() == {str(held.uuid): 1}
