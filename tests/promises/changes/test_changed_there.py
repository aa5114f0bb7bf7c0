"""A booking that Cal.com has is cancelled and moved there: with one call, also when an answer is lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from tasks import dependencies
from tests.support.fleet import Fleet, eventually, finals, request, row
from worker import cancel_booking, enqueue_booking, reschedule_booking

SEATS, PLAIN, ROUND_ROBIN = 103, 110, 104
WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
ENDED = {ChangeStatus.DONE, ChangeStatus.REFUSED, ChangeStatus.FAILED, ChangeStatus.EXPIRED}


def booked(number: int = 1, event_type: int = PLAIN) -> int:
    """Book one request, and return its id."""
    asked = enqueue_booking(request(number, event_type)).appointment_id
    [end] = finals([asked]).values()
    assert end.status is Status.CONFIRMED
    return asked


def changes(booking: int) -> list[BookingChange]:
    """Return the changes of a booking."""
    with dependencies.current().engine.connect() as conn:
        return asking.of_booking(conn, booking)


def over(booking: int, within: float = 60) -> BookingChange:
    """Wait until the latest change of a booking is over, and return it."""
    eventually(lambda: changes(booking)[-1].over, within=within, what="the change is over")
    return changes(booking)[-1]


def living(simulator: Any) -> list[dict[str, Any]]:
    """Return what lives at Cal.com."""
    return [one for one in simulator.bookings() if one["status"] in ("accepted", "pending")]


def posts_of(simulator: Any, what: str) -> int:
    """Count the POSTs of cancels or moves."""
    return sum(call["method"] == "POST" and call["target"].endswith(what) for call in simulator.journal())


def test_a_cancel_costs_one_call(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """And the row says so."""
    fleet().start()
    booking = booked()
    before = simulator.journal()[-1]["n"]

    cancel_booking(booking, reason="ill")

    assert over(booking).status is ChangeStatus.DONE
    assert row(booking).status is Status.CANCELLED
    assert living(simulator) == []
    assert [call["target"].rpartition("/")[2] for call in simulator.journal(before)] == ["cancel"]


def test_a_move_costs_one_call_once_the_kind_is_known(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """The row has the new uid and start; the second move goes from there."""
    fleet().start()
    booking = booked()
    reschedule_booking(booking, WANTED)
    assert over(booking).status is ChangeStatus.DONE
    before = simulator.journal()[-1]["n"]

    reschedule_booking(booking, WANTED + timedelta(hours=1))

    assert over(booking).status is ChangeStatus.DONE
    assert [call["target"].rpartition("/")[2] for call in simulator.journal(before)] == ["reschedule"]
    [there] = living(simulator)
    assert (there["uid"], row(booking).booked_start_at) == (
        row(booking).calcom_booking_uid,
        WANTED + timedelta(hours=1),
    )


@pytest.mark.parametrize("fault", ["commit_then_hang", "commit_then_reset", "hang"])
@pytest.mark.parametrize("what", ["cancel", "reschedule"])
def test_a_lost_answer_is_looked_for_and_nothing_is_done_twice(
    fleet: Callable[..., Fleet], simulator: Any, what: str, fault: str
) -> None:
    """One cancelled booking, or one that lives at the wanted start."""
    simulator.settings(replica_lag=1)
    fleet().start()
    booking = booked()
    simulator.faults(fault, count=1, match={"method": "POST", "path": "/v2/bookings/*"})

    if what == "cancel":
        cancel_booking(booking)
    else:
        reschedule_booking(booking, WANTED)

    assert over(booking).status is ChangeStatus.DONE
    assert len(living(simulator)) == (0 if what == "cancel" else 1)
    assert posts_of(simulator, what) == (2 if fault == "hang" else 1)
    assert row(booking).status is (Status.CANCELLED if what == "cancel" else Status.CONFIRMED)
