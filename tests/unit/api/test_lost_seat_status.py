"""A move whose seat Cal.com lost is told as its booking, which is sent once more: done when it is booked."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest

from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.changes import ChangeKind
from tasks.changes.ask.by_caller import ChangeOfCaller
from tests.unit.api.test_api_sentences import VIEW, view

WANTED, LATER = VIEW["start"], datetime(2030, 3, 6, 9, tzinfo=UTC)


def change(**given: object) -> BookingChange:
    """Return a move to the start of the booking that is done and names no uid, but for what is given."""
    done = {"id": 83, "kind": ChangeKind.RESCHEDULE, "status": ChangeStatus.DONE, "start_at": WANTED}
    known = {**done, "from_uid": "6bgCuk1oSzWNPzpXMoPrQG", **given}
    return BookingChange(**{**dict.fromkeys(one.name for one in fields(BookingChange)), **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("booking", "told", "final"),
    [
        ({"status": Status.PENDING}, ChangeStatus.PENDING, False),
        ({"status": Status.HELD, "hold_reason": HoldReason.BREAKER_OPEN}, ChangeStatus.PENDING, False),
        ({"status": Status.CONFIRMED}, ChangeStatus.DONE, True),
        ({"status": Status.REJECTED, "error_type": "taken"}, ChangeStatus.REFUSED, True),
        ({"status": Status.EXPIRED}, ChangeStatus.REFUSED, True),
        ({"status": Status.CANCELLED}, ChangeStatus.DONE, True),
        ({"status": Status.CONFIRMED, "start": LATER}, ChangeStatus.DONE, True),
    ],
)
def test_it_is_done_when_the_booking_is_there_again(
    booking: dict[str, object], told: ChangeStatus, *, final: bool
) -> None:
    """Until then nobody was moved, and who hears "taken" was moved nowhere."""
    found = ChangeOfCaller(view(**booking), change())

    assert (found.status, found.final) == (told, final)
    assert found.error_type == (booking.get("error_type") if told is ChangeStatus.REFUSED else None)


@pytest.mark.parametrize(
    "given",
    [
        {"to_uid": "8uUmSGLmZnbBQ1rGrSb"},
        {"from_uid": None},
        {"start_at": LATER},
        {"kind": ChangeKind.CANCEL, "start_at": None},
    ],
)
def test_what_else_is_done_is_done_whatever_comes_later(given: dict[str, object]) -> None:
    """What names where it was moved to, was not at Cal.com yet, is of another start, or is a cancel."""
    assert ChangeOfCaller(view(status=Status.REJECTED), change(**given)).status is ChangeStatus.DONE
