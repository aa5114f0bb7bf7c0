"""A booking answers for each start that it was asked for or moved to, as long as it lives; and for none afterwards."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from booking_client.request.model import BookingRequest
from db.changes import asking, sweeps
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, Status
from tasks import dependencies
from tasks.booking import change_booking
from tasks.guarded_calls import recheck
from tests.support.audits.scene import HEADERS
from tests.support.fleet import request, row
from tests.support.stepping import POST, accept, carry, let_pass
from worker import Receipt, cancel_booking, enqueue_booking, enqueue_bookings, reschedule_booking

PLAIN, SEATS = 101, 103
WANTED, LAST = datetime(2030, 3, 5, 9, tzinfo=UTC), datetime(2030, 3, 6, 9, tzinfo=UTC)
FIRST = request(1, PLAIN)
Settings = Callable[..., dict[str, str]]


def at(start: datetime, **more: Any) -> BookingRequest:
    """Return what the same person asks for at another start."""
    return request(1, PLAIN, start=start, **more)


def latest(booking: int) -> BookingChange:
    """Return the newest change of a booking."""
    with dependencies.current().engine.connect() as conn:
        return asking.of_booking(conn, booking)[-1]


def moved(booking: int, to: datetime) -> BookingChange:
    """Have a booking moved, and return its change."""
    reschedule_booking(booking, to)
    if not latest(booking).over:
        change_booking.apply([latest(booking).id])
    return latest(booking)


def booked() -> int:
    """Have the first request booked."""
    [booking] = accept(FIRST)
    assert carry(booking).status is Status.CONFIRMED
    return booking


def answers(*wanted: BookingRequest) -> set[tuple[int, bool]]:
    """Ask for each of these, and return which bookings they are, and whether these were known."""
    return {(one.appointment_id, one.duplicate) for one in map(enqueue_booking, wanted)}


def living(simulator: Any) -> list[str]:
    """Return the starts of what lives at Cal.com."""
    return sorted(one["start"][:10] for one in simulator.bookings() if one["status"] == "accepted")


def test_a_booking_that_is_moved_while_it_is_held_answers_for_both_starts(settings: Settings, simulator: Any) -> None:
    """A form sent twice: one booking, which hears its new time."""
    settings()
    dependencies.current().breaker.operators.force_open("operator", "a test")
    [booking] = accept(FIRST)
    assert moved(booking, WANTED).status is ChangeStatus.DONE

    again = enqueue_booking(FIRST)

    assert (again.appointment_id, again.duplicate, again.start) == (booking, True, WANTED)
    assert answers(at(WANTED)) == {(booking, True)}
    dependencies.current().breaker.reset("operator", "a test")
    assert carry(booking).status is Status.CONFIRMED
    assert living(simulator) == ["2030-03-05"]


@pytest.mark.parametrize("is_there", [False, True], ids=["not booked", "booked"])
def test_a_booking_of_open_outcome_answers_for_both_starts(
    settings: Settings,
    simulator: Any,
    is_there: bool,  # noqa: FBT001 - a case
) -> None:
    """While its move waits, and after it."""
    settings()
    simulator.faults("commit_then_reset" if is_there else "reset", count=1, match=POST)
    [booking] = accept(FIRST)
    carry(booking)
    let_pass(600)
    reschedule_booking(booking, WANTED)
    assert answers(FIRST, at(WANTED)) == {(booking, True)}

    for _ in range(2):
        carry(booking)
    if is_there:  # found at its old start: the change that waited goes to Cal.com
        with dependencies.current().engine.begin() as conn:
            sweeps.let_next_go(conn)
        change_booking.apply([latest(booking).id])

    assert answers(FIRST, at(WANTED)) == {(booking, True)}
    assert living(simulator) == ["2030-03-05"]


def test_a_booking_that_is_moved_twice_answers_for_each_start(settings: Settings, simulator: Any) -> None:
    """Alone and in a bulk; none of them is told that the time is taken, or is booked a second time."""
    settings()
    booking = booked()
    assert [moved(booking, to).status for to in (WANTED, LAST)] == [ChangeStatus.DONE] * 2

    together = enqueue_bookings([FIRST, at(WANTED), at(LAST)])

    assert answers(FIRST, at(WANTED), at(LAST)) == {(booking, True)}
    assert [(one.appointment_id, one.start) for one in together if isinstance(one, Receipt)] == [(booking, LAST)] * 3
    assert living(simulator) == ["2030-03-06"]


def test_who_wants_both_says_so_by_a_key(settings: Settings, simulator: Any) -> None:
    """A request with a key and one without are never the same."""
    settings()
    booking = booked()
    moved(booking, WANTED)

    [other] = accept(at(FIRST.start, idempotency_key="one more"))

    assert other != booking
    assert carry(other).status is Status.CONFIRMED
    assert living(simulator) == [f"{FIRST.start:%Y-%m-%d}", "2030-03-05"]


@pytest.mark.usefixtures("simulator")
def test_a_move_that_came_to_nothing_leaves_its_start_free(settings: Settings) -> None:
    """Whether it was refused or withdrawn: the same person may ask for that start."""
    settings()
    booking = booked()
    [taken] = accept(request(2, PLAIN, start=WANTED))
    carry(taken)
    assert moved(booking, WANTED).status is ChangeStatus.REFUSED
    dependencies.current().breaker.operators.force_open("operator", "a test")
    reschedule_booking(booking, LAST)
    assert answers(at(LAST)) == {(booking, True)}
    reschedule_booking(booking, LAST + timedelta(hours=1))

    new = [enqueue_booking(one) for one in (at(WANTED), at(LAST))]

    assert [one.duplicate for one in new] == [False, False]
    assert answers(FIRST, at(LAST + timedelta(hours=1))) == {(booking, True)}


@pytest.mark.usefixtures("simulator")
def test_what_has_ended_answers_for_no_start(settings: Settings) -> None:
    """A cancelled booking's starts are free for new ones."""
    settings()
    booking = booked()
    moved(booking, WANTED)
    cancel_booking(booking)
    change_booking.apply([latest(booking).id])
    assert row(booking).status is Status.CANCELLED

    new = [enqueue_booking(one) for one in (FIRST, at(WANTED))]

    assert [one.duplicate for one in new] == [False, False]
    assert len({booking, *(one.appointment_id for one in new)}) == 3


@pytest.mark.usefixtures("simulator")
def test_who_asks_for_the_new_start_again_takes_the_cancel_back(settings: Settings) -> None:
    """As who asks for the first one: it is one booking, and each start in one bulk takes it back once."""
    settings()
    booking = booked()
    moved(booking, WANTED)
    cancel_booking(booking)

    together = enqueue_bookings([FIRST, at(WANTED)])

    assert [one.appointment_id for one in together if isinstance(one, Receipt)] == [booking] * 2
    assert (latest(booking).status, row(booking).cancel_requested) == (ChangeStatus.WITHDRAWN, False)


def test_where_a_person_has_moved_it_a_booking_answers_too(settings: Settings, simulator: Any) -> None:
    """Once we have seen it there."""
    settings()
    booking = booked()
    simulator.person("move", row(booking).calcom_booking_uid or "", start=WANTED.isoformat())
    assert enqueue_booking(FIRST).start == WANTED

    assert answers(at(WANTED)) == {(booking, True)}
    assert living(simulator) == ["2030-03-05"]


def test_a_move_back_that_a_person_has_made_necessary_is_made(settings: Settings, simulator: Any) -> None:
    """Our row says that it is there; nobody is told so before Cal.com was asked."""
    settings()
    booking = booked()
    simulator.person("move", row(booking).calcom_booking_uid or "", start=WANTED.isoformat())

    moved(booking, FIRST.start)
    change_booking.apply([latest(booking).id])

    assert latest(booking).status is ChangeStatus.DONE
    assert living(simulator) == [f"{FIRST.start:%Y-%m-%d}"]
    assert row(booking).booked_start_at in {None, FIRST.start}


def test_a_move_to_where_it_is_costs_one_look(settings: Settings, simulator: Any) -> None:
    """And no POST: Cal.com would move it to its own start, under a new uid."""
    settings()
    booking = booked()
    before = simulator.journal()[-1]["n"]

    assert moved(booking, FIRST.start).status is ChangeStatus.DONE

    assert [one["method"] for one in simulator.journal(before)] == ["GET"]
    assert living(simulator) == [f"{FIRST.start:%Y-%m-%d}"]


def seat_moved_alone(simulator: Any) -> tuple[list[int], BookingRequest]:
    """Have two seats booked, and the first moved to an empty time by its person; return their ids and its request."""
    shared = [request(number, SEATS, start=FIRST.start) for number in (1, 2)]
    ids = accept(*shared)
    assert {carry(one).status for one in ids} == {Status.CONFIRMED}
    first = row(ids[0])
    let_pass(600)
    to = {"start": WANTED.isoformat(), "seatUid": first.calcom_seat_uid}
    path = f"/v2/bookings/{first.calcom_booking_uid}/reschedule"
    requests.post(simulator.url + path, json=to, headers=HEADERS, timeout=10).raise_for_status()
    return ids, shared[0]


def test_a_seat_that_its_person_has_moved_alone_is_followed(settings: Settings, simulator: Any) -> None:
    """Out of a shared time to an empty one it gets a new uid: the row follows, and no second seat is booked."""
    settings()
    ids, first = seat_moved_alone(simulator)
    before = row(ids[0])

    again = enqueue_booking(first)

    assert (again.appointment_id, again.start, row(ids[0]).status) == (ids[0], WANTED, Status.CONFIRMED)
    assert row(ids[0]).calcom_seat_uid != before.calcom_seat_uid
    seats = [seat for one in simulator.bookings() if one["status"] == "accepted" for seat in one["attendees"]]
    assert len(seats) == len(ids)


def test_nobody_on_the_phone_waits_for_a_slow_list(
    settings: Settings, simulator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list in which a moved seat is looked for has what is left of the patience, as each other call."""
    settings()
    ids, first = seat_moved_alone(simulator)
    before = row(ids[0])
    simulator.faults("latency", delay=8, match={"method": "GET", "path": "/v2/bookings"})
    monkeypatch.setattr(recheck, "PATIENCE", 4.0)

    again = enqueue_booking(first)

    assert (again.appointment_id, row(ids[0]).calcom_seat_uid) == (ids[0], before.calcom_seat_uid)
