"""What the rules decide about a change: an answer or a lookup, with what is known of its rows, is a case of them."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import cast

from db.appointments import Appointment, FromNow
from db.appointments.there.places import BookedThere
from db.changes.change import BookingChange
from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import Denied, Reason, State
from tasks.attempts.our_calcom import shows_another
from tasks.attempts.outcome import Times
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.slots import Slot
from tasks.changes import questions
from tasks.changes.claim import ChangeClaim
from tasks.changes.evidence.cancel import after_cancel, after_cancel_look
from tasks.changes.evidence.case import ChangeCase, ChangeStep
from tasks.changes.evidence.reschedule import MoveCase, after_reschedule, after_reschedule_look
from tasks.changes.lookup import ChangeLook
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.work.decisions import OUTAGE, BookingDecisions
from tasks.work.moves import Move

Decide = Callable[[ChangeCase], ChangeStep]


def is_young(rules: BookingDecisions, change: BookingChange, booking: Appointment) -> bool:
    """Return whether a replica may not show yet what the booking's row says."""
    return change.updated_at - booking.updated_at < timedelta(seconds=rules.timings.settle_unanswered)


def denied(rules: BookingDecisions, change: BookingChange, permit: Denied) -> Move:
    """Return the hold of a change whose POST may not go: its own endpoint's breaker holds nobody else."""
    if permit.reason is not Reason.BREAKER_OPEN or permit.state is not State.CLOSED:
        return rules.not_now(change, permit.reason)
    wait = permit.retry_after if permit.endpoint_state is State.OPEN else None
    pause = rules.before_start(change, rules.timings.open if wait is None else wait)
    hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(pause)}
    return Move(Status.HELD, "Cal.com answers no such calls", hold)


def place_after(act: ChangeStep, reply: ChangeReply, change: BookingChange, booking: Appointment) -> BookedThere | None:
    """Return where a booking is after a POST that has moved it; None: it has moved nothing."""
    if act is not ChangeStep.DONE or change.wanted is None:
        return None
    start = None if change.wanted == booking.start_at else change.wanted
    return BookedThere(reply.uid, reply.seat_uid, None, start, reply.awaits_host)


def after_answer(
    rules: BookingDecisions, claim: ChangeClaim, calls: GuardedCalls, reply: ChangeReply, *, week: bool
) -> ChangeStep:
    """Return the step after the answer to a POST; what else must be asked for it is asked."""
    change, booking = claim.row, claim.booking

    def decide(slot: Slot | None = None, *, another: bool | None = None) -> ChangeStep:
        unknown, young = change.outcome_unknown, is_young(rules, change, booking)
        if change.wanted is None:
            return after_cancel(reply.answer, unknown=unknown, series=week, young=young, another=another)
        seat = change.from_seat_uid is not None
        return after_reschedule(reply.answer, unknown=unknown, seat=seat, slot=slot, young=young, another=another)

    act = decide()
    try:
        if act is ChangeStep.ASK_ANOTHER:
            return decide(another=shows_another(claim.deps, calls, booking))
        if act is ChangeStep.ASK_SLOTS:
            return decide(questions.slot_at(calls, booking, change))
    except NotNow:  # what the answer was must still be written
        return ChangeStep.LOOK
    return act


def case_of(
    rules: BookingDecisions, change: BookingChange, booking: Appointment, look: ChangeLook
) -> tuple[ChangeCase, Decide]:
    """Return the case of a change of unknown outcome after a lookup, and the rule that decides it."""
    times = Times.of(change, rules)
    waited = (change.updated_at - change.requested_at).total_seconds()
    case = ChangeCase(
        shown=look.shown,
        settled=times.settled_in <= 0,
        ended=times.ends_in <= 0 or (change.part is not None and change.ends_at is None),  # no POST may be at work
        seat=change.from_seat_uid is not None,
        refusal=None if change.refusal is None else ChangeAnswer(change.refusal),
        young=is_young(rules, change, booking),
        next_week=look.left is not None and look.left.uid is not None and look.left.uid not in change.weeks_named,
        may_retry=rules.may_retry(change.retry_count, change.error_type),
        outage=change.error_type in OUTAGE,
        waited=waited >= rules.timings.wait_for_proof,
    )
    if change.wanted is None:
        return case, after_cancel_look
    move_case = MoveCase(
        **asdict(case),
        moved=change.may_have_moved,
        repeated=change.posts > 1,
        wanted=look.wanted,
        lives=look.lives,
        near=change.seconds_left(rules.timings.lead) <= 0,
    )
    return move_case, cast("Decide", after_reschedule_look)
