"""A refused key and a page of somebody else: what they held goes by the state of the key and the settings, calmly."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, update

from db.appointments import Appointment, events
from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments as table
from db.queue import held as held_rows
from db.queue import sweeps as queue_sweeps
from db.queue import waits
from db.queue.held import HeldSo
from db.queue.kinds import BOOKINGS

WORKS = {HoldReason.CREDENTIALS: {"key_works": True}, HoldReason.CONFIGURATION: {"settings_work": True}}
HELD_FOR = {HoldReason.CREDENTIALS: "key", HoldReason.CONFIGURATION: "set"}
UNKNOWN = {"outcome_unknown": True, "sent_at": timedelta(minutes=-5), "settle_at": timedelta(minutes=-1)}


def ago(seconds: float) -> timedelta:
    """Name a moment in the past, for Record.write."""
    return timedelta(seconds=-seconds)


def held(record: Any, reason: HoldReason, **columns: Any) -> Appointment:
    """Make a row that has been held for a while, for today's key or today's settings."""
    row = record.moved(Status.HELD, hold_reason=reason)
    record.write(row.id, **{"held_for": HELD_FOR.get(reason), "held_at": ago(10), **columns})
    return record.read(row.id)


def release(record: Any, **works: bool) -> list[int]:
    """Release what is due for today's key `key` and today's settings `set`."""
    swept = record.sweep(queue_sweeps.release_due, BOOKINGS, key="key", settings="set", limit=10, **works)
    return [row.id for row in swept]


def waiting(record: Any) -> waits.Waiting:
    """Ask who waits for the harmless call."""
    with record.engine.connect() as conn:
        return waits.waiting_for_a_call(conn, key="key", settings="set", fresh_seconds=60)


def first(record: Any) -> int | None:
    """Ask who goes first."""
    with record.engine.connect() as conn:
        found = waits.first_to_try(conn, settings="set")
    return None if found is None else found.id


def test_a_row_of_unknown_outcome_waits_for_no_missing_type(record: Any) -> None:
    """Its second POST met none, and then a page its look: it is looked for, whatever becomes of the type."""
    row = held(record, HoldReason.CONFIGURATION, hold_until=ago(1), error_type="no_event_type", **UNKNOWN)

    assert first(record) == row.id
    assert waiting(record).configuration
    assert release(record, settings_work=True) == [row.id]


@pytest.mark.parametrize("reason", WORKS)
def test_what_was_held_goes_when_its_cause_is_gone(record: Any, reason: HoldReason) -> None:
    """And stays as long as the cause stands, whatever its time; the other cause changes nothing."""
    row = held(record, reason, hold_until=ago(1))
    [other] = [works for one, works in WORKS.items() if one is not reason]

    assert release(record) == []
    assert release(record, **other) == []
    assert release(record, **WORKS[reason]) == [row.id]


@pytest.mark.parametrize("reason", WORKS)
@pytest.mark.parametrize("columns", [{"hold_until": ago(-60)}, {"held_at": ago(1)}])
def test_nothing_is_released_and_held_again_each_second(record: Any, reason: HoldReason, columns: Any) -> None:
    """Not before its time, and not while it was held just now by a worker that may believe what is over."""
    row = held(record, reason)
    with record.engine.begin() as conn:  # one transaction is one moment, however long it takes
        since = {name: func.now() + offset for name, offset in columns.items()}
        conn.execute(update(table).where(table.c.id == row.id).values(since))
        assert queue_sweeps.release_due(conn, BOOKINGS, key="key", settings="set", limit=10, **WORKS[reason]) == []


def test_who_waits_for_the_harmless_call_is_known(record: Any) -> None:
    """For today's key and settings only; of a page's bookings those that may be tried again."""
    assert waiting(record) == (False, False)

    held(record, HoldReason.CREDENTIALS, held_for="other")
    held(record, HoldReason.CONFIGURATION, held_for="other")
    late = held(record, HoldReason.CONFIGURATION, held_at=ago(90), hold_until=ago(-60))
    assert waiting(record) == (False, False)

    held(record, HoldReason.CREDENTIALS)
    record.write(late.id, hold_until=ago(1))
    assert waiting(record) == (True, True)


@pytest.mark.parametrize("columns", [{}, {"held_at": ago(30), "hold_until": ago(-60)}])
def test_a_page_is_asked_about_at_once(record: Any, columns: Any) -> None:
    """Of one held just now it is asked whether all must be held; of one that no call was made for, too."""
    held(record, HoldReason.CONFIGURATION, **columns)

    assert waiting(record) == (False, True)


def test_the_first_to_be_tried_is_who_can_tell_most(record: Any) -> None:
    """One that may be posted, then one to be looked for, settled; who was not tried, the longest ago; the oldest."""
    rows = [
        held(record, HoldReason.CONFIGURATION, line_at=ago(50)),
        held(record, HoldReason.CONFIGURATION, line_at=ago(40)),
        held(record, HoldReason.CONFIGURATION, line_at=ago(90), hold_until=ago(9)),
        held(record, HoldReason.CONFIGURATION, line_at=ago(99), hold_until=ago(8)),
        held(record, HoldReason.CONFIGURATION, line_at=ago(199), **UNKNOWN | {"settle_at": ago(1)}),
        held(record, HoldReason.CONFIGURATION, line_at=ago(299), **UNKNOWN | {"settle_at": ago(-60)}),
    ]
    held(record, HoldReason.CONFIGURATION, line_at=ago(300), hold_until=ago(-60))
    held(record, HoldReason.CONFIGURATION, line_at=ago(300), held_for="other")

    went = []
    while (one := first(record)) is not None:
        went += [row.id for row in record.sweep(queue_sweeps.release_these, BOOKINGS, [one])]

    assert went == [row.id for row in rows]


def test_an_operator_releases_a_kind_in_batches_the_oldest_first(record: Any) -> None:
    """With his why in their stories; only of the event type that he named, and only what was held when he asked."""
    rows = [held(record, HoldReason.CONFIGURATION, line_at=ago(99 - n), probe_failures=2) for n in range(3)]
    held(record, HoldReason.CONFIGURATION, event_type_id=999)
    held(record, HoldReason.CREDENTIALS)
    kind = HeldSo(HoldReason.CONFIGURATION, event_type_id=101)
    with record.engine.connect() as conn:
        count, since = held_rows.count(conn, BOOKINGS, kind)
    later = held(record, HoldReason.CONFIGURATION, held_at=ago(-5))
    meant = {"since": since, "why": "the proxy is gone", "limit": 2}

    batches = [[row.id for row in record.sweep(held_rows.release, BOOKINGS, kind, **meant)] for _ in range(3)]

    assert count == 3
    assert batches == [[rows[0].id, rows[1].id], [rows[2].id], []]
    assert record.read(later.id).status is Status.HELD
    now = record.read(rows[0].id)
    assert (now.status, now.hold_reason, now.probe_failures) == (Status.PENDING, None, 0)
    with record.engine.connect() as conn:
        [event] = events.timeline(conn, now.id)
    assert (event.by, event.detail["why"], event.detail["held"]) == ("operator", "the proxy is gone", "configuration")
