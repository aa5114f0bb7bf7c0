"""The moves that a booking can make next: to a state, with what is written then, or to Cal.com with a POST."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from db.appointments.appointment import Appointment
from db.appointments.moves import FromNow
from db.appointments.there.places import BookedThere
from db.lifecycle import Status
from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.reply import Reply

# What a row says of itself once it is certain what Cal.com has done.
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
"""What a booking's event tells of a call: its endpoint, ms, and the answer's status, or the error where none came."""


@dataclass(frozen=True, slots=True)
class Move:
    """Say where a row goes, with which columns, and after how many seconds its task comes again (None: it does not).

    `notable` is the kind of an event that an operator is alerted to; `calls` are those that led here, for its event.
    """

    to: Status
    why: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    retry_in: float | None = None
    notable: str | None = None
    calls: Sequence[CallMade] = ()
    words: str = ""  # Cal.com's, which may name a customer: only the row and its event have them; `why` is ours
    facts: Mapping[str, Any] = field(default_factory=dict)  # for its event: what figures count by, never a sentence


@dataclass(frozen=True, slots=True)
class Proceed:
    """Say that the booking may be posted now.

    `retry`: that costs one. `known`: nothing is booked, for certain. `evidence`: the same bytes once more, to learn
    from the answer whether an earlier POST has booked.
    """

    retry: bool = False
    known: bool = True
    evidence: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """Hold what came of a POST: Cal.com's reply, and what its report led to.

    `sent_ago` is how many seconds have passed since its first byte, None when nothing was sent. `probe`: it was the one
    that a half-open breaker lets through. `shut`: the breaker lets no other through now.
    """

    reply: Reply
    sent_ago: float | None = 0.0
    probe: bool = False
    shut: bool = False

    @property
    def failed_probe(self) -> bool:
        """Return whether it was a probe, and no answer of a Cal.com that is well."""
        return self.probe and self.reply.outcome in {CallOutcome.FAILURE_SERVICE, CallOutcome.FAILURE_ENDPOINT}

    @property
    def blamed(self) -> bool:
        """Return whether it was a probe that failed though Cal.com was there: it may choke on this very booking."""
        return self.probe and self.reply.outcome is CallOutcome.FAILURE_ENDPOINT


def confirmed(there: BookedThere, why: str, *, count_at: datetime | FromNow | None = None) -> Move:
    """Return the move of a booking that Cal.com holds.

    Of a series, `count_at` is when its weeks are counted; None: the answer to its POST shows that it is whole.
    """
    changes = {
        "calcom_booking_uid": there.uid,
        "calcom_seat_uid": there.seat_uid,
        "last_error": None,
        "error_type": None,
    }
    place = {"booked_start_at": there.start, "awaits_host": there.awaits_host}
    series = {} if there.series_uid is None else {"series_uid": there.series_uid, "ends_at": count_at}
    return Move(Status.CONFIRMED, why, changes | place | KNOWN | series)


def unbookable(row: Appointment, *, lead: float) -> Move | None:
    """Return the end of a row whose outcome is known and which must not be posted any more; None: it may be."""
    if row.cancel_requested:
        return Move(Status.CANCELLED, "cancelled before it was posted", KNOWN)
    return expired(row) if row.seconds_left(lead) <= 0 else None


def expired(row: Appointment) -> Move:
    """Return the end of a row that is not booked, and must not be any more."""
    unwanted = row.answer_by is not None and row.answer_by <= row.updated_at
    why = "it could not be booked by its answer_by" if unwanted else "its start came too near before it could be booked"
    return Move(Status.EXPIRED, why, {"last_error": why} | KNOWN)


def at_once(why: str) -> Move:
    """Return the retry of a row that waits for nothing: its task comes again at once."""
    return Move(Status.RETRYING, why, {"next_attempt_at": FromNow(0)}, retry_in=0)


WANTED_AGAIN = at_once("asked for again, so not cancelled")
CANCEL_ASKED = at_once("its cancellation is asked for: look again")  # of unknown outcome, found before its next POST
CANCELLED_UNBOOKED = Move(Status.CANCELLED, "not booked, and cancelled by the operator", KNOWN)
