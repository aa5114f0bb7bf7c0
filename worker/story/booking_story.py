"""All that is told of one booking, gathered once: `booking show` and the page only render it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from db.appointments import Appointment, event_types
from db.appointments.events import Event
from worker.story.timeline import whole_timeline
from worker.story.why import why


@dataclass(frozen=True, slots=True)
class BookingStory:
    """Say how a booking stands `now`, which is Postgres's time, why it is not moving, and what happened to it.

    `deleted`: Cal.com has its event type no more. `events` are those after it was asked for.
    """

    row: Appointment
    now: datetime
    deleted: bool
    why: str
    events: list[Event]

    @property
    def what(self) -> str:
        """Return what is booked."""
        length = f", {self.row.length_in_minutes} min" if self.row.length_in_minutes else ""
        return f"event type {self.row.event_type}{length}{' (deleted at Cal.com)' if self.deleted else ''}"

    @property
    def timeline(self) -> list[Event]:
        """Return the events, the first of which is that it was asked for."""
        return [Event("asked", "caller", {}, self.row.created_at), *self.events]


def gather(conn: Connection, row: Appointment, key_fingerprint: str) -> BookingStory:
    """Read what is told of a booking; what is known of its event type is known with this key."""
    event_type = event_types.known(conn, key_fingerprint, row.event_type)
    deleted = event_type is not None and event_type.deleted
    events = whole_timeline(conn, row)
    now: datetime = conn.execute(select(func.now())).scalar_one()
    return BookingStory(row, now, deleted, why(row, now, deleted=deleted), events)
