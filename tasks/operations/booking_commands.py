"""An operator's commands to bookings, the same for the command line, Flower and a page: try again, cancel.

Each is one transaction a booking, says what it did or why it did not, and stands in the booking's events with who gave
it, by which way, and why.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from db import appointments
from db.appointments import Appointment, sweeps
from db.lifecycle import FINAL, HoldReason, Status
from db.monitoring import operator_actions
from db.monitoring.operator_actions import ActionRequest, Chosen
from tasks import dependencies
from tasks.moves import KNOWN
from tasks.publish import send

BATCH = 200
_RETRYABLE = frozenset({Status.HELD, Status.FAILED})
_FRESH_COUNTS: Mapping[str, Any] = {"leases_lost": 0, "probe_failures": 0}  # three in a row begin to count anew
_WAIT_FOR_NO_TIME = frozenset(
    {HoldReason.SUSPECT, HoldReason.BLIND_KEY, HoldReason.CREDENTIALS, HoldReason.CONFIGURATION}
)

GO_BY_THEMSELVES: Mapping[HoldReason, str] = MappingProxyType(
    {
        HoldReason.BREAKER_OPEN: "they go by themselves, in the order they were asked for, as Cal.com takes them",
        HoldReason.THROTTLED: "they go by themselves, in the order they were asked for, as the limit allows",
        HoldReason.SETTLING: "before its time a look proves nothing; each is looked for then",
    }
)
"""The holds that `retry_held` is nothing for, and why it would change nothing for the better."""


class Via(StrEnum):
    """By which way a command came."""

    COMMAND_LINE = "command line"
    FLOWER = "Flower"
    PAGE = "page"


class CommandOutcome(StrEnum):
    """What became of a command to one booking."""

    SENT = "sent"
    SENT_TO_LOOK_UP = "sent_to_look_up"  # it may be booked: it is looked up at Cal.com before anything is posted
    CANCELLED = "cancelled"
    CANCELLED_AFTER_CALL = "cancelled_after_call"  # a call is under way: cancelled if that does not book it
    CANCELLED_AFTER_LOOKUP = "cancelled_after_lookup"  # it may be booked: cancelled once that is known not to be so
    # Nothing was done:
    MISSING = "missing"  # no booking has this id
    MOVED_ON = "moved_on"  # it has just moved on by itself
    NOT_RETRYABLE = "not_retryable"  # neither held nor failed
    GOES_BY_ITSELF = "goes_by_itself"  # a page's order to what goes by itself by now
    ASKED_AGAIN = "asked_again"  # a newer booking lives, or is confirmed, under its key
    STILL_OPEN = "still_open"  # "not booked" said while a call may still turn into a booking
    ENDED = "ended"  # there is nothing to cancel; `status` says how it ended


_DONE = frozenset(
    {
        CommandOutcome.SENT,
        CommandOutcome.SENT_TO_LOOK_UP,
        CommandOutcome.CANCELLED,
        CommandOutcome.CANCELLED_AFTER_CALL,
        CommandOutcome.CANCELLED_AFTER_LOOKUP,
    }
)


@dataclass(frozen=True, slots=True)
class Command:
    """Say who commands by which way, and why; `not_booked` is the operator's word that it is not at Cal.com.

    `who` stands in the booking's events where it is known by a login. `seen` is the booking's `version` as they saw it,
    None: not said.
    """

    by: str
    via: Via
    why: str
    not_booked: bool = False
    who: str | None = None
    seen: int | None = None

    @property
    def event(self) -> dict[str, Any]:
        """Return what the booking's events keep of it."""
        return {"by": self.by, "why": self.why, "detail": {"via": self.via} | ({"who": self.who} if self.who else {})}


@dataclass(frozen=True, slots=True)
class CommandResult:
    """Hold what became of a command, with where the booking stood when that was decided.

    `open_for` is how many seconds a call may still turn into a booking; it goes with STILL_OPEN. `released` is the row
    whose message is to be sent once it is committed. `repeated`: it stands in the row since before.
    """

    booking_id: int
    outcome: CommandOutcome
    status: Status | None = None
    hold_reason: HoldReason | None = None
    open_for: float = 0.0
    released: Appointment | None = field(default=None, repr=False)
    repeated: bool = False

    @property
    def done(self) -> bool:
        """Return whether the command was carried out, or stands in the row to be."""
        return self.outcome in _DONE


def retry(engine: Engine, booking_id: int, *, by: str, via: Via, why: str, not_booked: bool = False) -> CommandResult:
    """Send a held or failed booking again, as `retry_in` does, and its message."""
    with engine.begin() as conn:
        result = retry_in(conn, booking_id, Command(by, via, why, not_booked))
    return _sent(result)


def retry_in(conn: Connection, booking_id: int, command: Command) -> CommandResult:
    """Send a held or failed booking again; what may be booked is looked up first, unless the operator has looked.

    `not_booked`: nothing is unknown after it, so that the next thing is a POST like the first: the one way, beside
    `booking resolve`, to go on at once with what a blind key holds.
    """
    row = appointments.get(conn, booking_id, lock=True)  # what is decided now is decided about the row as it is
    if row is None:
        return CommandResult(booking_id, CommandOutcome.MISSING)
    if _is_stale(row, command):
        return _result(row, CommandOutcome.MOVED_ON)
    meant = retry_outcome(row, not_booked=command.not_booked)
    if meant is CommandOutcome.NOT_RETRYABLE:
        return _result(row, meant)
    if command.via is Via.PAGE and row.hold_reason in GO_BY_THEMSELVES:
        return _result(row, CommandOutcome.GOES_BY_ITSELF)
    if command.not_booked and (seconds := open_for(conn, row)) > 0:
        return _result(row, CommandOutcome.STILL_OPEN, open_for=seconds)
    changes = {**_FRESH_COUNTS, **(KNOWN if command.not_booked else {})}
    try:
        released = _move(conn, row, Status.PENDING, command.event, changes)
    except appointments.KeyTakenError:
        return _result(row, CommandOutcome.ASKED_AGAIN)
    return _result(row, CommandOutcome.MOVED_ON if released is None else meant, released=released)


def retry_outcome(row: Appointment | Chosen, *, not_booked: bool = False) -> CommandOutcome:
    """Return what a retry comes to, were it given to this row now."""
    if row.status not in _RETRYABLE:
        return CommandOutcome.NOT_RETRYABLE
    looked_up = row.outcome_unknown and not not_booked
    return CommandOutcome.SENT_TO_LOOK_UP if looked_up else CommandOutcome.SENT


def retry_held(
    engine: Engine,
    reason: HoldReason,
    *,
    since: datetime,
    by: str,
    via: Via,
    why: str,
    event_type_id: int | None,
    action_id: int | None = None,
) -> Iterator[int]:
    """Send again what was held for a reason at a moment, in the order of the line; yield how many each batch has sent.

    `event_type_id` None: of all event types. What may be booked is looked up first. `action_id` is the recorded action
    that counts them.
    """
    while True:
        with engine.begin() as conn:
            rows = sweeps.release_kind(
                conn, reason, since=since, by=by, via=via, why=why, limit=BATCH, event_type_id=event_type_id
            )
            if action_id is not None:
                operator_actions.add_done(conn, action_id, len(rows))
        if not rows:
            return
        send(dependencies.current(), rows, held=True)
        yield len(rows)


def cancel(engine: Engine, booking_id: int, *, by: str, via: Via, why: str, not_booked: bool = False) -> CommandResult:
    """Cancel a booking, as `cancel_in` does, and have it looked for where that is needed.

    What Flower revokes is recorded as an operator's action: every worker hears it, and the one that writes it tells.
    """
    with engine.begin() as conn:
        result = cancel_in(conn, booking_id, Command(by, via, why, not_booked))
        if via is Via.FLOWER and result.done and not result.repeated:
            asked = ActionRequest(who=by, via=via, action="cancel", why=why, ids=(booking_id,))
            operator_actions.record(conn, asked, result.outcome)
    return _sent(result)


def cancel_in(conn: Connection, booking_id: int, command: Command) -> CommandResult:
    """Cancel a booking that is not booked; one whose outcome is open is cancelled as soon as that is known.

    A call under way is never cut off: what it does is worth knowing.
    """
    row = appointments.get(conn, booking_id, lock=True)
    if row is None:
        return CommandResult(booking_id, CommandOutcome.MISSING)
    if _is_stale(row, command):
        return _result(row, CommandOutcome.MOVED_ON)
    meant = cancel_outcome(row, not_booked=command.not_booked)
    if meant is CommandOutcome.ENDED:
        return _result(row, meant)
    if command.not_booked and (seconds := open_for(conn, row)) > 0:
        return _result(row, CommandOutcome.STILL_OPEN, open_for=seconds)
    if meant is CommandOutcome.CANCELLED and row.calcom_booking_uid is not None:  # so a late answer says
        meant = CommandOutcome.CANCELLED_AFTER_LOOKUP
    if meant is CommandOutcome.CANCELLED:
        moved = _move(conn, row, Status.CANCELLED, command.event, KNOWN if command.not_booked else {})
        return _result(row, meant if moved else CommandOutcome.MOVED_ON)
    if row.status is not Status.HELD or row.hold_reason not in _WAIT_FOR_NO_TIME:
        if row.cancel_requested:
            return replace(_result(row, meant), repeated=True)
        asked = appointments.request_cancel(conn, row.id, row.status, **command.event)
        return _result(row, meant if asked else CommandOutcome.MOVED_ON)
    event = command.event | {"why": f"look before cancelling: {command.why}"}
    released = _move(conn, row, Status.PENDING, event, {**_FRESH_COUNTS, "cancel_requested": True})
    return _result(row, CommandOutcome.MOVED_ON if released is None else meant, released=released)


def cancel_outcome(row: Appointment | Chosen, *, not_booked: bool = False) -> CommandOutcome:
    """Return what a cancel comes to, were it given to this row now."""
    if row.status in FINAL:
        return CommandOutcome.ENDED
    if row.status is Status.BOOKING:
        return CommandOutcome.CANCELLED_AFTER_CALL
    open_still = row.outcome_unknown and not not_booked
    return CommandOutcome.CANCELLED_AFTER_LOOKUP if open_still else CommandOutcome.CANCELLED


def open_for(conn: Connection, row: Appointment) -> float:
    """Return for how many seconds a call may still turn into a booking, or a replica show one late."""
    ends_at = row.ends_at or row.settle_at  # null in rows of workers that did not know it yet
    if not row.outcome_unknown or ends_at is None:
        return 0.0
    now: datetime = conn.execute(select(func.now())).scalar_one()
    return (ends_at - now).total_seconds()


def version(row: Appointment) -> int:
    """Return what changes whenever the booking does: when that was, in ms."""
    return round(row.updated_at.timestamp() * 1000)


def _is_stale(row: Appointment, command: Command) -> bool:
    """Say whether the booking has changed since the operator looked for it at Cal.com."""
    return command.not_booked and command.seen is not None and command.seen != version(row)


def _sent(result: CommandResult) -> CommandResult:
    """Send the message of what is released, if anything is."""
    if result.released is not None:
        send(dependencies.current(), [result.released], held=result.status is Status.HELD)
    return result


def _move(
    conn: Connection, row: Appointment, to: Status, event: Mapping[str, Any], changes: Mapping[str, Any]
) -> Appointment | None:
    """Move the row from where it was read; return it as it now is, None when it has moved on by itself."""
    held = {"held": row.hold_reason} if to is Status.PENDING and row.hold_reason else {}  # as all releases tell it
    told = {**event, "detail": {**event["detail"], **held}}
    moved = appointments.move(conn, row.id, row.status, to, **told, **changes)
    return appointments.get(conn, row.id) if moved else None


def _result(
    row: Appointment, outcome: CommandOutcome, *, open_for: float = 0.0, released: Appointment | None = None
) -> CommandResult:
    return CommandResult(row.id, outcome, row.status, row.hold_reason, open_for, released)
