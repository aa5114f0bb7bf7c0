"""The judge of callbacks sees each way in which a receiver was not told, told twice as two, or told what is not so."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from db.lifecycle import ChangeStatus
from tests.chaos.books import Row
from tests.chaos.changes.books import Change
from tests.chaos.processes.receiver import Told
from tests.chaos.telling.judge import Kept, of_the_dead, of_the_live, unfollowed

AT = datetime(2030, 3, 1, 9, tzinfo=UTC)
START, LATER = "2030-03-01T09:00:00.000Z", "2030-03-01T10:00:00.000Z"
ROW = Row(id=7, reference="r7", status="cancelled", uid="u7", ends=((AT, "confirmed"), (AT, "cancelled")), start=START)
BOOKED = Row(id=7, reference="r7", status="confirmed", uid="u7", ends=((AT, "confirmed"),), start=START)
FIRST = Told("cb_7_1", 7, 1, "booking.confirmed", "confirmed", START, None)
SECOND = Told("cb_7_2", 7, 2, "booking.cancelled", "cancelled", START, None)
KEPT = Kept(numbers={7: 2})
MOVED = Change(id=3, booking=7, status=ChangeStatus.DONE, wanted=LATER)


def test_each_move_in_order_is_right_also_more_than_once() -> None:
    """A host that must confirm is asked first; and what is held for long is told, too."""
    assert list(of_the_live([ROW], [], [FIRST, FIRST, SECOND, FIRST, SECOND], KEPT)) == []
    asked, said_yes = (
        FIRST._replace(type="booking.requested"),
        SECOND._replace(type="booking.confirmed", status="confirmed"),
    )
    assert list(of_the_live([BOOKED], [], [asked, said_yes], KEPT)) == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([], "2 callbacks are stored, and the receiver took []"),
        ([FIRST], "the receiver took [1]"),
        ([SECOND, FIRST], "the receiver took [2, 1]"),
        ([FIRST, FIRST._replace(name="another"), SECOND], "under two ids"),
        ([FIRST, SECOND._replace(type="booking.failed", status="failed")], "was told confirmed, failed"),
        ([FIRST, SECOND._replace(booking=8)], "whose booking it is not"),
    ],
)
def test_what_was_not_told_or_not_in_order_is_found(told: list[Told], words: str) -> None:
    """As is what belongs to another receiver's booking."""
    assert any(words in line for line in of_the_live([ROW], [], told, KEPT))


def test_a_move_that_nobody_stored_a_callback_for_is_found() -> None:
    """The record has two ends, and the outbox one callback."""
    [line, last] = of_the_live([ROW], [], [FIRST], Kept(numbers={7: 1}))
    assert "confirmed, cancelled, and the receiver was told confirmed" in line
    assert "was told last that it is confirmed" in last


def test_a_change_that_was_not_told_is_found() -> None:
    """One that is done by its start, one that is not by its number."""
    once = Kept(numbers={7: 1})
    moved = replace(BOOKED, start=LATER)
    assert any("moved to" in line for line in of_the_live([moved], [MOVED], [FIRST], once))
    assert any("was told last" in line for line in of_the_live([moved], [], [FIRST], once))
    rescheduled = SECOND._replace(type="booking.rescheduled", status="confirmed", start=LATER)
    assert list(of_the_live([moved], [MOVED], [FIRST, rescheduled], KEPT)) == []
    refused = replace(MOVED, status=ChangeStatus.REFUSED)
    assert any("is refused, and" in line for line in of_the_live([BOOKED], [refused], [FIRST], once))
    told = SECOND._replace(type="change.refused", status="confirmed", change=3)
    assert list(of_the_live([BOOKED], [refused], [FIRST, told], KEPT)) == []


def test_what_waits_or_was_given_up_is_found() -> None:
    """Its receiver answers 2xx at last."""
    for kept in (replace(KEPT, waiting=1), replace(KEPT, given_up=1)):
        assert len(list(of_the_live([ROW], [], [FIRST, SECOND], kept))) == 1


def test_a_dead_receiver_is_tried_and_takes_nothing() -> None:
    """Else it was no dead one."""
    assert list(of_the_dead([], 5)) == []
    assert len(list(of_the_dead([FIRST], 0))) == 2


def test_a_report_that_was_taken_and_not_followed_is_found() -> None:
    """A host has cancelled, and the booking stands here."""
    assert list(unfollowed([ROW], {"u7"})) == []
    assert list(unfollowed([BOOKED], {"u8"})) == []
    assert len(list(unfollowed([BOOKED], {"u7"}))) == 1
