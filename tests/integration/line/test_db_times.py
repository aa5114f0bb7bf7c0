"""One time, one line: who asked first for a time is tried first, held against the rule in words."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, func, update

from db import appointments
from db.appointments import queue
from db.changes import sweeps as changes
from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments as bookings
from db.models.changes import booking_changes
from db.queue import sweeps
from db.queue.kinds import BOOKINGS, CHANGES
from tests.support.changes import ask_change

QUEUES = 1_000
START = datetime(2031, 3, 3, 9, tzinfo=UTC)
MINUTES = (0, 0, 0, 15, 30)
HELD: dict[str, Any] = {"status": "held", "held_at": func.now()}
UNKNOWN: dict[str, Any] = {"outcome_unknown": True, "sent_at": func.now(), "posts": 1}
SOON, PAST = func.now() + timedelta(minutes=2), func.now() - timedelta(minutes=2)
LINE = ("breaker", "limit")
STATES: dict[str, dict[str, Any]] = {
    "breaker": {**HELD, "hold_reason": "breaker_open"},
    "limit": {**HELD, "hold_reason": "throttled"},
    "sent": {},
    "retried": {"status": "retrying"},
    "settling": {**HELD, **UNKNOWN, "hold_reason": "settling", "settle_at": SOON, "hold_until": SOON},
    "unclear": {**HELD, **UNKNOWN, "hold_reason": "unreachable", "settle_at": SOON},
    "settled": {**HELD, **UNKNOWN, "hold_reason": "unreachable", "settle_at": PAST},
    "resting": {**HELD, "hold_reason": "unreachable"},
    "no key": {**HELD, "hold_reason": "credentials", "held_for": "key"},
    "wrong settings": {**HELD, "hold_reason": "configuration", "held_for": "set"},
    "paused": {**HELD, "hold_reason": "paused"},
    "suspect": {**HELD, **UNKNOWN, "hold_reason": "suspect", "settle_at": SOON},
    "blind": {**HELD, **UNKNOWN, "hold_reason": "blind_key", "settle_at": SOON},
    "ended": {"status": "rejected"},
    "booked": {"status": "confirmed", "calcom_booking_uid": "uid"},
}
ON_THE_WAY = {*LINE, "sent", "retried", "settling", "unclear"}


@dataclass
class Asked:
    """One request of a dealt queue."""

    minute: int
    length: int | None
    state: str
    unwanted: bool = False
    failed_probes: int = 0
    id: int = 0


@dataclass
class Queue:
    """The requests of one event type, in the order in which they were asked for."""

    asked: Sequence[Asked] = field(default_factory=list)

    def may_go(self) -> set[int]:
        """Return who may leave the line: the rule in words.

        Who waits in the line, and before whom nobody asked for a time that overlaps his, who is still on the way to it:
        sent, tried again, in the line, or unclear until its POST has surely ended; and wanted there; and not twice a
        failed probe.
        """
        return {
            one.id
            for n, one in enumerate(self.asked)
            if one.state in LINE
            and not any(
                overlap(before, one) and before.state in ON_THE_WAY and not before.unwanted and before.failed_probes < 2
                for before in self.asked[:n]
            )
        }


def overlap(first: Asked, one: Asked) -> bool:
    """Return whether two requests want one time: as far as their lengths are known."""
    length = one.length or 0
    return first.minute == one.minute or (
        length > 0 and first.minute < one.minute + length and one.minute < first.minute + (first.length or length)
    )


def dealt(seed: int) -> Queue:
    """Deal the requests of one type, in any states."""
    chance = random.Random(seed)  # noqa: S311 - a queue, no secret
    length = chance.choice([None, None, 20, 30])
    states = [*LINE, *LINE, *STATES]

    def ask() -> Asked:
        state = chance.choice(states)
        failed = chance.choice([0, 0, 0, 1, 2]) if state in LINE else 0
        return Asked(chance.choice(MINUTES), length, state, chance.random() < 0.1, failed)

    return Queue([ask() for _ in range(chance.randint(2, 6))])


def keep(record: Any, conn: Connection, queues: Sequence[Queue]) -> None:
    """Keep dealt queues: the first requests of all, then the second ones, and so on; then what became of each."""
    for place in range(max(len(one.asked) for one in queues)):
        asked = [(number, one.asked[place]) for number, one in enumerate(queues) if place < len(one.asked)]
        rows = [
            record.new(
                event_type_id=1000 + number,
                start_at=START + timedelta(minutes=one.minute),
                length_in_minutes=one.length,
                requested_at=START - timedelta(days=9) + timedelta(seconds=place),
                number=0,
            )
            for number, one in asked
        ]
        for (_, one), answer in zip(asked, appointments.insert(conn, rows), strict=True):
            one.id = answer.appointment.id
            stands = {"cancel_requested": one.unwanted, "probe_failures": one.failed_probes, **STATES[one.state]}
            conn.execute(update(bookings).where(bookings.c.id == one.id).values(stands))


def line(conn: Connection, limit: int = 100, *, postable: bool = False) -> list[int]:
    """Return who may leave the line, in order."""
    return [one for one, _ in queue.waiting(conn, limit, postable=postable)]


def test_every_dealt_queue_of_one_type_goes_by_the_rule(record: Any) -> None:
    """Equal and overlapping times; in the line, on the way, unclear, held by what no time ends, unwanted, ended."""
    queues = [dealt(seed) for seed in range(QUEUES)]
    with record.engine.begin() as conn:
        keep(record, conn, queues)
        went = set(line(conn, 10 * QUEUES))

    wrong = {
        seed: [(one.id, one.minute, one.state) for one in queue.asked]
        for seed, queue in enumerate(queues)
        if queue.may_go() != went & {one.id for one in queue.asked}
    }
    assert wrong == {}


def hold(record: Any, minute: int = 0, reason: HoldReason = HoldReason.BREAKER_OPEN, **columns: Any) -> int:
    """Keep a request for a time of one type, held in the line."""
    start = {"event_type_id": 110, "start_at": START + timedelta(minutes=minute)}
    return int(record.keep(hold_reason=reason, **start, **columns).id)


def released(record: Any, *ids: int) -> list[int]:
    """Let bookings go that the window has room for."""
    return [one.id for one in record.sweep(sweeps.release_these, BOOKINGS, list(ids))]


def heads(record: Any, *, postable: bool = False) -> list[int]:
    """Return who may leave the line."""
    with record.engine.connect() as conn:
        return line(conn, postable=postable)


def test_a_failed_probe_takes_those_who_want_its_time_behind_with_it_once(record: Any) -> None:
    """Others are tried before it; who asked later for its time is not. A second failure says something of it."""
    first, second, other = hold(record), hold(record), hold(record, 60)

    record.write(first, probe_failures=1)
    assert heads(record, postable=True) == [other, first]

    record.write(first, probe_failures=2)
    assert heads(record, postable=True) == [second, other, first]


def test_while_a_probe_is_unclear_nobody_else_is_probed_for_its_time(record: Any) -> None:
    """Its POST got no answer, so it needs a look, and is no probe; without others to try the look is."""
    first, second = hold(record), hold(record)
    record.write(first, **UNKNOWN, settle_at=timedelta(seconds=100), error_type="http_503")

    assert heads(record, postable=True) == []
    assert heads(record) == [first]

    record.write(
        first, status=Status.CONFIRMED, calcom_booking_uid="uid", outcome_unknown=False, hold_reason=None, held_at=None
    )
    assert heads(record) == [second]


def test_who_waits_for_a_time_is_let_go_when_the_first_is_not_on_the_way_any_more(record: Any) -> None:
    """Not while it is sent, or at work; and at once when its cancel is asked for."""
    first, second = hold(record), hold(record)
    assert released(record, first) == [first]
    assert heads(record) == []
    record.claim(first)
    assert heads(record) == []
    record.write(first, cancel_requested=True)

    assert heads(record) == [second]


def test_of_two_that_are_let_go_at_once_for_one_time_the_first_goes(record: Any) -> None:
    """Neither saw the other when it was kept: the release does, and the line passes the second over from then on."""
    first, second, other = hold(record), hold(record), hold(record, 60)
    record.write(second, ahead=0)
    assert heads(record) == [first, second, other]

    assert released(record, first, second, other) == [first, other]
    assert (record.read(second).status, heads(record)) == (Status.HELD, [])


def test_who_met_another_server_is_tried_though_others_asked_before(record: Any) -> None:
    """It is no matter of the line: a few are tried, so that one finds out that Cal.com answers again."""
    _, second = hold(record), hold(record)
    record.write(second, hold_reason="configuration", held_for="set")

    assert released(record, second) == [second]


def test_a_file_that_asks_for_one_time_often_is_tried_in_its_order(record: Any) -> None:
    """All are kept in one statement, where nobody sees another one, and it does not matter which one is named first."""
    start = {"event_type_id": 110, "start_at": START, "hold_reason": HoldReason.BREAKER_OPEN}
    with record.engine.begin() as conn:
        answers = appointments.insert(conn, [record.new(**start) for _ in range(4)])
    first, *_ = ids = [one.appointment.id for one in answers]

    assert released(record, *reversed(ids)) == [first]
    assert heads(record) == []


@pytest.mark.parametrize("held", [False, True])
def test_a_booking_waits_for_a_move_to_its_time(record: Any, held: Any) -> None:
    """While that is sent, or only behind others; a move that waits for its own endpoint holds nobody."""
    moved = record.moved(Status.CONFIRMED, calcom_booking_uid="uid")
    record.write(moved.id, event_type_id=110)
    with record.engine.begin() as conn:
        move = ask_change(conn, record.read(moved.id), START)
    wanted = hold(record)
    record.write(wanted, ahead=1)
    write_change(record, move.id, line_at=record.read(wanted).line_at - timedelta(seconds=1))
    if held:
        write_change(record, move.id, **HELD, hold_reason="breaker_open", held_for="line")
    assert heads(record) == []

    write_change(record, move.id, **HELD, hold_reason="breaker_open", held_for=None)
    assert heads(record) == [wanted]


def test_a_move_waits_for_a_booking_of_its_wanted_time(record: Any) -> None:
    """It is not let go, and goes once that has ended."""
    first = hold(record)
    moved = record.moved(Status.CONFIRMED, calcom_booking_uid="uid")
    record.write(moved.id, event_type_id=110)
    with record.engine.begin() as conn:
        move = ask_change(conn, record.read(moved.id), START)
    later = record.read(first).line_at + timedelta(seconds=1)
    write_change(record, move.id, **HELD, hold_reason="throttled", line_at=later)

    assert released_moves(record, move.id) == []
    record.write(first, status=Status.EXPIRED, hold_reason=None, held_at=None)
    assert released_moves(record, move.id) == [move.id]


def released_moves(record: Any, change: int) -> list[int]:
    """Let a change go if the line offers it."""
    with record.engine.begin() as conn:
        [offered] = changes.in_line_of(conn, (1,), 5, postable=False).values()
        let_go = sweeps.release_these(conn, CHANGES, [change])
    assert [one for one, _ in offered] == [one.id for one in let_go]
    return [one.id for one in let_go]


def write_change(record: Any, change: int, **columns: Any) -> None:
    """Write a change past its door."""
    with record.engine.begin() as conn:
        conn.execute(update(booking_changes).where(booking_changes.c.id == change).values(columns))
