"""A move whose answer was unclear counts as done, or as not done, once both of its ends were seen.

Cal.com's transaction may make the new booking and leave the old one alive (docs/calcom.md, "A reschedule is not
atomic"). Each attempt is made here; time passes when a test says so.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.changes import asking
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from tasks import dependencies
from tasks.booking import book_appointment
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry_change, let_pass
from worker import reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAIN, CONFIRM, ROUND_ROBIN, COLLECTIVE = 101, 102, 104, 106
CHANGE = {"path": "/v2/bookings/*"}
SETTLED, ENDED = 6.0, 170.0  # seconds after which no call is at work, and absence counts
TIMES = {"CALCOM_SETTLE_ANSWERED_SECONDS": "5", "CALCOM_SETTLE_SECONDS": "130"}


def booked(event_type: int, number: int = 1, **more: Any) -> int:
    """Book, long enough ago for every replica."""
    [booking] = accept(request(number, event_type, **more))
    book_appointment.apply([booking])
    assert row(booking).status is Status.CONFIRMED
    let_pass(ENDED)
    return booking


def asked(booking: int, wanted: datetime = WANTED) -> int:
    """Ask for a move, and return its number."""
    receipt = reschedule_booking(booking, wanted)
    assert receipt.change_id is not None
    return receipt.change_id


def change_of(booking: int) -> BookingChange:
    """Return the last change of a booking."""
    with dependencies.current().engine.connect() as conn:
        return asking.of_booking(conn, booking)[-1]


def living(simulator: Any, booking: int) -> list[str]:
    """Return the uids that live of a booking, in the order in which they were made."""
    return [one["uid"] for one in simulator.books() if _is_of(one, booking) and one["ended"] is None]


def _is_of(line: dict[str, Any], booking: int) -> bool:
    return bool(line["reference"] == str(row(booking).uuid))


@pytest.fixture
def world(settings: Callable[..., dict[str, str]], simulator: Any) -> Any:
    """Give this process a Cal.com and the times of a real one, and return Cal.com."""
    settings(**TIMES)
    return simulator


@pytest.mark.parametrize("lost", [False, True], ids=["400 B", "no answer"])
@pytest.mark.parametrize("event_type", [PLAIN, CONFIRM, ROUND_ROBIN, COLLECTIVE])
def test_a_move_whose_transaction_was_split_is_done(world: Any, event_type: int, lost: bool) -> None:  # noqa: FBT001
    """It is at the wanted start; the old one, which lives beside it, is a double. Nobody hears that it stands."""
    booking = booked(event_type)
    change = asked(booking)
    world.faults("split", count=1, match=CHANGE, close=lost)

    assert carry_change(change).outcome_unknown
    before = len(world.journal())
    ended = carry_change(change, after=ENDED if lost else SETTLED)

    old, new = living(world, booking)
    assert (ended.status, ended.from_uid, ended.to_uid) == (ChangeStatus.DONE, old, new)
    assert (row(booking).calcom_booking_uid, row(booking).booked_start_at) == (new, WANTED)
    looks = [
        call["target"].partition("?")[0] for call in world.journal()[before:] if "event-types" not in call["target"]
    ]
    assert looks[-3:] == [f"/v2/bookings/{old}", "/v2/bookings", f"/v2/bookings/{old}"]  # the list, then the old uid
    assert not any(target.endswith("reschedule") for target in looks)


def test_a_move_that_certainly_moved_nothing_is_sent_again(world: Any) -> None:
    """400 B is also the loser of a race: both ends were seen, and the wanted start is free."""
    booking = booked(PLAIN)
    change = asked(booking)
    world.faults("status", name="database", count=1, match=CHANGE)

    assert carry_change(change).outcome_unknown
    ended = carry_change(change, after=SETTLED)
    if ended.outcome_unknown:
        ended = carry_change(change, after=SETTLED)

    assert ended.status is ChangeStatus.DONE
    assert living(world, booking) == [row(booking).calcom_booking_uid]


def test_a_start_that_another_took_meanwhile_is_refused_once_both_ends_were_seen(world: Any) -> None:
    """It stands as before, and at the wanted start there is none of ours."""
    booking = booked(PLAIN)
    change = asked(booking)
    world.faults("status", name="database", count=1, match=CHANGE)
    carry_change(change)
    booked(PLAIN, 2, start=WANTED)

    ended = carry_change(change)
    for _ in range(3):
        if ended.over:
            break
        ended = carry_change(change, after=ENDED)

    assert (ended.status, ended.error_type) == (ChangeStatus.REFUSED, "taken")
    assert living(world, booking) == [row(booking).calcom_booking_uid]


def test_a_second_201_is_no_end_while_the_old_one_lives(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """Round robin gives back what the first POST has made; the key sees no list of the team's bookings."""
    settings(**TIMES, CALCOM_API_KEY="cal_test_host4")
    booking = booked(ROUND_ROBIN)
    change = asked(booking)
    simulator.faults("split", count=1, match=CHANGE)
    carry_change(change)

    again = carry_change(change, after=SETTLED)
    assert (again.status, again.posts, again.outcome_unknown) == (ChangeStatus.RETRYING, 2, True)
    ended = carry_change(change, after=SETTLED)

    old, new = living(simulator, booking)
    assert (ended.status, ended.from_uid, ended.to_uid) == (ChangeStatus.DONE, old, new)


def test_taken_by_perhaps_our_own_is_held_where_nobody_sees_the_wanted_start(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """Never "stands as before": a person must look."""
    settings(**TIMES, CALCOM_API_KEY="cal_test_teamadmin")
    booking = booked(COLLECTIVE)
    change = asked(booking)
    simulator.faults("split", count=1, match=CHANGE)
    carry_change(change)

    held = carry_change(change, after=SETTLED)
    for _ in range(3):
        if held.hold_reason is HoldReason.BLIND_KEY:
            break
        held = carry_change(change, after=ENDED)

    assert (held.status, held.hold_reason, held.refusal) == (ChangeStatus.HELD, HoldReason.BLIND_KEY, "taken")
    assert len(living(simulator, booking)) == 2


def test_what_a_person_has_moved_on_from_the_wanted_start_is_ours(world: Any) -> None:
    """The new booking is found where it was moved to, and the row follows."""
    booking = booked(PLAIN)
    change = asked(booking)
    world.faults("split", count=1, match=CHANGE)
    carry_change(change)
    _, new = living(world, booking)
    world.person("move", new, start="2030-03-06T10:00:00.000Z")

    ended = carry_change(change, after=SETTLED)

    assert ended.status is ChangeStatus.DONE
    assert row(booking).booked_start_at == datetime(2030, 3, 6, 10, tzinfo=UTC)


def test_an_old_one_that_its_host_cancels_is_no_end_while_the_new_one_lives(world: Any) -> None:
    """The row is not cancelled: it is at the wanted start."""
    booking = booked(PLAIN)
    change = asked(booking)
    world.faults("split", count=1, match=CHANGE)
    carry_change(change)
    old, new = living(world, booking)
    world.person("cancel", old)

    assert carry_change(change, after=SETTLED).status is ChangeStatus.DONE
    assert (row(booking).status, row(booking).calcom_booking_uid) == (Status.CONFIRMED, new)


def test_a_booking_that_was_at_the_wanted_start_before_is_not_the_move(world: Any) -> None:
    """It was moved away from there, and is to go back: its first booking is cancelled there."""
    booking = booked(PLAIN)
    first = row(booking).start_at
    there = asked(booking)
    assert carry_change(there).status is ChangeStatus.DONE
    let_pass(ENDED)
    back = asked(booking, first)
    world.faults("status", name="internal", match={"path": "/v2/bookings/*", "method": "POST"})
    carry_change(back)

    ended = carry_change(back, after=ENDED)

    assert (ended.over, row(booking).booked_start_at) == (False, WANTED)
    assert len(living(world, booking)) == 1
