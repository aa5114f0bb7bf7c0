"""Accept booking requests, and return their state: the API for callers inside the product's own environment."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from booking_client.asking import accounts_of, open_accounts, outcome_of, parts, patience, rows_of
from booking_client.bookings import wait as wait_for
from booking_client.database.errors import is_refused, kept_in_part, may_have_kept
from booking_client.database.statements import run
from booking_client.insertion import Inserted, Kept, NewAppointment, NotFirst
from booking_client.keep_rule import LineRule
from booking_client.receipts import Answer, Outcome, Receipt, answer, receipt
from booking_client.request.model import BookingRequest
from db import appointments
from db.connection import deadline, fetch
from db.lifecycle import Status
from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.view import BreakerView
from resilience.exceptions import (
    AppointmentDatabaseException,
    AppointmentException,
    CustomerValidationException,
)
from tasks import dependencies
from tasks.accounts.admission import begin_admission
from tasks.calcom.access import CALCOM_RATE
from tasks.callers.connection import caller_connection
from tasks.dependencies import Dependencies
from tasks.host.database_errors import as_appointment_error
from tasks.work.publish import send

LOCKED_OUT = frozenset({"40P01", "40001", "55P03"})  # a deadlock, or a lock that did not come in time


class CallersRequest(NamedTuple):
    """Hold a request, and the API key that asks for it."""

    request: BookingRequest
    api_key_id: int


def enqueue_booking(request: BookingRequest, *, api_key_id: int | None = None) -> Receipt:
    """Store a request as a committed row, and send its task; `api_key_id` is the API key that asks for it, if one does.

    Once this returns, the request cannot be lost: a broker or worker that is down costs time, but no booking.

    Raises:
        IdempotencyConflict: The key was used before, for another request.
        NotFirstError: It is wanted only as the first for its time, and is not; nothing was stored.
        CustomerValidationException: Its account is not there, or closed; nothing was stored.
        AppointmentDatabaseException: Postgres did not store the request, and nothing was sent. If the message says that
        Postgres may have kept the request, send the same request again to get its receipt.
    """
    deps = dependencies.current()
    rows = partial(rows_of, [request], api_key_id=api_key_id)
    [kept] = _keep(deps, [request], rows)
    known = kept.appointment if isinstance(kept, Inserted) and not (kept.created or kept.conflict) else None
    if known is not None and known.status is Status.CONFIRMED:
        from tasks.guarded_calls.recheck import Standing, still_booked  # noqa: PLC0415 - rare, and it loads the HTTP client

        now = still_booked(deps, known.id)
        if now.standing is Standing.CANCELLED:  # cancelled at Cal.com, so a repeated request wants a new booking
            [kept] = _keep(deps, [request], rows)
        elif now.standing is Standing.LIVES:
            start = now.start or known.start_at
            return replace(receipt(kept), start=start, as_of=None, awaits_host=now.awaits_host)
    return receipt(kept)


def enqueue_bookings(requests: Sequence[BookingRequest], *, api_key_id: int | None = None) -> list[Answer]:
    """Store any number of requests, each part with one INSERT, and return the result of each, in the same order.

    Each part is a transaction, and its tasks are sent over one connection before the next part is stored. Cal.com is
    not asked whether known and confirmed bookings are still there: `as_of` in a receipt says when that was last known.

    Raises:
        CustomerValidationException: An account is not there, or closed; nothing was stored.
        AppointmentDatabaseException: As enqueue_booking, for one part: the parts before it are stored, those after it
        are not, and the message says how many are stored. Send the same requests again to get their receipts.
    """
    deps = dependencies.current()
    if names := accounts_of(requests):
        with caller_connection() as conn:
            run(open_accounts(None, names), lambda query: fetch(conn, query.sql, query.parameters))
    answers: list[Answer] = []
    new = 0  # rows of this call so far: later rows stand further back in the line
    for first, part in parts(requests):
        try:
            kept = _keep(deps, part, partial(rows_of, part, new, api_key_id=api_key_id))
        except AppointmentDatabaseException as error:
            raise kept_in_part(error, first, len(requests)) if first else error from None
        answers += map(answer, kept)
        new += sum(isinstance(one, Inserted) and one.created for one in kept)
    return answers


def enqueue_together(asked: Sequence[CallersRequest]) -> list[Answer | None]:
    """Store requests that several callers have made at the same time, with one INSERT, and send their tasks.

    Return the result of each, in the same order. None: this request must be made alone, by `enqueue_booking`. Either it
    is known and confirmed, and Cal.com has to be asked; or one of the requests cannot be stored, which is no other's
    trouble: then nothing was stored, and each is None.

    Raises:
        AppointmentDatabaseException: As enqueue_booking, for each of them.
    """
    if not asked:
        return []
    requests = [one.request for one in asked]

    def rows() -> list[NewAppointment]:  # none stands behind the others: each has its place as if it came alone
        return [NewAppointment.of(request, 0, api_key_id=key) for request, key in asked]

    try:
        kept = _keep(dependencies.current(), requests, rows)
    except CustomerValidationException:
        return [None] * len(asked)
    except AppointmentDatabaseException as error:
        if len(asked) == 1 or not (is_refused(error) or error.sql_error_code in LOCKED_OUT):
            raise
        return [None] * len(asked)
    return [_unless_confirmed(answer(one)) for one in kept]


def _unless_confirmed(known: Answer) -> Answer | None:
    return None if isinstance(known, Receipt) and known.as_of is not None else known


def _keep(
    deps: Dependencies, requests: Sequence[BookingRequest], rows: Callable[[], list[NewAppointment]]
) -> list[Inserted | NotFirst]:
    def view_for(caller: CallingAccount) -> BreakerView:
        return deps.at_service(caller.service).breaker.view

    one = len(requests) == 1
    committing = False
    admission = None
    sent: list[Kept] = []
    try:
        with deadline(patience(len(requests))):
            # Redis answers while the rows are built.
            admission = begin_admission(view_for, deps.callers, deps.caller, requests)
            placed = admission.place(rows())  # this reads the operators' overrides if Redis has lost them
            with deps.autocommit.connect() if one else deps.engine.begin() as conn:
                committing = one
                kept = appointments.insert(conn, placed, behind_others=True, line=_line_rule(deps))
                committing = True
        written = [one.appointment for one in kept if isinstance(one, Inserted) and one.created]
        sent = [one for one in written if one.status is Status.PENDING]
    except SQLAlchemyError as exc:
        raise _not_kept(exc, committing=committing) from None
    finally:  # of all messages, if Postgres failed
        if admission is not None:
            admission.give_back(sent)
    send(deps, sent)
    deps.database_calls.flush_if_due()
    return kept


def outcome(appointment_id: int) -> Outcome | None:
    """Return the present state of a booking; None: there is no such booking."""
    with caller_connection() as conn:
        return run(outcome_of(None, appointment_id), lambda query: fetch(conn, query.sql, query.parameters))


def wait(
    appointment_id: int, seconds: float, *, poll: float = 0.1, pause: Callable[[float], object] | None = None
) -> Outcome | None:
    """Return the outcome as soon as it is final or the booking is held, at the latest after `seconds`.

    This is for a caller who is on the phone: a booking that is held will take longer.
    """
    return wait_for(outcome, appointment_id, seconds, poll=poll, pause=pause)


def _not_kept(exc: SQLAlchemyError, *, committing: bool) -> AppointmentException:
    """Return the error: nothing was stored; but if Postgres did not answer the commit, all may be stored."""
    error = as_appointment_error(exc)
    return may_have_kept(error) if committing and isinstance(error, AppointmentDatabaseException) else error


def _line_rule(deps: Dependencies) -> LineRule:
    limit = deps.breaker.settings
    return LineRule(lead=deps.timings.lead, call=limit.rate_window / (limit.rate_limit or CALCOM_RATE))
