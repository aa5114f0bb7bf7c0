"""The sweeper's statements: each locks what it moves, and any number of processes may run it at once.

Rows that come back as pending or retrying count as enqueued: send them after the commit, or `mark_unsent` them.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from booking_client.states import DEFAULT_ACCOUNT
from db.appointments.appointment import COLUMNS_SQL, Appointment
from db.connection import fetch
from db.lifecycle import HoldReason, Status
from db.models.accounts import AccountPace
from db.models.bookings import appointments
from db.sql import prepared, statement


def lost_leases(
    conn: Connection,
    limit: int,
    *,
    settle_seconds: float,
    ends_seconds: float | None = None,
    lease_seconds: float = 50,
    suspect_after: int = 3,
) -> list[Appointment]:
    """Move bookings whose lease ran out to retrying, their outcome unknown; return them.

    The `suspect_after`th lost in a row goes to held(suspect), unless another booking loses as many within
    `lease_seconds`: then they go in groups, two leases apart (`next_attempt_at`). Another POST is safe (`settle_at`)
    `settle_seconds` after the lease, absence may end it (`ends_at`) `ends_seconds` after: 30 s more for 130, for a
    replica's lag.
    """
    ends = settle_seconds * 16 / 13 if ends_seconds is None else ends_seconds
    times = {"settle_seconds": settle_seconds, "ends_seconds": ends, "lease_seconds": lease_seconds}
    return _rows(conn, "lost_leases", limit=limit, suspect_at=suspect_after, **times)


def release_due(
    conn: Connection,
    *,
    key: str,
    settings: str,
    limit: int,
    key_works: bool = False,
    settings_work: bool = False,
    closed: bool = False,
    account: int = DEFAULT_ACCOUNT,
) -> list[Appointment]:
    """Move held bookings to pending whose `hold_until` has come or whose cause is gone; return them, oldest first.

    `key` and `settings` are today's fingerprints of `account`, and concern no other one: another key ends
    credentials and blind_key, other settings end configuration, sight of the event type that was gained since ends
    blind_key: each hold asks its own question, so that nothing circles. `key_works`: today's key is not refused, so
    credentials end for it, too; `settings_work`: so does configuration for today's settings. `closed`: the breaker is,
    so what rests since its probes failed goes, once nobody waits for it any more. Nothing here ends a breaker_open
    without `hold_until`.
    """
    works = {"key_works": key_works, "settings_work": settings_work, "closed": closed}
    return _rows(conn, "release_due", account=account, key=key, settings=settings, limit=limit, **works)


class Waiting(NamedTuple):
    """Whether bookings wait for a harmless call: held for today's key, held for today's settings."""

    credentials: bool
    configuration: bool


def waiting_for_a_call(
    conn: Connection, *, key: str, settings: str, fresh_seconds: float, account: int = DEFAULT_ACCOUNT
) -> Waiting:
    """Return whether bookings of an account wait for the harmless call that ends a hold.

    Of configuration those count that may be tried again, and those held within `fresh_seconds`: whether all must be
    held is asked at once.
    """
    asked = {"account": account, "key": key, "settings": settings, "fresh_seconds": fresh_seconds}
    found = conn.execute(statement("waiting_for_a_call"), asked).one()
    return Waiting(found.credentials, found.configuration)


def first_to_try(conn: Connection, *, settings: str, account: int = DEFAULT_ACCOUNT) -> int | None:
    """Return which booking of an account, held for configuration, goes first when Cal.com answers; None: nobody may."""
    asked = {"account": account, "settings": settings}
    found: int | None = conn.execute(statement("first_to_try"), asked).scalar_one_or_none()
    return found


class MissingType(NamedTuple):
    """An event type to look for: a booking that waits for it, and when it was last looked for (None: never)."""

    row: Appointment
    looked_before: datetime | None


def missing_type(conn: Connection, *, key: str, settings: str, account: int = DEFAULT_ACCOUNT) -> MissingType | None:
    """Take this minute's look for an event type that bookings of an account wait for; None: no look is due."""
    asked = {"account": account, "key": key, "settings": settings}
    found = conn.execute(statement("missing_type"), asked).mappings().one_or_none()
    return None if found is None else MissingType(Appointment.of(found), found["looked_before"])


def of_missing_type(conn: Connection, missing: MissingType, *, settings: str, limit: int) -> list[int]:
    """Return the ids of the bookings that go since their event type is found, the first in line first.

    All that wait for it; one, if a booking met "no such event type" since the look before.
    """
    asked = {
        "account": missing.row.account_id,
        "event_type": missing.row.event_type,
        "looked_before": missing.looked_before,
    }
    return list(conn.execute(statement("of_missing_type"), {**asked, "settings": settings, "limit": limit}).scalars())


class HeldKind(NamedTuple):
    """What an operator names by what holds it; None: of all event types, of all accounts."""

    reason: HoldReason
    event_type_id: int | None = None
    account: int | None = None


def count_held(conn: Connection, kind: HeldKind) -> tuple[int, datetime]:
    """Count what is held so; return it with the moment of the count."""
    found = select(func.count(), func.now()).select_from(appointments).where(*_held_so(kind))
    count, now = conn.execute(found).one()
    return int(count), now


def accounts_of(conn: Connection, kind: HeldKind) -> list[int]:
    """Return the accounts of which bookings are held so."""
    account = appointments.c.account_id
    return list(conn.execute(select(account).distinct().where(*_held_so(kind)).order_by(account)).scalars())


def _held_so(kind: HeldKind) -> Iterator[ColumnElement[bool]]:
    columns = appointments.c
    yield columns.status == Status.HELD
    yield columns.hold_reason == kind.reason
    if kind.event_type_id is not None:
        yield columns.event_type_id == kind.event_type_id
    if kind.account is not None:
        yield columns.account_id == kind.account


def release_kind(
    conn: Connection,
    kind: HeldKind,
    *,
    since: datetime,
    why: str,
    limit: int,
    by: str = "operator",
    via: str | None = None,
) -> list[Appointment]:
    """Move a batch of bookings that were held so at a moment to pending, for an operator; return the rows."""
    told = {"by": by, "via": via, "why": why}
    meant = kind._asdict() | {"reason": kind.reason.value}
    return _rows(conn, "release_kind", since=since, limit=limit, **meant, **told)


class Requested(NamedTuple):
    """How many bookings an account has among those that `requested` takes up next."""

    pace: AccountPace
    rows: int


def requested_of(conn: Connection, limit: int) -> list[Requested]:
    """Count by account what `requested` takes up next."""
    rows = conn.execute(statement("requested_of"), {"limit": limit}).mappings()
    return [Requested(AccountPace.of(row), row["rows"]) for row in rows]


def requested(
    conn: Connection,
    limit: int,
    *,
    lead_seconds: float,
    blocked: Collection[int] = (),
    admitted: Mapping[int, int] | None = None,
) -> list[Appointment]:
    """Take up bookings that a client kept and nobody has published; return them in the order of the line.

    Pending, counted as enqueued now; or held at once: the breaker is `blocked` for their account, others of it wait, or
    of their account no more than so many are `admitted` now.
    """
    bounds = json.dumps(dict(admitted or {}))
    asked = {"limit": limit, "lead_seconds": lead_seconds, "blocked": list(blocked), "admitted": bounds}
    return [Appointment.read(row) for row in fetch(conn, prepared("requested", COLUMNS_SQL), asked)]


def unsent(
    conn: Connection,
    limit: int,
    *,
    queue_empty: bool,
    patience_seconds: float = 5,
    overtaken_seconds: float = 30,
) -> list[Appointment]:
    """Take up waiting bookings whose message was never sent or is gone; return them in the order of the line.

    Gone: due for `patience_seconds`, and either the queue is empty or a message enqueued `overtaken_seconds` later has
    been delivered. `queue_empty` is false when the broker cannot be asked.
    """
    return _rows(
        conn,
        "unsent",
        limit=limit,
        queue_empty=queue_empty,
        patience_seconds=patience_seconds,
        overtaken_seconds=overtaken_seconds,
    )


def expire(conn: Connection, *, lead_seconds: float, limit: int) -> list[Appointment]:
    """Move bookings whose start is within `lead_seconds` to expired, unless their outcome is unknown; return them."""
    return _rows(conn, "expire", lead_seconds=lead_seconds, limit=limit)


def never_known(conn: Connection, limit: int) -> list[Appointment]:
    """Move bookings that a blind key has held until a day after their slot to failed; return them."""
    return _rows(conn, "never_known", limit=limit)


def suspects_due(conn: Connection, limit: int, *, again_seconds: float) -> list[Appointment]:
    """Return suspects of unknown outcome whose turn to be looked for has come; the next is `again_seconds` later."""
    return _rows(conn, "suspects_due", limit=limit, again_seconds=again_seconds)


def mark_unsent(conn: Connection, ids: Iterable[int]) -> None:
    """Take back that these bookings were enqueued, so that `unsent` finds them at once; claimed ones stay."""
    conn.execute(statement("mark_unsent"), {"ids": list(ids)})


def _rows(conn: Connection, name: str, **parameters: Any) -> list[Appointment]:
    return [Appointment.of(row) for row in conn.execute(statement(name), parameters).mappings()]
