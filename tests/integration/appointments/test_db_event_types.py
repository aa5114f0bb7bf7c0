"""What Cal.com told each key about event types: kept for a day, and never made younger than it is."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from db import appointments
from db.appointments import event_types
from db.appointments.event_types import EventKind, EventType, ShownType
from db.lifecycle import Status
from db.models.calcom import calcom_event_types as table

SHOWN: dict[str, Any] = {"confirms_free_email": False, "personal": True, "sight": True}


def keep(
    record: Any, event_type: str = "101", *, key: str = "key", kind: EventKind = EventKind.ROUND_ROBIN, **told: Any
) -> EventType:
    """Let Cal.com tell of an event type."""
    with record.engine.begin() as conn:
        return event_types.keep(conn, key, event_type, ShownType(policy_kind=kind, **{**SHOWN, **told}))


def known(record: Any, event_type: str = "101") -> EventType | None:
    """Read what is known."""
    with record.engine.connect() as conn:
        return event_types.known(conn, "key", event_type)


def age(record: Any, hours: float) -> None:
    """Let hours pass since everything was asked."""
    with record.engine.begin() as conn:
        conn.execute(update(table).values(asked_at=text(f"now() - interval '{hours} hours'")))


def confirm(record: Any, **of: Any) -> int:
    """Make a confirmed booking of an event type."""
    row = record.claimed(**of)
    assert record.move(row, Status.CONFIRMED, calcom_booking_uid="uid")
    found: int = row.id
    return found


def test_what_was_told_is_known_to_that_key_alone(record: Any) -> None:
    """Another key may see less of the same event type."""
    told = keep(record, seats=True, occurrences=8, calcom_id=4711)

    assert known(record) == told
    assert (told.kind, told.sight, told.seats, told.recurs, told.calcom_id) == (
        EventKind.ROUND_ROBIN,
        True,
        True,
        True,
        4711,
    )
    assert (told.fresh, told.deleted, known(record, "102")) == (True, False, None)
    with record.engine.connect() as conn:
        assert event_types.known(conn, "other", "101") is None


def test_the_newest_word_counts(record: Any) -> None:
    """A key that has lost its sight has lost it; Cal.com's number does not change."""
    keep(record, calcom_id=4711, occurrences=8)

    told = keep(record, kind=EventKind.UNKNOWN, sight=False)

    assert known(record) == told
    assert (told.kind, told.sight, told.recurs, told.calcom_id) == (EventKind.UNKNOWN, False, False, 4711)


@pytest.mark.parametrize(("hours", "fresh"), [(23.9, True), (24.1, False)])
def test_what_was_told_is_fresh_for_a_day(record: Any, hours: float, fresh: Any) -> None:
    """Then it is asked again; what was known goes on counting until that is answered."""
    keep(record)

    age(record, hours)

    told = known(record)
    assert told is not None
    assert (told.fresh, told.sight) == (fresh, True)


def test_a_number_that_was_learnt_changes_nothing_else(record: Any) -> None:
    """A 201 tells Cal.com's number of a type named by its slug; kind and sight were not asked for by that."""
    keep(record)
    age(record, 30)

    with record.engine.begin() as conn:
        event_types.learn_id(conn, "key", "101", 4711)
        event_types.learn_id(conn, "key", "clinic/visit", 815)

    told, learnt = known(record), known(record, "clinic/visit")
    assert told is not None
    assert learnt is not None
    assert (told.calcom_id, told.kind, told.sight, told.fresh) == (4711, EventKind.ROUND_ROBIN, True, False)
    assert (learnt.calcom_id, learnt.kind, learnt.sight, learnt.fresh) == (815, EventKind.UNKNOWN, False, False)


def test_a_deleted_type_keeps_what_was_known_of_it(record: Any) -> None:
    """Sight from before counts; one that is told of again is there again."""
    keep(record)
    with record.engine.begin() as conn:
        event_types.mark_deleted(conn, "key", "101")
        event_types.mark_deleted(conn, "key", "102")

    gone, unheard = known(record), known(record, "102")
    assert gone is not None
    assert unheard is not None
    assert (gone.deleted, gone.sight, gone.kind) == (True, True, EventKind.ROUND_ROBIN)
    assert (unheard.deleted, unheard.sight, unheard.kind) == (True, False, EventKind.UNKNOWN)
    assert not keep(record).deleted


@pytest.mark.parametrize(
    ("then", "now", "changed"),
    [
        ({}, {}, False),
        ({}, {"seats": True, "sight": False, "occurrences": 8}, False),
        ({}, {"kind": EventKind.PLAIN}, True),
        ({}, {"kind": EventKind.UNKNOWN, "confirms_free_email": None}, True),
        ({}, {"confirms_free_email": True}, True),
        ({}, {"confirms_free_email": None}, True),
        ({"confirms_free_email": True}, {}, True),
        ({"confirms_free_email": None}, {}, False),
        ({"kind": EventKind.UNKNOWN, "confirms_free_email": None}, {}, False),
    ],
    ids=str,
)
def test_a_type_that_is_another_than_before_is_known_to_have_changed(
    record: Any, then: dict[str, Any], now: dict[str, Any], changed: Any
) -> None:
    """Its kind, or whether it confirms free addresses; what was not told before is compared with nothing."""
    before = keep(record, **then)

    after = keep(record, **now)

    assert before.kind_changed_at is None
    assert after.kind_changed_at == (after.asked_at if changed else None)


def test_a_number_that_was_learnt_is_no_kind_from_before(record: Any) -> None:
    """Nobody had asked what the type is."""
    with record.engine.begin() as conn:
        event_types.learn_id(conn, "key", "101", 4711)

    assert keep(record).kind_changed_at is None


def test_a_change_of_a_type_counts_for_every_key(record: Any) -> None:
    """Another key is what a booking that cannot be told waits for: to it the type always was what it is today."""
    keep(record)
    changed = keep(record, kind=EventKind.PLAIN)

    told = [keep(record, key="other", kind=EventKind.PLAIN) for _ in range(2)]

    assert changed.kind_changed_at is not None
    assert {one.kind_changed_at for one in told} == {changed.kind_changed_at}
    with record.engine.connect() as conn:
        assert event_types.known(conn, "other", "101") == told[1]


def test_a_change_of_a_type_is_none_of_another(record: Any) -> None:
    """Bookings of a type that stays as it was are not held for the one beside it."""
    keep(record, "102")
    keep(record, "102", kind=EventKind.PLAIN)

    first, again = (keep(record) for _ in range(2))

    assert (first.kind_changed_at, again.kind_changed_at) == (None, None)
    assert known(record) == again


def test_a_booking_is_judged_by_the_kind_that_its_type_had_and_has(record: Any) -> None:
    """Posted before the change: nobody knows what Cal.com looks for; since then: by what the type is today."""
    keep(record)
    told = keep(record, kind=EventKind.PLAIN)
    assert told.kind_changed_at is not None
    moment = timedelta(microseconds=1)

    sent = [None, told.kind_changed_at - moment, told.kind_changed_at, told.kind_changed_at + moment]

    assert [told.kind_of(one) for one in sent] == [EventKind.OTHER] * 3 + [EventKind.PLAIN]
    assert known(record) == told


def test_a_kind_that_nobody_knows_cannot_be_written(record: Any) -> None:
    """No decision is made by a word that the code does not know."""
    keep(record)

    with pytest.raises(IntegrityError, match="calcom_event_types_kind_known"), record.engine.begin() as conn:
        conn.execute(text("UPDATE calcom_event_types SET kind = 'managed'"))


def test_the_latest_confirmed_booking_of_each_event_type_is_found(record: Any) -> None:
    """Types are told apart by number, or by whose they are and their slug; only confirmed ones count."""
    slug = {"event_type_id": None, "event_type_slug": "visit"}
    confirm(record, event_type_id=101)
    latest = [
        confirm(record, event_type_id=101),
        confirm(record, event_type_id=1010),
        confirm(record, **slug, username="ann"),
        confirm(record, **slug, team_slug="clinic"),
        confirm(record, **slug, username="clinic"),
    ]
    record.keep(event_type_id=101)
    record.keep(event_type_id=99)

    with record.engine.connect() as conn:
        found = event_types.confirmed(conn)

    assert {row.event_type: row.id for row in found} == {
        "101": latest[0],
        "1010": latest[1],
        "ann/visit": latest[2],
        "team/clinic/visit": latest[3],
        "clinic/visit": latest[4],
    }
    assert len(found) == len(latest)
    assert {row.id: row for row in found} == {row_id: record.read(row_id) for row_id in latest}


def test_where_nothing_is_confirmed_no_type_is_found(record: Any) -> None:
    """A new deployment has nothing to check."""
    record.keep()

    with record.engine.connect() as conn:
        assert event_types.confirmed(conn) == []
        assert appointments.find(conn, "1") is not None
