"""Moves that wait alone after an outage: nothing else comes, and all of them are made at once all the same."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from db.lifecycle import ChangeStatus
from db.models.bookings import appointment_events
from tasks import dependencies
from tests.support.fleet import Fleet, eventually
from worker import reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPENS_SOON = {"CIRCUIT_BREAKER_THRESHOLD": "3", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "2"}
FEW = 12  # events of a change: its outage, its release as one of the line, its end


def events_since(booking: int, since: int) -> int:
    """Count what the story of a booking tells since an event."""
    told = appointment_events.c
    later = told.appointment_id == booking, told.id > since
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(select(func.count()).where(*later)).scalar_one())


def latest_event() -> int:
    """Return the number of the latest event of all."""
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(select(func.max(appointment_events.c.id))).scalar_one())


@pytest.mark.parametrize("number", [1, 3])
def test_moves_that_wait_alone_are_made_when_cal_com_is_back(
    fleet: Callable[..., Fleet], seen: Any, number: int
) -> None:
    """A harmless call, the read of a booking, is the probe; no move is let go and held again each second."""
    fleet(**OPENS_SOON).start(concurrency=4)
    bookings = [seen.booked(one) for one in range(number)]
    for place, one in enumerate(bookings):
        reschedule_booking(one, WANTED + place * HOUR)
        seen.over(one)  # from here on their type is known, and a move needs no other call
    seen.simulator.faults("refuse", seconds=600)
    for place, one in enumerate(bookings):
        reschedule_booking(one, WANTED + (24 + place) * HOUR)

    eventually(lambda: all(seen.of(one)[-1].status is ChangeStatus.HELD for one in bookings), what="all are held")
    since, before = latest_event(), seen.now()
    seen.simulator.no_faults()

    assert [seen.over(one, within=20).status for one in bookings] == [ChangeStatus.DONE] * number
    calls = seen.calls(before)
    assert calls.count("POST reschedule") == number
    assert calls[0].startswith("GET ")
    assert max(events_since(one, since) for one in bookings) <= FEW
