"""The judge of the fire suite believes neither side, at the end or at the moment when a row ended."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos import blind, books
from tests.chaos.books import Line, Row
from tests.chaos.kinds import COLUMN, FREE, HOST, IDS, KINDS, OTHER, PERSONAL, event_types, request
from tests.chaos.parts import PARTS

BEGAN = datetime(2030, 1, 7, 9, tzinfo=UTC)
WEEKLY = 7


def at(seconds: float) -> datetime:
    """Return a moment of the run."""
    return BEGAN + timedelta(seconds=seconds)


BOOKED = Line(reference="r1", uid="u1", made=at(1), start="9:00")
SECOND = replace(BOOKED, uid="u2", made=at(3))
CONFIRMED = Row(id=1, reference="r1", status="confirmed", uid="u1", ends=((at(2), "confirmed"),))
REJECTED = Row(id=1, reference="r1", status="rejected", ends=((at(2), "rejected"),))
SERIES = replace(CONFIRMED, event_type_id=WEEKLY)
CANCELLED = replace(SERIES, status="cancelled", ends=((at(2), "confirmed"), (at(4), "cancelled")))


def contradictions(row: Row, *lines: Line) -> list[str]:
    """Judge one row, of an event type that makes two weeks if it is the weekly one."""
    return list(books.contradictions([row], books.by_reference(lines), {WEEKLY: 2}))


@pytest.mark.parametrize(
    ("row", "alerts", "says"),
    [
        (Row(id=1, reference="r1", status="retrying"), (), "still retrying"),
        (Row(id=1, reference="r1", status="held", hold_reason="settling"), ("settling",), "still held"),
        (Row(id=1, reference="r1", status="held", hold_reason="blind_key"), ("suspect",), "nobody is told"),
        (Row(id=2, reference="r2", status="rejected"), (), "there is no row"),
    ],
)
def test_what_was_accepted_and_has_no_end_is_lost(row: Row, alerts: tuple[str, ...], says: str) -> None:
    """Neither final, nor held for a person whom an open alert tells of it."""
    [found] = books.lost([1], [row], alerts)
    assert says in found


def test_what_is_held_for_a_person_who_is_told_is_not_lost() -> None:
    """That is an end until somebody decides."""
    held = Row(id=1, reference="r1", status="held", hold_reason="blind_key")
    assert list(books.lost([1, 2], [held, replace(CONFIRMED, id=2)], {"blind_key"})) == []


@pytest.mark.parametrize(
    "second",
    [SECOND, replace(SECOND, ended=at(4)), replace(BOOKED, seat_uid="s2"), replace(SECOND, half_made=True)],
)
def test_a_request_that_is_booked_twice_is_found(second: Line) -> None:
    """Also when one of them is gone again, is the second seat of one booking, or is made by half and stands."""
    assert len(list(books.double([CONFIRMED], books.by_reference([BOOKED, second])))) == 1


@pytest.mark.parametrize(
    "other", [replace(SECOND, start="a week later"), replace(SECOND, half_made=True, ended=at(4)), SECOND]
)
def test_weeks_removed_halves_and_other_requests_are_no_doubles(other: Line) -> None:
    """A series is one booking a week; what was made by half and removed was never the customer's."""
    other = replace(other, reference="r2") if other is SECOND else other
    assert list(books.double([CONFIRMED], books.by_reference([BOOKED, other]))) == []


@pytest.mark.parametrize("status", ["rejected", "failed", "expired", "cancelled"])
@pytest.mark.parametrize("line", [BOOKED, SECOND, replace(BOOKED, ended=at(5))])
def test_told_not_booked_while_it_is_booked_is_found(status: str, line: Line) -> None:
    """Booked before the end, by a POST that was still at work then, or gone again when the run is over."""
    row = replace(REJECTED, status=status, ends=((at(2), status),))
    assert len(contradictions(row, line)) == 1


def test_what_was_told_once_is_judged_though_the_row_says_otherwise_now() -> None:
    """The customer was told no; that a later look turns it into a yes does not take that back."""
    row = replace(CONFIRMED, ends=((at(2), "rejected"), (at(9), "confirmed")))
    assert len(contradictions(row, BOOKED)) == 1


@pytest.mark.parametrize(
    ("row", "lines"),
    [
        (CONFIRMED, ()),
        (CONFIRMED, (replace(BOOKED, uid="u9"),)),
        (CONFIRMED, (replace(BOOKED, seat_uid="s1"),)),
        (CONFIRMED, (replace(BOOKED, ended=at(1.5)),)),
        (CONFIRMED, (replace(BOOKED, half_made=True),)),
        (SERIES, (BOOKED,)),
        (replace(SERIES, weeks=2, told_cut=True), (BOOKED,)),
        (replace(SERIES, weeks=1), (BOOKED,)),
        (replace(CANCELLED, weeks=1), (replace(BOOKED, ended=at(3)),)),
    ],
)
def test_confirmed_and_not_there_is_found(row: Row, lines: tuple[Line, ...]) -> None:
    """Not at all, by another uid or seat, gone by then, without a seat, or as a series that lacks weeks unsaid."""
    assert len(contradictions(row, *lines)) == 1


@pytest.mark.parametrize(
    ("row", "lines"),
    [
        (CONFIRMED, (BOOKED,)),
        (CONFIRMED, (replace(BOOKED, ended=at(3)),)),
        (replace(CONFIRMED, seat_uid="s1"), (replace(BOOKED, seat_uid="s1"),)),
        (REJECTED, ()),
        (REJECTED, (replace(BOOKED, ended=at(1.5)),)),
        (SERIES, (BOOKED, replace(SECOND, start="a week later"))),
        (replace(SERIES, weeks=1, told_cut=True), (BOOKED,)),
        (CANCELLED, (replace(BOOKED, ended=at(3)),)),
    ],
)
def test_books_that_agree_are_in_order(row: Row, lines: tuple[Line, ...]) -> None:
    """A person may cancel what is confirmed, and a series may be cut if that is told, or if it is cancelled first."""
    assert contradictions(row, *lines) == []


def test_a_booking_of_a_reference_that_no_row_has_is_found() -> None:
    """We have booked something that nobody asked for."""
    assert len(contradictions(CONFIRMED, BOOKED, replace(SECOND, reference="r9"))) == 1


def test_the_books_are_read_as_the_simulator_writes_them() -> None:
    """A seat that was given back."""
    told: dict[str, Any] = {
        "reference": "r1",
        "uid": "u1",
        "seatUid": "s1",
        "start": "2030-01-07T10:00:00.000Z",
        "organizer": HOST,
        "halfMade": False,
        "movedFrom": None,
        "made": "2030-01-07T09:00:01.000Z",
        "ended": "2030-01-07T09:00:05.000Z",
    }
    read = Line.read(told)
    assert (read.made, read.ended, read.seat_uid, read.organizer) == (at(1), at(5), "s1", HOST)
    assert (read.lived(at(3)), read.lived(at(6)), read.over(at(6))) == (True, False, True)


def cell(kind: str, *lines: Line, **more: Any) -> blind.Cell:
    """Return why a row of this kind is held, for the key of one of two hosts, who owns the personal types."""
    row = Row(id=1, reference="r1", status="held", hold_reason="blind_key", event_type_id=IDS[kind], **more)
    return blind.cell(row, lines, PARTS["host"].knowledge(()))


UNTOLD = {"untold": True}


@pytest.mark.parametrize(
    ("kind", "lines", "more", "may"),
    [
        ("round robin", (), {}, False),  # the evidence POST tells
        ("round robin", (), {"refusal": {"meaning": "taken", **UNTOLD}}, False),
        ("round robin", (), {"refusal": {"meaning": "limit", **UNTOLD}}, False),
        ("round robin", (), {"refusal": {"meaning": "maximum"}}, False),  # of the first POST, not of that one
        ("round robin", (), {"refusal": {"meaning": "maximum", **UNTOLD}}, True),
        ("round robin", (), {"cancel_requested": True}, True),
        ("round robin", (), {"error_type": "http_500", "evidence_posts": 1}, False),  # it has retries left
        ("round robin", (), {"error_type": "http_500", "evidence_posts": 9}, True),
        ("round robin", (), {"waited": blind.MAX_AGE - 1}, False),
        ("round robin", (), {"waited": blind.MAX_AGE + 1}, True),
        ("round robin x seats", (), {"refusal": {"meaning": "full", **UNTOLD}}, False),
        ("round robin x recurring", (), {"refusal": {"meaning": "taken", **UNTOLD}}, True),
        ("round robin x recurring", (), {"refusal": {"meaning": "limit", **UNTOLD}}, True),
        ("round robin x confirmation", (), {}, True),
        ("round robin x confirmation", (replace(BOOKED, organizer=OTHER),), {}, True),
        ("round robin x confirmation", (replace(BOOKED, organizer=HOST),), {}, False),  # its own list shows it
        ("plain", (), {}, False),  # its own type: it sees all
        ("collective", (), {}, True),  # a team's: hosts are locked and exchanged, and nothing shows it
        ("collective x confirmation", (), {}, False),  # the evidence POST tells
    ],
)
def test_only_what_its_own_cell_holds_may_be_held(
    kind: str, lines: tuple[Line, ...], more: dict[str, Any], *, may: bool
) -> None:
    """A product that holds everything is never wrong: each held row must be one that nobody can tell."""
    assert cell(kind, *lines, **more).may is may


def test_with_a_key_that_sees_all_nothing_may_be_held() -> None:
    """Absence is proof for it."""
    row = Row(id=1, reference="r1", status="held", hold_reason="blind_key", event_type_id=IDS["seats x confirmation"])
    counts, wrong = blind.judge([row], {}, PARTS["all"].knowledge(()))
    assert (sum(counts.values()), len(list(wrong))) == (1, 1)


@pytest.mark.parametrize(
    ("part", "kind", "may"),
    [
        ("hosts", "round robin", True),  # it asks about free addresses: what the second POST says proves nothing
        ("hosts", "round robin, phone-only", False),  # it asks about nobody, and says so
        ("hosts", "collective", False),  # it asks, so it is one set of hosts with confirmation: one evidence POST
        ("hosts", "limit", False),  # its owner's
        ("admin", "round robin", False),  # a member's own team: the key is told
        ("admin", "seats", True),  # another's type: whether it asks is told to nobody else
        ("admin", "plain", False),  # the same, and one evidence POST tells
        ("lost", "plain", True),
    ],
)
def test_a_kind_is_what_the_key_is_told_of_it(part: str, kind: str, *, may: bool) -> None:
    """A column that asks about free addresses, or may, makes kinds whose bookings only a look may end."""
    row = Row(id=1, reference="r1", status="held", hold_reason="blind_key", event_type_id=IDS[kind])
    assert blind.cell(row, (), PARTS[part].knowledge(())).may is may


def test_a_type_that_was_switched_may_be_held_and_what_is_listed_may_not() -> None:
    """Whose kind of before is not today's is held; a key that is shown the booking has no excuse."""
    row = Row(id=1, reference="r1", status="held", hold_reason="blind_key", event_type_id=IDS["round robin"])
    known = PARTS["all"].knowledge({IDS["round robin"]})
    assert blind.cell(row, (), known).may
    assert not blind.cell(row, (BOOKED,), known).may


@pytest.mark.parametrize(
    ("reason", "error", "waits"),
    [
        ("suspect", "http_500", True),  # of an outage that is over
        ("credentials", None, False),  # `by_hand`, as all that is no person's
        ("suspect", "half_made", False),  # removed at Cal.com by hand
        ("blind_key", None, False),  # judged by its cell
        (None, None, False),
    ],
)
def test_what_is_over_holds_nothing(reason: str | None, error: str | None, *, waits: bool) -> None:
    """No hold waits for an operator when the world can tell that it is over."""
    row = Row(id=1, reference="r1", status="held", hold_reason=reason, error_type=error, event_type_id=IDS["plain"])
    assert bool(list(books.waiting([row]))) is waits


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        (replace(REJECTED, last_post=404, ends=((at(5), "rejected"),)), True),
        (replace(REJECTED, last_post=404, ends=((at(1), "rejected"),)), False),  # nobody knew the type before
        (replace(REJECTED, last_post=404, ends=((at(5), "rejected"),), event_type_id=1), False),
        (replace(REJECTED, last_post=400, ends=((at(5), "rejected"),)), False),
        (replace(CONFIRMED, last_post=404), False),
    ],
)
def test_who_is_rejected_by_a_cal_com_that_is_not_ours_is_found(row: Row, *, wrong: bool) -> None:
    """A wrong URL fails no customer of a type that was booked here before."""
    before = replace(CONFIRMED, id=9)
    assert [line.partition(":")[0] for line in books.unknown_there([row, before])] == ["booking 1"] * wrong


def test_every_second_person_is_one_whom_a_type_with_the_column_asks_about() -> None:
    """Of each kind that has it in the part, and of no other kind is anything asked."""
    domains = {(request(number).event_type_id, str(request(number).attendee.email)[-11:]) for number in range(400)}
    assert {one for one, domain in domains if domain == FREE} >= {IDS[kind] for kind in COLUMN}
    asked = {one["id"] for one in event_types(BEGAN.date(), column=True) if one.get("confirms_free_email")}
    assert asked == {IDS[kind] for kind in COLUMN}
    assert not any(one.get("confirms_free_email") for one in event_types(BEGAN.date()))
    assert all("team_slug" in KINDS[kind] for kind in KINDS.keys() - PERSONAL)


def test_every_kind_that_is_asked_for_is_an_event_type_of_the_part() -> None:
    """And every event type but the two beside is asked for."""
    asked = {request(number).event_type_id for number in range(100)}
    assert asked == set(IDS.values()) < {one["id"] for one in event_types(BEGAN.date())}


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (BOOKED, 0),
        (replace(BOOKED, start="10:00"), 1),
        (replace(BOOKED, ended=at(2)), 1),
        (replace(BOOKED, made=at(4)), 1),
        (replace(BOOKED, reference="r3"), 1),
        (replace(BOOKED, reference=None), 1),
    ],
    ids=["had", "another time", "ended", "later", "another type", "a stranger's"],
)
def test_who_is_said_to_have_lost_a_time_has_lost_it_to_one_of_ours(line: Line, wrong: int) -> None:
    """Who had it at that moment, by Cal.com's books."""
    lost = replace(REJECTED, id=2, reference="r2", start="9:00", lost_at=at(3))
    other = Row(id=3, reference="r3", status="confirmed", event_type_id=9)
    assert len(list(books.not_taken([CONFIRMED, lost, other], [line]))) == wrong
