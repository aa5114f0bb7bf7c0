"""The row of the models, and what a step of the product does to it: the columns that decide anything, in ticks."""

from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID

from db.appointments.appointment import Appointment
from db.lifecycle import FINAL, MOVES, Status
from tasks.calcom.reply import ErrorType
from tasks.work.decisions import OUTAGE
from tasks.work.moves import FromNow, Move

NOW = datetime(2030, 3, 1, 9, tzinfo=UTC)
REFERENCE = UUID(int=1)
FAR, LONG_AGO = timedelta(days=30), timedelta(days=1)
CLAIMABLE = frozenset({Status.PENDING, Status.RETRYING})
_MAY_BE_UNKNOWN = CLAIMABLE | {Status.HELD, Status.BOOKING}  # the database refuses it of all others

Refusal = tuple[tuple[str, Any], ...]  # what a row keeps of a refusal, as sorted pairs


class Row(NamedTuple):
    """The columns of `appointments` that decide anything."""

    status: Status
    reason: str = ""  # hold_reason
    unknown: bool = False  # outcome_unknown
    settle: int = 0  # ticks until settle_at
    ends: int = 0  # ticks until ends_at
    waited: bool = False  # longer for a proof than an evidence POST may follow, while Cal.com could be asked
    evidence: int = 0  # evidence_posts; one is as good as more
    looks: int = 0
    retries: int = 0
    error: str = ""
    aged: bool = False  # its first POST of unknown outcome was sent longer ago than a POST may go without a look
    refusal: Refusal = ()
    lost: int = 0  # leases_lost
    cancel: bool = False  # cancel_requested
    uid: bool = False  # calcom_booking_uid is set
    lease: int = 0  # ticks until lease_expires_at; below 0 since it ran out


class Change(NamedTuple):
    """Where a row is to go, and with what."""

    to: Status
    sets: tuple[tuple[str, Any], ...] = ()


class IllegalMoveError(AssertionError):
    """Say that a model made a move that the product would refuse."""


def moved(row: Row, to: Status, **changes: Any) -> Row:
    """Return a row after one of the legal moves; the hold and the claim are left behind, as `move` does."""
    if to not in MOVES[row.status]:
        raise IllegalMoveError(f"{row.status} -> {to}")
    row = row._replace(**{"status": to, "reason": "", "lease": 0, **changes})
    if row.unknown and to not in _MAY_BE_UNKNOWN:
        raise IllegalMoveError(f"{to}, and its outcome unknown: the database would refuse it")
    return row


def tidied(row: Row) -> Row:
    """Forget of a row what can no longer matter."""
    if row.status in FINAL and row.status != Status.FAILED:
        return Row(row.status, uid=row.uid)
    if row.unknown:
        # The searches count one retry. Once it is used, nothing costs another: a proxy's page is as any outage
        used_up = row.retries and row.error == ErrorType.CONFIGURATION
        return row._replace(error=ErrorType.TIMEOUT.value) if used_up else row
    error = row.error if row.status == Status.FAILED or waits_for_its_type(row) else ""
    return row._replace(settle=0, ends=0, waited=False, evidence=0, looks=0, error=error, aged=False, refusal=())


def waits_for_its_type(row: Row) -> bool:
    """Say whether a row is held for an event type that Cal.com had, and has no more."""
    return row.status == Status.HELD and row.error == ErrorType.NO_EVENT_TYPE


def later(row: Row) -> Row:
    """Let a tick pass."""
    return row._replace(settle=max(row.settle - 1, 0), ends=max(row.ends - 1, 0)) if row.unknown else row


# Columns of a step that decide nothing later, or not in a world without clocks.
_PASSED_OVER = frozenset(
    {
        "held_for",
        "hold_until",
        "next_attempt_at",
        "sent_at",
        "posts",
        "last_error",
        "resilience_strategy",
        "circuit_breaker_open_at_booking",
        "calcom_seat_uid",
        "series_uid",
        "probe_failures",
        "awaits_host",
        "booked_start_at",
        "checked_at",
    }
)
GATEWAY = frozenset({ErrorType.HTTP_502, ErrorType.HTTP_503})
"""One is as the other: a second POST may stand for the lookup."""
ALIKE = OUTAGE - GATEWAY - {ErrorType.NO_EVENT_TYPE, ErrorType.CONFIGURATION}
"""Errors of which one is as another; but after a proxy's page the next POST costs no retry."""
_REFUSAL_KEPT = ("ask_slots", "error_type", "http_status", "look_due", "meaning", "untold")


def change(step: Move) -> Change:
    """Keep of a step what the models know; a column that they have never heard of is an error."""
    sets: dict[str, Any] = {"lost": 0, "reason": ""}  # what tasks/attempts/attempt.py and db/appointments/moves.py add
    for name, value in step.columns.items():
        if name not in _PASSED_OVER:
            sets |= renamed(name, value)
    if step.to == Status.CONFIRMED:
        sets = {name: value for name, value in sets.items() if name != "ends"}  # when the weeks of a series are counted
    return Change(step.to, tuple(sorted(sets.items())))


_NAMES = {"hold_reason": "reason", "looks": "looks", "retry_count": "retries"}


def renamed(name: str, value: Any) -> dict[str, Any]:  # noqa: PLR0911 - one return a column
    """Return a column as the models name it, and its value."""
    if name in _NAMES:
        return {_NAMES[name]: value}
    match name:
        case "outcome_unknown":
            return {"unknown": value} if value else {"unknown": value, "aged": False}
        case "settle_at" | "ends_at" if isinstance(value, datetime):
            return {}  # as it was
        case "settle_at" | "ends_at":
            return {name.removesuffix("_at"): _ticks(value)}
        case "askable_since":
            return {} if isinstance(value, datetime) else {"waited": False}
        case "evidence_posts":
            return {"evidence": min(value, 1)}
        case "error_type":
            value = ErrorType.HTTP_502 if value in GATEWAY else ErrorType.TIMEOUT if value in ALIKE else value or ""
            return {"error": str(value)}
        case "refusal":
            return {"refusal": tuple((key, value[key]) for key in _REFUSAL_KEPT if value.get(key)) if value else ()}
        case "calcom_booking_uid":
            return {"uid": True}
    raise LookupError(f"the model does not know what {name} means")


def _ticks(value: object) -> int:
    return max(0, ceil(value.seconds)) if isinstance(value, FromNow) else 0


@cache
def appointment(row: Row, *, near: bool = False, young: bool = False) -> Appointment:
    """Return the row as the product reads it when it has just been claimed; a tick is a second."""
    unknown = row.unknown
    return Appointment(
        **_REQUEST,
        requested_at=NOW - (timedelta() if young else LONG_AGO),  # of a young one errors are spared as an outage is
        status=Status.BOOKING,
        start_at=NOW if near else NOW + FAR,
        leases_lost=row.lost,
        outcome_unknown=unknown,
        sent_at=NOW - (LONG_AGO if row.aged else timedelta()) if unknown else None,
        settle_at=NOW + timedelta(seconds=row.settle) if unknown else None,
        ends_at=NOW + timedelta(seconds=row.ends) if unknown else None,
        askable_since=NOW - (LONG_AGO if row.waited else timedelta()) if unknown else None,
        evidence_posts=row.evidence,
        looks=row.looks,
        refusal=_NO_REFUSAL | dict(row.refusal) if row.refusal else None,
        cancel_requested=row.cancel,
        calcom_booking_uid="uid" if row.uid else None,
        error_type=row.error or None,
        retry_count=row.retries,
    )


_NO_REFUSAL: dict[str, Any] = {
    "message": "",
    "uid": None,
    "ask_slots": False,
    "http_status": None,
    "error_type": ErrorType.REFUSED.value,
}
_TEXT = ("idempotency_key", "payload_hash", "correlation_id", "task_id", "attendee_name", "attendee_time_zone")
_ABSENT = (
    "claim_token", "lease_expires_at", "enqueued_at", "next_attempt_at", "hold_reason", "held_at", "hold_until",
    "held_for", "calcom_seat_uid", "series_uid", "series_weeks", "series_of", "last_error",
    "circuit_breaker_open_at_booking", "resilience_strategy", "awaits_host", "checked_at", "booked_start_at",
)  # fmt: skip
_REQUEST: dict[str, Any] = {
    "id": 1,
    "uuid": REFERENCE,
    "key_derived": False,
    "event_type_id": 101,
    "attendee_email": "ann@example.com",
    **dict.fromkeys(_TEXT, "x"),
    **dict.fromkeys(_ABSENT),
    **dict.fromkeys(("resends", "posts", "probe_failures"), 0),
    **dict.fromkeys(("created_at", "updated_at", "line_at"), NOW),
}
