"""Renew the claim of a booking whose worker has more to ask."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from db.appointments.appointment import COLUMNS_SQL, Appointment
from db.appointments.moves import Setters, changed
from db.connection import fetch
from db.sql import prepared


def renew(
    conn: Connection, appointment_id: int, token: UUID | None, *, lease_seconds: float, **changes: Any
) -> Appointment | None:
    """Extend the lease of a claim that is still ours and write `changes`; None when it is not ours any more."""
    setters, values = changed(changes)
    values |= {"appointment_id": appointment_id, "lease_seconds": lease_seconds, "claim_token": token}
    for row in fetch(conn, _renew_sql(setters), values):
        return Appointment.read(row)
    return None


@lru_cache(maxsize=256)
def _renew_sql(setters: Setters) -> str:
    changes = "".join(f", {name} = {value}" for name, value in setters)
    return prepared("renew", COLUMNS_SQL).replace("/* changes */", changes)
