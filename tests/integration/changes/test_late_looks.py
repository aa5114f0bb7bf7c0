"""One late look follows each change that met an unclear answer: what it finds is followed, or told.

What was answered cleanly costs no call more. Each attempt and each look is made here; time passes when a test says so.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from db import personal
from db.appointments import events
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from db.models.changes import booking_changes
from tasks import dependencies
from tasks.booking import book_appointment
from tasks.changes import late_lookups
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry_change, let_pass
from worker import cancel_booking, reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
PLAIN, SEATS, HIDDEN, SERIES = 101, 103, 138, 129
CHANGE = {"path": "/v2/bookings/*", "method": "POST"}
SETTLED, ENDED = 6.0, 170.0
TIMES = {"CALCOM_SETTLE_ANSWERED_SECONDS": "5", "CALCOM_SETTLE_SECONDS": "130"}
Settings = Callable[..., dict[str, str]]


@pytest.fixture
def world(settings: Settings, simulator: Any) -> Any:
    """Give this process a Cal.com and the times of a real one, and return Cal.com."""
    settings(**TIMES)
    return simulator


def booked(event_type: int, number: int = 1, **more: Any) -> int:
    """Book, long enough ago for every replica."""
    [booking] = accept(request(number, event_type, **more))
    book_appointment.apply([booking])
    assert row(booking).status is Status.CONFIRMED
    let_pass(ENDED)
    return booking


def asked(booking: int, wanted: datetime | None = WANTED) -> int:
    """Ask for a move, or for a cancel, and return its number."""
    receipt = cancel_booking(booking) if wanted is None else reschedule_booking(booking, wanted)
    assert receipt.change_id is not None
    return receipt.change_id


def carried(change: int, attempts: int = 4) -> BookingChange:
    """Carry a change to its end."""
    now = carry_change(change)
    for _ in range(attempts):
        if now.over:
            return now
        now = carry_change(change, after=ENDED)
    assert now.over, now
    return now


def looked(after: float = ENDED) -> int:
    """Let time pass, and look at what is due; return how many changes were looked at."""
    let_pass(after)
    write_unasked()
    return late_lookups.look_late(dependencies.current())


def write_unasked() -> None:
    """Have Cal.com not been asked lately for any row."""
    with dependencies.current().engine.begin() as conn:
        conn.exec_driver_sql("UPDATE appointments SET checked_at = NULL")


def living(simulator: Any, booking: int) -> list[str]:
    """Return the uids that live of a booking, in the order in which they were made."""
    own = str(row(booking).uuid)
    return [one["uid"] for one in simulator.books() if one["reference"] == own and one["ended"] is None]


def told(booking: int) -> list[tuple[str, Any]]:
    """Return what operators were told of a booking, with the uid that it is about."""
    with dependencies.current().engine.connect() as conn:
        story = events.timeline(conn, booking)
    return [(one.kind, one.detail.get("uid")) for one in story if one.kind in events.NOTABLE]


def moved_unclearly(world: Any, booking: int) -> int:
    """Move a booking, with an answer that is not clear, until it is seen as done; return the change."""
    change = asked(booking)
    world.faults("commit_then_status", name="internal", count=1, match=CHANGE)
    carry_change(change)
    assert carry_change(change, after=SETTLED).status is ChangeStatus.DONE
    return change


def split(world: Any, booking: int) -> tuple[str, str]:
    """Move a booking so that it lives at both ends; return the uids of the old one and the new one."""
    change = asked(booking)
    world.faults("split", count=1, match=CHANGE)
    carry_change(change)
    assert carry_change(change, after=SETTLED).status is ChangeStatus.DONE
    old, new = living(world, booking)
    return old, new


def test_the_old_booking_of_a_split_move_is_cancelled_as_a_double_and_told(world: Any) -> None:
    """At once: both ends were seen."""
    booking = booked(PLAIN)
    old, new = split(world, booking)

    assert looked(after=0) == 1

    assert living(world, booking) == [new]
    assert told(booking) == [(events.CHANGE_NEEDS_YOU, old)]
    assert (row(booking).calcom_booking_uid, row(booking).status) == (new, Status.CONFIRMED)
    assert looked() == 0


def test_what_was_made_after_all_at_the_wanted_start_is_cancelled_and_told(world: Any) -> None:
    """The caller has heard that it stands as before, and so it does."""
    booking = booked(PLAIN)
    change = asked(booking)
    world.faults("status", name="internal", count=1, match=CHANGE)
    carry_change(change)
    world.faults("status", name="taken", match=CHANGE)
    booked(PLAIN, 2, start=WANTED)
    ended = carried(change)
    assert ended.status is ChangeStatus.REFUSED
    old = row(booking).calcom_booking_uid
    [other] = [one["uid"] for one in world.bookings() if one["start"] == "2030-03-05T09:00:00.000Z"]
    world.no_faults()
    world.person("cancel", other)
    world.faults("split", count=1, match=CHANGE)
    _post(old)
    [_, ghost] = living(world, booking)

    assert looked() == 1

    assert living(world, booking) == [old]
    assert told(booking) == [(events.CHANGE_NEEDS_YOU, ghost)]


def _post(uid: str | None) -> None:
    """Have a POST of the move, which was at work unseen, be carried out late."""
    calcom = dependencies.current().calcom
    body = {"start": WANTED.strftime("%Y-%m-%dT%H:%M:%SZ"), "reschedulingReason": "late"}
    calcom.reschedule_booking(uid or "", body, keyless=False, may_send=lambda: True, correlation_id="late")


@pytest.mark.parametrize("fault", [{"kind": "split", "name": "internal"}, {"kind": "kill", "step": "seat"}])
def test_an_empty_booking_that_a_seats_cancel_left_is_told(
    settings: Settings, simulator: Any, fault: dict[str, str]
) -> None:
    """It holds its host's time; the row is cancelled, and the cancel of a booking without a seat is a person's."""
    settings(**TIMES, CALCOM_API_KEY="cal_test_host3")
    booking = booked(SEATS)
    uid = row(booking).calcom_booking_uid
    change = asked(booking, None)
    simulator.faults(**fault, count=1, match=CHANGE)
    assert carried(change).status is ChangeStatus.DONE

    assert looked() == 1

    assert row(booking).status is Status.CANCELLED
    assert told(booking) == [(events.CHANGE_NEEDS_YOU, uid)]


def test_a_booking_whose_attendees_are_hidden_from_us_is_not_called_empty(settings: Settings, simulator: Any) -> None:
    """Who does not organize it sees nobody in it."""
    settings(**TIMES, CALCOM_API_KEY="cal_test_host3")
    booking, _ = booked(HIDDEN), booked(HIDDEN, start=request(1).start, attendee=_other())
    change = asked(booking, None)
    simulator.faults("commit_then_reset", count=1, match=CHANGE)
    assert carried(change).status is ChangeStatus.DONE

    assert looked() == 1

    assert told(booking) == []


def _other() -> dict[str, str]:
    return {"name": "Kim Example", "email": "kim@example.com", "time_zone": "UTC"}


def test_a_host_who_moves_it_in_the_second_of_an_unclear_cancel_is_told(world: Any) -> None:
    """Cancelled here, and it lives there: its customer comes."""
    booking = booked(PLAIN)
    uid = row(booking).calcom_booking_uid
    change = asked(booking, None)
    world.faults("status", name="internal", count=1, match=CHANGE)
    carry_change(change)
    world.person("cancel", uid)
    assert carry_change(change, after=SETTLED).status is ChangeStatus.DONE
    world.person("revive", uid)

    assert looked() == 1

    assert told(booking) == [(events.CANCEL_THERE, uid)]


def test_a_person_who_moves_it_after_an_unclear_move_is_followed(world: Any) -> None:
    """Without a webhook the row would say the wanted start."""
    booking = booked(PLAIN)
    moved_unclearly(world, booking)
    world.person("move", row(booking).calcom_booking_uid, start="2030-03-06T10:00:00.000Z")

    assert looked() == 1

    assert row(booking).booked_start_at == datetime(2030, 3, 6, 10, tzinfo=UTC)
    assert told(booking) == []


@pytest.mark.parametrize("wanted", [WANTED, None], ids=["move", "cancel"])
def test_what_was_answered_cleanly_costs_no_call_more(world: Any, wanted: datetime | None) -> None:
    """One call a change, and none later."""
    booking = booked(PLAIN)
    change = asked(booking)
    carried(change)  # its type is known by now
    before = len(world.journal())
    change = asked(booking, WANTED.replace(hour=11) if wanted else None)

    assert carried(change).status is ChangeStatus.DONE
    assert looked() == 0
    assert len(world.journal()) - before == 1


def test_a_series_that_is_cancelled_cleanly_is_not_looked_at_again(world: Any) -> None:
    """Its weeks are read again after each call; that is no unclear answer."""
    booking = booked(SERIES)

    assert carried(asked(booking, None)).status is ChangeStatus.DONE

    assert living(world, booking) == []
    assert looked() == 0


def test_a_look_waits_for_what_is_under_way_and_for_cal_com(world: Any) -> None:
    """While another change of the booking is at work, and while Cal.com shows nothing; then it is made."""
    booking = booked(PLAIN)
    moved_unclearly(world, booking)
    later = asked(booking, None)
    _write(
        later,
        outcome_unknown=True,
        settle_at=datetime(2030, 1, 1, tzinfo=UTC),
        ends_at=datetime(2030, 1, 1, tzinfo=UTC),
    )
    assert looked() == 0
    _write(later, outcome_unknown=False, settle_at=None, ends_at=None)
    world.faults("status", name="internal", match={"method": "GET"})

    assert looked() == 1
    world.no_faults()
    assert looked(after=60.0) == 0
    assert looked(after=3600.0) == 1
    assert looked() == 0


def test_a_look_that_never_succeeds_ends_after_a_day_and_is_told(world: Any) -> None:
    """It is bounded: nobody asks Cal.com for ever."""
    booking = booked(PLAIN)
    moved_unclearly(world, booking)
    world.faults("status", name="internal", match={"method": "GET"})

    assert looked(after=25 * 3600.0) == 1

    assert told(booking) == [(events.CHANGE_NEEDS_YOU, None)]
    assert looked() == 0


def test_a_double_is_told_though_the_answer_to_its_cancel_is_lost(world: Any) -> None:
    """The next look finds it gone, and ends."""
    booking = booked(PLAIN)
    old, new = split(world, booking)
    world.faults("commit_then_reset", count=1, match=CHANGE)

    assert looked(after=0) == 1
    assert looked() == 1

    assert living(world, booking) == [new]
    assert told(booking) == [(events.CHANGE_NEEDS_YOU, old)]
    assert looked() == 0


def test_the_look_of_a_person_who_was_forgotten_ends_without_a_call(world: Any) -> None:
    """Nothing names the booking any more."""
    booking = booked(PLAIN)
    moved_unclearly(world, booking)
    with dependencies.current().engine.begin() as conn:
        personal.forget(conn, [booking], {str(row(booking).calcom_booking_uid)})
    before = len(world.journal())

    assert looked() == 1

    assert len(world.journal()) == before
    assert looked() == 0


def test_a_double_that_cal_com_does_not_cancel_is_told_once_more(world: Any) -> None:
    """A person must cancel it."""
    booking = booked(PLAIN)
    old, new = split(world, booking)
    world.faults("status", status=400, shape="B", message="Cannot cancel it", count=1, match=CHANGE)

    assert looked(after=0) == 1

    assert living(world, booking) == [old, new]
    assert told(booking) == [(events.CHANGE_NEEDS_YOU, old)] * 2
    assert looked() == 0


def test_what_does_not_carry_our_reference_is_no_double(world: Any) -> None:
    """A stranger's booking under the uid that the change names stays as it is."""
    booking, strangers = booked(PLAIN), booked(PLAIN, 2)
    change = moved_unclearly(world, booking)
    _write(change, from_uid=row(strangers).calcom_booking_uid)

    assert looked() == 1

    assert living(world, strangers) == [row(strangers).calcom_booking_uid]
    assert told(booking) == []


def _write(change: int, **columns: Any) -> None:
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(booking_changes).where(booking_changes.c.id == change).values(**columns))
