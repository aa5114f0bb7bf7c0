"""The order of the line: by need, held against the rule in words (docs/line.md, "The order of the line")."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, update

from db import appointments
from db.appointments import FromNow, LineRule, queue
from db.lifecycle import HoldReason, Status
from db.models.changes import booking_changes
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tests.support.changes import held_change

QUEUES = 1_000
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
EXACT = 2e-6  # seconds: PostgreSQL's moments have microseconds
NOW = datetime(2030, 3, 1, 9, tzinfo=UTC)


def put_back(has: float, number: int, call: float) -> float:
    """Return by how many seconds the rule puts a booking back: the rule in words, once more.

    By a 96th of the time that it has, at most 15 minutes; and by nine calls for each booking before it in its bulk; but
    never by more than half of the time that it has.
    """
    far = min(has / 96, 15 * MINUTE)
    bulk = number * 9 * call
    return min(far + bulk, has / 2)


@dataclass(frozen=True)
class Asked:
    """One booking of a dealt queue, in seconds from its beginning."""

    at: float
    start: float
    reason: HoldReason
    answer_by: float | None = None
    number: int = 0  # in its bulk


@dataclass(frozen=True)
class Queue:
    """One dealt queue, and what its places are reckoned by."""

    seed: int
    asked: Sequence[Asked]
    rule: LineRule

    def line_at(self, one: Asked) -> float:
        """Return where a booking stands, in seconds."""
        expires = one.start - self.rule.lead
        if one.answer_by is not None:
            expires = min(expires, one.answer_by)
        return one.at + put_back(max(expires - one.at, 0.0), one.number, self.rule.call)


def dealt(seed: int) -> Queue:
    """Deal a queue: bulks and singles, near and far starts, asked for in an outage or at a limit."""
    chance = random.Random(seed)  # noqa: S311 - a queue, no secret
    lasted = chance.choice([MINUTE, 20 * MINUTE, 3 * HOUR])
    reasons = chance.choice([[reason] for reason in queue.PACED] + [list(queue.PACED)])
    spans = [HOUR, DAY, 3 * DAY, 400 * DAY]

    def ask(at: float, number: int = 0) -> Asked:
        start = at + chance.randint(1, int(chance.choice(spans)))
        answer_by = at + chance.uniform(0, start - at) if chance.random() < 0.2 else None
        return Asked(at, start, chance.choice(reasons), answer_by, number)

    asked = [ask(chance.uniform(0, lasted)) for _ in range(chance.randint(1, 5))]
    for _ in range(chance.randint(0, 2)):
        at, before = chance.uniform(0, lasted), chance.choice([0, 0, 40, 5_000])
        asked += [ask(at, before + place) for place in range(chance.randint(2, 5))]
    return Queue(seed, asked, LineRule(lead=chance.choice([0, 0, 7200]), call=chance.choice([0.5, 0.6, 5.0])))


def hold(record: Any, conn: Connection, queues: Iterable[Queue]) -> dict[int, tuple[Queue, Asked]]:
    """Keep dealt queues, those of one rule in one statement, and return their bookings by their ids."""
    by_rule: dict[LineRule, list[tuple[Queue, Asked]]] = {}
    for one in queues:
        by_rule.setdefault(one.rule, []).extend((one, asked) for asked in one.asked)
    kept: dict[int, tuple[Queue, Asked]] = {}
    for rule, bookings in by_rule.items():
        rows = [
            record.new(
                start_at=moment(asked.start),
                answer_by=None if asked.answer_by is None else moment(asked.answer_by),
                requested_at=moment(asked.at),
                number=asked.number,
                hold_reason=asked.reason,
            )
            for _, asked in bookings
        ]
        answers = appointments.insert(conn, rows, line=rule)
        kept |= {answer.appointment.id: booking for answer, booking in zip(answers, bookings, strict=True)}
    return kept


def moment(seconds: float) -> datetime:
    """Return a moment of a dealt queue, some seconds after its beginning."""
    return NOW + timedelta(seconds=seconds)


def test_every_dealt_queue_goes_in_the_order_of_the_rule(record: Any) -> None:
    """Bulks, singles, near and far starts, after an outage and at a limit; nobody waits longer than the rule says."""
    queues = [dealt(seed) for seed in range(QUEUES)]
    with record.engine.begin() as conn:
        kept = hold(record, conn, queues)
        line = [one for one, _ in queue.waiting(conn, 2 * len(kept), postable=False)]
    went: dict[int, list[tuple[float, float]]] = {}  # of each queue, when its bookings were asked for, and their places
    for booking in line:
        one, asked = kept[booking]
        went.setdefault(one.seed, []).append((asked.at, one.line_at(asked)))

    assert len(line) == len(kept)
    for seed, bookings in went.items():
        places = [place for _, place in bookings]
        assert places == pytest.approx(sorted(places), abs=EXACT), f"seed {seed}"
        for n, place in enumerate(places):
            assert all(at <= place + EXACT for at, _ in bookings[:n]), f"seed {seed}: {n} was overtaken for too long"


def test_single_requests_pass_a_bulk_and_every_tenth_call_is_the_bulks(record: Any) -> None:
    """A bulk of 30, then singles that fill the limit: nobody starves."""
    call, far = 0.6, 30 * DAY
    bulk = [Asked(0, far + number, HoldReason.THROTTLED, number=number) for number in range(30)]
    singles = [Asked(0.01 + n * call, far + 30 + n, HoldReason.THROTTLED) for n in range(300)]
    with record.engine.begin() as conn:
        kept = hold(record, conn, [Queue(0, [*bulk, *singles], LineRule(call=call))])
        line = [one for one, _ in queue.waiting(conn, 1000, postable=False)]

    went = [kept[booking][1] in bulk for booking in line]

    assert [sum(went[n : n + 10]) for n in range(0, 300, 10)] == [1] * 30


def test_a_near_start_goes_before_far_ones_that_were_asked_for_earlier(record: Any) -> None:
    """Its customer comes in 40 s; theirs come in months."""
    far = [Asked(n, 400 * DAY, HoldReason.BREAKER_OPEN) for n in range(60)]
    near = Asked(70, 110, HoldReason.BREAKER_OPEN)
    with record.engine.begin() as conn:
        kept = hold(record, conn, [Queue(0, [*far, near], LineRule())])
        [(first, _)] = queue.waiting(conn, 1, postable=False)

    assert kept[first][1] == near


def test_a_booking_waits_for_those_before_it_in_the_line_only(record: Any) -> None:
    """A message that a worker takes up does not pass a held booking with an earlier place, nor wait for a later one."""
    held = record.keep(hold_reason=HoldReason.THROTTLED)
    first, last = record.keep(start_at=datetime.now(UTC) + timedelta(minutes=1)), record.keep(number=1)

    assert first.requested_at > held.requested_at
    assert first.line_at < held.line_at < last.line_at
    assert [claimed_behind(record, row) for row in (first, last)] == [None, HoldReason.THROTTLED]


@pytest.mark.parametrize("reason", [HoldReason.BREAKER_OPEN, HoldReason.THROTTLED])
def test_a_booking_waits_for_the_changes_before_it_too(record: Any, reason: HoldReason) -> None:
    """Where no booking is held: the line is one. What does not stand in the line holds nobody."""
    booked, other = (record.moved(Status.CONFIRMED, calcom_booking_uid=uid) for uid in ("uid-1", "uid-2"))
    change = held_change(record, booked, None, hold_reason=reason)
    first, last = record.keep(start_at=datetime.now(UTC) + timedelta(minutes=1)), record.keep(number=1)

    assert first.line_at < change.line_at < last.line_at
    assert [claimed_behind(record, row) for row in (first, last)] == [None, reason]

    held_change(record, other, None, hold_reason=HoldReason.UNREACHABLE)
    with record.engine.begin() as conn:
        conn.execute(update(booking_changes).where(booking_changes.c.id == change.id).values(line_at=NOW))
    assert claimed_behind(record, record.keep(number=2)) is None


def test_a_booking_keeps_its_place(record: Any) -> None:
    """Held, released, retried, sent again by an operator: the line is by its need alone."""
    row = record.keep(number=3)
    claimed = record.claim(row.id)
    record.move(claimed, Status.HELD, hold_reason=HoldReason.UNREACHABLE, hold_until=FromNow(-1))
    record.sweep(queue_sweeps.release_due, BOOKINGS, key="key", settings="set", limit=1)
    claimed = record.claim(row.id)
    record.move(claimed, Status.FAILED)
    record.move(record.read(row.id), Status.PENDING)

    assert record.read(row.id).line_at == row.line_at


def claimed_behind(record: Any, row: Any) -> HoldReason | None:
    """Claim a booking as a worker does, and return the hold reason of those before it."""
    with record.engine.begin() as conn:
        claimed = appointments.claim(conn, row.id, lease_seconds=50)
    return claimed.backlog
