"""The door between states: each change is a compare-and-set, each one out of `booking` compares the claim's token."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    Update,
    and_,
    case,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningUpdate

from db.appointments.appointment import Appointment
from db.appointments.events import CANCEL_THERE
from db.lifecycle import LIVE, MOVES, UNASKABLE, Status
from db.schema import appointment_events, appointments
from db.sql import statement

_COLUMNS = appointments.c
_NOT_BOOKED = frozenset({Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED})
_SENT_FOR = frozenset({Status.PENDING, Status.RETRYING})
_OWNED = frozenset({"status", "claim_token", "lease_expires_at", "updated_at", "id", "uuid", "created_at"})


class KeyTakenError(Exception):
    """Say that a newer booking lives, or is confirmed, under the derived key of the one that was to come back."""


def claim(
    conn: Connection, appointment_id: int, *, lease_seconds: float, early_seconds: float = 0.5
) -> Appointment | None:
    """Move a pending or retrying booking to booking, with a fresh token and lease; None when there is nothing to claim.

    A message that comes more than `early_seconds` before `next_attempt_at` is a second delivery and claims nothing.
    The row comes back as it now is; one that has a `calcom_booking_uid` was booked by a call that answered late.
    """
    result = conn.execute(
        statement("claim"),
        {"appointment_id": appointment_id, "lease_seconds": lease_seconds, "early_seconds": early_seconds},
    )
    row = result.mappings().first()
    return None if row is None else Appointment.of(row)


def renew(
    conn: Connection, appointment_id: int, token: UUID | None, *, lease_seconds: float, **changes: Any
) -> Appointment | None:
    """Extend the lease of a claim that is still ours and write `changes`; None when it is not ours any more."""
    values = _checked(changes)
    values["lease_expires_at"] = func.now() + func.make_interval(0, 0, 0, 0, 0, 0, lease_seconds)
    result = conn.execute(
        update(appointments)
        .where(_COLUMNS.id == appointment_id, _COLUMNS.status == Status.BOOKING, _COLUMNS.claim_token == token)
        .values(**values, updated_at=func.now())
        .returning(appointments)
    )
    row = result.mappings().first()
    return None if row is None else Appointment.of(row)


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

    False when it is not where it is `expected`, or when that was asked for already: of several that ask, one tells.
    """
    change = (
        update(appointments)
        .where(_COLUMNS.id == appointment_id, _COLUMNS.status == expected, ~_COLUMNS.cancel_requested)
        .values(cancel_requested=True, updated_at=func.now())
        .returning(_COLUMNS.id)
    )
    event_detail = {**(detail or {}), "why": why}
    return conn.execute(_with_event(change, "cancel_requested", by, event_detail)).first() is not None


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

    Writes `changes` (values or SQL expressions) and, when `why` is given, an event of kind `to`. By itself: entering
    held sets `held_at`; leaving it clears the hold, leaving booking the claim; pending and retrying count as enqueued
    now (unless `enqueued_at` is given); `next_attempt_at` is kept only where given; confirmed is no longer unknown; a
    release from a hold in which Cal.com could not be asked begins `askable_since` anew.

    Raises:
        ValueError: The move is not one of `lifecycle.MOVES`, or lacks its token or hold_reason: a fault of the caller.
        KeyTakenError: An ended booking's derived key has a newer booking; nothing was written.
    """
    origins = _statuses(expected)
    _refuse_illegal(origins, to, token, changes)
    there = _still_there(origins, token)
    if to in _NOT_BOOKED and origins <= LIVE and "calcom_booking_uid" not in changes:
        there = and_(there, _COLUMNS.calcom_booking_uid.is_(None))  # a late answer has come: its next claim confirms it
    change = (
        update(appointments)
        .where(_COLUMNS.id == appointment_id, there)
        .values(_values(to, changes))
        .returning(_COLUMNS.id)
    )
    if why is None:
        return _guarded(conn, change, origins)
    wish = CANCEL_THERE if to is Status.CONFIRMED else None  # who asked for a cancel must hear that it is booked
    return _guarded(conn, _with_event(change, to.value, by, {"why": why, **(detail or {})}, wish), origins)


def _with_event(
    change: ReturningUpdate[Any], kind: str, by: str, detail: Mapping[str, Any], wish: str | None = None
) -> Insert:
    """Return the change and its event as one round trip: the event stands if and only if the row changed.

    `wish` is the kind of one more, where a cancel of the row was asked for.
    """
    changed = change.returning(_COLUMNS.cancel_requested).cte("changed")
    happened = select(changed.c.id, literal(kind), literal(by), literal(dict(detail), JSONB))
    asked = select(changed.c.id, literal(wish), literal(by), literal({}, JSONB)).where(changed.c.cancel_requested)
    events = happened if wish is None else happened.union_all(asked)
    event = insert(appointment_events).from_select(["appointment_id", "kind", "by", "detail"], events)
    return event.returning(appointment_events.c.appointment_id)


def _statuses(expected: Status | Collection[Status]) -> frozenset[Status]:
    return frozenset({expected}) if isinstance(expected, Status) else frozenset(expected)


def _checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse columns that are not there, and those that only this module writes."""
    wrong = sorted(name for name in changes if name in _OWNED or name not in _COLUMNS)
    if wrong:
        raise ValueError(f"not for a caller to write: {', '.join(wrong)}")
    return dict(changes)


def _refuse_illegal(origins: frozenset[Status], to: Status, token: UUID | None, changes: Mapping[str, Any]) -> None:
    illegal = sorted(origin for origin in origins if to not in MOVES[origin])
    if illegal or not origins:
        raise ValueError(f"no such move: {', '.join(illegal) or 'nothing'} -> {to}")
    if to is Status.BOOKING:
        raise ValueError("only claim moves a booking to booking")
    if Status.BOOKING in origins and token is None:
        raise ValueError("a move out of booking needs the token of its claim")
    if (to is Status.HELD) != (changes.get("hold_reason") is not None):
        raise ValueError("held needs a hold_reason, and nothing else has one")


def _still_there(origins: frozenset[Status], token: UUID | None) -> ColumnElement[bool]:
    where = _COLUMNS.status.in_(origins)
    if Status.BOOKING not in origins:
        return where
    return and_(where, or_(_COLUMNS.status != Status.BOOKING, _COLUMNS.claim_token == token))


def _values(to: Status, changes: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "status": to,
        "updated_at": func.now(),
        "claim_token": null(),
        "lease_expires_at": null(),
        "hold_reason": null(),
        "held_at": func.now() if to is Status.HELD else null(),
        "hold_until": null(),
        "held_for": null(),
        "next_attempt_at": null(),
        # Kept where it was delivered: evidence of how far the queue has come (see sql/unsent.sql).
        "enqueued_at": case((_COLUMNS.status.in_(_SENT_FOR), null()), else_=_COLUMNS.enqueued_at),
    }
    if to in _SENT_FOR:
        values["enqueued_at"] = func.now()
    if to is Status.CONFIRMED:
        values["outcome_unknown"] = False
    if to is Status.PENDING:
        unasked = and_(_COLUMNS.outcome_unknown, _COLUMNS.hold_reason.in_(UNASKABLE))
        values["askable_since"] = case((unasked, func.now()), else_=_COLUMNS.askable_since)
    return values | _checked(changes)


def _guarded(conn: Connection, change: Update | Insert, origins: frozenset[Status]) -> bool:
    """Run a move; one that brings an ended booking back may meet the newer booking of its key."""
    if origins <= LIVE | {Status.CONFIRMED}:  # these have their keys
        return conn.execute(change).first() is not None
    try:
        with conn.begin_nested():  # so that the caller's transaction outlives the refusal
            return conn.execute(change).first() is not None
    except IntegrityError as refused:
        if getattr(getattr(refused.orig, "diag", None), "constraint_name", None) == "appointments_derived_key":
            raise KeyTakenError("a newer booking has this key") from None
        raise
