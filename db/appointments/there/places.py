"""The places of confirmed bookings at Cal.com: asked for again, and recorded when a person moved them there."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Connection

from db.appointments.appointment import COLUMNS_SQL, Appointment
from db.connection import fetch
from db.sql import prepared


@dataclass(frozen=True, slots=True)
class BookedThere:
    """The booking of a request at Cal.com.

    `start` is None where it is the one that was asked for, or not known; `awaits_host`: its host, or its payment, must
    confirm it still (None: not known).
    """

    uid: str | None
    seat_uid: str | None = None
    series_uid: str | None = None
    start: datetime | None = None
    awaits_host: bool | None = None


def claim_recheck(conn: Connection, appointment_id: int, *, pause_seconds: float) -> Appointment | None:
    """Return a confirmed row about which Cal.com may be asked now, once in so many seconds; None: it may not."""
    asked = {"appointment_id": appointment_id, "pause_seconds": pause_seconds}
    for row in fetch(conn, prepared("claim_recheck", COLUMNS_SQL), asked):
        return Appointment.read(row)
    return None


def record_places(conn: Connection, found: Iterable[tuple[Appointment, BookedThere]], *, by: str, why: str) -> None:
    """Record as what confirmed rows were found at Cal.com just now, except those that have changed since.

    One that was moved answers for its new start, too.
    """
    places = [
        {"id": row.id, "was": row.calcom_booking_uid, **asdict(there), "key": _key(row, there.start)}
        for row, there in found
    ]
    shown = json.dumps(places, default=datetime.isoformat)
    fetch(conn, _record_sql(), {"places": shown, "by": by, "why": why})


@cache
def _record_sql() -> str:
    return prepared("record_places").replace("/* taken */", prepared("taken") + ",")


def _key(row: Appointment, start: datetime | None) -> str | None:
    return None if start is None else row.derived_key_at(start)
