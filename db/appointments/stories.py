"""The stories of bookings that have ended lately: each once, when all that was written before it is visible."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from db.appointments.events import Event
from db.lifecycle import FINAL
from db.models.bookings import appointment_events as _events
from db.models.bookings import appointments as _appointments
from db.models.counts import counted_bookings as _counted

_event, _booking = _events.c, _appointments.c
_settled = select(func.coalesce(func.max(_counted.c.event_id), 0)).scalar_subquery()
"""All events up to here are committed, or never will be (`db.monitoring.booking_minutes`)."""


class Numbered(NamedTuple):
    """An event of a booking, and its place among all events of that booking, from 0."""

    place: int
    event: Event


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to a booking, oldest first, from its request to an end, or from one end to the next.

    `requested_at` is None where it goes on after an end. Nothing of the request is in it.
    """

    id: int
    uuid: UUID
    correlation_id: str
    event_type_id: int | None
    requested_at: datetime | None
    events: tuple[Numbered, ...]


class Ended(NamedTuple):
    """Hold the stories of a stretch of events, where the next one begins, and how many events it has."""

    stories: list[Story]
    position: int
    looked_at: int


def lately(conn: Connection, *, seconds: float, most: int) -> int:
    """Return the position before the events of the last so many seconds, or before `most` events."""
    newest = select(_event.id, _event.created_at).where(_event.id > _settled - most).subquery().c
    young = newest.created_at > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    found: int = conn.execute(select(func.coalesce(func.min(newest.id) - 1, _settled)).where(young)).scalar_one()
    return found


def ended(conn: Connection, after: int, *, most: int) -> Ended:
    """Return what has ended within the next `most` events after a position."""
    asked = select(_event.id, _event.appointment_id, _event.kind).where(_event.id > after, _event.id <= _settled)
    new = conn.execute(asked.order_by(_event.id).limit(most)).all()
    if not new:
        return Ended([], after, 0)
    position = int(new[-1].id)
    ids = {row.appointment_id for row in new if row.kind in FINAL}
    return Ended(list(_stories(conn, ids, after, position)) if ids else [], position, len(new))


def _stories(conn: Connection, ids: set[int], after: int, until: int) -> Iterator[Story]:
    rows: Iterable[Row[Any]] = conn.execute(
        select(
            _booking.uuid, _booking.correlation_id, _booking.event_type_id, _booking.requested_at,
            _event.id, _event.appointment_id, _event.kind, _event.by, _event.detail, _event.created_at,
        )
        .join_from(_events, _appointments, _event.appointment_id == _booking.id)
        .where(_event.appointment_id.in_(ids), _event.id <= until)
        .order_by(_event.appointment_id, _event.id)
    )  # fmt: skip
    for _, of_one in groupby(rows, lambda row: row.appointment_id):
        yield from _of_one(list(of_one), after)


def _of_one(rows: Sequence[Row[Any]], after: int) -> Iterator[Story]:
    """Yield what leads to each end that was written after a position."""
    begins = 0
    for place, row in enumerate(rows):
        if row.kind not in FINAL:
            continue
        if row.id > after:
            life = enumerate(rows[begins : place + 1], begins)
            yield Story(
                row.appointment_id,
                row.uuid,
                row.correlation_id,
                row.event_type_id,
                None if begins else row.requested_at,
                tuple(Numbered(n, Event(one.kind, one.by, one.detail, one.created_at)) for n, one in life),
            )
        begins = place + 1
