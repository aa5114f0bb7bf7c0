"""The judge of callbacks sees each way in which a receiver was not told, told twice as two, or told what is not so."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from db.lifecycle import ChangeStatus
from tests.chaos.books import Row
from tests.chaos.changes.books import Change
from tests.chaos.processes.receiver import Told
from tests.chaos.telling.judge import Calm, Kept, Lateness, delayed, of_the_dead, of_the_live, unfollowed

AT = datetime(2030, 3, 1, 9, tzinfo=UTC)
START, LATER = "2030-03-01T09:00:00.000Z", "2030-03-01T10:00:00.000Z"
ROW = Row(id=7, reference="r7", status="cancelled", uid="u7", ends=((AT, "confirmed"), (AT, "cancelled")), start=START)
BOOKED = Row(id=7, reference="r7", status="confirmed", uid="u7", ends=((AT, "confirmed"),), start=START)
FIRST = Told("cb_7_1", 7, 1, "booking.confirmed", "confirmed", START, None)
SECOND = Told("cb_7_2", 7, 2, "booking.cancelled", "cancelled", START, None)
KEPT = Kept(numbers={7: 2})
CALM = Calm(bookings=[0.2, 0.3, 1.0], callbacks=[0.2, 0.3, 4.0])
IN_TIME = Lateness(of_live=[0.3, 0.3, 8.0], of_dead=[0.3, 0.4, 9.0], calm=CALM)
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


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (IN_TIME, ""),
        (replace(IN_TIME, calm=None), ""),
        (replace(IN_TIME, calm=replace(CALM, callbacks=[0.2] * 9 + [60.0])), ""),
        (
            replace(IN_TIME, calm=replace(CALM, callbacks=[0.2] * 8 + [60.0] * 2)),
            "callbacks: before anything but a receiver was dead, 8 of 10",
        ),
        (
            replace(IN_TIME, calm=replace(CALM, bookings=[0.2] * 4 + [math.inf])),
            "bookings: before anything but a receiver was dead, 4 of 5",
        ),
        (replace(IN_TIME, calm=replace(CALM, callbacks=[])), "0 of 0"),
        (replace(IN_TIME, of_dead=[0.3, 6.0, 11.0]), "settled after 6.0 s, the others after 0.3 s"),
        (replace(IN_TIME, of_dead=[0.3, 0.3, 60.0], of_live=[0.3, 0.3, 90.0]), ""),
        (replace(IN_TIME, of_dead=[]), "no booking was settled"),
    ],
)
def test_a_dead_receiver_that_makes_others_wait_is_found(late: Lateness, words: str) -> None:
    """The callbacks of the live one, and the bookings that are to tell the dead one."""
    found = list(delayed(late))

    assert len(found) == bool(words)
    assert words in "".join(found)


def test_a_report_that_was_taken_and_not_followed_is_found() -> None:
    """A host has cancelled, and the booking stands here."""
    assert list(unfollowed([ROW], {"u7"})) == []
    assert list(unfollowed([BOOKED], {"u8"})) == []
    assert len(list(unfollowed([BOOKED], {"u7"}))) == 1
