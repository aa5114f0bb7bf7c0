"""Several bookings are confirmed together: one round trip, one transaction, and each for itself where one may not."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from db import appointments
from db.appointments import Appointment, Confirmation
from db.engine import make_engine
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


def test_a_row_that_is_locked_holds_the_others_up_for_a_moment(record: Any) -> None:
    """Then each goes by itself; the connection has its own patience again."""
    rows = [record.claimed() for _ in range(3)]
    address = record.engine.url.render_as_string(hide_password=False)
    patient = make_engine(address, lock_timeout_ms=0, statement_timeout_ms=8_000)
    with record.engine.connect() as other:
        appointments.get(other, rows[1].id, lock=True)
        with pytest.raises(OperationalError, match="lock timeout"):
            confirm(patient, [confirmation(row) for row in rows])
    with patient.execution_options(isolation_level="AUTOCOMMIT").connect() as conn:
        confirmed = appointments.confirm_together(conn, [confirmation(row) for row in rows])
        assert conn.exec_driver_sql("SHOW lock_timeout").scalar_one() == "0"
    patient.dispose()
    assert confirmed == [True] * 3
