"""Incidents: what is wrong now, once for the whole fleet. Only one of a kind and subject is open (a unique index)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, and_, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from db.models.resilience import alert_deliveries, alert_incidents

_columns = alert_incidents.c


class IncidentKind(StrEnum):
    """What operators are notified of; each comment says when it is over (QUIET is in tasks/incidents/rules.py)."""

    OUTAGE = "outage"  # one a service: degraded, critical and an open breaker are its levels; healthy and closed again
    HELD_TOO_LONG = "held_too_long"  # nothing is held that was flagged by HOLD_MAX_AGE
    CREDENTIALS = "credentials"  # nothing is held for it, and our key is not refused
    ACCOUNT_REFUSED = "account_refused"  # Cal.com takes the key of each account, and shows it its API
    ACCOUNT_MISLED = "account_misled"  # nothing is held for it of an account beside `default`
    ACCOUNT_FAILING = "account_failing"  # no account's own breaker is open while its bookings wait
    KEY_UNREADABLE = "key_unreadable"  # nothing is held because its account's key cannot be decrypted
    ACCOUNT_CLOSED = "account_closed"  # nothing is held of an account that is closed
    CONFIGURATION = "configuration"  # nothing is held for it
    NO_EVENT_TYPE = "no_event_type"  # nothing is held for an event type that Cal.com had and has no more
    BLIND_KEY = "blind_key"  # the same
    SUSPECT = "suspect"  # the same
    UNREACHABLE = "unreachable"  # the same
    THROTTLED = "throttled"  # nothing is held for it longer than 5 minutes
    FAILED = "failed"  # none failed for QUIET
    EXPIRED = "expired"  # none expired for QUIET
    TOLD_NOT_BOOKED = "told_not_booked"  # none was found booked, after it was told otherwise, for QUIET
    SERIES_CUT = "series_cut"  # no series was counted short for QUIET
    CANCEL_THERE = "cancel_there"  # none that was to be cancelled turned out to be booked for QUIET
    CHANGE_NEEDS_YOU = "change_needs_you"  # none for QUIET ended differently from what was reported, or lives twice
    CHANGE_HELD = "change_held"  # no cancel or move is held until a person acts
    CALLBACKS_GIVEN_UP = "callbacks_given_up"  # each was sent again, or its booking was pruned
    CALLBACKS_NOT_SENT = "callbacks_not_sent"  # a worker has taken each callback that was given out
    CALLBACKS_OFF = "callbacks_off"  # the address of no key is switched off by a 410
    WEBHOOKS_SILENT = "webhooks_silent"  # a webhook came, or its account's webhook was ordered again or removed
    MADE_AGAIN = "made_again"  # none was booked by its evidence POST for QUIET
    AUDIT = "audit"  # one a night that found something; a later one has ended
    MESSAGES_LOST = "messages_lost"  # the sweeper found none for QUIET
    LET_GO_IN_VAIN = "let_go_in_vain"  # no row was held without a call ten times in ten minutes, for QUIET
    BEAT_DEAD = "beat_dead"  # check_health runs again
    REDIS_GONE = "redis_gone"  # every process that checks is back at the shared breaker
    REDIS_SLOW = "redis_slow"  # no process that checks has had too many late answers


@dataclass(frozen=True)
class Incident:
    """A row of `alert_incidents`; `news` counts its messages: one with none is only suspected."""

    id: int
    kind: str
    subject: str | None
    occurrences: int
    detail: Mapping[str, Any]
    opened_at: datetime
    last_seen_at: datetime
    notified_at: datetime | None
    closed_at: datetime | None
    updated_at: datetime
    news: int
    news_at: datetime | None
    message: str

    @property
    def title(self) -> str:
        """Return what is wrong, as the last check found it; once that is over, the last message's first line."""
        newest = self.message.partition("\n")[0]
        return self.detail.get("present", newest) if self.closed_at is None else newest

    @property
    def is_past(self) -> bool:
        """Return whether its title is of the past: the last check did not find it any more."""
        return bool(self.detail.get("is_past"))

    @property
    def counted_at(self) -> datetime | None:
        """Return of which moment the numbers of held bookings in its title are; None: there are none."""
        return self.last_seen_at if "held" in self.detail and not self.is_past and self.closed_at is None else None


def open_incidents(conn: Connection, kinds: Collection[str], *, lock: bool = False) -> list[Incident]:
    """Return the open incidents of these kinds, suspected ones too, the oldest first; `lock` keeps them as they are."""
    query = select(alert_incidents).where(_columns.closed_at.is_(None), _columns.kind.in_(kinds)).order_by(_columns.id)
    rows = conn.execute(query.with_for_update(key_share=True) if lock else query).mappings()
    return [Incident(**row) for row in rows]


def notified(conn: Connection, *, open_only: bool = False, limit: int = 50) -> list[Incident]:
    """Return the incidents that operators are notified of, the newest first."""
    query = select(alert_incidents).where(_columns.news > 0)
    if open_only:
        query = query.where(_columns.closed_at.is_(None))
    return [Incident(**row) for row in conn.execute(query.order_by(_columns.id.desc()).limit(limit)).mappings()]


def open_suspected(
    conn: Connection, kind: str, subject: str | None, now: datetime, *, count: int, detail: Mapping[str, Any]
) -> Incident | None:
    """Record an incident without a notification yet; None when one of this kind and subject is open already."""
    statement = insert(alert_incidents).values(
        kind=kind, subject=subject, occurrences=count, detail=dict(detail), opened_at=now, last_seen_at=now
    )
    row = conn.execute(statement.on_conflict_do_nothing().returning(alert_incidents)).mappings().first()
    return None if row is None else Incident(**row)


def refresh(conn: Connection, incident: Incident, seen_at: datetime, *, count: int, detail: Mapping[str, Any]) -> None:
    """Record that an open incident goes on: `count` is kept at its highest."""
    latest = func.greatest(_columns.last_seen_at, seen_at)
    _write(conn, incident, last_seen_at=latest, occurrences=max(count, incident.occurrences), detail=dict(detail))


def describe_as_past(conn: Connection, incident: Incident, title: str) -> None:
    """Give an open incident that the last check did not find any more a title without that check's numbers."""
    _write(conn, incident, detail={**incident.detail, "present": title, "is_past": True})


def add_message(conn: Connection, incident: Incident, message: str, now: datetime, *, close: bool = False) -> None:
    """Give an incident its next message, and close it if `close`; the sender of alerts finds the message."""
    ended = {"closed_at": now} if close else {}
    _write(conn, incident, news=incident.news + 1, news_at=now, message=message, **ended)


def drop(conn: Connection, incident: Incident) -> None:
    """Delete an incident that no operator was notified of."""
    conn.execute(delete(alert_incidents).where(_columns.id == incident.id, _columns.news == 0))


def add_occurrences(
    conn: Connection, kind: str, subject: str | None, count: int, *, detail: Mapping[str, Any] | None = None
) -> None:
    """Count `count` more of a kind that gathers: into the incident that is open, or into a new one with `detail`."""
    statement = insert(alert_incidents).values(kind=kind, subject=subject, occurrences=count, detail=dict(detail or {}))
    more = {
        "occurrences": _columns.occurrences + statement.excluded.occurrences,
        "last_seen_at": func.now(),
        "updated_at": func.now(),
    }
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "subject"], index_where=_columns.closed_at.is_(None), set_=more
        )
    )


def delivery_errors(conn: Connection, ids: Collection[int]) -> dict[int, list[str]]:
    """Return why sinks have not taken the newest message of these incidents: `sink: error`, by incident."""
    columns = alert_deliveries.c
    behind = and_(columns.incident_id == _columns.id, columns.news < _columns.news, columns.trouble.is_not(None))
    query = select(_columns.id, columns.sink, columns.trouble).join_from(alert_incidents, alert_deliveries, behind)
    errors: dict[int, list[str]] = {}
    for incident_id, sink, error in conn.execute(query.where(_columns.id.in_(ids)).order_by(columns.sink)):
        errors.setdefault(incident_id, []).append(f"{sink}: {error}")
    return errors


def _write(conn: Connection, incident: Incident, **values: Any) -> None:
    conn.execute(
        update(alert_incidents)
        .where(_columns.id == incident.id, _columns.closed_at.is_(None))
        .values(**values, updated_at=func.now())
    )
