"""Several bookings are confirmed together: one round trip, one transaction, and each for itself where one may not."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from db import appointments
from db.appointments import Appointment, Confirmation
from db.lifecycle import Status


def confirmation(row: Appointment, **changes: Any) -> Confirmation:
    """Return the confirmation of a claimed row."""
    return Confirmation(
        row.id, row.claim_token, "Cal.com booked it", {"n": row.id}, {"calcom_booking_uid": f"uid-{row.id}", **changes}
    )


def confirm(engine: Engine, asked: Sequence[Confirmation]) -> list[bool]:
    """Confirm together, as a worker does."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        return appointments.confirm_together(conn, asked)


def statuses(record: Any, rows: Sequence[Appointment]) -> list[Status]:
    """Return the states as they are now."""
    return [record.read(row.id).status for row in rows]


def test_bookings_are_confirmed_together_each_with_its_event(record: Any) -> None:
    """The answers come in the order of the questions, whatever the order of the ids."""
    rows = [record.claimed() for _ in range(3)]

    assert confirm(record.engine, [confirmation(row) for row in (rows[2], rows[0], rows[1])]) == [True, True, True]

    seen = [record.read(row.id) for row in rows]
    assert [(row.status, row.calcom_booking_uid, row.claim_token) for row in seen] == [
        (Status.CONFIRMED, f"uid-{row.id}", None) for row in rows
    ]
    with record.engine.connect() as conn:
        told = conn.exec_driver_sql(
            "SELECT appointment_id, detail ->> 'n' FROM appointment_events WHERE kind = 'confirmed'"
        )
        assert sorted(map(tuple, told)) == [(row.id, str(row.id)) for row in rows]


def test_all_are_one_commit(record: Any) -> None:
    """That is what it is for."""
    rows = [record.claimed() for _ in range(8)]
    confirm(record.engine, [confirmation(record.claimed()) for _ in range(8)])  # connections, statements
    with record.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        before = conn.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one()
        moved = appointments.confirm_together(conn, [confirmation(row) for row in rows])
        after = conn.exec_driver_sql("SELECT pg_current_xact_id()::text::bigint").scalar_one()

    assert moved == [True] * 8
    assert after - before == 2, "one transaction, and that of this question"


def test_a_claim_that_was_lost_is_one_that_has_not_moved(record: Any) -> None:
    """Each of the others stands."""
    rows = [record.claimed() for _ in range(3)]
    stale = Confirmation(rows[1].id, uuid4(), "Cal.com booked it", {}, {"calcom_booking_uid": "uid"})

    assert confirm(record.engine, [confirmation(rows[0]), stale, confirmation(rows[2])]) == [True, False, True]
    assert statuses(record, rows) == [Status.CONFIRMED, Status.BOOKING, Status.CONFIRMED]


def test_where_one_is_refused_none_has_moved(record: Any) -> None:
    """So that each is written again by itself."""
    rows = [record.claimed() for _ in range(3)]
    refused = confirmation(rows[1], retry_count=-1)

    with pytest.raises(IntegrityError):
        confirm(record.engine, [confirmation(rows[0]), refused, confirmation(rows[2])])

    assert statuses(record, rows) == [Status.BOOKING] * 3
    assert confirm(record.engine, [confirmation(rows[0]), confirmation(rows[2])]) == [True, True]


def test_where_one_cannot_be_sent_none_has_moved(record: Any) -> None:
    """What was sent before it is not committed, and the next who asks has a connection that works."""
    rows = [record.claimed() for _ in range(3)]
    unsaid = confirmation(rows[1], calcom_booking_uid="\ud800")

    with pytest.raises(UnicodeEncodeError):
        confirm(record.engine, [confirmation(rows[0]), unsaid, confirmation(rows[2])])

    assert statuses(record, rows) == [Status.BOOKING] * 3
    assert confirm(record.engine, [confirmation(rows[0]), confirmation(rows[2])]) == [True, True]


@pytest.mark.parametrize("locked", [0, 1], ids=["alone", "in a group"])
def test_a_row_that_is_locked_is_passed_over(record: Any, locked: int) -> None:
    """Its thread writes it by itself, and waits for nobody else's sake: who is alone, too, has others behind it."""
    rows = [record.claimed() for _ in range(1 + 2 * locked)]
    with record.engine.connect() as other:
        appointments.get(other, rows[locked].id, lock=True)
        moved = _confirmed(record.engine, rows)
    assert moved == [place != locked for place in range(len(rows))]
    assert confirm(record.engine, [confirmation(rows[locked])]) == [True]


def _confirmed(engine: Engine, rows: Sequence[Appointment]) -> list[bool] | OperationalError:
    """Return which of them have moved, or the error of a row that was waited for in vain."""
    try:
        return confirm(engine, [confirmation(row) for row in rows])
    except OperationalError as error:
        return error
