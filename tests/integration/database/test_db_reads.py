"""What can be read: a booking by whatever a person has of it, its story, and how things stand."""

from datetime import timedelta
from typing import Any
from unittest.mock import ANY
from uuid import uuid4

import pytest
from sqlalchemy import text as sql

from db import appointments
from db.appointments import events
from db.lifecycle import HoldReason, Status
from db.monitoring import status_queries
from db.monitoring.status_queries import HoldSummary, InProgress


def find(record: Any, text: str) -> Any:
    """Find as `booking show` does."""
    with record.engine.connect() as conn:
        return appointments.find(conn, text)


def test_a_booking_is_found_by_id_uuid_and_key(record: Any) -> None:
    """Whatever a person has of it will do."""
    row = record.keep(idempotency_key="order 66")

    assert find(record, str(row.id)) == find(record, str(row.uuid)) == find(record, "order 66") == row


def test_a_key_that_looks_like_an_id_or_uuid_is_found(record: Any) -> None:
    """Keys are a caller's; some are numbers, and some are longer than any id."""
    keys = ["4711", "9" * 30, str(uuid4())]
    rows = [record.keep(idempotency_key=key) for key in keys]

    assert [find(record, key) for key in keys] == rows


def test_of_several_bookings_of_a_derived_key_the_newest_is_found(record: Any) -> None:
    """The one that a person asks about is the last one."""
    first = record.keep(idempotency_key="same", key_derived=True)
    record.move(first, Status.CANCELLED)
    second = record.keep(idempotency_key="same", key_derived=True)

    assert find(record, "same") == second


@pytest.mark.parametrize("status", [one for one in Status if one is not Status.BOOKING])
def test_a_derived_key_finds_its_booking_whatever_became_of_it(shared: Any, status: Status) -> None:
    """Also one that is free again."""
    key = f"auto1-{status}"
    row = shared.claimed(idempotency_key=key, key_derived=True)
    held = {"hold_reason": HoldReason.SUSPECT} if status is Status.HELD else {}
    shared.move(row, status, calcom_booking_uid="uid", **held)

    assert find(shared, key) == shared.read(row.id)


def test_what_names_two_bookings_names_none(record: Any) -> None:
    """`booking cancel 42` must not end the booking with that id when somebody means the key 42, and the other way."""
    first = record.keep()
    second = record.keep(idempotency_key=str(first.id))
    third = record.keep(idempotency_key=str(second.uuid))

    for text, kind, row, keyed in [(first.id, "id", first, second), (second.uuid, "uuid", second, third)]:
        with pytest.raises(appointments.AmbiguousError) as refused:
            find(record, str(text))
        found = (
            f"{text} is the {kind} of booking {row.id} ({row.uuid}) and the key of booking {keyed.id} ({keyed.uuid})"
        )
        assert str(refused.value) == f"{found}: give the uuid"
    assert find(record, str(first.uuid)) == first


def test_an_id_that_is_its_own_key_is_no_riddle(record: Any) -> None:
    """There is but one booking that can be meant."""
    row = record.keep()
    record.write(row.id, idempotency_key=str(row.id))

    assert find(record, str(row.id)) == record.read(row.id)


def test_a_key_is_found_however_its_letters_are_composed(record: Any) -> None:
    """Terminals and keyboards write `\u00e9` in two ways; kept keys have one."""
    row = record.keep(idempotency_key="caf\u00e9")

    assert find(record, "cafe\u0301") == row


def test_nothing_is_found_where_nothing_is(record: Any) -> None:
    """Odd texts are no errors."""
    assert [find(record, text) for text in ("", "0", "-1", "9" * 18, "9" * 19, "²", "none", str(uuid4()))] == [None] * 8


def test_a_booking_is_found_by_its_task(record: Any) -> None:
    """Flower knows the task's id only."""
    row = record.keep()

    with record.engine.connect() as conn:
        assert appointments.by_task(conn, row.task_id) == row
        assert appointments.by_task(conn, "other") is None


def test_a_booking_read_by_id_that_is_not_there_is_none(record: Any) -> None:
    """A row may have been pruned."""
    with record.engine.connect() as conn:
        assert appointments.get(conn, 12345) is None


def test_nothing_personal_is_in_a_repr(record: Any) -> None:
    """A row that ends up in a log line or a traceback tells no name, address or number."""
    asked = record.new(
        idempotency_key="private-key",
        attendee_name="Pat Private",
        attendee_email="private@example.com",
        attendee_phone="+12025550142",
        guests=["private2@example.com"],
        location={"address": "private"},
        booking_fields_responses={"notes": "private"},
        request_metadata={"note": "private"},
    )
    with record.engine.begin() as conn:
        [kept] = appointments.insert(conn, [asked])

    seen = f"{asked!r} {kept!r} {kept.appointment}"
    assert "rivate" not in seen
    assert "2025550142" not in seen


def test_the_story_is_told_in_order(record: Any) -> None:
    """Each line says what, who and why; lines of one transaction keep their order."""
    row, other = record.keep(), record.keep()
    with record.engine.begin() as conn:
        events.record(conn, row.id, "held", "worker", {"why": "throttled"})
        events.record(conn, other.id, "held", "worker")
        events.record(conn, row.id, "cancelled", "operator")
        timeline = events.timeline(conn, row.id)

    assert [(event.kind, event.by, event.detail) for event in timeline] == [
        ("held", "worker", {"why": "throttled"}),
        ("cancelled", "operator", {}),
    ]
    assert timeline[0].created_at <= timeline[1].created_at


def test_notable_events_are_summed_up_by_kind(record: Any) -> None:
    """How often since a moment, when last, and the lowest booking; other lines of the story are none of it."""
    rows = [record.keep() for _ in range(3)]
    with record.engine.begin() as conn:
        for row in rows:
            events.record(conn, row.id, events.MADE_AGAIN, "worker")
        conn.execute(sql("UPDATE appointment_events SET created_at = now() - interval '1 hour'"))
        since = conn.execute(sql("SELECT now() - interval '1 minute'")).scalar_one()
        for row in (rows[2], rows[1]):
            events.record(conn, row.id, events.SERIES_CUT, "sweeper")
        events.record(conn, rows[0].id, "confirmed", "worker")
        events.record(conn, rows[0].id, events.CANCEL_THERE, "worker")
        [last] = [event for event in events.timeline(conn, rows[1].id) if event.kind == events.SERIES_CUT]

        found = events.latest(conn, [events.SERIES_CUT, events.MADE_AGAIN], since)

        happened = events.Happened(2, last.created_at, rows[1].id, [rows[1].id, rows[2].id], ANY)
        assert found == {events.SERIES_CUT: happened}
        assert set(events.latest(conn, events.NOTABLE, since)) == {events.SERIES_CUT, events.CANCEL_THERE}


@pytest.mark.parametrize("kind", sorted(events.NOTABLE))
def test_every_notable_kind_can_be_asked_for(shared: Any, kind: str) -> None:
    """The statement's words are those of the code."""
    row = shared.keep()
    with shared.engine.begin() as conn:
        events.record(conn, row.id, kind, "worker")

        assert events.latest(conn, [kind], row.created_at)[kind].first_id == row.id


def test_what_is_not_notable_is_not_asked_for(record: Any) -> None:
    """No index finds it among all lines of all stories."""
    with record.engine.connect() as conn, pytest.raises(ValueError, match="not notable: confirmed"):
        events.latest(conn, ["confirmed"], record.new().start_at)


def test_an_event_type_is_named_in_one_way(record: Any) -> None:
    """By its id, or by whose it is and its slug: a team may have a user's name, in any organization."""
    slug = {"event_type_id": None, "event_type_slug": "visit"}

    assert record.new(event_type_id=101).event_type == "101"
    assert record.new(**slug, username="ann").event_type == "ann/visit"
    assert record.new(**slug, team_slug="ann").event_type == "team/ann/visit"
    assert record.new(**slug, team_slug="ann", organization_slug="org").event_type == "org/team/ann/visit"


def test_an_empty_record_has_an_empty_view(record: Any) -> None:
    """Nothing is zero, not missing."""
    with record.engine.connect() as conn:
        assert status_queries.status_counts(conn) == dict.fromkeys(Status, 0)
        assert status_queries.hold_summaries(conn) == []
        assert status_queries.in_progress(conn) == InProgress(None, None, 0, 0, 0)


def test_bookings_are_counted_by_status(record: Any) -> None:
    """`booking status` shows every state."""
    record.keep()
    record.keep()
    record.moved(Status.FAILED)

    with record.engine.connect() as conn:
        assert status_queries.status_counts(conn) == dict.fromkeys(Status, 0) | {Status.PENDING: 2, Status.FAILED: 1}


def test_holds_are_counted_by_reason_the_oldest_first(record: Any) -> None:
    """How many, since when, asked for when, and when the first is due."""
    throttled, suspect, older = (record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT) for _ in range(3))
    due = timedelta(seconds=30)
    record.write(throttled.id, hold_reason=HoldReason.THROTTLED, hold_until=due, held_at=timedelta(seconds=-5))
    record.write(older.id, held_at=timedelta(seconds=-90))
    throttled, older = record.read(throttled.id), record.read(older.id)

    with record.engine.connect() as conn:
        summaries = status_queries.hold_summaries(conn)

    assert summaries == [
        HoldSummary(HoldReason.SUSPECT, 2, older.held_at, suspect.requested_at, None),
        HoldSummary(HoldReason.THROTTLED, 1, throttled.held_at, throttled.requested_at, throttled.hold_until),
    ]


def test_what_stands_still_is_counted(record: Any) -> None:
    """A retry past its time, an unknown outcome, a message that was never sent, a lease that ran out."""
    pending, retrying, claimed = record.keep(), record.moved(Status.RETRYING), record.claimed()
    past = timedelta(seconds=-1)
    record.write(retrying.id, next_attempt_at=past, outcome_unknown=True, sent_at=past, settle_at=past)
    record.write(pending.id, enqueued_at=None)
    record.write(claimed.id, lease_expires_at=past)

    with record.engine.connect() as conn:
        assert status_queries.in_progress(conn) == InProgress(
            oldest_pending_at=pending.requested_at,
            waits_since=pending.updated_at,
            overdue_retries=1,
            unknown=1,
            lost_leases=1,
        )
