"""The judge of the fire suite finds each way in which a cancel or a move and Cal.com's books may not be one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from db.lifecycle import HoldReason
from tests.chaos import books as bookings
from tests.chaos.books import Line, Row
from tests.chaos.changes import books
from tests.chaos.changes.books import Change
from tests.chaos.changes.wishes import is_drawn, start_of, wishes
from tests.chaos.judge import Record

BEGAN = datetime(2030, 1, 7, 9, tzinfo=UTC)
NEW = "2030-08-01T09:00:00.000Z"


def at(seconds: float) -> datetime:
    """Return a moment of the run."""
    return BEGAN + timedelta(seconds=seconds)


def done(change: Change, status: str = "done") -> Change:
    """Return a change that has ended so in the fifth second."""
    return replace(change, status=status, ends=((at(5), status),))


ROW = Row(id=7, reference="r7", status="confirmed", uid="u2", start=NEW, ends=((at(2), "confirmed"),), moved=True)
OLD = Line(reference="r7", uid="u1", made=at(1), ended=at(4), start="before")
MOVED = Line(reference="r7", uid="u2", made=at(4), start=NEW, moved_from="u1")
LIVES = replace(OLD, ended=None)
CANCEL = Change(id=1, booking=7, status="pending")
MOVE = Change(id=1, booking=7, status="pending", wanted=NEW)
THERE = replace(MOVE, to_uid="u2")


@pytest.mark.parametrize(
    ("change", "alerts", "says"),
    [
        (replace(CANCEL, status="retrying"), (), "still retrying"),
        (replace(CANCEL, status="waiting"), ("blind_key",), "still waiting"),
        (replace(MOVE, status="not read"), (), "still not read"),
        (replace(MOVE, status="held", hold_reason="unreachable"), (), "still held (unreachable)"),
        (replace(MOVE, status="held", hold_reason="blind_key"), (), "nobody is told"),
        (done(CANCEL, "failed"), (), "nobody is told"),
        (replace(MOVE, status="held", hold_reason="blind_key", told=True), (), "nobody is told"),
        (replace(MOVE, status="held", hold_reason="blind_key"), ("change_held",), None),
        (replace(MOVE, status="held", hold_reason="credentials"), ("credentials",), None),
        (replace(done(CANCEL, "failed"), told=True), (), None),
        (done(MOVE, "withdrawn"), (), None),
    ],
)
def test_a_change_that_nobody_ends_and_nobody_is_told_of_is_lost(
    change: Change, alerts: tuple[str, ...], says: str | None
) -> None:
    """It ends, or an operator knows that it waits for him."""
    found = "".join(books.lost([change], alerts))
    assert says in found if says else not found


def test_a_change_that_waits_for_an_untellable_one_of_its_uid_waits_for_a_person() -> None:
    """Who has another seat of the same booking; what waits for another uid is lost."""
    untellable = replace(MOVE, status="held", hold_reason="blind_key", from_uid="u1")
    behind, elsewhere = (
        replace(CANCEL, id=number, booking=number, from_uid=uid) for number, uid in ((8, "u1"), (9, "u2"))
    )

    assert list(books.lost([untellable, behind, elsewhere], {books.HELD})) == ["booking 9: its cancel is still pending"]
    assert len(list(books.lost([behind], {books.HELD}))) == 1


def test_a_change_that_waits_for_an_untellable_booking_waits_for_a_person() -> None:
    """Nobody knows whether there is anything to cancel; what waits for a booking that goes on by itself is lost."""
    waiting, row = replace(CANCEL, status="waiting"), replace(ROW, status="held", hold_reason="blind_key")

    assert list(books.lost([waiting], (), [row])) == []
    assert len(list(books.lost([CANCEL], (), [row]))) == 1
    for other in (replace(row, id=8), replace(row, hold_reason="settling"), ROW):
        assert len(list(books.lost([waiting], (), [other]))) == 1


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (done(CANCEL), [LIVES]),
        (done(CANCEL), [replace(OLD, ended=at(6))]),
        (done(CANCEL), [OLD, MOVED]),
        (done(CANCEL), [OLD, replace(MOVED, made=at(6))]),
        (done(THERE), [LIVES]),
        (done(THERE), [OLD, replace(MOVED, start="elsewhere")]),
        (done(THERE), [OLD, replace(MOVED, ended=at(4.5))]),
        (done(THERE), [OLD, replace(MOVED, seat_uid="s1")]),
        (done(MOVE, "refused"), [OLD, MOVED]),
        (done(MOVE, "failed"), [OLD, replace(MOVED, made=at(6))]),
        (done(MOVE, "withdrawn"), [OLD, MOVED]),
        (done(MOVE, "expired"), [OLD, MOVED]),
    ],
)
def test_a_change_that_said_what_is_not_so_is_found(change: Change, lines: list[Line]) -> None:
    """Alive and told "cancelled", gone or elsewhere and told "moved", moved and told "it stands as before"."""
    assert len(list(books.contradictions([change], [ROW], {"r7": lines}))) == 1


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (done(CANCEL), [OLD]),
        (done(CANCEL, "refused"), [LIVES]),
        (done(THERE), [OLD, MOVED]),
        (done(THERE), [OLD, replace(MOVED, ended=at(6))]),
        (done(MOVE, "refused"), [LIVES]),
    ],
)
def test_a_change_that_is_true_is_in_order(change: Change, lines: list[Line]) -> None:
    """Also one that was cancelled again after it was moved."""
    assert not list(books.contradictions([change], [ROW], {"r7": lines}))


@pytest.mark.parametrize(
    ("lines", "count"),
    [
        ([OLD, MOVED], 0),
        ([LIVES, MOVED], 1),
        ([replace(OLD, ended=at(4.01)), MOVED], 0),
        ([replace(OLD, ended=at(5)), MOVED], 1),
        ([OLD, MOVED, replace(MOVED, uid="u3", start="elsewhere", made=at(9))], 2),
        ([OLD, replace(MOVED, ended=at(6)), replace(MOVED, uid="u3", made=at(9))], 1),
        ([OLD, replace(MOVED, half_made=True, ended=at(5)), replace(MOVED, uid="u3", made=at(6))], 0),
    ],
)
def test_two_living_bookings_of_one_request_are_found(lines: list[Line], count: int) -> None:
    """Alive side by side at two starts, or one booking that was moved to two places."""
    assert len(list(books.double([ROW], {"r7": lines}, {}))) == count
    assert not list(bookings.double([ROW], {"r7": lines})), "a move is no second booking"


SPLIT = [replace(OLD, ended=at(20)), replace(MOVED, moved_from="u1")]


@pytest.mark.parametrize(
    ("lines", "more", "count"),
    [
        (SPLIT, {}, 1),
        (SPLIT, {"told": {"u1"}}, 0),
        (SPLIT, {"told": {"u9"}}, 1),
        ([LIVES, SPLIT[1]], {"told": {"u1"}}, 1),
        ([LIVES, replace(SPLIT[1], ended=at(30))], {"told": {"u1"}}, 1),
        ([LIVES, SPLIT[1]], {"untellable": {(7, NEW)}}, 0),
        ([LIVES, SPLIT[1]], {"untellable": {(7, "elsewhere")}}, 1),
        ([LIVES, SPLIT[1]], {"untellable": {(7, None)}}, 1),
        ([SPLIT[0], replace(MOVED, moved_from=None)], {"told": {"u1"}}, 1),
    ],
)
def test_both_ends_of_a_split_move_may_live_until_one_is_cancelled_and_told(
    lines: list[Line], more: dict[str, set[object]], count: int
) -> None:
    """Only those that Cal.com has made of one another, and the one that was told has ended; or a person must look."""
    assert len(list(books.double([ROW], {"r7": lines}, {}, **more))) == count  # type: ignore[arg-type]


def test_a_booking_whose_move_is_untellable_is_judged_by_its_hold() -> None:
    """Nothing proves whether it stands at the old start or at the new one."""
    row = replace(ROW, start="before", moved=False)
    held = replace(MOVE, status="held", hold_reason="blind_key")

    assert list(books.untrue([held], [row], {"r7": [replace(OLD, ended=at(4)), MOVED]}, ())) == []
    assert list(books.untrue([done(MOVE, "refused")], [row], {"r7": [replace(OLD, ended=at(4)), MOVED]}, ())) != []


@pytest.mark.parametrize(
    ("lines", "deeds", "found"),
    [
        ([OLD, MOVED], (), False),
        ([OLD], (), True),
        ([LIVES], (), True),
        ([OLD, replace(MOVED, ended=at(9))], (), True),
        ([OLD, replace(MOVED, ended=at(9))], ("u2",), False),
    ],
)
def test_what_stands_here_stands_there_at_the_same_start(
    lines: list[Line], deeds: tuple[str, ...], *, found: bool
) -> None:
    """Unless a person has changed it there."""
    assert bool(list(books.untrue([MOVE], [ROW], {"r7": lines}, deeds))) is found


@pytest.mark.parametrize(
    ("change", "seen", "found"),
    [
        (replace(MOVE, of_seat=True), (), False),
        (replace(MOVE, of_seat=True), (7,), True),
        (MOVE, (), False),
        (MOVE, (7,), True),
        (replace(CANCEL, of_seat=True), (), True),
    ],
)
def test_only_a_move_without_sight_may_be_held_as_untellable(
    change: Change, seen: tuple[int, ...], *, found: bool
) -> None:
    """A product that holds everything is never wrong."""
    held = replace(change, status="held", hold_reason="blind_key")
    assert bool(list(books.blind([held], seen))) is found
    assert not list(books.waiting([held]))
    assert len(list(books.waiting([replace(held, hold_reason="suspect")]))) == 1


@pytest.mark.parametrize("reason", HoldReason)
@pytest.mark.parametrize("alone", ["booking", "change"])
def test_what_only_a_person_could_release_is_found_for_each_reason_that_is_no_persons(
    reason: HoldReason, alone: str
) -> None:
    """A cancel that is held for a key that is good again, while nothing else waits; also one that a person knows of."""
    held = replace(CANCEL, status="held", hold_reason=reason, told=True)
    row = replace(ROW, status="held", hold_reason=reason)
    left = Record([row], frozenset({reason}), []) if alone == "booking" else Record([], frozenset({books.HELD}), [held])
    found = (*bookings.by_hand(left.rows), *books.by_hand(left.changes))

    assert len(found) == (reason not in {HoldReason.SUSPECT, HoldReason.BLIND_KEY})
    assert left.quiet is not bool(found), "time is given to what goes by itself"
    assert left.held() == {f"{alone} ({reason})": 1}


def test_a_third_of_the_bookings_is_changed_and_a_series_is_never_moved() -> None:
    """By the seed alone; every new time is of one booking, but for seats."""
    drawn = [number for number in range(3000) if is_drawn(1, number)]
    assert 900 < len(drawn) < 1100
    assert {wishes(1, number, series=True, seat=False).cancels for number in drawn} == {(True,)}
    plain = {wishes(1, number, series=False, seat=False) for number in drawn}
    assert {one.cancels for one in plain} == {(True,), (False,), (False, False), (False, True)}
    assert {one.deed for one in plain} == {None, "move", "cancel", "decline"}
    assert len({start_of(number, nth, seat=False) for number in drawn for nth in (0, 1)}) == 2 * len(drawn)
    assert start_of(3, 0, seat=True) == start_of(5, 0, seat=True)
