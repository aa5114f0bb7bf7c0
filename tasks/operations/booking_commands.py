"""What an operator can do with bookings, the same from the command line, Flower and the page: try again.

Each command is one transaction for each booking. It returns what it did, or why it did nothing; the booking's events
record who gave the command, in which way, and why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from db import appointments
from db.appointments import Appointment
from db.changes import asking, moves
from db.changes.change import BookingChange, SeriesPart
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.monitoring import operator_actions
from db.monitoring.operator_actions import Chosen
from db.personal import FORGOTTEN
from db.queue import held
from db.queue.kinds import KINDS
from tasks import dependencies
from tasks.moves import KNOWN
from tasks.publish import send

BATCH = 200
_RETRYABLE = frozenset({Status.HELD, Status.FAILED})
FRESH_COUNTS: Mapping[str, Any] = {"leases_lost": 0, "probe_failures": 0}  # counts of failures in a row begin again
WAIT_FOR_NO_TIME = frozenset(
    {HoldReason.SUSPECT, HoldReason.BLIND_KEY, HoldReason.CREDENTIALS, HoldReason.CONFIGURATION}
)

GO_BY_THEMSELVES: Mapping[HoldReason, str] = MappingProxyType(
    {
        HoldReason.BREAKER_OPEN: "they go by themselves, in the order of their requests, as Cal.com takes them",
        HoldReason.THROTTLED: "they go by themselves, in the order of their requests, as the limit allows",
        HoldReason.IN_LINE: "they go by themselves, in the order of their requests, as those before them do",
        HoldReason.SETTLING: "a lookup proves nothing before the settle time ends; after that each is looked up",
        HoldReason.PAUSED: "they go by themselves once `booking accounts resume` has made their account active",
    }
)
"""The hold reasons that `retry_held` does not take, and why a retry would not help."""


class Via(StrEnum):
    """The way in which a command came."""

    COMMAND_LINE = "command line"
    FLOWER = "Flower"
    PAGE = "page"
    PYTHON = "Python"
    VOICE = "voice agent"
    HTTP = "HTTP"


class CommandOutcome(StrEnum):
    """The outcome of a command to one booking."""

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
    BEING_CANCELLED = "being_cancelled"
    KEY_REUSED = "key_reused"  # the key of the change stands for another one
    TAKEN_BY_OWN = "taken_by_own"  # the same attendee has another request for the new start


_DONE = frozenset(
    {
        CommandOutcome.SENT,
        CommandOutcome.SENT_TO_LOOK_UP,
        CommandOutcome.CANCELLED,
        CommandOutcome.CANCELLED_AFTER_CALL,
        CommandOutcome.CANCELLED_AFTER_LOOKUP,
        CommandOutcome.CANCEL_ASKED,
        CommandOutcome.WEEKS_CANCEL_ASKED,
        CommandOutcome.MOVE_ASKED,
        CommandOutcome.MOVED,
        CommandOutcome.MOVED_LATER,
    }
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command: who gives it, in which way, and why; `not_booked`: the operator saw no booking at Cal.com.

    `who` is the name of a login, for the booking's events. `seen` is the booking's `version` as the operator saw it;
    None: it is not given. Of a change: `reason` is what Cal.com tells the attendee, the same `key` is the same change,
    the booking must be of `account` (None: of any), and it was asked for at `asked_at` (None: now). `spares_booked`: a
    confirmed booking is not cancelled. `part`: the weeks of a series that a cancel means (None: the whole booking).
    """

    by: str
    via: Via
    why: str
    not_booked: bool = False
    who: str | None = None
    seen: int | None = None
    reason: str | None = None
    key: str | None = None
    account: str | None = None
    spares_booked: bool = False
    asked_at: datetime | None = None
    part: SeriesPart | None = None

    @property
    def event(self) -> dict[str, Any]:
        """Return what the booking's events store of the command."""
        return {"by": self.by, "why": self.why, "detail": {"via": self.via} | ({"who": self.who} if self.who else {})}


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The outcome of a command, and the state in which it found the booking.

    `open_for`: with STILL_OPEN, the seconds in which a call may still turn into a booking. `released`: the row, or the
    change, whose message is to be sent after the commit. `repeated`: the same command was given before.
    """

    booking_id: int
    outcome: CommandOutcome
    status: Status | None = None
    hold_reason: HoldReason | None = None
    open_for: float = 0.0
    released: Appointment | BookingChange | None = field(default=None, repr=False)
    change: BookingChange | None = field(default=None, repr=False)
    repeated: bool = False

    @property
    def done(self) -> bool:
        """Return whether the command was carried out, or is recorded in the row to be carried out."""
        return self.outcome in _DONE


def retry(engine: Engine, booking_id: int, *, by: str, via: Via, why: str, not_booked: bool = False) -> CommandResult:
    """Retry a held or failed booking as `retry_in` does, and send its message."""
    with engine.begin() as conn:
        result = retry_in(conn, booking_id, Command(by, via, why, not_booked))
    return send_released(result)


def retry_in(conn: Connection, booking_id: int, command: Command) -> CommandResult:
    """Send a held or failed booking again; if it may be booked it is looked up first, unless the operator has looked.

    `not_booked`: the outcome counts as known, so that the next call is a POST like the first. Apart from `booking
    resolve` this is the only way to continue at once with a booking that is held for blind_key.
    """
    row = appointments.get(conn, booking_id, lock=True)  # locked, so that the decision is about the row as it is
    if row is None:
        return CommandResult(booking_id, CommandOutcome.MISSING)
    if is_stale(row, command):
        return result_of(row, CommandOutcome.MOVED_ON)
    if row.attendee_email == FORGOTTEN:
        return result_of(row, CommandOutcome.FORGOTTEN)
    meant = retry_outcome(row, not_booked=command.not_booked)
    if meant is CommandOutcome.NOT_RETRYABLE:
        change = _retried_change(conn, row, command)
        return result_of(row, meant) if change is None else result_of(row, CommandOutcome.SENT, released=change)
    if command.via is Via.PAGE and row.hold_reason in GO_BY_THEMSELVES:
        return result_of(row, CommandOutcome.GOES_BY_ITSELF)
    if command.not_booked and (seconds := open_for(conn, row)) > 0:
        return result_of(row, CommandOutcome.STILL_OPEN, open_for=seconds)
    changes = {**FRESH_COUNTS, **(KNOWN if command.not_booked else {})}
    try:
        released = move_as_read(conn, row, Status.PENDING, command.event, changes)
    except appointments.KeyTakenError:
        return result_of(row, CommandOutcome.ASKED_AGAIN)
    return result_of(row, CommandOutcome.MOVED_ON if released is None else meant, released=released)


def _retried_change(conn: Connection, row: Appointment, command: Command) -> BookingChange | None:
    """Send the change of a booking again that `retryable_change` returns; None: it has none."""
    change = retryable_change(conn, row)
    if change is None:
        return None
    afresh: dict[str, Any] = {"posts": 0, "retry_count": 0, "may_have_moved": False} if change.over else {}
    moves.move(conn, change.id, change.status, ChangeStatus.PENDING, **command.event, **FRESH_COUNTS, **afresh)
    return moves.get(conn, change.id)


def retryable_change(conn: Connection, row: Appointment) -> BookingChange | None:
    """Return the latest change of a confirmed booking that was not refused, if it is held or has failed.

    A refused one has changed nothing, and hides none that was asked for before it.
    """
    asked = asking.of_booking(conn, row.id) if row.status is Status.CONFIRMED else []
    latest = [one for one in asked if one.status is not ChangeStatus.REFUSED][-1:]
    return next((one for one in latest if one.status in {ChangeStatus.HELD, ChangeStatus.FAILED}), None)


def retry_outcome(row: Appointment | Chosen, *, not_booked: bool = False) -> CommandOutcome:
    """Return the outcome that a retry of this row would have now."""
    if row.status not in _RETRYABLE:
        return CommandOutcome.NOT_RETRYABLE
    looked_up = row.outcome_unknown and not not_booked
    return CommandOutcome.SENT_TO_LOOK_UP if looked_up else CommandOutcome.SENT


def retry_held(
    engine: Engine,
    meant: held.HeldSo,
    *,
    since: datetime,
    by: str,
    via: Via,
    why: str,
    action_id: int | None = None,
    limit: int = BATCH,
) -> Iterator[int]:
    """Retry what was held so at the moment `since`, bookings and then changes, in order; yield each batch's size.

    What may be done at Cal.com is looked up first. `action_id` is the recorded action that counts the rows.
    """
    for kind in KINDS:
        while True:
            with engine.begin() as conn:
                rows = held.release(conn, kind, meant, since=since, by=by, via=via, why=why, limit=limit)
                if action_id is not None:
                    operator_actions.add_done(conn, action_id, len(rows))
            if not rows:
                break
            send(dependencies.current(), rows, held=True)
            yield len(rows)


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


def is_stale(row: Appointment, command: Command) -> bool:
    """Return whether the booking has changed since the operator looked for it at Cal.com."""
    return command.not_booked and command.seen is not None and command.seen != version(row)


def send_released(result: CommandResult) -> CommandResult:
    """Send the message of a released booking; return the result as it is."""
    if result.released is not None:
        send(dependencies.current(), [result.released], held=result.status is Status.HELD)
    return result


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
    outcome: CommandOutcome,
    *,
    open_for: float = 0.0,
    released: Appointment | BookingChange | None = None,
) -> CommandResult:
    """Return the result of a command for a row as it was found."""
    return CommandResult(row.id, outcome, row.status, row.hold_reason, open_for, released)
