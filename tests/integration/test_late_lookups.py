"""What nobody's own task looks for: suspects are looked for each hour, and are never posted."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, update

from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments as table
from tasks import dependencies
from tasks.maintenance.late_lookups import look_again
from tasks.work.claim import claim
from tests.support.fleet import request, row
from tests.support.stepping import book
from worker import enqueue_booking

POST = {"method": "POST", "path": "/v2/bookings"}
HOUR = timedelta(seconds=3600)


@pytest.fixture
def suspect(settings: Callable[..., dict[str, str]], simulator: Any) -> int:
    """Book one whose answer is lost, and hold it as one that has killed its workers; no worker runs."""
    settings()
    simulator.faults("commit_then_reset", match=POST, count=1)
    asked = enqueue_booking(request(1)).appointment_id
    claimed = claim(dependencies.current(), asked)
    assert claimed is not None
    book(claimed)
    write(asked, status=Status.HELD, hold_reason=HoldReason.SUSPECT, held_at=func.now(), next_attempt_at=None)
    return asked


def write(appointment_id: int, **columns: Any) -> None:
    """Write columns past the door, as a fault would."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == appointment_id).values(**columns))


def test_a_suspect_that_is_found_at_cal_com_is_confirmed(suspect: int, simulator: Any) -> None:
    """And not posted again."""
    assert look_again() == {"suspects": 1, "series": 0}

    [booking] = simulator.bookings()
    now = row(suspect)
    assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, booking["uid"])
    assert Counter(entry["method"] for entry in simulator.journal())["POST"] == 1


def test_a_suspect_that_is_not_found_is_looked_for_again_in_an_hour(suspect: int, simulator: Any) -> None:
    """Not sooner, however often beat comes."""
    simulator.reset()
    simulator.settings(rate_limit=0)

    assert [look_again() for _ in range(3)] == [{"suspects": 0, "series": 0}] * 3

    now = row(suspect)
    assert (now.status, now.hold_reason) == (Status.HELD, HoldReason.SUSPECT)
    assert now.hold_until == now.updated_at + HOUR
    assert [entry["method"] for entry in simulator.journal()] == ["GET"]


def test_cal_com_is_left_alone_while_the_breaker_is_open(suspect: int, simulator: Any) -> None:
    """A look of nobody's is worth no call then."""
    called = len(simulator.journal())
    dependencies.current().breaker.operators.force_open("operator", "a test")

    assert look_again() == {}

    assert len(simulator.journal()) == called
    assert row(suspect).status is Status.HELD
