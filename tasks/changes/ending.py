"""Make a step that the rules allow a move of a change, and write what it says of the booking."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from db import appointments
from db.appointments import Appointment, FromNow, events
from db.appointments.there.places import BookedThere, record_places
from db.changes.change import BookingChange
from db.lifecycle import ChangeStatus, HoldReason, Status
from resilience.error_types import ErrorType
from tasks.attempts import outcome
from tasks.attempts.outcome import Times
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import booked_there
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.reply import Reply, ReplyKind, SettleAfter
from tasks.changes.evidence.case import CLEAR, UNCLEAR, VAGUE, ChangeStep
from tasks.changes.evidence.weeks import next_living, present
from tasks.work.decisions import BookingDecisions, error
from tasks.work.moves import KNOWN, Move, Posted

Also = Callable[[Connection], object]

_WHY: Mapping[ChangeStep, str] = MappingProxyType(
    {
        ChangeStep.DONE: "done at Cal.com",
        ChangeStep.DONE_NOT_FOUND: "not found at Cal.com any more",
        ChangeStep.DONE_BESIDE: "moved; the old booking lives beside it, and is cancelled as a double",
        ChangeStep.DONE_TWICE: "moved, and somebody else moved it as well",
        ChangeStep.REFUSE: "Cal.com refused it",
        ChangeStep.REFUSE_OVER: "the booking is over",
        ChangeStep.REFUSE_NOT_ALLOWED: "its event type does not allow that",
        ChangeStep.REFUSE_FULL: "no seat is free at the wanted start",
        ChangeStep.REFUSE_OTHER_BOOKING: "the attendee has another booking at the wanted start",
        ChangeStep.REFUSE_MOVED: "moved by somebody else meanwhile",
        ChangeStep.REFUSE_MOVED_UNSEEN: "moved by somebody else meanwhile; look at Cal.com whether it is there twice",
        ChangeStep.REFUSE_CANCELLED: "the booking is cancelled at Cal.com",
        ChangeStep.REFUSE_NOT_FOUND: "the booking is not found at Cal.com",
        ChangeStep.REFUSE_NO_WEEK: "no week of its series begins then",
        ChangeStep.REFUSE_BEGUN: "the week has begun",
        ChangeStep.BOOK_AGAIN: "Cal.com has lost the seat while it was moved; it is booked again",
        ChangeStep.EXPIRE: "the wanted start came too near",
    }
)
_ALARMS = frozenset(
    {
        ChangeStep.DONE_TWICE,
        ChangeStep.REFUSE_NOT_ALLOWED,
        ChangeStep.REFUSE_MOVED_UNSEEN,
        ChangeStep.BOOK_AGAIN,
    }
)
_DONE = frozenset({ChangeStep.DONE, ChangeStep.DONE_NOT_FOUND})
_ENDS_DONE = _DONE | {ChangeStep.DONE_BESIDE, ChangeStep.DONE_TWICE, ChangeStep.BOOK_AGAIN}
_GONE = frozenset({ChangeStep.REFUSE_CANCELLED, ChangeStep.REFUSE_NOT_FOUND})


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what led to a step: the answer to a POST or a lookup, and where the booking is now, if that is shown.

    `weeks` are those of a series; None: it was not looked up.
    """

    reply: Reply | None = None
    posted: Posted | None = None
    there: BookedThere | None = None
    weeks: Sequence[Booking] | None = None


def carried_out(  # noqa: PLR0911 - one return for each step
    rules: BookingDecisions, change: BookingChange, booking: Appointment, step: ChangeStep, seen: Seen
) -> Move:
    """Return the move of a change for a step that ends its attempt."""
    reply, posted = seen.reply, seen.posted
    match step:
        case ChangeStep.LOOK if posted is not None:
            return unknown(rules, change, posted)
        case ChangeStep.LOOK if reply is not None:
            return outcome.lookup_failed(rules, change, reply)
        case ChangeStep.LOOK:
            return outcome.lookup_again(rules, change, Times.of(change, rules))
        case ChangeStep.RETRY if reply is not None:
            return rules.again(change, reply.error_type, reply.message, posted)
        case ChangeStep.HOLD if reply is not None:
            return rules.held(change, reply) if not change.outcome_unknown else _still(rules, change, reply, posted)
        case ChangeStep.HOLD_UNKNOWN:
            return _not_ours(rules, change, reply, posted)
        case ChangeStep.BLIND:
            return outcome.blind(rules, Times.of(change, rules))
        case ChangeStep.UNREACHABLE:
            once_more = max(change.retry_count - 1, 0)  # after the hold there is one POST more, as for a booking
            until = {"hold_until": FromNow(rules.timings.open), "retry_count": once_more}
            hold = {"hold_reason": HoldReason.UNREACHABLE, **until}
            return Move(Status.HELD, "retries used up while Cal.com cannot be reached", hold)
        case ChangeStep.FAIL:
            words = change.last_error or change.error_type or ""
            return Move(Status.FAILED, "retries used up; the booking stands as before", {"last_error": words})
    return ended(change, booking, step, seen)


def ended(change: BookingChange, booking: Appointment, step: ChangeStep, seen: Seen) -> Move:
    """Return the move that ends a change, with what it writes into its booking."""
    there = seen.there
    to = ChangeStatus.REFUSED
    if step in _ENDS_DONE:
        to = ChangeStatus.DONE
    elif step is ChangeStep.EXPIRE:
        to = ChangeStatus.EXPIRED
    words = seen.reply.message if seen.reply is not None and to is ChangeStatus.REFUSED else ""
    written: dict[str, Any] = {
        "last_error": None,
        "error_type": ErrorType.TAKEN if _is_taken(change, step, seen) else None,
    }
    if step is ChangeStep.DONE_BESIDE:  # both ends were seen: the late look cancels the old one
        written["late_look_at"] = FromNow(0)
    if to is not ChangeStatus.DONE:
        written["last_error"] = words or _WHY[step]
    elif there is not None or step is ChangeStep.BOOK_AGAIN:  # what it was moved to is lost
        written |= {"to_uid": there and there.uid, "to_seat_uid": there and there.seat_uid}
    why = f"refused: {_WHY[step]}" if to is ChangeStatus.REFUSED else _WHY[step]
    return Move(to, why, written, words=words, also=_also(change, booking, step, seen))


def _is_taken(change: BookingChange, step: ChangeStep, seen: Seen) -> bool:
    """Return whether the wanted start is not free: who asked is asked for another one."""
    refusal = seen.reply.answer if isinstance(seen.reply, ChangeReply) else change.refusal
    return step is ChangeStep.REFUSE_FULL or (step is ChangeStep.REFUSE and refusal == ChangeAnswer.TAKEN)


def _also(change: BookingChange, booking: Appointment, step: ChangeStep, seen: Seen) -> Also:
    """Return what writes the end of a change into its booking, and calls an operator where one is needed."""
    there = seen.there

    def write(conn: Connection) -> None:
        if step is ChangeStep.BOOK_AGAIN:
            _book_again(conn, change, booking)
        elif change.part is not None and step in _DONE and _weeks_live_on(conn, change, booking, seen):
            pass
        elif step in _GONE or (change.wanted is None and step in _DONE):
            why = f"cancelled at Cal.com: {_WHY[step]}"
            appointments.move(conn, booking.id, Status.CONFIRMED, Status.CANCELLED, why=why)
        elif there is not None:
            record_places(conn, [(booking, there)], by="worker", why=_WHY[step])
        if step in _ALARMS:
            told = {"change": change.id, "what": change.kind.value, "why": _WHY[step]}
            events.record(conn, booking.id, events.CHANGE_NEEDS_YOU, "worker", told)

    return write


def _weeks_live_on(conn: Connection, change: BookingChange, booking: Appointment, seen: Seen) -> bool:
    """Return whether a booking stays after the cancel of some of its weeks; its row names a week that lives, if it may.

    It stays while any week to come lives, and where nobody has looked.
    """
    if seen.weeks is None:
        return True
    stays = next_living(seen.weeks, since=change.updated_at)
    own = next((present(seen.weeks, week) for week in seen.weeks if week.uid == booking.calcom_booking_uid), None)
    if stays is not None and own is not None and own.cancelled:
        record_places(conn, [(booking, booked_there(stays, booking, None))], by="worker", why="its week was cancelled")
    return stays is not None


def _book_again(conn: Connection, change: BookingChange, booking: Appointment) -> None:
    afresh = {"posts": 0, "retry_count": 0, "calcom_booking_uid": None, "calcom_seat_uid": None, "enqueued_at": None}
    there = {"start_at": change.start_at, "booked_start_at": None, "awaits_host": None}
    why = _WHY[ChangeStep.BOOK_AGAIN]
    appointments.move(conn, booking.id, Status.CONFIRMED, Status.PENDING, why=why, **{**KNOWN, **afresh, **there})


def unknown(rules: BookingDecisions, change: BookingChange, posted: Posted) -> Move:
    """Return the move of a change whose POST may have changed the booking: a lookup follows."""
    columns = open_columns(rules, change, posted)
    if posted.reply.kind is ReplyKind.CONFIGURATION:
        held = rules.held(change, posted.reply)
        return replace(held, columns={**columns, **held.columns})
    pause = rules.policy.delay(change.retry_count)
    return rules.retry(change, "the outcome is unknown; look it up first", columns, pause, posted=posted)


def followed(booking: Appointment, there: BookedThere) -> Move:
    """Return the move of a change whose booking lives under another uid: it is sent to that one."""
    uids = {"from_uid": there.uid, "from_seat_uid": there.seat_uid, "posts": 0, "next_attempt_at": FromNow(0)}

    def write(conn: Connection) -> None:
        record_places(conn, [(booking, there)], by="worker", why="moved at Cal.com meanwhile")

    why = "the booking lives under another uid: the change goes there"
    return Move(Status.RETRYING, why, {**KNOWN, **uids}, retry_in=0, also=write)


def open_columns(rules: BookingDecisions, change: BookingChange, posted: Posted) -> dict[str, Any]:
    """Return the columns of a change whose outcome is unknown after a POST: `settle_at` and `ends_at` are set."""
    reply, sent_ago, timings = posted.reply, posted.sent_ago or 0.0, rules.timings
    finished = reply.settle_after is SettleAfter.ANSWERED
    ends = timings.settle_unanswered if finished else timings.ends_unanswered - sent_ago
    if change.outcome_unknown:
        ends = max(ends, Times.of(change, rules).ends_in)
    answer = reply.answer if isinstance(reply, ChangeReply) else None
    is_vague = answer in VAGUE or change.late_look_at is not None
    return {
        **({"late_look_at": FromNow(ends)} if is_vague else {}),
        "outcome_unknown": True,
        "settle_at": FromNow(timings.settle_answered if finished else timings.settle_unanswered - sent_ago),
        "ends_at": FromNow(ends),
        "looks": 0,
        "may_have_moved": change.may_have_moved or answer not in CLEAR,
        "refusal": answer.value if answer in UNCLEAR and change.outcome_unknown and answer else None,
        **error(reply),
    }


def _still(rules: BookingDecisions, change: BookingChange, reply: Reply, posted: Posted | None) -> Move:
    """Return the hold of a change of unknown outcome whose next POST was refused for no customer's matter."""
    held = rules.held(change, reply)
    columns = {**(open_columns(rules, change, posted) if posted else {}), **held.columns}
    return replace(held, columns={**columns, "error_type": change.error_type})


def _not_ours(rules: BookingDecisions, change: BookingChange, reply: Reply | None, posted: Posted | None) -> Move:
    """Return the hold of a change for which another Cal.com seems to answer, or an older version of the API."""
    message = (reply and reply.message) or "Cal.com knows none of our bookings"
    hold = {"hold_reason": HoldReason.CONFIGURATION, "held_for": rules.settings, "hold_until": FromNow(60)}
    words = {"error_type": ErrorType.CONFIGURATION, "last_error": message}
    columns = open_columns(rules, change, posted) if posted else {}
    return Move(Status.HELD, "held: is this our Cal.com?", {**columns, **hold, **words})
