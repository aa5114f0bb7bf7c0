"""Nightly audits: one row a night, which one process at a time has; it stores what it judged, for the next process."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from db import appointments
from db.models.audits import nightly_audits as _audits
from db.models.bookings import appointments as _bookings

Findings = dict[str, list[int | str]]  # ids of bookings, or references that no row has, by kind

_COLUMNS = _audits.c
_DAY = timedelta(days=1)
_GIVEN_UP = "the next one was due"


@dataclass(frozen=True, slots=True)
class NightlyAudit:
    """Hold an audit that was taken up.

    `asked` are the rows that were judged one by one, `read_changes` the changes that were read, `halts` how often it
    halted. Each process that takes it up gets a new `token`; a process with an old one writes nothing.
    """

    night: date
    token: UUID
    halts: int
    asked: frozenset[int]
    findings: Findings
    read_changes: frozenset[int] = frozenset()

    @property
    def start(self) -> datetime:
        """Return the start of the day before the night."""
        return datetime.combine(self.night, time(), UTC) - _DAY

    @property
    def end(self) -> datetime:
        """Return the end of the day that the night begins."""
        return self.start + 2 * _DAY


@dataclass(frozen=True, slots=True)
class EndedAudit:
    """Hold what an audit that has ended found; `unfinished`: why not all was judged, None if all was."""

    night: date
    findings: Findings
    unfinished: str | None
    ended_at: datetime


def take_up(conn: Connection, hour: int, *, lease_seconds: float) -> NightlyAudit | None:
    """Begin the audit of the night that is due, or go on with it; None: it has ended, or another process has it.

    Due is the last `hour` (UTC, by Postgres's clock) that has passed, if a booking was asked for before it.
    """
    due_at = _due(appointments.now(conn), hour)
    asked_before = select(_bookings.c.id).where(_bookings.c.requested_at < due_at)
    if conn.execute(select(exists(asked_before))).scalar_one():
        begin(conn, due_at.date())
    return take(conn, due_at.date(), lease_seconds=lease_seconds)


def begin(conn: Connection, night: date) -> None:
    """Begin the audit of a night, once; end those of earlier nights unfinished."""
    began = insert(_audits).values(night=night).on_conflict_do_nothing().returning(_COLUMNS.night)
    if conn.execute(began).first() is not None:
        earlier = _COLUMNS.night < night, _COLUMNS.ended_at.is_(None)
        conn.execute(update(_audits).where(*earlier).values(ended_at=func.now(), asked=[], unfinished=_GIVEN_UP))


def take(conn: Connection, night: date, *, lease_seconds: float) -> NightlyAudit | None:
    """Take the audit of a night if no process has it and its pause is over; else return None."""
    free = or_(_COLUMNS.lease_expires_at.is_(None), _COLUMNS.lease_expires_at <= func.now())
    come = or_(_COLUMNS.next_at.is_(None), _COLUMNS.next_at <= func.now())
    wanted = update(_audits).where(_COLUMNS.night == night, _COLUMNS.ended_at.is_(None), free, come)
    taken = wanted.values(token=uuid4(), lease_expires_at=_in(lease_seconds)).returning(_audits)
    row = conn.execute(taken).mappings().first()
    if row is None:
        return None
    done = frozenset(row["asked"]), row["findings"], frozenset(row["read_changes"])
    return NightlyAudit(row["night"], row["token"], row["halts"], *done)


def renew(conn: Connection, audit: NightlyAudit, *, lease_seconds: float) -> bool:
    """Extend the lease to `lease_seconds` from now; False: the audit is not ours any more."""
    return _write(conn, audit, lease_expires_at=_in(lease_seconds))


def save(
    conn: Connection,
    audit: NightlyAudit,
    asked: Collection[int],
    findings: Mapping[str, Any],
    *,
    changes: Collection[int] = (),
) -> bool:
    """Store the further rows and changes that were judged, and all findings; False: the audit is not ours any more."""
    more = {"asked": _COLUMNS.asked + list(asked), "read_changes": _COLUMNS.read_changes + list(changes)}
    return _write(conn, audit, **more, findings=dict(findings))


def leave(conn: Connection, audit: NightlyAudit, *, seconds: float, halted: bool) -> None:
    """Give the audit up for so many seconds; then any process may take it. `halted`: answers could not be read."""
    _write(conn, audit, token=None, lease_expires_at=None, next_at=_in(seconds), halts=_COLUMNS.halts + int(halted))


def end(conn: Connection, audit: NightlyAudit, findings: Mapping[str, Any], unfinished: str | None = None) -> bool:
    """End the audit with its findings; False: it is not ours any more."""
    over = {"ended_at": func.now(), "asked": [], "read_changes": []}
    return _write(conn, audit, **over, findings=dict(findings), unfinished=unfinished)


def last_ended(conn: Connection) -> EndedAudit | None:
    """Return the newest audit that has ended."""
    query = select(_COLUMNS.night, _COLUMNS.findings, _COLUMNS.unfinished, _COLUMNS.ended_at)
    row = conn.execute(query.where(_COLUMNS.ended_at.is_not(None)).order_by(_COLUMNS.night.desc()).limit(1)).first()
    return None if row is None else EndedAudit(*row)


def prune(conn: Connection, before: datetime) -> None:
    """Delete the nights before a moment."""
    conn.execute(delete(_audits).where(_COLUMNS.night < before.date()))


def mended(conn: Connection, start: datetime, end: datetime) -> None:
    """Clear the findings of nights whose days lie between two moments: an audit on demand has left none."""
    first, last = (start + _DAY).astimezone(UTC).date(), (end - _DAY).astimezone(UTC).date()
    within = _COLUMNS.night.between(first, last), _COLUMNS.ended_at.is_not(None)
    conn.execute(update(_audits).where(*within).values(findings={}, unfinished=None))


def _due(now: datetime, hour: int) -> datetime:
    """Return the last moment that was this hour."""
    today = datetime.combine(now.astimezone(UTC).date(), time(hour), UTC)
    return today if today <= now else today - _DAY


def _write(conn: Connection, audit: NightlyAudit, **values: Any) -> bool:
    ours = and_(_COLUMNS.night == audit.night, _COLUMNS.token == audit.token, _COLUMNS.ended_at.is_(None))
    return conn.execute(update(_audits).where(ours).values(**values).returning(_COLUMNS.night)).first() is not None


def _in(seconds: float) -> ColumnElement[datetime]:
    return func.now() + timedelta(seconds=seconds)
