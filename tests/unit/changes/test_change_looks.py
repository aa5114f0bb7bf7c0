"""What a lookup of a change shows: a booking followed through its moves, a seat, a series."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from db.changes.change import SeriesPart
from db.models.changes import SeriesScope
from tasks.calcom.booking_answers import MAX_MOVES
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import CalcomReads, ReadRequest
from tasks.changes.evidence.case import Shown
from tasks.changes.lookup import look_at_booking, look_at_seat, look_at_series
from tests.support.calcom.answers import ISE, NO_SEAT, NO_UID, refused, shown

OLD, WANTED = "2031-04-17T09:00:00Z", "2031-04-18T09:00:00Z"
START = datetime(2031, 4, 18, 9, tzinfo=UTC)


class Reads(CalcomReads):
    """Answer a GET by the last part of its path."""

    def __init__(self, answers: Mapping[str, Answer | NoAnswer]) -> None:
        """Take the answers."""
        self._answers = answers
        self.paths: list[str] = []

    def get(self, request: ReadRequest) -> Answer | NoAnswer:
        """Answer, and remember what was asked for."""
        self.paths.append(request.path)
        return self._answers.get(request.path.rpartition("/")[2], refused(NO_UID))


def booked(uid: str, start: str = OLD, status: str = "accepted", **more: Any) -> Answer:
    """Return the answer that shows a booking with our reference."""
    return shown(json.dumps({"uid": uid, "start": start, "status": status, "metadata": {"ref": "ours"}, **more}))


def moved(uid: str, to: str, start: str = OLD) -> Answer:
    """Return the answer that shows a booking which was rescheduled."""
    return booked(uid, start, "cancelled", rescheduledToUid=to)


CHAINS: dict[str, tuple[dict[str, Answer | NoAnswer], tuple[Shown, bool, bool], Shown]] = {
    "alive": ({"a": booked("a")}, (Shown.ALIVE, False, True), Shown.ALIVE),
    "pending": ({"a": booked("a", status="pending")}, (Shown.ALIVE, False, True), Shown.ALIVE),
    "cancelled": ({"a": booked("a", status="cancelled")}, (Shown.CANCELLED, False, False), Shown.CANCELLED),
    "declined": ({"a": booked("a", status="rejected")}, (Shown.CANCELLED, False, False), Shown.CANCELLED),
    "moved as wanted": ({"a": moved("a", "b"), "b": booked("b", WANTED)}, (Shown.MOVED, True, True), Shown.MOVED),
    "moved elsewhere": ({"a": moved("a", "b"), "b": booked("b")}, (Shown.MOVED, False, True), Shown.MOVED),
    "moved as wanted, then on": (
        {"a": moved("a", "b"), "b": moved("b", "c", WANTED), "c": booked("c")},
        (Shown.MOVED, True, True),
        Shown.MOVED,
    ),
    "moved as wanted, then declined": (
        {"a": moved("a", "b"), "b": booked("b", WANTED, "rejected")},
        (Shown.MOVED, True, False),
        Shown.CANCELLED,
    ),
    "its successor is not found": ({"a": moved("a", "b")}, (Shown.UNREADABLE, False, True), Shown.UNREADABLE),
    "not found": ({}, (Shown.NOT_FOUND, False, True), Shown.NOT_FOUND),
    "no clear answer": ({"a": refused(ISE)}, (Shown.UNREADABLE, False, True), Shown.UNREADABLE),
    "in a circle": (
        {"a": moved("a", "b"), "b": moved("b", "a")},
        (Shown.UNREADABLE, False, True),
        Shown.UNREADABLE,
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_booking_is_followed_through_its_moves(name: str) -> None:
    """A cancel follows it to where it lives; for a reschedule it counts whether it was ever where it was wanted."""
    answers, of_a_move, of_a_cancel = CHAINS[name]
    reads = Reads(answers)
    look = look_at_booking(reads, "a", reference="ours", wanted=START)

    assert (look.shown, look.wanted, look.lives) == of_a_move
    assert len(reads.paths) <= MAX_MOVES + 1 == 11
    assert look_at_booking(Reads(answers), "a", reference="ours").shown is of_a_cancel


def test_another_s_booking_at_the_wanted_start_is_not_ours() -> None:
    """Cal.com says of a successor whose it is: by our reference."""
    answers = {"a": moved("a", "b"), "b": booked("b", WANTED, metadata={"ref": "theirs"})}
    assert not look_at_booking(Reads(answers), "a", reference="ours", wanted=START).wanted


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (booked("a"), (Shown.ALIVE, False)),
        (booked("a", WANTED), (Shown.ALIVE, True)),
        (booked("b", WANTED), (Shown.MOVED, True)),
        (booked("b"), (Shown.MOVED, False)),
        (booked("a", status="cancelled"), (Shown.CANCELLED, False)),
        (refused(NO_SEAT), (Shown.NOT_FOUND, False)),
        (refused(ISE), (Shown.UNREADABLE, False)),
    ],
)
def test_a_seat_is_looked_for_by_its_own_uid(answer: Answer, expected: tuple[Shown, bool]) -> None:
    """A seat that has joined another booking has kept its uid."""
    reads = Reads({"s": answer})
    look = look_at_seat(reads, "a", "s", wanted=START)

    assert (look.shown, look.wanted) == expected
    assert reads.paths == ["/v2/bookings/by-seat/s"]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("accepted", "cancelled"), Shown.CANCELLED),
        (("cancelled", "pending"), Shown.ALIVE),
        (("cancelled", "cancelled"), Shown.CANCELLED),
    ],
    ids=["the first is over", "one lives", "none lives"],
)
def test_a_series_is_read_with_all_its_weeks(statuses: tuple[str, str], expected: Shown) -> None:
    """It lives while a week to come lives."""
    weeks = [{"uid": f"w{n}", "start": f"2031-04-{10 + 7 * n}T09:00:00Z", "status": s} for n, s in enumerate(statuses)]
    look = look_at_series(
        Reads({"series": shown(json.dumps(weeks))}), "series", since=datetime(2031, 4, 11, tzinfo=UTC)
    )

    assert (look.shown, len(look.weeks)) == (expected, 2)


THIRD = SeriesPart(SeriesScope.ONE, datetime(2031, 4, 24, 9, tzinfo=UTC))
OUTSIDE: dict[str, tuple[dict[str, Answer | NoAnswer], Shown, list[str]]] = {
    "lives": ({"out": booked("out", WANTED)}, Shown.ALIVE, ["series", "out"]),
    "is cancelled": ({"out": booked("out", WANTED, "cancelled")}, Shown.CANCELLED, ["series", "out"]),
    "was moved on": ({"out": moved("out", "on"), "on": booked("on", WANTED)}, Shown.ALIVE, ["series", "out", "on"]),
    "is not found": ({}, Shown.UNREADABLE, ["series", "out"]),
    "was moved in a circle": ({"out": moved("out", "w2")}, Shown.UNREADABLE, ["series", "out"]),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_week_that_was_moved_out_of_its_series_is_asked_for_by_its_uid(name: str) -> None:
    """In a bounded number of calls; what is not shown is looked for again, and never taken for another week."""
    answers, shows, asked = OUTSIDE[name]
    starts = ["2031-04-10T09:00:00Z", "2031-04-17T09:00:00Z", "2031-04-24T09:00:00Z"]
    weeks = [{"uid": f"w{n}", "start": start, "status": "accepted"} for n, start in enumerate(starts)]
    weeks[2] |= {"status": "cancelled", "rescheduledToUid": "out"}
    reads = Reads({"series": shown(json.dumps(weeks)), **answers})

    look = look_at_series(reads, "series", since=datetime(2031, 4, 11, tzinfo=UTC), part=THIRD)

    assert look.shown is shows
    assert [path.rpartition("/")[2] for path in reads.paths] == asked
    assert (look.reply is not None) == (shows is Shown.UNREADABLE)
