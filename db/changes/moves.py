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
from db.appointments.move_sql import filled, own_setters
from db.appointments.moves import EARLY, refuse_illegal
from db.appointments.moves import WRITABLE as OF_BOOKINGS
from db.changes.change import COLUMNS, COLUMNS_SQL, BookingChange
from db.connection import Setters, fetch, setters
from db.lifecycle import CHANGE_MOVES, OVER, ChangeStatus, HoldReason
from db.models.accounts import AccountState
from db.models.changes import booking_changes
from db.sql import prepared

WRITABLE = frozenset(COLUMNS) - {"id", "status", "claim_token", "lease_expires_at", "updated_at"} | {"resends"}
"""The columns that a caller may write with a move, or with a claim's renewal."""
BOOKING_ONLY = OF_BOOKINGS - WRITABLE
"""What the rules write of a booking, and a change has no column for: it is passed over."""


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
    refuse_illegal(CHANGE_MOVES, origins, to, token, changes)
    given, values = setters(changes, WRITABLE, BOOKING_ONLY)
    values |= {"change_id": change_id, "to": to.value, "claim_token": token, "by": by}
    values["detail"] = Jsonb({"why": why, **(detail or {})})
    return bool(fetch(conn, _move_sql(origins, to, given), values))


@lru_cache(maxsize=256)
def _move_sql(origins: frozenset[ChangeStatus], to: ChangeStatus, given: Setters) -> str:
    known = {"outcome_unknown": "false"} if to in OVER else {}
    return filled(prepared("change_move"), origins, own_setters(to) | known | dict(given))
