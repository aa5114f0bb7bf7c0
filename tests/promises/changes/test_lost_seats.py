"""A seat that Cal.com loses between the two steps of its move is booked again, or an operator gets an alert."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from db.lifecycle import ChangeStatus, HoldReason, Status
from db.monitoring import incidents
from tasks import dependencies
from tasks.incidents import check
from tests.support.fleet import Fleet, eventually, finals, row
from worker import reschedule_booking

SEATS, TEAMS_SEATS = 103, 132
WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
SETTLES_SOON = {"CALCOM_SETTLE_SECONDS": "2", "CALCOM_SETTLE_ANSWERED_SECONDS": "1"}

pytestmark = pytest.mark.long  # absence counts only when the settle time is over


def told_of() -> set[tuple[str, str]]:
    """Return the kinds of the open incidents, each with the booking that it names first."""
    check.check()
    with dependencies.current().engine.connect() as conn:
        return {(one.kind, str(one.detail.get("first_id"))) for one in incidents.notified(conn, open_only=True)}


def test_a_lost_seat_is_booked_again_with_its_reference_and_an_operator_is_told(
    fleet: Callable[..., Fleet], seen: Any
) -> None:
    """The key has sight: what its list does not show is nowhere."""
    fleet(**SETTLES_SOON).start()
    booking = seen.booked(1, SEATS)
    first = row(booking).calcom_seat_uid
    seen.simulator.settings(seat_move_loses=1)

    reschedule_booking(booking, WANTED)

    assert seen.over(booking).status is ChangeStatus.DONE
    [end] = finals([booking]).values()
    assert (end.status, row(booking).start_at, seen.posts("reschedule")) == (Status.CONFIRMED, WANTED, 1)
    [there] = seen.living()
    [seat] = there["attendees"]
    assert seat["metadata"]["bookingWorkerRef"] == str(row(booking).uuid)
    assert (seat["seatUid"], there["start"]) == (row(booking).calcom_seat_uid, "2030-03-05T09:00:00.000Z")
    assert seat["seatUid"] != first
    assert ("change_needs_you", str(booking)) in told_of()


def test_a_lost_seat_of_a_teams_type_is_held_and_an_operator_is_told(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Nobody has sight there: it may be at another time, so it is never booked again by the product."""
    fleet(**SETTLES_SOON, CALCOM_API_KEY="cal_test_host34").start()
    booking = seen.booked(1, TEAMS_SEATS)
    seen.simulator.settings(seat_move_loses=1)

    reschedule_booking(booking, WANTED)

    held = HoldReason.BLIND_KEY
    eventually(lambda: seen.of(booking)[-1].hold_reason is held, what="nobody can tell")
    assert (seen.of(booking)[-1].status, row(booking).status) == (ChangeStatus.HELD, Status.CONFIRMED)
    assert "change_held" in {kind for kind, _ in told_of()}
    assert seen.posts("bookings") == 1
