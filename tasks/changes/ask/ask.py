"""Who asks for what of a booking, in which way, and what became of it.

What is asked for is one transaction for each booking; the booking's events record who asked, in which way, and why.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from sqlalchemy import Connection, func, select

from db import appointments
from db.appointments import Appointment
from db.changes.change import BookingChange, SeriesPart
from db.lifecycle import HoldReason, Status

FRESH_COUNTS: Mapping[str, Any] = {"leases_lost": 0, "probe_failures": 0}  # counts of failures in a row begin again


class Via(StrEnum):
    """The way in which somebody asks."""

    COMMAND_LINE = "command line"
    FLOWER = "Flower"
    PAGE = "page"
    PYTHON = "Python"
    VOICE = "voice agent"
    HTTP = "HTTP"


class AskOutcome(StrEnum):
    """The outcome of what is asked of one booking."""

    SENT = "sent"
    SENT_TO_LOOK_UP = "sent_to_look_up"  # it may be booked: a lookup at Cal.com comes before any POST
    CANCELLED = "cancelled"
    CANCELLED_AFTER_CALL = "cancelled_after_call"  # a call is under way: it is cancelled if that call does not book it
    CANCELLED_AFTER_LOOKUP = "cancelled_after_lookup"  # it may be booked: cancelled once its outcome is known
    CANCEL_ASKED = "cancel_asked"  # it is booked: its cancel goes to Cal.com
    WEEKS_CANCEL_ASKED = "weeks_cancel_asked"  # the same of some weeks of a series
    MOVE_ASKED = "move_asked"  # it is booked: its move goes to Cal.com
    MOVED = "moved"  # it is not booked: it is asked for at the new start
    MOVED_LATER = "moved_later"  # it may be booked: moved once its outcome is known
    MISSING = "missing"  # no booking has this id; nothing was done, as with all that follow
    MOVED_ON = "moved_on"  # it has just moved on by itself
    NOT_RETRYABLE = "not_retryable"  # neither held nor failed
    GOES_BY_ITSELF = "goes_by_itself"  # an action of the page on a booking that by now is released by itself
    ASKED_AGAIN = "asked_again"  # a newer booking lives, or is confirmed, under its key
    FORGOTTEN = "forgotten"  # its person was forgotten: nobody can be booked
    STILL_OPEN = "still_open"  # the operator gave "not booked" while a call may still turn into a booking
    BOOKED = "booked"  # one of many, and confirmed: each is cancelled by itself
    ENDED = "ended"  # there is nothing to cancel or to move; `status` says how it ended
    OVER = "over"  # it has taken place
    SAME_START = "same_start"
    SERIES = "series"  # a series is not moved
    NO_SERIES = "no_series"  # some weeks of a series are meant, and the booking is none
    NOT_BOOKED_YET = "not_booked_yet"  # some weeks of a series are meant, and it is not at Cal.com
    WEEK_BEGUN = "week_begun"
    PAST = "past"  # the new start is in the past, or too near
    NO_OFFSET = "no_offset"  # the new start, or the week, has no offset from UTC
    NOT_WHOLE = "not_whole"  # the new start has a fraction of a second
    OTHER_ACCOUNT = "other_account"
    ACCOUNT_CLOSED = "account_closed"  # nothing is called for it any more
    BEING_CANCELLED = "being_cancelled"
    KEY_REUSED = "key_reused"  # the key of the change stands for another one
    TAKEN_BY_OWN = "taken_by_own"  # the same attendee has another request for the new start


_DONE = frozenset(
    {
        AskOutcome.SENT,
        AskOutcome.SENT_TO_LOOK_UP,
        AskOutcome.CANCELLED,
        AskOutcome.CANCELLED_AFTER_CALL,
        AskOutcome.CANCELLED_AFTER_LOOKUP,
        AskOutcome.CANCEL_ASKED,
        AskOutcome.WEEKS_CANCEL_ASKED,
        AskOutcome.MOVE_ASKED,
        AskOutcome.MOVED,
        AskOutcome.MOVED_LATER,
    }
)


@dataclass(frozen=True, slots=True)
class Ask:
    """Who asks for a retry or a change of a booking, in which way, and why.

    `not_booked`: the operator saw no booking at Cal.com. `who` is the name of a login, for the booking's events. `seen`
    is the booking's `version` as the operator saw it; None: it is not given. Of a change: `start` is the wanted start
    (None: it is a cancel), `reason` is what Cal.com tells the attendee, the same `key` is the same change, the booking
    must be of `account` (None: of any), and it was asked for at `asked_at` (None: now). `spares_booked`: a confirmed
    booking is not cancelled. `part`: the weeks of a series that a cancel means (None: the whole booking).
    """

    by: str
    via: Via
    why: str
    not_booked: bool = False
    who: str | None = None
    seen: int | None = None
    reason: str | None = field(default=None, repr=False)  # a customer's words
    key: str | None = None
    account: str | None = None
    spares_booked: bool = False
    asked_at: datetime | None = None
    part: SeriesPart | None = None
    start: datetime | None = None

    @classmethod
    def of_caller(cls, via: Via, **given: Any) -> Self:
        """Return what a caller asks for."""
        return cls("caller", via, "asked for", **given)

    @property
    def event(self) -> dict[str, Any]:
        """Return what the booking's events store of it."""
        return {"by": self.by, "why": self.why, "detail": {"via": self.via} | ({"who": self.who} if self.who else {})}


@dataclass(frozen=True, slots=True)
class AskResult:
    """The outcome of what was asked, and the state in which the booking was found.

    `open_for`: with STILL_OPEN, the seconds in which a call may still turn into a booking. `released`: the row, or the
    change, whose message is to be sent after the commit. `repeated`: the same was asked before.
    """

    booking_id: int
    outcome: AskOutcome
    status: Status | None = None
    hold_reason: HoldReason | None = None
    open_for: float = 0.0
    released: Appointment | BookingChange | None = field(default=None, repr=False)
    change: BookingChange | None = field(default=None, repr=False)
    repeated: bool = False

    @property
    def done(self) -> bool:
        """Return whether it was carried out, or is recorded in the row to be carried out."""
        return self.outcome in _DONE


def open_for(conn: Connection, row: Appointment) -> float:
    """Return for how many seconds a call may still turn into a booking, or a replica may show that booking late."""
    ends_at = row.ends_at or row.settle_at  # both are null until a call had no clear answer
    if not row.outcome_unknown or ends_at is None:
        return 0.0
    now: datetime = conn.execute(select(func.now())).scalar_one()
    return (ends_at - now).total_seconds()


def version(row: Appointment) -> int:
    """Return a number that changes whenever the booking changes: the time of its last change, in ms."""
    return round(row.updated_at.timestamp() * 1000)


def is_stale(row: Appointment, ask: Ask) -> bool:
    """Return whether the booking has changed since the operator looked for it at Cal.com."""
    return ask.not_booked and ask.seen is not None and ask.seen != version(row)


def move_as_read(
    conn: Connection, row: Appointment, to: Status, event: Mapping[str, Any], changes: Mapping[str, Any]
) -> Appointment | None:
    """Move the row if its status is still the one that was read; return the new row; None: the status has changed."""
    held = {"held": row.hold_reason} if to is Status.PENDING and row.hold_reason else {}  # every release records this
    told = {**event, "detail": {**event["detail"], **held}}
    moved = appointments.move(conn, row.id, row.status, to, **told, **changes)
    return appointments.get(conn, row.id) if moved else None


def result_of(
    row: Appointment,
    outcome: AskOutcome,
    *,
    open_for: float = 0.0,
    released: Appointment | BookingChange | None = None,
) -> AskResult:
    """Return the result for a row as it was found."""
    return AskResult(row.id, outcome, row.status, row.hold_reason, open_for, released)
