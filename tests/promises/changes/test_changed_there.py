"""A booking that Cal.com has is cancelled and moved there: with one call, also when an answer is lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.lifecycle import ChangeStatus, Status
from tests.support.fleet import HASTY, Fleet, row
from worker import cancel_booking, reschedule_booking

SEATS, WEEKLY = 103, 129
WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_cancel_costs_one_call(fleet: Callable[..., Fleet], seen: Any) -> None:
    """And the row says so."""
    fleet().start()
    booking, before = seen.booked(), seen.now()

    cancel_booking(booking, reason="ill")

    assert seen.over(booking).status is ChangeStatus.DONE
    assert row(booking).status is Status.CANCELLED
    assert seen.living() == []
    assert seen.calls(before) == ["POST cancel"]


def test_a_move_costs_one_call_once_the_kind_is_known(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The row has the new uid and start; the second move goes from there."""
    fleet().start()
    booking = seen.booked()
    reschedule_booking(booking, WANTED)
    assert seen.over(booking).status is ChangeStatus.DONE
    before = seen.now()

    reschedule_booking(booking, WANTED + HOUR)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert seen.calls(before) == ["POST reschedule"]
    [there] = seen.living()
    assert (there["uid"], row(booking).booked_start_at) == (row(booking).calcom_booking_uid, WANTED + HOUR)


def test_a_seats_move_costs_two_calls(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Cal.com overbooks: so the free seats are asked for."""
    fleet().start()
    booking = seen.booked(1, SEATS)
    reschedule_booking(booking, WANTED)
    assert seen.over(booking).status is ChangeStatus.DONE
    seat, before = row(booking).calcom_seat_uid, seen.now()

    reschedule_booking(booking, WANTED + HOUR)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert seen.calls(before) == ["GET slots", "POST reschedule"]
    assert row(booking).calcom_seat_uid != seat


def test_a_series_is_cancelled_by_three_calls(fleet: Callable[..., Fleet], seen: Any) -> None:
    """From its next week on, and then read again: no week lives."""
    fleet().start()
    booking, before = seen.booked(1, WEEKLY), seen.now()

    cancel_booking(booking)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert [call.partition(" ")[0] for call in seen.calls(before)] == ["GET", "POST", "GET"]
    assert seen.living() == []
    assert row(booking).status is Status.CANCELLED


def test_a_week_that_begins_before_its_cancel_is_looked_for(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Cal.com refuses it then; the series is read again, and none of its weeks to come lives."""
    fleet().start()
    booking = seen.booked(1, WEEKLY)
    over = {"status": 400, "shape": "B", "message": "Cannot cancel a booking that has already ended"}
    seen.simulator.faults("status", count=1, match={"method": "POST", "path": "/v2/bookings/*"}, **over)

    cancel_booking(booking)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert (seen.posts("cancel"), seen.living(), seen.leases_lost(booking)) == (2, [], 0)


def test_what_is_cancelled_there_already_costs_one_call_more(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The refusal proves only that this uid is dead: it is looked up."""
    fleet().start()
    booking = seen.booked()
    seen.simulator.person("cancel", row(booking).calcom_booking_uid)
    before = seen.now()

    cancel_booking(booking)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert [call.partition(" ")[0] for call in seen.calls(before)] == ["POST", "GET"]


def test_what_a_person_has_moved_is_followed_and_cancelled(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Else it would live on under its new uid."""
    fleet().start()
    booking = seen.booked()
    seen.simulator.person("move", row(booking).calcom_booking_uid, start=WANTED.isoformat())

    cancel_booking(booking)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert seen.living() == []


@pytest.mark.variants(first=2)
@pytest.mark.parametrize("fault", ["commit_then_hang", "commit_then_reset", "hang"])
@pytest.mark.parametrize("what", ["cancel", "reschedule"])
def test_a_lost_answer_is_looked_for_and_nothing_is_done_twice(
    fleet: Callable[..., Fleet], seen: Any, what: str, fault: str
) -> None:
    """One cancelled booking, or one that lives at the wanted start."""
    seen.simulator.settings(replica_lag=2)
    fleet(**HASTY).start()
    booking = seen.booked()
    seen.simulator.faults(fault, count=1, match={"method": "POST", "path": "/v2/bookings/*"})

    if what == "cancel":
        cancel_booking(booking)
    else:
        reschedule_booking(booking, WANTED)

    assert seen.over(booking).status is ChangeStatus.DONE
    assert len(seen.living()) == (0 if what == "cancel" else 1)
    assert seen.posts(what) == (2 if fault == "hang" else 1)
    assert row(booking).status is (Status.CANCELLED if what == "cancel" else Status.CONFIRMED)
