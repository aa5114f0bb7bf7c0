"""The moves of a booking: each is a compare-and-set, and each one out of `booking` compares the claim's token.

A move's statement is written once for the columns that it sets, and prepared by every connection that sends it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from db.appointments.appointment import COLUMNS, COLUMNS_SQL, Appointment
from db.appointments.move_sql import AT_WORK, move_sql, telling
from db.connection import fetch, fetch_in_time, setters
from db.lifecycle import LIVE, MOVES, HoldReason, Status
from db.models.accounts import AccountState
from db.sql import prepared

WRITABLE = frozenset(COLUMNS) - {"status", "claim_token", "lease_expires_at", "updated_at", "id", "uuid", "created_at"}
"""The columns that a caller may write with a move, or with a claim's renewal."""

EARLY = 0.5  # seconds: a message that comes earlier before `next_attempt_at` is a second delivery and claims nothing
_ONE = "= %(appointment_id)s"
_SEVERAL = "IN (SELECT id FROM appointments WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)"


class KeyTakenError(Exception):
    """Raised when the derived key of a booking that was to live again belongs to a newer booking by now."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed row, and the hold reason of older bookings that it must not overtake (None: there are none).

    `account` and `version` are its account's state, and the number of that. `seats_given_up`: some are, of its account.
    """

    row: Appointment
    backlog: HoldReason | None
    account: AccountState
    version: int
    seats_given_up: bool


def claim(conn: Connection, appointment_id: int, *, lease_seconds: float, released: bool = False) -> Claimed | None:
    """Move a pending or retrying booking to booking, with a fresh token and lease; None when there is nothing to claim.

    The row comes back as it now is; one that has a `calcom_booking_uid` was booked by a call that answered late.
    `released`: the paced release let it go. What was not, and is due for its first POST, waits behind those that were
    requested earlier and are held.
    """
    asked = {"appointment_id": appointment_id, "lease_seconds": lease_seconds, "early_seconds": EARLY}
    claimed = fetch_in_time(conn, _claim_sql(_ONE), {**asked, "released": released})
    return next((_claimed(*one) for one in claimed), None)


def claim_together(conn: Connection, ids: Collection[int], *, lease_seconds: float) -> dict[int, Claimed]:
    """Claim several bookings in one statement, as `claim` claims one that was not released; return the claimed by id.

    They are locked in the order of their ids; one that somebody has locked is passed over.
    """
    asked = {"ids": list(ids), "lease_seconds": lease_seconds, "early_seconds": EARLY, "released": False}
    claimed = [_claimed(*one) for one in fetch_in_time(conn, _claim_sql(_SEVERAL), asked)]
    return {one.row.id: one for one in claimed}


@cache
def _claim_sql(which: str) -> str:
    return prepared("claim", COLUMNS_SQL).replace("/* which */", which)


def _claimed(account: str, version: int, backlog: str | None, seats_given_up: bool, *row: Any) -> Claimed:  # noqa: FBT001 - a row's column
    reason = None if backlog is None else HoldReason(backlog)
    return Claimed(Appointment.read(row), reason, AccountState(account), version, seats_given_up)


def move(
    conn: Connection,
    appointment_id: int,
    expected: Status | Collection[Status],
    to: Status,
    *,
    token: UUID | None = None,
    why: str | None = None,
    by: str = "worker",
    detail: Mapping[str, Any] | None = None,
    **changes: Any,
) -> bool:
    """Move a booking if it is still where it is `expected` (and, if that is booking, still claimed under `token`).

    Writes `changes` (values, or moments FromNow) and, when `why` is given, an event of kind `to`. By itself: entering
    held sets `held_at`; leaving it clears the hold, leaving booking the claim; pending and retrying count as enqueued
    now (unless `enqueued_at` is given); `next_attempt_at` is kept only where given; confirmed is no longer unknown; a
    claimed row becomes cancelled only while that is requested, or as the booking that Cal.com has cancelled; a release
    from a hold in which Cal.com could not be asked sets `askable_since` to now.

    Raises:
        ValueError: The move is not one of `lifecycle.MOVES`, or lacks its token or hold_reason: a fault of the caller.
        KeyTakenError: An ended booking's derived key has a newer booking; nothing was written.
    """
    origins = frozenset({expected}) if isinstance(expected, Status) else frozenset(expected)
    sql, values = move_statement(
        appointment_id, origins, to, token=token, why=why, by=by, detail=detail, changes=changes
    )
    sql = telling(sql) if to is Status.CONFIRMED else sql
    if origins <= LIVE | {Status.CONFIRMED}:  # these have their keys
        return bool(fetch(conn, sql, values))
    try:
        with conn.begin_nested():  # so that the caller's transaction outlives the refusal
            return bool(fetch(conn, sql, values))
    except IntegrityError as refused:
        if getattr(getattr(refused.orig, "diag", None), "constraint_name", None) == "appointments_derived_key":
            raise KeyTakenError("a newer booking has this key") from None
        raise


def move_statement(
    appointment_id: int,
    origins: frozenset[Status],
    to: Status,
    *,
    token: UUID | None,
    why: str | None,
    by: str,
    detail: Mapping[str, Any] | None,
    changes: Mapping[str, Any],
) -> tuple[str, dict[str, Any]]:
    """Return the statement of a move, and its parameters.

    Raises:
        ValueError: As `move`.
    """
    refuse_illegal(MOVES, origins, to, token, changes)
    own_setters, values = setters(changes, WRITABLE)
    values |= {"appointment_id": appointment_id, "to": to, "claim_token": token, "by": by}
    values["detail"] = Jsonb({"why": why, **(detail or {})})
    values["told"] = why is not None
    return move_sql(origins, to, own_setters), values


def refuse_illegal(
    legal: Mapping[Any, Collection[str]],
    origins: Collection[str],
    to: str,
    token: UUID | None,
    columns: Mapping[str, Any],
) -> None:
    """Refuse a move of a row that is none of the `legal` ones, or lacks its token or hold_reason.

    Raises:
        ValueError: It is refused: a fault of the caller.
    """
    illegal = sorted(origin for origin in origins if to not in legal[origin])
    if illegal or not origins:
        raise ValueError(f"no such move: {', '.join(illegal) or 'nothing'} -> {to}")
    if to in AT_WORK:
        raise ValueError(f"only a claim moves a row to {to}")
    if token is None and AT_WORK.intersection(origins):
        raise ValueError("a move of a claimed row needs the token of its claim")
    if (to == Status.HELD) != (columns.get("hold_reason") is not None):
        raise ValueError("held needs a hold_reason, and nothing else has one")
