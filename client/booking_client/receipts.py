"""The answers to a caller: a receipt for each request, and the state of a booking."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from booking_client.insertion import Inserted
from booking_client.states import FINAL, HoldReason, Status, held_by


@dataclass(frozen=True, slots=True)
class Receipt:
    """Hold the result of a request: it was stored as a new row, or it was known already (`duplicate`).

    `start` is the present start, also if the booking was moved at Cal.com. `awaits_host`: Cal.com has the booking,
    and its host must confirm it, or its payment is open (None: not known, or not booked). `hold_reason` is why the
    booking is held, if it is: docs/degradation.md has the words for a caller on the phone. `as_of` is when a known
    booking was last known to be confirmed (None: Cal.com was asked just now). `requested_at` is when the request was
    stored.
    """

    appointment_id: int
    task_id: str
    status: Status
    duplicate: bool
    correlation_id: str
    start: datetime
    hold_reason: HoldReason | None = None
    as_of: datetime | None = None
    awaits_host: bool | None = None
    requested_at: datetime | None = None

    @classmethod
    def of(cls, one: Inserted) -> Self:
        """Return the receipt of a request that is kept, or known."""
        row = one.appointment
        return cls(
            row.id,
            row.task_id,
            row.status,
            duplicate=not one.created,
            correlation_id=row.correlation_id,
            start=row.booked_start_at or row.start_at,
            hold_reason=row.hold_reason,
            as_of=row.updated_at if row.status is Status.CONFIRMED else None,
            awaits_host=row.awaits_host,
            requested_at=row.requested_at,
        )


@dataclass(frozen=True, slots=True)
class Conflict:
    """Hold which booking already has the given idempotency key, for another request; nothing was written."""

    appointment_id: int
    idempotency_key: str


class IdempotencyConflict(ValueError):  # noqa: N818 - a conflict is what it is called
    """Report that an idempotency key was used before, for another request."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(
            f"idempotency_key {conflict.idempotency_key!r} already stands for another request "
            f"(appointment {conflict.appointment_id}); use a new key, or send the same request"
        )
        self.conflict = conflict


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold the state of a booking; `final`: it will not change any more.

    `start` and `awaits_host` as in a Receipt.
    """

    appointment_id: int
    status: Status
    final: bool
    calcom_booking_uid: str | None
    hold_reason: HoldReason | None
    last_error: str | None
    start: datetime
    awaits_host: bool | None

    @classmethod
    def read(cls, row: Sequence[Any]) -> Self:
        """Read a row of OUTCOME_COLUMNS."""
        number, status, uid, reason, held_for, error, start, booked_start, awaits_host = row
        return cls(
            appointment_id=number,
            status=Status(status),
            final=Status(status) in FINAL,
            calcom_booking_uid=uid,
            hold_reason=held_by(reason, held_for),
            last_error=error,
            start=booked_start or start,
            awaits_host=awaits_host,
        )


OUTCOME_COLUMNS = (
    "id",
    "status",
    "calcom_booking_uid",
    "hold_reason",
    "held_for",
    "last_error",
    "start_at",
    "booked_start_at",
    "awaits_host",
)


def answer(one: Inserted) -> Receipt | Conflict:
    """Return the answer to one request of a bulk; a conflict is returned, not raised."""
    row = one.appointment
    return Conflict(row.id, row.idempotency_key) if one.conflict else Receipt.of(one)


def receipt(one: Inserted) -> Receipt:
    """Return the receipt of a single request.

    Raises:
        IdempotencyConflict: The key of the request already stands for another request.
    """
    answered = answer(one)
    if isinstance(answered, Conflict):
        raise IdempotencyConflict(answered)
    return answered
