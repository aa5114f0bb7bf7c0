"""The demo's judge finds every way in which two sets of books can differ."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from worker.local.demo.judge import AppointmentRow, DemoVerdict, judge


def booked(uid: str, reference: str | None, status: str = "accepted") -> dict[str, Any]:
    """Show a booking as Cal.com does."""
    return {"uid": uid, "status": status, "metadata": {"bookingWorkerRef": reference} if reference else {}}


def seats(uid: str, *references: str) -> dict[str, Any]:
    """Show a booking with seats, one for each reference."""
    taken = [{"seatUid": f"{uid}-{n}", "metadata": {"bookingWorkerRef": one}} for n, one in enumerate(references)]
    return {"uid": uid, "status": "accepted", "attendees": taken}


def commit(reference: str) -> dict[str, Any]:
    """Show a call that has committed a booking."""
    return {"reference": reference, "committed_at": 1.0}


def verdict(
    rows: list[AppointmentRow], bookings: list[dict[str, Any]], journal: list[dict[str, Any]] | None = None
) -> DemoVerdict:
    """Judge, with one accepted request a row."""
    return judge(len(rows), rows, bookings, journal or [])


ONE = AppointmentRow(1, "ref-1", "confirmed", uid="uid-1")


def test_books_that_agree_are_in_order() -> None:
    """Confirmed ones stand at Cal.com once, seats and those to be confirmed included; others do not."""
    rows = [
        ONE,
        AppointmentRow(2, "ref-2", "confirmed", uid="uid-2", seat_uid="uid-2-0"),
        AppointmentRow(3, "ref-3", "confirmed", uid="uid-2", seat_uid="uid-2-1"),
        AppointmentRow(4, "ref-4", "confirmed", uid="uid-4"),
        AppointmentRow(5, "ref-5", "rejected", uid="uid-1"),  # the attendee had it already, by request 1
        AppointmentRow(6, "ref-6", "held"),
    ]
    bookings = [booked("uid-1", "ref-1"), seats("uid-2", "ref-2", "ref-3"), booked("uid-4", "ref-4", "pending")]
    assert verdict(rows, bookings, [commit("ref-1"), commit("ref-2")]).kept


def test_a_lost_booking_is_found() -> None:
    """Confirmed here, and Cal.com knows nothing of it."""
    found = verdict([ONE], [])
    assert (len(found.lost), found.doubled, found.kept) == (1, (), False)
    assert "booking 1" in found.lost[0]


def test_a_booking_under_another_uid_is_found() -> None:
    """The customer was told a uid that is somebody else's."""
    assert len(verdict([ONE], [booked("uid-9", "ref-1")]).lost) == 1


def test_a_seat_under_another_seats_uid_is_found() -> None:
    """Two seats of one booking share its uid; each has a seat uid of its own."""
    row = AppointmentRow(1, "ref-1", "confirmed", uid="uid-1", seat_uid="uid-1-9")
    assert len(verdict([row], [seats("uid-1", "ref-1")]).lost) == 1


def test_a_cancelled_booking_does_not_count_as_there() -> None:
    """What Cal.com has cancelled is not booked."""
    assert len(verdict([ONE], [booked("uid-1", "ref-1", "cancelled")]).lost) == 1


def test_a_booking_that_we_gave_up_is_found() -> None:
    """Failed here, booked there: the customer is told no and expected all the same."""
    found = verdict([AppointmentRow(1, "ref-1", "failed")], [booked("uid-1", "ref-1")])
    assert len(found.lost) == 1
    assert "failed here" in found.lost[0]


def test_a_booking_of_nobody_is_found() -> None:
    """With a reference that no row has, or with none at all."""
    found = verdict([ONE], [booked("uid-1", "ref-1"), booked("uid-2", "ref-2"), booked("uid-3", None)])
    assert len(found.lost) == 2


def test_an_accepted_request_without_a_row_is_found() -> None:
    """A receipt is a promise."""
    assert len(judge(2, [ONE], [booked("uid-1", "ref-1")], []).lost) == 1


def test_a_double_booking_is_found() -> None:
    """One request, two bookings."""
    found = verdict([ONE], [booked("uid-1", "ref-1"), booked("uid-2", "ref-1")])
    assert (found.lost, len(found.doubled), found.kept) == ((), 1, False)
    assert "uid-1, uid-2" in found.doubled[0]


def test_two_seats_for_one_request_are_found() -> None:
    """The second seat is in the same booking."""
    row = AppointmentRow(1, "ref-1", "confirmed", uid="uid-1", seat_uid="uid-1-0")
    assert len(verdict([row], [seats("uid-1", "ref-1", "ref-1")]).doubled) == 1


def test_a_double_booking_that_is_gone_again_is_found() -> None:
    """The journal remembers what the books do not show any more."""
    bookings = [booked("uid-1", "ref-1"), booked("uid-2", "ref-1", "cancelled")]
    assert len(verdict([ONE], bookings, [commit("ref-1"), commit("ref-1")]).doubled) == 1


def test_what_is_not_finished_is_found() -> None:
    """Time is up, and somebody still waits for an answer."""
    found = verdict([AppointmentRow(1, "ref-1", "retrying")], [])
    assert (found.lost, len(found.unfinished), found.kept) == ((), 1, False)


def test_a_booking_at_another_time_is_found() -> None:
    """Moved here and not there."""
    there = {**booked("uid-1", "ref-1"), "start": "2030-03-05T09:00:00.000Z"}
    at_ten = replace(ONE, start=datetime(2030, 3, 5, 10, tzinfo=UTC))

    [wrong] = verdict([at_ten], [there]).lost

    assert wrong == "booking 1: confirmed as uid-1, and at Cal.com only as uid-1 at 2030-03-05 09:00"
    assert verdict([replace(at_ten, start=datetime(2030, 3, 5, 9, tzinfo=UTC))], [there]).kept


def test_a_change_that_is_not_over_is_named() -> None:
    """The promise is not kept yet."""
    assert judge(1, [ONE], [booked("uid-1", "ref-1")], [], ["booking 1: its cancel is still held"]).unfinished
