"""Messages that are gone are sent again; a queue that is merely long is left alone."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from db import appointments
from db.appointments import Appointment
from db.lifecycle import Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS


def ago(seconds: float) -> timedelta:
    """Name a moment in the past, for Record.write."""
    return timedelta(seconds=-seconds)


def waiting(record: Any, **columns: Any) -> Appointment:
    """Make a pending row; by default its message was sent a minute ago."""
    row = record.keep()
    record.write(row.id, **{"enqueued_at": ago(60), **columns})
    return record.read(row.id)


def delivered(record: Any, at: timedelta | datetime, **columns: Any) -> Appointment:
    """Make a row whose message was sent then and has been delivered."""
    row = record.claimed()
    record.write(row.id, enqueued_at=at, **columns)
    return record.read(row.id)


def unsent(record: Any, *, queue_empty: bool = False, **more: float) -> list[int]:
    """Take up what must be sent again."""
    return [row.id for row in record.sweep(queue_sweeps.unsent, BOOKINGS, 10, queue_empty=queue_empty, **more)]


def test_what_was_never_sent_is_sent_at_once(record: Any) -> None:
    """A broker that was down at enqueue costs no wait for evidence."""
    row = waiting(record)
    with record.engine.begin() as conn:
        queue_sweeps.mark_unsent(conn, BOOKINGS, [row.id])

    assert unsent(record) == [row.id]

    sent = record.read(row.id)
    assert (sent.status, sent.enqueued_at, sent.resends) == (Status.PENDING, sent.updated_at, 1)


def test_a_retry_that_was_never_sent_waits_for_its_time(record: Any) -> None:
    """Its backoff is not undone by the sweeper."""
    row = record.moved(Status.RETRYING, enqueued_at=None)
    record.write(row.id, next_attempt_at=timedelta(seconds=60))
    early = unsent(record)
    record.write(row.id, next_attempt_at=ago(1))

    assert early == []
    assert unsent(record) == [row.id]


def test_an_empty_queue_says_that_messages_are_gone(record: Any) -> None:
    """Redis was wiped: what has been due for a while is sent again."""
    row = waiting(record)

    assert unsent(record, queue_empty=True) == [row.id]


def test_a_message_that_was_only_just_sent_is_not_gone(record: Any) -> None:
    """Between commit and publish, and between queue and claim, a moment passes."""
    waiting(record, enqueued_at=ago(1))

    assert unsent(record, queue_empty=True, patience_seconds=3600) == []


def test_a_long_queue_is_not_sent_twice(record: Any) -> None:
    """Without evidence a message that waits is a message that waits, for however long."""
    waiting(record, enqueued_at=ago(3600))

    assert unsent(record) == []


@pytest.mark.parametrize(("later", "found"), [(30, True), (29, False)])
def test_a_message_that_was_overtaken_is_gone(record: Any, later: float, found: Any) -> None:
    """One enqueued 30 s later has been delivered: the queue keeps its order, so the older one is not in it."""
    row = waiting(record, enqueued_at=ago(60))
    delivered(record, record.read(row.id).enqueued_at + timedelta(seconds=later))

    assert unsent(record) == ([row.id] if found else [])


def test_a_retry_counts_from_the_moment_it_was_due(record: Any) -> None:
    """A message with a countdown is not overtaken by those sent while it counted down."""
    row = record.moved(Status.RETRYING)
    record.write(row.id, enqueued_at=ago(60), next_attempt_at=ago(20))
    delivered(record, record.read(row.id).next_attempt_at + timedelta(seconds=19))

    assert unsent(record) == []


def test_a_message_sent_again_is_no_evidence(record: Any) -> None:
    """Such a row may have been claimed by its older message, and would vouch for all up to its newer one."""
    waiting(record, enqueued_at=ago(60))
    delivered(record, ago(1), resends=1)

    assert unsent(record) == []


def test_a_row_that_left_the_queue_by_another_way_is_no_evidence(record: Any) -> None:
    """A booking cancelled while it waited says nothing of the queue."""
    waiting(record, enqueued_at=ago(60))
    record.move(record.keep(), Status.CANCELLED)

    assert unsent(record) == []


def test_what_was_taken_up_is_not_taken_up_again(record: Any) -> None:
    """The tick that takes a row up sends it; the next one waits for evidence again."""
    waiting(record, enqueued_at=ago(7200))

    assert len(unsent(record, queue_empty=True, patience_seconds=3600)) == 1
    assert unsent(record, queue_empty=True, patience_seconds=3600) == []


def test_a_failed_publish_is_taken_back(record: Any) -> None:
    """The next beat sends it at once, unless it was claimed or ended meanwhile."""
    row, claimed, ended = record.keep(), record.claimed(), record.moved(Status.REJECTED)

    with record.engine.begin() as conn:
        queue_sweeps.mark_unsent(conn, BOOKINGS, [ended.id, claimed.id, row.id, 12345])

    assert record.read(claimed.id) == claimed
    assert record.read(ended.id) == ended
    assert unsent(record) == [row.id]


@pytest.mark.parametrize("status", [Status.CONFIRMED, Status.HELD, Status.BOOKING])
def test_only_what_waits_is_sent(record: Any, status: Status) -> None:
    """A held booking burns no message; what is claimed or final needs none."""
    row = record.claimed()
    if status is not Status.BOOKING:
        more = {"hold_reason": "suspect"} if status is Status.HELD else {"calcom_booking_uid": "uid"}
        record.move(row, status, **more)
    record.write(row.id, enqueued_at=None)

    assert unsent(record, queue_empty=True) == []


def test_the_first_in_the_line_is_sent_first(record: Any) -> None:
    """A limit leaves the younger ones for the next beat."""
    rows = [waiting(record, line_at=ago(place)) for place in (1, 3, 2)]
    with record.engine.begin() as conn:
        queue_sweeps.mark_unsent(conn, BOOKINGS, [row.id for row in rows])

    taken = record.sweep(queue_sweeps.unsent, BOOKINGS, 2, queue_empty=False)

    assert [row.id for row in taken] == [rows[1].id, rows[2].id]


def test_what_a_client_kept_is_the_dispatchers(record: Any) -> None:
    """Nobody has tried to send it yet, so none of its messages is lost; what was tried in vain is the sweeper's."""
    kept = waiting(record, enqueued_at=None)

    assert unsent(record) == []
    assert [row.id for row in record.sweep(appointments.requested, 10, lead_seconds=0)] == [kept.id]


def test_a_dispatcher_does_not_wait_for_the_disk(record: Any) -> None:
    """A crash that forgets it leaves the row as the client kept it. The connection's next transaction waits again."""
    waiting(record, enqueued_at=None)
    how = "SHOW synchronous_commit"
    with record.engine.connect() as conn:
        before = conn.exec_driver_sql(how).scalar_one()
        appointments.requested(conn, 10, lead_seconds=0)
        inside = conn.exec_driver_sql(how).scalar_one()
        conn.commit()
        after = conn.exec_driver_sql(how).scalar_one()

    assert (inside, after) == ("off", before)
