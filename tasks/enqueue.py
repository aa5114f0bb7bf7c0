"""Accept booking requests, and return their state: the API for callers."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from db import appointments
from db.appointments import Inserted, LineRule, NewAppointment
from db.connection import deadline
from db.lifecycle import FINAL, HoldReason, Status
from resilience import correlation
from resilience.exceptions import AppointmentDatabaseException, AppointmentException
from tasks import dependencies
from tasks.calcom.access import CALCOM_RATE, CREATE
from tasks.database_errors import as_appointment_error, database_errors
from tasks.dependencies import Dependencies
from tasks.publish import send
from tasks.request.idempotency import derive_key, payload_hash
from tasks.request.model import BookingRequest

# Seconds that a caller waits for Postgres, and seconds more for each request: he may be on the phone.
PATIENCE, PATIENCE_EACH = 1.5, 0.005
PART = 1_000  # requests in one transaction: Postgres needs half a second for them, and a statement may take ten


@dataclass(frozen=True, slots=True)
class Receipt:
    """Hold the result of a request: it was stored as a new row, or it was known already (`duplicate`).

    `start` is the present start, also if the booking was moved at Cal.com. `awaits_host`: Cal.com has the booking,
    and its host must confirm it, or its payment is open (None: not known, or not booked). `hold_reason` is why the
    booking is held, if it is: docs/degradation.md has the words for a caller on the phone. `as_of` is when a known
    booking was last known to be confirmed (None: Cal.com was asked just now).
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


@dataclass(frozen=True, slots=True)
class Conflict:
    """Hold which booking already has the given idempotency key, for another request; nothing was written."""

    appointment_id: int
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Hold the state of a booking; `final`: it will not change any more.

    `start` and `awaits_host` are those of a Receipt.
    """

    appointment_id: int
    status: Status
    final: bool
    calcom_booking_uid: str | None
    hold_reason: HoldReason | None
    last_error: str | None
    start: datetime
    awaits_host: bool | None


class IdempotencyConflict(ValueError):  # noqa: N818 - a conflict is what it is called
    """Report that an idempotency key was used before, for another request."""

    def __init__(self, conflict: Conflict) -> None:
        super().__init__(
            f"idempotency_key {conflict.idempotency_key!r} already stands for another request "
            f"(appointment {conflict.appointment_id}); use a new key, or send the same request"
        )
        self.conflict = conflict


def enqueue_booking(request: BookingRequest) -> Receipt:
    """Store a request as a committed row, and send its task.

    Once this returns, the request cannot be lost: a broker or worker that is down costs time, but no booking.

    Raises:
        IdempotencyConflict: The key was used before, for another request.
        AppointmentDatabaseException: Postgres did not store the request, and nothing was sent. If the message says that
        Postgres may have kept the request, send the same request again to get its receipt.
    """
    deps = dependencies.current()
    [kept] = _keep(deps, [request])
    if not kept.created and not kept.conflict and kept.appointment.status is Status.CONFIRMED:
        from tasks.recheck import Standing, still_booked  # noqa: PLC0415 - rare, and it loads the HTTP client

        now = still_booked(deps, kept.appointment.id)
        if now.standing is Standing.CANCELLED:  # cancelled at Cal.com, so a repeated request wants a new booking
            [kept] = _keep(deps, [request])
        elif now.standing is Standing.LIVES:
            start = now.start or kept.appointment.start_at
            return replace(_known(kept), start=start, as_of=None, awaits_host=now.awaits_host)
    receipt = _receipt(kept)
    if isinstance(receipt, Conflict):
        raise IdempotencyConflict(receipt)
    return receipt


def enqueue_bookings(requests: Sequence[BookingRequest]) -> list[Receipt | Conflict]:
    """Store any number of requests, PART of them with one INSERT, and return the result of each, in the same order.

    Each part is a transaction, and its tasks are sent over one connection before the next part is stored. Cal.com is
    not asked whether known and confirmed bookings are still there: `as_of` in a receipt says when that was last known.

    Raises:
        AppointmentDatabaseException: As enqueue_booking, for one part: the parts before it are stored, those after it
        are not, and the message says how many are stored. Send the same requests again to get their receipts.
    """
    deps = dependencies.current()
    answers: list[Receipt | Conflict] = []
    new = 0  # rows of this call so far: later rows stand further back in the line
    for first in range(0, len(requests), PART):
        try:
            kept = _keep(deps, requests[first : first + PART], first_number=new)
        except AppointmentDatabaseException as error:
            raise _kept_in_part(error, first, len(requests)) if first else error from None
        answers += map(_receipt, kept)
        new += sum(one.created for one in kept)
    return answers


def _keep(deps: Dependencies, requests: Sequence[BookingRequest], *, first_number: int = 0) -> list[Inserted]:
    patient = PATIENCE + len(requests) * PATIENCE_EACH
    alone = len(requests) == 1
    committing = False
    try:
        with deadline(patient):
            shut = deps.breaker.view.begin_is_blocking(CREATE)  # Redis answers while the rows are built
            rows = [_row(request, number) for number, request in enumerate(requests, first_number)]
            if shut():  # this reads the operators' overrides if Redis has lost them
                rows = [replace(row, hold_reason=HoldReason.BREAKER_OPEN) for row in rows]
            with deps.autocommit.connect() if alone else deps.engine.begin() as conn:
                committing = alone
                kept = appointments.insert(conn, rows, behind_others=True, line=_line_rule(deps))
                committing = True
    except SQLAlchemyError as exc:
        raise _not_kept(exc, committing=committing) from None
    send(deps, (one.appointment for one in kept if one.created and one.appointment.status is Status.PENDING))
    deps.database_calls.flush_if_due()
    return kept


def outcome(appointment_id: int) -> Outcome | None:
    """Return the present state of a booking; None: there is no such booking."""
    with database_errors(), deadline(PATIENCE), dependencies.current().autocommit.connect() as conn:
        row = appointments.get(conn, appointment_id)
    if row is None:
        return None
    return Outcome(
        appointment_id=row.id,
        status=row.status,
        final=row.status in FINAL,
        calcom_booking_uid=row.calcom_booking_uid,
        hold_reason=row.hold_reason,
        last_error=row.last_error,
        start=row.booked_start_at or row.start_at,
        awaits_host=row.awaits_host,
    )


def wait(
    appointment_id: int, seconds: float, *, poll: float = 0.1, pause: Callable[[float], object] | None = None
) -> Outcome | None:
    """Return the outcome as soon as it is final or the booking is held, at the latest after `seconds`.

    This is for a caller who is on the phone: a booking that is held will take longer.
    """
    pause = pause or threading.Event().wait
    deadline = time.monotonic() + seconds
    while True:
        now = outcome(appointment_id)
        left = deadline - time.monotonic()
        if now is None or now.final or now.status is Status.HELD or left <= 0:
            return now
        pause(min(poll, left))


def _not_kept(exc: SQLAlchemyError, *, committing: bool) -> AppointmentException:
    """Return the error: nothing was stored; but if Postgres did not answer the commit, all may be stored."""
    error = as_appointment_error(exc)
    if not committing or not isinstance(error, AppointmentDatabaseException):
        return error
    if error.sql_error_code and not error.sql_error_code.startswith("08"):  # PgBouncer's code for a lost server
        return error
    message = f"{error.message}, and may have kept the request: send the same one again, it gets the same receipt"
    return AppointmentDatabaseException(message, error_type=error.error_type)


def _kept_in_part(error: AppointmentDatabaseException, kept: int, asked: int) -> AppointmentDatabaseException:
    kept_so_far = (
        f"the first {kept:,} of {asked:,} requests are kept: send the same ones again, these get their receipts"
    )
    message = f"{error.message} ({kept_so_far})"
    return AppointmentDatabaseException(message, error_type=error.error_type, sql_error_code=error.sql_error_code)


def _line_rule(deps: Dependencies) -> LineRule:
    limit = deps.breaker.settings
    return LineRule(lead=deps.timings.lead, call=limit.rate_window / (limit.rate_limit or CALCOM_RATE))


def _row(request: BookingRequest, number: int) -> NewAppointment:
    return NewAppointment(
        **request.values(),
        idempotency_key=request.idempotency_key or derive_key(request),
        key_derived=request.idempotency_key is None,
        payload_hash=payload_hash(request),
        correlation_id=request.correlation_id or correlation.current() or correlation.new(),
        number=number,
    )


def _receipt(one: Inserted) -> Receipt | Conflict:
    row = one.appointment
    if one.conflict:
        return Conflict(row.id, row.idempotency_key)
    return _known(one)


def _known(one: Inserted) -> Receipt:
    row = one.appointment
    as_of = row.updated_at if row.status is Status.CONFIRMED else None
    return Receipt(
        row.id,
        row.task_id,
        row.status,
        duplicate=not one.created,
        correlation_id=row.correlation_id,
        start=row.booked_start_at or row.start_at,
        hold_reason=row.hold_reason,
        as_of=as_of,
        awaits_host=row.awaits_host,
    )
