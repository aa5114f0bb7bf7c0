"""Signs of life: a periodic task ticks, and other processes notice when it no longer does."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from db.models.bookings import appointments
from db.models.resilience import heartbeats as _beats

HEALTH_CHECK = "check_health"  # the name of beat's tick
EVERY = 5.0  # seconds between two health checks
MISSED = 3  # ticks missed in a row from which beat counts as dead

_columns = _beats.c


@dataclass(frozen=True)
class Heartbeat:
    """When something last ticked (None: never, though a booking waits for it), and how often it should."""

    ticked_at: datetime | None
    since: datetime
    every: float
    now: datetime

    @property
    def age(self) -> float:
        """Return the seconds since the last tick, or since the first booking, by Postgres's clock."""
        return (self.now - self.since).total_seconds()


def tick(conn: Connection, name: str, *, every: float) -> datetime:
    """Record that `name`, which runs every so many seconds, lives; return now.

    The row stays locked until the transaction ends: of many that tick at once, one goes on at a time.
    """
    now = func.clock_timestamp()
    statement = insert(_beats).values(name=name, every_seconds=every, ticked_at=now)
    statement = statement.on_conflict_do_update(
        index_elements=["name"], set_={"every_seconds": every, "ticked_at": func.clock_timestamp()}
    )
    moment: datetime = conn.execute(statement.returning(_columns.ticked_at)).scalar_one()
    return moment


def last_tick(conn: Connection, name: str) -> datetime | None:
    """Return when `name` last ticked; None: never."""
    at: datetime | None = conn.execute(select(_columns.ticked_at).where(_columns.name == name)).scalar_one_or_none()
    return at


def last_check(conn: Connection, *, lock: bool = False) -> Heartbeat | None:
    """Return the last health check; None: there is none to miss, or another process has locked it (with `lock`).

    Where beat has never ticked, the check is missed from the first booking on.
    """
    columns = _columns.ticked_at, _columns.every_seconds, func.clock_timestamp()
    query = select(*columns).where(_columns.name == HEALTH_CHECK)
    row = conn.execute(query).first()
    if row is None:
        return _never(conn)
    if lock:  # nobody waits here: who holds the row is just ticking, or reporting what we would report
        row = conn.execute(query.with_for_update(skip_locked=True)).first()
    return None if row is None else Heartbeat(row[0], *row)


def beat_is_dead(beat: Heartbeat | None) -> TypeGuard[Heartbeat]:
    """Return whether too many ticks were missed, also from the first on; a fleet that has no booking misses none."""
    return beat is not None and beat.age > MISSED * beat.every


def _never(conn: Connection) -> Heartbeat | None:
    first = select(func.min(appointments.c.requested_at), func.clock_timestamp())
    requested_at, now = conn.execute(first).one()
    return None if requested_at is None else Heartbeat(None, requested_at, EVERY, now)


def now(conn: Connection) -> datetime:
    """Return the moment by the clock that ticks are written with."""
    moment: datetime = conn.execute(select(func.clock_timestamp())).scalar_one()
    return moment
