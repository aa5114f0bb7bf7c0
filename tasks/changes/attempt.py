"""One attempt at a claimed change: look its booking up at Cal.com, or post it, and return the move that follows."""

from dataclasses import replace
from typing import cast

from db.appointments import FromNow
from db.changes.asking import is_over
from db.lifecycle import Status
from tasks.attempts import answered, outcome
from tasks.attempts.attempt import AttemptResult, Report, counted, means_of, result_of
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.reply import ErrorType, SettleAfter
from tasks.changes import questions
from tasks.changes.claim import ChangeClaim
from tasks.changes.ending import Seen, carried_out, followed, open_columns
from tasks.changes.evidence.cancel import after_cancel_look
from tasks.changes.evidence.case import ChangeStep
from tasks.changes.evidence.reschedule import before_reschedule
from tasks.changes.inquiry import ChangeInquiry
from tasks.changes.lookup import is_of_series
from tasks.changes.post import AGAIN, post
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import NotNow
from tasks.work.claim import LeaseLost
from tasks.work.moves import Move, Posted, at_once


def attempt_change(claim: ChangeClaim) -> AttemptResult:
    """Look the change's booking up or post the change, and return the move that follows; the caller writes it.

    Its place in the release window is its own until the end.
    """
    reports: list[Report] = []
    move: Move | None = None
    calls, rules = means_of(claim, reports)
    try:
        attempt = ChangeAttempt(claim, calls, rules)
        move = attempt.move() if claim.no_access is None else answered.without_access(claim.no_access)
    except LeaseLost:
        pass
    finally:
        if claim.released:
            claim.give_back(calls.answered_at)
    return result_of(move, reports, gave_back=claim.released)


class ChangeAttempt(ChangeInquiry):
    """Send a claimed change as what Cal.com shows allows."""

    def move(self) -> Move:
        """Return the move that ends the attempt.

        Raises:
            LeaseLost: The change is no longer ours.
        """
        try:
            return self._before() or self._work()
        except NotNow as no:
            if no.lookups_only:
                return self.rules.lookup_unavailable(self.change, no.opens_in)
            return self.rules.not_now(self.change, no.denied.reason)
        except event_type_lookup.NotAskedError as no:
            return outcome.lookup_failed(self.rules, self.change, no.reply)

    def _before(self) -> Move | None:
        """Return the move if Cal.com need not be asked; else None."""
        change, booking, backlog = self.change, self.booking, self.claim.backlog
        if backlog is not None:
            return self.rules.behind_others(backlog)
        if change.outcome_unknown:
            return None
        if booking.status is not Status.CONFIRMED:
            return self._end(ChangeStep.DONE if change.wanted is None else ChangeStep.REFUSE_CANCELLED)
        uid = booking.series_uid or booking.calcom_booking_uid
        if not change.posts and (change.from_uid, change.from_seat_uid) != (uid, booking.calcom_seat_uid):
            there = {"from_uid": uid, "from_seat_uid": booking.calcom_seat_uid, "next_attempt_at": FromNow(0)}
            return Move(Status.RETRYING, "its booking has another uid by now", there, retry_in=0)
        if change.wanted is None:
            return None
        refused = before_reschedule(over=is_over(booking, change.updated_at))
        if refused is None and change.seconds_left(self.rules.timings.lead) <= 0:
            refused = ChangeStep.EXPIRE
        return None if refused is None else self._end(refused)

    def _work(self) -> Move:
        if is_of_series(self.change, self.booking):
            return self._series()
        if self.change.outcome_unknown:
            return self._follow(*self.after_look(self.look()))
        if self.change.wanted == self.booking.present_start:
            step, seen = self.after_look_at_start()
            if step is not ChangeStep.POST_AGAIN:
                return self._follow(step, seen)
        return self._post()

    def _follow(self, step: ChangeStep, seen: Seen) -> Move:
        """Return the move for the step that a lookup has allowed."""
        if step is ChangeStep.FOLLOW and seen.there is not None:
            return followed(self.booking, seen.there)
        return self._post(after_look=step) if step in AGAIN else self._end(step, seen)

    def _end(self, step: ChangeStep, seen: Seen | None = None) -> Move:
        return carried_out(self.rules, self.change, self.booking, step, seen or Seen())

    def _post(self, after_look: ChangeStep | None = None) -> Move:
        """Post the change, and return the move that follows; `after_look` is what a lookup has allowed."""
        if self.change.from_seat_uid is not None and (unclear := questions.meets_seats(self.claim)) is not None:
            return self.rules.beside_seats(self.change, unclear=unclear)
        kept = None
        if self.change.wanted is not None:
            kept = event_type_lookup.recent(self.claim.deps, self.calls, self.booking)
            if after_look is None:  # what Cal.com would not check: the slots are read for seats alone
                disabled = bool(kept.rescheduling_disabled)
                full = not disabled and kept.seats and questions.is_full(self.calls, self.booking, self.change)
                if (refused := before_reschedule(disabled=disabled, full=full)) is not None:
                    return self._end(refused)
        posted = post(self, self.change.from_uid or "", kept=kept, after_look=after_look)
        return posted if isinstance(posted, Move) else self._answered(posted)

    def _answered(self, posted: Posted, *, week: bool = False) -> Move:
        """Return the move after the answer to a POST, which counts it."""
        reply = cast("ChangeReply", posted.reply)
        if reply.error_type is ErrorType.LEASE_LOST:
            return at_once("the claim was too old to send")
        step = self.after_answer(reply, week=week)
        move = self._end(step, Seen(reply, posted, self.place_after(step, reply)))
        new = {"to_uid": reply.uid} if reply.answer is ChangeAnswer.MOVED else {}  # where the lookup finds it
        return replace(move, columns={**move.columns, **counted(self.change, posted), **new})

    def _series(self) -> Move:
        """Cancel the weeks of a series that are meant, and read it again: a week that was moved may live beside them.

        Raises:
            LeaseLost: The change is no longer ours.
        """
        answered = False  # the last POST of this attempt: nothing of ours is at work, though `settle_at` is to come
        while True:
            change, look = self.change, self.look()
            if not look.is_alive or look.left is None or (week := look.left.uid) is None:
                return self._follow(*self.after_look(look))
            case, _ = self.case(look)
            new = case.next_week
            step = after_cancel_look(replace(case, settled=case.settled or (answered and new)))
            if step not in {ChangeStep.NEXT_WEEK, ChangeStep.POST_AGAIN}:
                return self._end(step)
            weeks = [*(uid for uid in change.weeks_named if uid != week), week]
            before = None if change.part is None else weeks  # the next worker must know which week is meant
            posted = post(self, week, rest=look.left.rest, after_look=None if new else step, names=before)
            if isinstance(posted, Move):
                return posted
            move = self._answered(posted, week=True)
            named = {"weeks_named": weeks}
            if not (move.columns.get("outcome_unknown") and posted.reply.settle_after is SettleAfter.ANSWERED):
                written = named if posted.sent_ago is not None else {"weeks_named": change.weeks_named}
                return replace(move, columns={**move.columns, **written})
            more = open_columns(self.rules, self.change, posted) | counted(self.change, posted) | named
            self.claim.renew(**more)
            answered = True
