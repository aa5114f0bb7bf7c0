"""What is asked of Cal.com about a claimed change, and the step that the evidence then allows."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import cast

from db.appointments import Appointment
from db.appointments.there.places import BookedThere
from db.changes.change import BookingChange
from tasks.attempts.our_calcom import shows_another
from tasks.attempts.outcome import Times
from tasks.calcom.booking_answers import booked_there
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.slots import Slot
from tasks.changes import questions
from tasks.changes.claim import ChangeClaim
from tasks.changes.ending import Seen
from tasks.changes.evidence.cancel import after_cancel, after_cancel_look
from tasks.changes.evidence.case import ChangeCase, ChangeStep, Shown
from tasks.changes.evidence.reschedule import (
    MoveCase,
    after_look_at_same_start,
    after_reschedule,
    after_reschedule_look,
)
from tasks.changes.lookup import ChangeLook, look_at_change
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.work.decisions import OUTAGE, BookingDecisions

Decide = Callable[[ChangeCase], ChangeStep]


@dataclass(slots=True)
class ChangeInquiry:
    """Ask Cal.com about a claimed change with `calls`, and decide by `rules`."""

    claim: ChangeClaim
    calls: GuardedCalls
    rules: BookingDecisions

    @property
    def change(self) -> BookingChange:
        """Return the change as its claim or last renewal read it."""
        return self.claim.row

    @property
    def booking(self) -> Appointment:
        """Return its booking as the claim read it."""
        return self.claim.booking

    def look(self) -> ChangeLook:
        """Look up what the change names."""
        return look_at_change(self.calls, self.change, self.booking)

    def case(self, look: ChangeLook) -> tuple[ChangeCase, Decide]:
        """Return the case of the change after a lookup, and the rule that decides it."""
        return case_of(self.rules, self.change, self.booking, look)

    def after_answer(self, reply: ChangeReply, *, week: bool) -> ChangeStep:
        """Return the step after the answer to a POST; what else must be asked for it is asked."""
        change, booking = self.change, self.booking
        young = is_young(self.rules, change, booking)

        def decide(slot: Slot | None = None, *, another: bool | None = None) -> ChangeStep:
            unknown = change.outcome_unknown
            if change.wanted is None:
                return after_cancel(reply.answer, unknown=unknown, series=week, young=young, another=another)
            seat = change.from_seat_uid is not None
            return after_reschedule(reply.answer, unknown=unknown, seat=seat, slot=slot, young=young, another=another)

        step = decide()
        try:
            if step is ChangeStep.ASK_ANOTHER:
                return decide(another=shows_another(self.claim.deps, self.calls, booking))
            if step is ChangeStep.ASK_SLOTS:
                return decide(questions.slot_at(self.calls, booking, change))
        except NotNow:  # what the answer was must still be written
            return ChangeStep.LOOK
        return step

    def after_look(self, look: ChangeLook) -> tuple[ChangeStep, Seen]:
        """Return the step that a lookup allows, and what was seen; what else must be asked for it is asked."""
        change, booking = self.change, self.booking
        case, decide = self.case(look)
        step = decide(case)
        listed = None
        if step is ChangeStep.ASK_LIST:
            listed = questions.listed(self.claim.deps, self.calls, booking, change)
            if look.is_alive:  # the list first: what is moved between the two is seen at one of them
                look = self.look()
                case, _ = self.case(look)
        there = self.place(look)
        if listed is not None:
            case, there = listed.judge(case, there)
            step = decide(case)
        if step is ChangeStep.ASK_SLOTS:
            step = decide(replace(case, slot=questions.slot_at(self.calls, booking, change)))  # type: ignore[call-arg]
        if step is ChangeStep.ASK_ANOTHER:
            step = decide(replace(case, another=shows_another(self.claim.deps, self.calls, booking)))
        failed = look.reply if look.shown is Shown.UNREADABLE else None
        return step, Seen(failed, None, there, look.weeks)

    def after_look_at_start(self) -> tuple[ChangeStep, Seen]:
        """Look whether a booking is at the wanted start, as its row says; return the step, and what was seen."""
        look = self.look()
        is_there, young = look.is_at(self.change.wanted), is_young(self.rules, self.change, self.booking)
        step = after_look_at_same_start(look.shown, is_there=is_there, lives=look.lives, young=young)
        return step, Seen(look.reply, None, self.place(look))

    def place_after(self, step: ChangeStep, reply: ChangeReply) -> BookedThere | None:
        """Return where the booking is after a POST that has moved it; None: it has moved nothing."""
        wanted = self.change.wanted
        if step is not ChangeStep.DONE or wanted is None:
            return None
        start = None if wanted == self.booking.start_at else wanted
        return BookedThere(reply.uid, reply.seat_uid, None, start, reply.awaits_host)

    def place(self, look: ChangeLook) -> BookedThere | None:
        """Return where a lookup has shown the booking; None: nowhere."""
        if look.there is None:
            return None
        seat = look.there.marks.get(str(self.booking.uuid)) or self.change.from_seat_uid
        return booked_there(look.there, self.booking, seat)


def is_young(rules: BookingDecisions, change: BookingChange, booking: Appointment) -> bool:
    """Return whether a replica may not show yet what the booking's row says."""
    return change.updated_at - booking.updated_at < timedelta(seconds=rules.timings.settle_unanswered)


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
