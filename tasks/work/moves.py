"""The steps that a booking can take next: a move to a state, with the columns to write, or a POST to Cal.com."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from db.connection import FromNow
from db.lifecycle import ChangeStatus, Status
from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.reply import Reply

# The columns by which a row says that it is certain what Cal.com has done.
KNOWN: dict[str, Any] = {
    "outcome_unknown": False,
    "settle_at": None,
    "ends_at": None,
    "askable_since": None,
    "evidence_posts": 0,
    "refusal": None,
    "looks": 0,
}

CallMade = Mapping[str, str | int]
"""A call as a booking's event stores it: its endpoint, its ms, and the answer's status, or the error."""


@dataclass(frozen=True, slots=True)
class Move:
    """Hold the next state of a row and the columns to write with it.

    `retry_in`: seconds until its task is sent again (None: it is not sent). `notable` is the kind of an event
    that alerts an operator. `calls` are the calls that led to the move, for its event. `also` is written with it.
    """

    to: Status | ChangeStatus
    why: str
    columns: Mapping[str, Any] = field(default_factory=dict)
    retry_in: float | None = None
    notable: str | None = None
    calls: Sequence[CallMade] = ()
    words: str = ""  # Cal.com's words, stored only in the row and its event: they may name a customer
    facts: Mapping[str, Any] = field(default_factory=dict)  # for the move's event: metrics count by these
    also: Callable[[Connection], object] | None = None


@dataclass(frozen=True, slots=True)
class Proceed:
    """Allow the POST of a booking.

    `retry`: the POST costs a retry. `known`: it is certain that nothing is booked. `evidence`: the same bytes are sent
    once more, since the answer shows whether an earlier POST has booked.
    """

    retry: bool = False
    known: bool = True
    evidence: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """Hold the result of a POST: Cal.com's reply, and the state of the breaker after it.

    `sent_ago` is how many seconds have passed since its first byte (None: nothing was sent). `probe`: the POST was the
    one call that a half-open breaker lets through. `blocked`: the breaker blocks the next call; `others_go`: those of
    its own endpoint alone.
    """

    reply: Reply
    sent_ago: float | None = 0.0
    probe: bool = False
    blocked: bool = False
    others_go: bool = False

    @property
    def failed_probe(self) -> bool:
        """Return whether the POST was a probe that failed."""
        return self.probe and self.reply.outcome in {CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT}

    @property
    def blamed(self) -> bool:
        """Return whether the POST was a probe that failed although Cal.com answered: this booking may be the cause."""
        return self.probe and self.reply.outcome is CallOutcome.FAILURE_ENDPOINT


def confirmed(there: BookedThere, why: str, *, count_at: datetime | FromNow | None = None) -> Move:
    """Return the move of a booking that Cal.com has.

    `count_at` is when the weeks of a series are counted (None: the answer to its POST shows all of them).
    """
    columns = {
        "calcom_booking_uid": there.uid,
        "calcom_seat_uid": there.seat_uid,
        "last_error": None,
        "error_type": None,
    }
    place = {"booked_start_at": there.start, "awaits_host": there.awaits_host}
    series = {} if there.series_uid is None else {"series_uid": there.series_uid, "ends_at": count_at}
    return Move(Status.CONFIRMED, why, columns | place | KNOWN | series)


def unbookable(row: Appointment, *, lead: float) -> Move | None:
    """Return the end of a row that is not booked and must not be posted any more; None: it may be posted."""
    if row.is_unwanted_at_start:
        return Move(Status.CANCELLED, "cancelled before it was posted", KNOWN)
    return expired(row) if row.seconds_left(lead) <= 0 else None


def expired(row: Appointment) -> Move:
    """Return the end of a row that is not booked, and that can no longer be booked in time."""
    unwanted = row.answer_by is not None and row.answer_by <= row.updated_at
    why = "it could not be booked by its answer_by" if unwanted else "its start came too near before it could be booked"
    return Move(Status.EXPIRED, why, {"last_error": why} | KNOWN)


def at_once(why: str) -> Move:
    """Return a retry without a pause: the row's task is sent again at once."""
    return Move(Status.RETRYING, why, {"next_attempt_at": FromNow(0)}, retry_in=0)


WANTED_AGAIN = at_once("its cancel or its move was taken back, or is over")
CANCEL_ASKED = at_once("a cancel was requested; look it up again")  # the request was found before the next POST
CANCELLED_UNBOOKED = Move(Status.CANCELLED, "not booked, and cancelled by the operator", KNOWN)
