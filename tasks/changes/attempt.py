"""One attempt at a claimed change: look its booking up at Cal.com, or post it, and return the move that follows."""

from dataclasses import dataclass, replace
from typing import Any, cast

from db.appointments import FromNow
from db.appointments.event_types import EventType
from db.appointments.there.places import BookedThere
from db.changes.change import BookingChange
from db.lifecycle import Status
from resilience.circuit_breaker.types import Denied, Permit
from tasks.attempts import answered, outcome
from tasks.attempts.attempt import AttemptResult, Report, counted, means_of, result_of, send_once
from tasks.attempts.our_calcom import shows_another
from tasks.calcom.access import CANCEL, RESCHEDULE
from tasks.calcom.booking_answers import booked_there
from tasks.calcom.changes.cancel import cancel_body, read_cancel
from tasks.calcom.changes.reply import ChangeAnswer, ChangeReply
from tasks.calcom.changes.reschedule import read_reschedule, reschedule_body
from tasks.calcom.http.answer import Answer, MaySend, NoAnswer
from tasks.calcom.reply import ErrorType, SettleAfter
from tasks.changes import cases, questions
from tasks.changes.ask.store import is_over
from tasks.changes.claim import ChangeClaim
from tasks.changes.ending import Seen, carried_out, open_columns
from tasks.changes.evidence.cancel import after_cancel_look
from tasks.changes.evidence.case import ChangeStep, Shown
from tasks.changes.evidence.reschedule import Wish, after_look_at_same_start, before_reschedule
from tasks.changes.lookup import ChangeLook, is_of_series, look_at_change
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import CallResult, GuardedCalls, NotNow
from tasks.guarded_calls.event_type_lookup import NotAskedError
from tasks.work.claim import LeaseLost
from tasks.work.decisions import BookingDecisions
from tasks.work.moves import KNOWN, Move, Posted, at_once

_AGAIN = frozenset({ChangeStep.POST_AGAIN, ChangeStep.RETRY})


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


@dataclass(slots=True)
class ChangeAttempt:
    """Ask Cal.com about a claimed change with `calls`, send it, and decide by `rules`."""

    claim: ChangeClaim
    calls: GuardedCalls
    rules: BookingDecisions

    @property
    def change(self) -> BookingChange:
        """Return the change as its claim or last renewal read it."""
        return self.claim.row

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
        except NotAskedError as no:
            return outcome.lookup_failed(self.rules, self.change, no.reply)

    def _before(self) -> Move | None:
        """Return the move if Cal.com need not be asked; else None."""
        change, booking, backlog = self.change, self.claim.booking, self.claim.backlog
        if backlog is not None:
            return self.rules.behind_others(backlog)
        if change.outcome_unknown:
            return None
        if booking.status is not Status.CONFIRMED:
            act = ChangeStep.DONE if change.wanted is None else ChangeStep.REFUSE_CANCELLED
            return self._end(act, Seen())
        uid = booking.series_uid or booking.calcom_booking_uid
        if not change.posts and (change.from_uid, change.from_seat_uid) != (uid, booking.calcom_seat_uid):
            there = {"from_uid": uid, "from_seat_uid": booking.calcom_seat_uid, "next_attempt_at": FromNow(0)}
            return Move(Status.RETRYING, "its booking has another uid by now", there, retry_in=0)
        if change.wanted is None:
            return None
        act_before = before_reschedule(Wish(over=is_over(booking, change.updated_at)))
        if act_before is None and change.seconds_left(self.rules.timings.lead) <= 0:
            act_before = ChangeStep.EXPIRE
        return None if act_before is None else self._end(act_before, Seen())

    def _work(self) -> Move:
        if is_of_series(self.change, self.claim.booking):
            return self._series()
        return self._judged(self._look()) if self.change.outcome_unknown else self._post()

    def _end(self, act: ChangeStep, seen: Seen) -> Move:
        return carried_out(self.rules, self.change, self.claim.booking, act, seen)

    # -- the POST ------------------------------------------------------------------------------------------------------

    def _post(self, after_look: ChangeStep | None = None) -> Move:
        """Post the change, and return the move that follows; `after_look` is what a lookup has allowed."""
        kept = None
        if after_look is None and (there_already := self._there_already()) is not None:
            return there_already
        if self.change.wanted is not None:
            kept = event_type_lookup.recent(self.claim.deps, self.calls, self.claim.booking)
            if after_look is None and (refused := before_reschedule(self._wish(kept))) is not None:
                return self._end(refused, Seen())
        posted = self._sent(self.change.from_uid or "", kept=kept, after_look=after_look)
        return posted if isinstance(posted, Move) else self._answered(posted)

    def _wish(self, kept: EventType) -> Wish:
        """Return what Cal.com would not check, of what its event type is; the slots are read for seats alone."""
        if kept.rescheduling_disabled:
            return Wish(disabled=True)
        return Wish(full=kept.seats and questions.is_full(self.calls, self.claim.booking, self.change))

    def _sent(
        self,
        uid: str,
        *,
        kept: EventType | None = None,
        rest: bool = False,
        after_look: ChangeStep | None = None,
        names: list[str] | None = None,
    ) -> Posted | Move:
        """Post, and return the answer, or the move of a change that may not go; `names` are written before."""
        endpoint, probe, keyless = CANCEL, None, False
        if self.change.wanted is not None:  # a move is no probe: the read of its booking is
            endpoint, probe, keyless = RESCHEDULE, lambda: self.calls.booking(uid), questions.is_keyless(kept)
        permit = self.calls.permit_post(endpoint=endpoint, probe=probe, keyless=keyless)
        if isinstance(permit, Denied):
            return cases.denied(self.rules, self.change, permit)
        if after_look is not None:
            self._renew_to_post(after_look, permit)
        elif names is not None:
            self._renew(permit, weeks_named=names)
        return send_once(self.claim, lambda may_send: self._call(permit, uid, may_send, keyless=keyless, rest=rest))

    def _renew_to_post(self, act: ChangeStep, permit: Permit) -> None:
        """Write before the next POST what the lookup has shown, and that the POST costs a retry."""
        known = KNOWN | {"may_have_moved": False, "refusal": None} if act is ChangeStep.RETRY else {}
        retries = self.change.retry_count + (act in _AGAIN and not permit.probe)
        self._renew(permit, **known, retry_count=retries)

    def _renew(self, permit: Permit, **columns: Any) -> None:
        try:
            self.claim.renew(**columns)
        except BaseException:
            self.calls.give_up(permit)
            raise

    def _call(
        self, permit: Permit, uid: str, may_send: MaySend, *, keyless: bool, rest: bool
    ) -> CallResult[ChangeReply]:
        change, booking, client = self.change, self.claim.booking, self.claim.deps.calcom
        seat, ids = change.from_seat_uid, {"may_send": may_send, "correlation_id": change.correlation_id}
        if change.wanted is None:
            body = cancel_body(change.reason, seat_uid=seat, subsequent=rest)
            return self.calls.call(
                permit,
                lambda: client.cancel_booking(uid, body, **ids),  # type: ignore[arg-type]
                lambda answer: read_cancel(answer, seat_uid=seat),
            )
        body = reschedule_body(change.wanted, reason=change.reason, seat_uid=seat)

        def read(answer: Answer | NoAnswer) -> ChangeReply:
            reference, start = str(booking.uuid), change.start_at
            return read_reschedule(answer, reference=reference, start=start, seat=seat is not None, keyless=keyless)

        return self.calls.call(
            permit,
            lambda: client.reschedule_booking(uid, body, keyless=keyless, **ids),  # type: ignore[arg-type]
            read,
        )

    # -- the answer ----------------------------------------------------------------------------------------------------

    def _answered(self, posted: Posted, *, week: bool = False) -> Move:
        """Return the move after the answer to a POST, which counts it."""
        reply = cast("ChangeReply", posted.reply)
        if reply.error_type is ErrorType.LEASE_LOST:
            return at_once("the claim was too old to send")
        act = cases.after_answer(self.rules, self.claim, self.calls, reply, week=week)
        move = self._end(act, Seen(reply, posted, cases.place_after(act, reply, self.change, self.claim.booking)))
        new = {"to_uid": reply.uid} if reply.answer is ChangeAnswer.MOVED else {}  # where the lookup finds it
        return replace(move, columns={**move.columns, **counted(self.change, posted), **new})

    # -- the lookup ----------------------------------------------------------------------------------------------------

    def _look(self) -> ChangeLook:
        return look_at_change(self.calls, self.change, self.claim.booking)

    def _judged(self, look: ChangeLook) -> Move:
        """Return the move that what a lookup shows allows; what else must be asked for it is asked."""
        change, booking = self.change, self.claim.booking
        case, decide = cases.case_of(self.rules, change, booking, look)
        act = decide(case)
        listed = None
        if act is ChangeStep.ASK_LIST:
            listed = questions.listed(self.claim.deps, self.calls, booking, change)
            if look.shown is Shown.ALIVE:  # the list first: what is moved between the two is seen at one of them
                look = self._look()
                case, _ = cases.case_of(self.rules, change, booking, look)
        there = None if look.there is None else booked_there(look.there, booking, self._seat_at(look))
        if listed is not None:
            case, there = listed.judge(case, there)
            act = decide(case)
        if act is ChangeStep.ASK_SLOTS:
            act = decide(replace(case, slot=questions.slot_at(self.calls, booking, change)))  # type: ignore[call-arg]
        if act is ChangeStep.ASK_ANOTHER:
            another = shows_another(self.claim.deps, self.calls, booking)
            act = decide(replace(case, another=another))
        if act is ChangeStep.FOLLOW and there is not None:
            return self._followed(there)
        if act in _AGAIN:
            return self._post(after_look=act)
        failed = look.reply if look.shown is Shown.UNREADABLE else None
        return self._end(act, Seen(failed, None, there, look.weeks))

    def _seat_at(self, look: ChangeLook) -> str | None:
        """Return the seat's uid in a booking that a lookup has shown."""
        marks = look.there.marks if look.there is not None else {}
        return marks.get(str(self.claim.booking.uuid)) or self.change.from_seat_uid

    def _there_already(self) -> Move | None:
        """Look whether a booking is where its row says, if that is the wanted start; None: it may be posted."""
        booking = self.claim.booking
        if self.change.wanted is None or self.change.wanted != (booking.booked_start_at or booking.start_at):
            return None
        look = self._look()
        is_there, young = look.is_at(self.change.wanted), cases.is_young(self.rules, self.change, booking)
        act = after_look_at_same_start(look.shown, is_there=is_there, lives=look.lives, young=young)
        there = None if look.there is None else booked_there(look.there, booking, self._seat_at(look))
        if act is ChangeStep.FOLLOW and there is not None:
            return self._followed(there)
        return None if act is ChangeStep.POST_AGAIN else self._end(act, Seen(look.reply, None, there))

    def _followed(self, there: BookedThere) -> Move:
        """Return the move of a change whose booking lives under another uid: it is sent to that one."""
        uids = {"from_uid": there.uid, "from_seat_uid": there.seat_uid, "posts": 0, "next_attempt_at": FromNow(0)}
        why = "the booking lives under another uid: the change goes there"
        also = questions.followed(self.claim.booking, there)
        return Move(Status.RETRYING, why, {**KNOWN, **uids}, retry_in=0, also=also)

    # -- a series ------------------------------------------------------------------------------------------------------

    def _series(self) -> Move:
        """Cancel the weeks of a series that are meant, and read it again: a week that was moved may live beside them.

        Raises:
            LeaseLost: The change is no longer ours.
        """
        answered = False  # the last POST of this attempt: nothing of ours is at work, though `settle_at` is to come
        while True:
            change = self.change
            look = self._look()
            if look.shown is not Shown.ALIVE or look.left is None or (week := look.left.uid) is None:
                return self._judged(look)
            case = cases.case_of(self.rules, change, self.claim.booking, look)[0]
            new = case.next_week
            act = after_cancel_look(replace(case, settled=case.settled or (answered and new)))
            if act not in {ChangeStep.NEXT_WEEK, ChangeStep.POST_AGAIN}:
                return self._end(act, Seen())
            weeks = [*(uid for uid in change.weeks_named if uid != week), week]
            before = None if change.part is None else weeks  # the next worker must know which week is meant
            posted = self._sent(week, rest=look.left.rest, after_look=None if new else act, names=before)
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
