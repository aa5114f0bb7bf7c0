"""The moves of a change: each is a compare-and-set, and each one out of `changing` compares the claim's token."""

from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from db.appointments.appointment import COLUMNS_SQL as BOOKING_COLUMNS
from db.appointments.appointment import Appointment
from db.appointments.moves import EARLY, FromNow
from db.changes.change import COLUMNS, COLUMNS_SQL, BookingChange
from db.connection import fetch
from db.lifecycle import CHANGE_MOVES, OVER, ChangeStatus, HoldReason
from db.models.accounts import AccountState
from db.models.changes import booking_changes
from db.sql import prepared

SENT_FOR = frozenset({ChangeStatus.PENDING, ChangeStatus.RETRYING})
_OWNED = frozenset({"id", "status", "claim_token", "lease_expires_at", "updated_at"})
_WRITTEN = frozenset(COLUMNS) - _OWNED | {"resends"}

Setters = tuple[tuple[str, str], ...]


class ClaimedChange(NamedTuple):
    """A claimed change and its booking; the rest is as in `db.appointments.Claimed`."""

    change: BookingChange
    booking: Appointment
    backlog: HoldReason | None
    account: AccountState
    version: int


def get(conn: Connection, change_id: int, *, lock: bool = False) -> BookingChange | None:
    """Read a change by its id; `lock`: it stays as it is read until the transaction ends."""
    query = select(booking_changes).where(booking_changes.c.id == change_id)
    row = conn.execute(query.with_for_update() if lock else query).mappings().first()
    return None if row is None else BookingChange.of(row)


def by_ids(conn: Connection, ids: Collection[int]) -> list[BookingChange]:
    """Return the changes of these ids that are there."""
    query = select(booking_changes).where(booking_changes.c.id.in_(ids))
    return [BookingChange.of(row) for row in conn.execute(query).mappings()]


def claim(conn: Connection, change_id: int, *, lease_seconds: float, released: bool) -> ClaimedChange | None:
    """Move a pending or retrying change to changing; None: it is elsewhere, or another change of its uid goes first."""
    asked = {"change_id": change_id, "lease_seconds": lease_seconds, "early_seconds": EARLY, "released": released}
    try:
        claimed = fetch(conn, _claim_sql(), asked)
    except IntegrityError as refused:
        if getattr(getattr(refused.orig, "diag", None), "constraint_name", None) == "booking_changes_of_uid":
            return None  # another change of this uid was claimed in the same moment
        raise
    for account, version, backlog, *row in claimed:
        reason = None if backlog is None else HoldReason(backlog)
        change, booking = BookingChange.read(row[: len(COLUMNS)]), Appointment.read(row[len(COLUMNS) :])
        return ClaimedChange(change, booking, reason, AccountState(account), version)
    return None


@cache
def _claim_sql() -> str:
    return prepared("change_claim", COLUMNS_SQL).replace("/* columns of its booking */", BOOKING_COLUMNS)


def renew(conn: Connection, change: BookingChange, *, lease_seconds: float, **changes: Any) -> BookingChange | None:
    """Extend the lease of a claim that is still ours and write `changes`; None when it is not ours any more."""
    setters, values = _changed(changes)
    values |= {"change_id": change.id, "lease_seconds": lease_seconds, "claim_token": change.claim_token}
    written = "".join(f", {name} = {value}" for name, value in setters)
    sql = prepared("change_renew", COLUMNS_SQL).replace("/* changes */", written)
    for row in fetch(conn, sql, values):
        return BookingChange.read(row)
    return None


def move(
    conn: Connection,
    change_id: int,
    expected: ChangeStatus | Collection[ChangeStatus],
    to: ChangeStatus,
    *,
    why: str,
    token: UUID | None = None,
    by: str = "worker",
    detail: Mapping[str, Any] | None = None,
    **changes: Any,
) -> bool:
    """Move a change if it is still where it is `expected` (and, if that is changing, still claimed under `token`).

    Locks its booking first. Writes `changes`, without the columns that only a booking has, and an event `change_<to>`
    of its booking. By itself: entering held sets `held_at`, leaving it clears the hold; pending and retrying count as
    enqueued now (unless `enqueued_at` is given); what is over is no longer unknown.

    Raises:
        ValueError: The move is not one of `lifecycle.CHANGE_MOVES`, or lacks its token or hold_reason.
    """
    origins = frozenset({expected}) if isinstance(expected, ChangeStatus) else frozenset(expected)
    illegal = sorted(origin for origin in origins if to not in CHANGE_MOVES[origin])
    if illegal or not origins:
        raise ValueError(f"no such move: {', '.join(illegal) or 'nothing'} -> {to}")
    if to is ChangeStatus.CHANGING or (ChangeStatus.CHANGING in origins and token is None):
        raise ValueError("only claim moves a change to changing, and only its token moves it out of it")
    if (to is ChangeStatus.HELD) != (changes.get("hold_reason") is not None):
        raise ValueError("held needs a hold_reason, and nothing else has one")
    setters, values = _changed(changes)
    values |= {"change_id": change_id, "to": to.value, "claim_token": token, "by": by}
    values["detail"] = Jsonb({"why": why, **(detail or {})})
    return bool(fetch(conn, _move_sql(origins, to, setters), values))


def _changed(changes: Mapping[str, Any]) -> tuple[Setters, dict[str, Any]]:
    """Return what sets these columns, and their values."""
    setters, values = [], {}
    for name, value in changes.items():
        if name not in _WRITTEN:
            continue
        moment = isinstance(value, FromNow)
        setters.append((name, f"now() + make_interval(secs => %({name})s)" if moment else f"%({name})s"))
        values[name] = value.seconds if moment else Jsonb(value) if isinstance(value, dict | list) else value
    return tuple(setters), values


@lru_cache(maxsize=256)
def _move_sql(origins: frozenset[ChangeStatus], to: ChangeStatus, setters: Setters) -> str:
    columns = {
        "hold_reason": "NULL",
        "held_at": "now()" if to is ChangeStatus.HELD else "NULL",
        "hold_until": "NULL",
        "held_for": "NULL",
        "next_attempt_at": "NULL",
        **({"enqueued_at": "now()"} if to in SENT_FOR else {}),
        **({"outcome_unknown": "false"} if to in OVER else {}),
    } | dict(setters)
    listed = ", ".join(f"'{origin.value}'" for origin in sorted(origins))
    still_there = [f"status IN ({listed})"]
    if ChangeStatus.CHANGING in origins:
        still_there.append("(status <> 'changing' OR claim_token = %(claim_token)s)")
    changes = ", ".join(f"{name} = {value}" for name, value in columns.items())
    return (
        prepared("change_move").replace("/* changes */", changes).replace("/* conditions */", " AND ".join(still_there))
    )
