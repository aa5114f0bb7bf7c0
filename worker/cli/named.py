"""Find the booking that a person names: by its id, its uuid, or its idempotency key."""

from sqlalchemy import Connection

from db import appointments
from db.appointments import Appointment
from worker.console.stop import Stop


def named(conn: Connection, id_or_key: str) -> Appointment:
    """Return the booking.

    Raises:
        Stop: There is none, or it is the id of one and the key of another.
    """
    try:
        row = appointments.find(conn, id_or_key)
    except appointments.AmbiguousError as both:
        raise Stop(str(both)) from None
    if row is None:
        raise Stop(f"{id_or_key}: no booking has this id or key")
    return row
