"""The timeline of a booking: what happened, when, by whom and why."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, func, insert, select

from db.connection import fetch
from db.lifecycle import Status
from db.models.bookings import appointment_events as _events
from db.sql import prepared, statement

TOLD_NOT_BOOKED = "told_not_booked"  # rejected, failed or expired here, and then found at Cal.com
SERIES_CUT = "series_cut"  # fewer weeks at Cal.com than were asked for
CANCEL_THERE = "cancel_there"  # a cancel was asked for, and it is booked: to be cancelled at Cal.com
MADE_AGAIN = "made_again"  # the evidence POST made the booking: the first had not lived
CHANGE_NEEDS_YOU = "change_needs_you"  # a cancel or a move ended otherwise than somebody was told; or it lives twice
NOTABLE = frozenset(
    {TOLD_NOT_BOOKED, SERIES_CUT, CANCEL_THERE, MADE_AGAIN, CHANGE_NEEDS_YOU}
)  # what operators must hear of
_SHOWN_OTHERWISE = frozenset({"why", "words", "denied_for", "by_own_answer"})  # the last two: figures count by them


@dataclass(frozen=True)
class Event:
    """One entry of a timeline; `detail` holds no secrets and no personal data."""

    kind: str
    by: str  # worker, sweeper, operator, caller
    detail: Mapping[str, Any]
    created_at: datetime

    @property
    def reason(self) -> str | None:
        """Return why it happened, with Cal.com's words, which may name a customer, behind a colon."""
        why, words = self.detail.get("why"), self.detail.get("words")
        return f"{why}: {words}" if words else why

    @property
    def facts(self) -> dict[str, Any]:
        """Return what else is shown of it."""
        return {name: value for name, value in self.detail.items() if name not in _SHOWN_OTHERWISE}


@dataclass(frozen=True)
class Happened:
    """How often something happened since a moment; `first_id` is the lowest booking, `ids` those of the last `events`.

    The newest of the fifty comes first.
    """

    count: int
    last_at: datetime
    first_id: int
    ids: Sequence[int]
    events: Sequence[int] = ()


def record(conn: Connection, appointment_id: int, kind: str, by: str, detail: Mapping[str, Any] | None = None) -> None:
    """Append one event in the caller's transaction, so that it is stored only together with the change."""
    conn.execute(insert(_events).values(appointment_id=appointment_id, kind=kind, by=by, detail=dict(detail or {})))


def record_once(conn: Connection, appointment_id: int, kind: str, by: str, *, uid: str, why: str) -> bool:
    """Append an event that names a booking of Cal.com's, unless one of its kind names it already; return whether.

    The caller has locked the row, so that of two at once one sees the other's.
    """
    same = _events.c.appointment_id == appointment_id, _events.c.kind == kind, _events.c.detail["uid"].astext == uid
    if conn.execute(select(_events.c.id).where(*same).limit(1)).first() is not None:
        return False
    record(conn, appointment_id, kind, by, {"uid": uid, "why": why})
    return True


def held_without_call(
    conn: Connection, appointment_id: int, *, change: int | None, seconds: Sequence[float]
) -> list[int]:
    """Count how often a booking, or this change of it, was held without a call: within each of these last `seconds`."""
    columns = _events.c
    held = [columns.kind == (Status.HELD.value if change is None else f"change_{Status.HELD.value}")]
    if change is not None:
        held.append(columns.detail["change"].astext == str(change))
    counts = [func.count().filter(columns.created_at > func.now() - timedelta(seconds=span)) for span in seconds]
    without_call = columns.detail.has_key("calls").is_(False)
    query = select(*counts).where(columns.appointment_id == appointment_id, without_call, *held)
    return [int(count) for count in conn.execute(query).one()]


def timeline(conn: Connection, appointment_id: int) -> list[Event]:
    """Return all events of a booking, oldest first."""
    columns = _events.c
    rows = conn.execute(
        select(columns.kind, columns.by, columns.detail, columns.created_at)
        .where(columns.appointment_id == appointment_id)
        .order_by(columns.id)
    )
    return [Event(row.kind, row.by, row.detail, row.created_at) for row in rows]


def latest(conn: Connection, kinds: Collection[str], since: datetime) -> dict[str, Happened]:
    """Describe what happened since a moment, by kind; a kind that did not happen is missing.

    Raises:
        ValueError: A kind is not one of NOTABLE: no index finds it.
    """
    if unknown := set(kinds) - NOTABLE:
        raise ValueError(f"not notable: {', '.join(sorted(unknown))}")
    rows = conn.execute(statement("notable_events"), {"kinds": list(kinds), "since": since})
    return {kind: Happened(*figures) for kind, *figures in rows}


def request_cancel(
    conn: Connection,
    appointment_id: int,
    expected: Status,
    *,
    by: str,
    why: str,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """Record, as an event too, that a booking is to be cancelled once its outcome is known.

    False: its status is not `expected`, or that was asked for before: of several requests one writes the event.
    """
    told = {"by": by, "detail": Jsonb({**(detail or {}), "why": why})}
    asked = {"appointment_id": appointment_id, "expected": expected}
    return bool(fetch(conn, prepared("request_cancel"), asked | told))
