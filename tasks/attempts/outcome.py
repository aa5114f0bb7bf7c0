"""The moves of a booking whose outcome is unknown: how long it waits for the next lookup, and how it ends.

`evidence` decides which step is allowed; here the step becomes a move, by pure functions as in `tasks.work.decisions`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from db.appointments import FromNow
from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from db.changes.change import BookingChange
from db.event_kind import EventKind
from db.lifecycle import FINAL, HALF_MADE, HoldReason, Status, Strategy, strongest
from tasks.attempts.evidence import BY_SLOTS, Act
from tasks.attempts.refusal import refused_as, rejected
from tasks.calcom.lookup import LookupKind, LookupResult
from tasks.calcom.reply import ErrorType, Reply, ReplyKind, SettleAfter
from tasks.work.decisions import LOOKUPS, LOOKUPS_IN_ALL, BookingDecisions, error
from tasks.work.moves import CANCELLED_UNBOOKED, KNOWN, Move, Posted, Proceed, confirmed, expired

_FIRST = Proceed()
LONGEST_PAUSE = 3600.0  # seconds between two lookups of a booking with a blind key
MARGIN = 2.0  # seconds; Cal.com's Date has whole seconds, its createdAt milliseconds


@dataclass(frozen=True, slots=True)
class Times:
    """Hold the seconds until a row's `settle_at` and `ends_at`; negative: the moment has passed."""

    settled_in: float
    ends_in: float
    waited: float  # how long the booking has waited for proof while Cal.com could be asked
    sent_ago: float  # since the first byte of its first POST of unknown outcome

    @classmethod
    def of(cls, row: Appointment | BookingChange, rules: BookingDecisions) -> "Times":
        """Return the times of a row by Postgres's clock at its claim or last renewal."""
        now = row.updated_at
        settled_in = (row.settle_at - now).total_seconds() if row.settle_at else 0.0
        if row.ends_at is not None:
            ends_in = (row.ends_at - now).total_seconds()
        else:  # its outcome is known, but a replica may not yet show its last POST
            ends_in = rules.timings.ends_unanswered - (now - (row.sent_at or now)).total_seconds()
        since = row.askable_since or row.sent_at or now
        waited, sent_ago = (now - since).total_seconds(), (now - (row.sent_at or now)).total_seconds()
        return cls(settled_in, max(ends_in, settled_in), waited, sent_ago)


# -- after a POST ----------------------------------------------------------------------------------------------------


def unknown(
    rules: BookingDecisions,
    row: Appointment,
    posted: Posted,
    *,
    kind: EventKind | None = None,
    post: Proceed = _FIRST,
    refusal: Mapping[str, Any] | None = None,
) -> Move:
    """Return the move of a row whose POST may have booked: a lookup follows, `settle_at` and `ends_at` are set.

    `kind` is that of the event type, if it is known. `post` is the step that allowed the POST.
    """
    times, timings = Times.of(row, rules), rules.timings
    reply, sent_ago = posted.reply, posted.sent_ago or 0.0
    finished = reply.settle_after is SettleAfter.ANSWERED
    ends = timings.settle_unanswered if finished else timings.ends_unanswered - sent_ago
    again = row.outcome_unknown
    retried = row.retry_count + (again and post.retry)
    settles = _settles_in(rules, reply, sent_ago, kind)
    columns: dict[str, Any] = {
        "outcome_unknown": True,
        "sent_at": row.sent_at if row.outcome_unknown and row.sent_at else FromNow(-sent_ago),
        "settle_at": FromNow(settles),
        "ends_at": FromNow(max(ends, times.ends_in) if row.outcome_unknown else ends),
        "askable_since": row.askable_since if row.outcome_unknown and row.askable_since else FromNow(0),
        "evidence_posts": row.evidence_posts + (again and post.evidence),
        "looks": 0,
        "refusal": refusal,
        **error(reply),
    }
    if reply.kind is ReplyKind.CONFIGURATION:
        held = rules.held(row, reply)
        return replace(held, columns={**columns, **held.columns})
    columns["resilience_strategy"] = strongest(row.resilience_strategy, Strategy.EXPONENTIAL_BACKOFF)
    if post.evidence and not rules.may_retry(retried, None):
        # An outage used up the retries. The booking pauses for as long as it has waited; then one POST costs no retry.
        wait = max(timings.open, settles, times.waited)
        hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(wait), "retry_count": retried}
        return Move(Status.HELD, "retries used up, and still no proof", columns | hold)
    pause = rules.policy.delay(row.retry_count)
    return rules.retry(row, "the outcome is unknown; look it up first", columns, pause, posted=posted, used=retried)


def _settles_in(rules: BookingDecisions, reply: Reply, sent_ago: float, kind: EventKind | None) -> float:
    timings = rules.timings
    if reply.settle_after is SettleAfter.ANSWERED or (reply.settle_after is SettleAfter.GATEWAY and kind in BY_SLOTS):
        return timings.settle_answered  # Cal.com has just finished, however long ago the POST was sent
    return timings.settle_unanswered - sent_ago


def was_made_now(posted: Posted) -> bool:
    """Return whether the booking in a 201 was made by this very POST: it was not created before the POST was sent."""
    created_at, answered_at = posted.reply.created_at, posted.reply.answered_at
    if created_at is None or answered_at is None:
        return False
    return (answered_at - created_at).total_seconds() <= (posted.sent_ago or 0.0) + MARGIN


def refused_later(
    rules: BookingDecisions, row: Appointment, refusal: Mapping[str, Any], reply: Reply | None = None
) -> Move:
    """Return the move of a refused row whose lookup failed: the row now waits only for that lookup.

    `reply` is the answer to the lookup (None: the lookup was denied).
    """
    step = lookup_failed(rules, row, reply)
    columns = {
        **step.columns,
        "outcome_unknown": True,
        "sent_at": row.requested_at,
        "settle_at": row.settle_at if row.outcome_unknown else FromNow(0),  # from now on the row waits for its lookup
        "ends_at": row.ends_at if row.outcome_unknown else FromNow(0),
        "refusal": {**refusal, "look_due": True},
        "last_error": refusal["message"],
        "error_type": refusal["error_type"],
    }
    return replace(step, why="refused; look it up before the refusal counts", columns=columns)


def refused_in_part(rules: BookingDecisions, row: Appointment, refusal: Mapping[str, Any]) -> Move:
    """Return the move of a refused row that may be booked in part: a series is made week by week."""
    delay = rules.policy.delay(row.retry_count)
    columns = {
        "outcome_unknown": True,
        "sent_at": row.requested_at,  # this moment is certainly not later than its POST
        "settle_at": FromNow(rules.timings.settle_answered),
        "ends_at": FromNow(rules.timings.settle_unanswered),
        "askable_since": FromNow(0),
        "evidence_posts": 0,
        "looks": 0,
        "refusal": {**refusal, "look_due": False},
        "last_error": refusal["message"],
        "error_type": refusal["error_type"],
        "next_attempt_at": FromNow(delay),
    }
    return Move(Status.RETRYING, "refused, but perhaps booked in part; look it up first", columns, retry_in=delay)


# -- after a lookup ----------------------------------------------------------------------------------------------------


def after_lookup(rules: BookingDecisions, row: Appointment, result: LookupResult) -> Move | None:
    """Return the move after a lookup that found the booking or failed; None: the booking is not listed."""
    match result.kind:
        case LookupKind.FOUND | LookupKind.MOVED:
            moved = ", moved to another time" if result.kind is LookupKind.MOVED else ""
            return found(row, result.there, f"found at Cal.com{moved}")
        case LookupKind.CANCELLED:
            columns = {"calcom_booking_uid": result.there.uid, "calcom_seat_uid": result.there.seat_uid}
            return Move(Status.CANCELLED, "found at Cal.com, cancelled there", columns | KNOWN | _posted(row))
        case LookupKind.FAILED:
            return lookup_failed(rules, row, result.reply)
    return None


def found(row: Appointment, there: BookedThere, why: str) -> Move:
    """Return the confirmation of a booking that a lookup found; its row has at least one POST."""
    step = confirmed(there, why, count_at=row.ends_at or FromNow(0))
    return replace(step, columns={**step.columns, **_posted(row)})


def late_answer(row: Appointment) -> Move:
    """Return the confirmation of a row whose uid was recorded by a call that had lost its lease."""
    uid, seat_uid = row.calcom_booking_uid, row.calcom_seat_uid
    there = BookedThere(uid, seat_uid, row.series_uid, row.booked_start_at, row.awaits_host)
    return found(row, there, "a late answer")


def lookup_failed(
    rules: BookingDecisions, row: Appointment | BookingChange, reply: Reply | None, posted: Posted | None = None
) -> Move:
    """Return the move after a lookup that failed, or a second POST (`posted`) that proves nothing new.

    The error of the row's first POST stays: that error decides about retries, and a lookup's own error must not.
    """
    if reply is not None and reply.kind in _NO_CUSTOMERS_FAULT:
        step = rules.held(row, reply)
    elif row.looks + 1 < LOOKUPS_IN_ALL:
        delay = rules.policy.delay(0)  # a lookup changes nothing, so the pause does not grow
        why = "the lookup failed; look it up again"
        step = rules.retry(row, why, {"looks": row.looks + 1}, delay, posted=posted)
    else:
        hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(rules.timings.open), "looks": 0}
        step = Move(Status.HELD, "the lookup failed several times", hold | error(reply))
    return replace(step, columns={**step.columns, "error_type": row.error_type, "askable_since": FromNow(0)})


_NO_CUSTOMERS_FAULT = frozenset(
    {ReplyKind.THROTTLED, ReplyKind.CREDENTIALS, ReplyKind.CONFIGURATION, ReplyKind.REFUSED}
)


def stays_unreadable(rules: BookingDecisions, row: Appointment, reply: Reply, waited: float) -> bool:
    """Return whether an event type counts as of unknown kind: in `waited` seconds Cal.com never showed the type.

    One failure after a long hold proves nothing: during the hold Cal.com was not asked.
    """
    in_a_row = row.looks + 1 >= LOOKUPS_IN_ALL
    return reply.kind is ReplyKind.UNKNOWN and in_a_row and waited > rules.timings.wait_for_proof


def lookup_again(rules: BookingDecisions, row: Appointment | BookingChange, times: Times) -> Move:
    """Return the wait for the next lookup: 1, 2, 4 s, the rest of the settle time, then the time since its end."""
    if times.settled_in > 0:
        if row.looks + 1 >= LOOKUPS:
            why = "not listed yet; wait for the settle time"
            return _settling(why, rules.before_start(row, times.settled_in))
        delay = min(rules.policy.delay(row.retry_count + row.looks + 1), times.settled_in)
        columns = {"looks": row.looks + 1, "next_attempt_at": FromNow(delay)}
        return Move(Status.RETRYING, "not listed yet; look it up again", columns, retry_in=delay)
    pause = max(rules.timings.settle_answered, -times.settled_in)
    pause = rules.before_start(row, min(pause, max(times.ends_in, 0.0)))
    return _settling("not listed, but it may still appear", pause)


def wait_for_slots(seconds: float) -> Move:
    """Return the wait until Cal.com's cached slots are from after `settle_at`."""
    return _settling("not listed; wait until Cal.com renews its cached slots", seconds)


def _settling(why: str, seconds: float) -> Move:
    return Move(Status.HELD, why, {"hold_reason": HoldReason.SETTLING, "hold_until": FromNow(seconds), "looks": 0})


def half_made(row: Appointment, uid: str) -> Move:
    """Return the hold of a seat that Cal.com has made only in part: the booking is never posted again."""
    columns = {
        "hold_reason": HoldReason.SUSPECT,
        "hold_until": FromNow(LONGEST_PAUSE),
        "error_type": HALF_MADE,
        "last_error": f"half made at Cal.com: booking {uid} has the attendee without a seat",
    }
    return Move(Status.HELD, "half made at Cal.com", columns | _posted(row))


def ended(rules: BookingDecisions, row: Appointment, act: Act, times: Times) -> Move | Proceed:  # noqa: PLR0911 - one return for each act
    """Return the move or the POST for the step that the rule allows."""
    refusal = row.refusal or {}
    costs = row.error_type != ErrorType.CONFIGURATION  # a proxy's page is the operator's matter, and costs no retry
    match act:
        case Act.POST_WHILE_UNKNOWN:
            return Proceed(retry=costs, known=False)
        case Act.POST_AS_EVIDENCE:
            retry = costs and row.evidence_posts > 0 and rules.may_retry(row.retry_count, None)
            return Proceed(retry=retry, known=False, evidence=True)
        case Act.POST_WHEN_NOT_BOOKED:
            return Proceed(retry=costs)
        case Act.CANCEL:
            return CANCELLED_UNBOOKED
        case Act.EXPIRE:
            return expired(row)
        case Act.REJECT_TAKEN:
            return rejected(ReplyKind.TAKEN, refusal.get("message", "the slot is no longer offered"))
        case Act.REJECT:
            return rejected(refused_as(refusal), refusal["message"], refusal.get("uid"))
        case Act.FAIL | Act.UNREACHABLE:
            return rules.exhausted(row, row.error_type, row.last_error, KNOWN)
        case Act.BLIND:
            return blind(rules, times)
    return lookup_again(rules, row, times)


def blind(rules: BookingDecisions, times: Times) -> Move:
    """Return the hold of a booking whose outcome this key cannot find; the pause between lookups doubles."""
    pause = min(max(rules.timings.settle_unanswered, -times.ends_in), LONGEST_PAUSE)
    hold = {"hold_reason": HoldReason.BLIND_KEY, "held_for": rules.key, "hold_until": FromNow(pause), "looks": 0}
    return Move(Status.HELD, "not listed, which proves nothing with this key", hold)


def _posted(row: Appointment) -> dict[str, Any]:
    return {"posts": max(row.posts, 1)}


def was_done(step: Move | Proceed, move: Move) -> bool | None:
    """Return whether a POST without a clear answer has booked, by the attempt after it; None: that is still not known.

    `step` is the result of the lookup, `move` that of the attempt.
    """
    if move.to is Status.CONFIRMED and isinstance(step, Proceed):
        return None if step.evidence else False  # a 201 to an evidence POST may be the first booking
    if move.to in FINAL:
        return "calcom_booking_uid" in move.columns and move.to in {Status.CONFIRMED, Status.CANCELLED}
    return False if isinstance(step, Proceed) and step.known else None
