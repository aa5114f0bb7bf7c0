"""Find out whether a booking of unknown outcome, or a refused one, was made: ask Cal.com, and apply the rule.

The list is read before the event type, so that a key that has just lost its rights is not trusted. What each answer
proves is decided in `tasks.attempts.evidence`.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from db.appointments.appointment import Appointment
from db.appointments.event_types import EventType
from db.appointments.events import MADE_AGAIN
from resilience.circuit_breaker.types import Permit
from tasks.attempts import outcome
from tasks.attempts.cases import SLOTS_KEPT, YOUNG, case_of
from tasks.attempts.evidence import (
    BY_SLOTS,
    Act,
    Refused,
    after_absence,
    after_evidence,
    after_refusal,
    before_lookup,
)
from tasks.attempts.other_rows import is_foreign, is_seated_before
from tasks.attempts.our_calcom import shows_another
from tasks.attempts.outcome import Times
from tasks.attempts.refusal import as_refusal, refused_as, rejected
from tasks.calcom.booking import Booking, to_millisecond
from tasks.calcom.booking_answers import booked_there, read_bookings
from tasks.calcom.deciding_lookup import deciding_lookup
from tasks.calcom.lookup import LookupKind, LookupResult, lookup
from tasks.calcom.reply import ErrorType, Reply, ReplyKind
from tasks.calcom.slots import Slot, ask_slots
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.guarded_calls.event_type_lookup import NotAskedError
from tasks.work.claim import BookingClaim
from tasks.work.decisions import BookingDecisions
from tasks.work.moves import CANCEL_ASKED, CANCELLED_UNBOOKED, KNOWN, Move, Posted, Proceed


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Ask Cal.com about a claimed row with `calls`, and decide by `rules`."""

    claim: BookingClaim
    calls: GuardedCalls
    rules: BookingDecisions

    # -- of unknown outcome ------------------------------------------------------------------------------------------

    def lookup(self) -> Move | Proceed:
        """Look the booking up, and return its move, or the POST that the rule allows.

        Raises:
            LeaseLost: The row is no longer ours.
        """
        try:
            return self._lookup()
        except NotNow as no:
            if no.lookups_only:
                return self.rules.lookup_unavailable(self.claim.row, no.opens_in)
            return self.rules.not_now(self.claim.row, no.denied.reason)

    def _lookup(self) -> Move | Proceed:
        claim = self.claim
        row = claim.row
        if row.refusal is not None and row.refusal.get("look_due"):
            return self._missing_type(row, row.refusal) or self._after_refusal(row, row.refusal)
        times = Times.of(row, self.rules)
        if times.settled_in > 0:
            found = outcome.after_lookup(self.rules, row, self.early_lookup())
            return found or outcome.lookup_again(self.rules, row, times)
        try:
            return self._post_unseen(times) or self._decide(times)
        except NotAskedError as no:
            # The list was read. A type that stays unreadable counts as one of unknown kind, to end the asking.
            if outcome.stays_unreadable(self.rules, row, no.reply, -times.ends_in):
                return outcome.blind(self.rules, times)
            return outcome.lookup_failed(self.rules, claim.row, no.reply)

    def early_lookup(self) -> LookupResult:
        """Look the booking up before its settle time, when absence proves nothing.

        Raises:
            LeaseLost: The row is no longer ours.
            NotNow: The breaker or the rate limit denies the call.
        """
        row = self.claim.row
        known = event_type_lookup.known(self.claim.deps, row)
        return lookup(self.calls, row, calcom_id=known.calcom_id if known else None)

    def _post_unseen(self, times: Times) -> Move | Proceed | None:
        """Return the POST that stands for a deciding lookup after a 502 or 503; None: the lookup comes first."""
        deps, row = self.claim.deps, self.claim.row
        known = event_type_lookup.known(deps, row)
        if known is None or before_lookup(case_of(row, known, times, self.rules)) is Act.LOOKUP:
            return None
        kept = self._shared_type(times) or event_type_lookup.ask(deps, self.calls, row)
        act = before_lookup(case_of(self.claim.row, kept, times, self.rules))
        return None if act is Act.LOOKUP else outcome.ended(self.rules, self.claim.row, act, times)

    def _decide(self, times: Times, *, another: bool | None = None) -> Move | Proceed:
        """Make a deciding lookup, ask about the event type, and decide by both answers (`another`: as in `Case`)."""
        claim, rules = self.claim, self.rules
        row, before = claim.row, event_type_lookup.known(claim.deps, claim.row)
        me = event_type_lookup.user(claim.deps, self.calls)
        result = deciding_lookup(self.calls, row, calcom_id=before.calcom_id if before else None, me=me)
        if (step := outcome.after_lookup(rules, claim.row, result)) is not None:
            event_type_lookup.learn_id(claim.deps, row, result.event_type_id)
            return step
        if result.deleted:
            event_type_lookup.deleted(claim.deps, row)
        kept = None if result.deleted else self._shared_type(times)
        if kept is None or (result.stranger and not kept.sight):
            kept = event_type_lookup.ask(claim.deps, self.calls, row, stranger=result.stranger)
        return self._absent(kept, result, times, another=another)

    def _shared_type(self, times: Times) -> EventType | None:
        """Return what another booking's reading has just shown of the event type; None: this one must read it itself.

        It may be older than this booking's list, and a key that lost its rights between the two seems to have sight. So
        it counts before `ends_at` alone, for BY_SLOTS, and with sight only while nobody can have cancelled the booking.
        """
        row = self.claim.row
        since = None if times.ends_in <= 0 else row.settle_at
        kept = None if since is None else event_type_lookup.lately(self.claim.deps, row, since=since)
        proves = kept is not None and kept.kind_of(row.sent_at) in BY_SLOTS
        return kept if proves and kept and (times.sent_ago <= YOUNG or not kept.sight) else None

    def _absent(self, kept: EventType, shown: LookupResult, times: Times, *, another: bool | None) -> Move | Proceed:
        row, rules = self.claim.row, self.rules
        ended = times.ends_in <= 0
        if ended and kept.seats and (half := shown.half_made) is not None:
            if half.reference is None and half.seat_uid is None:
                return outcome.half_made(row, half.uid)
            how = "request" if half.reference else "way"
            return rejected(ReplyKind.EXISTING_BOOKING, f"booked by another {how}", half.uid)
        length = row.length_in_minutes or kept.length_minutes
        case = replace(
            case_of(row, kept, times, rules),
            taker=length is not None and to_millisecond(row.start_at + timedelta(minutes=length)) in shown.taken_until,
            missing=shown.deleted or kept.deleted,
            another=another,
        )
        act = after_absence(case)
        if act is Act.ASK_ANOTHER:  # the URL may become right meanwhile: only a lookup after this call counts
            return self._decide(times, another=shows_another(self.claim.deps, self.calls, row))
        if act is Act.ASK_SLOTS:
            slot = self._slot()
            if slot is Slot.UNAVAILABLE and kept.seats and shown.hides_seats and shown.half_made is None:
                slot = Slot.UNPROVEN  # another attendee's half-made seat hides the free seats
            act = after_absence(replace(case, slot=slot))
        elif act is Act.LOOKUP and case.kind in BY_SLOTS and not (kept.sight or ended or case.slots_fresh):
            return outcome.wait_for_slots(SLOTS_KEPT + times.settled_in)
        missing = self._missing_type(row, row.refusal) if act is Act.REJECT and row.refusal else None
        return missing or outcome.ended(rules, self.claim.row, act, times)

    def renew_to_post(self, allowed: Proceed, permit: Permit) -> Move | None:
        """Renew the claim before a POST after an unknown outcome; return a move if the row must not be posted.

        If nothing is booked, the row must say that before the next POST can book. A probe costs no retry: the third
        failed probe in a row ends in a hold.

        Raises:
            LeaseLost: The row is no longer ours.
        """
        retries = self.claim.row.retry_count + (allowed.retry and not permit.probe)
        with ExitStack() as unless_it_may_go:
            unless_it_may_go.callback(self.calls.give_up, permit)
            row = self.claim.renew(**(KNOWN | {"retry_count": retries} if allowed.known else {}))
            if row.calcom_booking_uid is not None:
                return outcome.late_answer(row)
            if row.is_unwanted_at_start:  # a person cancelled or moved it during the lookup
                return CANCELLED_UNBOOKED if allowed.known else CANCEL_ASKED
            unless_it_may_go.pop_all()
        return None

    # -- refused -----------------------------------------------------------------------------------------------------

    def refused(self, reply: Reply) -> Move:
        """Return the move of a row whose POST was refused with `reply`, and whose outcome was never unknown.

        Raises:
            LeaseLost: The row is no longer ours.
        """
        refusal = as_refusal(reply)
        try:
            return self._missing_type(self.claim.row, refusal) or self._after_refusal(self.claim.row, refusal)
        except (NotNow, SQLAlchemyError):  # the refusal must still be written
            return outcome.refused_later(self.rules, self.claim.row, refusal)

    def _after_refusal(self, row: Appointment, refusal: Mapping[str, Any]) -> Move:
        claim, rules = self.claim, self.rules
        reply_kind, status = refused_as(refusal), refusal["http_status"]
        try:
            kept = event_type_lookup.recent(claim.deps, self.calls, row)
        except NotAskedError as no:
            waited = -Times.of(row, rules).settled_in if row.outcome_unknown else 0.0
            if outcome.stays_unreadable(rules, row, no.reply, waited):
                return outcome.refused_in_part(rules, row, refusal)  # an unreadable type counts as of unknown kind
            return outcome.refused_later(rules, row, refusal, no.reply)
        may = after_refusal(reply_kind, kept.kind, recurs=kept.recurs, looked=False, status=status)
        if may is Refused.UNKNOWN:
            return outcome.refused_in_part(rules, row, refusal)
        result = lookup(self.calls, row, calcom_id=kept.calcom_id, by_address=False)
        row = claim.row
        if result.kind is LookupKind.FAILED:
            return outcome.refused_later(rules, row, refusal, result.reply)
        if (step := outcome.after_lookup(rules, row, result)) is not None:
            return step
        slot = self._slot() if reply_kind is ReplyKind.TAKEN and refusal["ask_slots"] else None
        may_retry = rules.may_retry(row.retry_count, refusal["error_type"])
        may = after_refusal(
            reply_kind, kept.kind, recurs=False, looked=True, status=status, slot=slot, may_retry=may_retry
        )
        if claim.row.is_unwanted_at_start:
            return CANCELLED_UNBOOKED
        if may is Refused.RETRY:
            return rules.again(row, refusal["error_type"], refusal["message"])
        missing = self._missing_type(row, refusal)  # asked once more: the type may have been stored just now
        return missing or rejected(reply_kind, refusal["message"], refusal["uid"])

    def _missing_type(self, row: Appointment, refusal: Mapping[str, Any]) -> Move | None:
        """Return the hold of a booking whose event type has disappeared from Cal.com; None: it has not disappeared."""
        if refusal["error_type"] == ErrorType.NO_EVENT_TYPE and event_type_lookup.was_here(self.claim.deps, row):
            return self.rules.no_event_type(row, refusal["message"])
        return None

    # -- after a second POST -----------------------------------------------------------------------------------------

    def booked_again(self, confirmation: Move, posted: Posted) -> Move:
        """Return the confirmation after a 201 to an evidence POST; its `why` says if that POST made the booking."""
        if not outcome.was_made_now(posted):
            return confirmation
        kept = event_type_lookup.known(self.claim.deps, self.claim.row)
        by_host = kept is not None and kept.confirms  # the host sees two requests of one customer
        why = f"{confirmation.why}: made by this POST, since an earlier booking was cancelled or never made"
        return replace(confirmation, why=why, notable=MADE_AGAIN if by_host else None)

    def second_refused(self, post: Proceed, posted: Posted) -> Move:
        """Return the move of a row of unknown outcome whose second POST was refused.

        Raises:
            LeaseLost: The row is no longer ours.
        """
        claim, rules = self.claim, self.rules
        row, reply = claim.row, posted.reply

        def settle_again(**more: Any) -> Move:
            return outcome.unknown(rules, row, posted, post=post, refusal={**as_refusal(reply), **more})

        kept = event_type_lookup.known(claim.deps, row) if post.evidence else None
        if kept is None:
            return settle_again()
        foreign = reply.kind is ReplyKind.EXISTING_BOOKING and is_foreign(claim, reply)
        address_seated = reply.kind is ReplyKind.SIGNED_UP and is_seated_before(claim, self.calls)
        kind = kept.kind_of(row.sent_at)
        act = after_evidence(kind, reply, foreign=foreign, address_seated=address_seated)
        named: Booking | None = None
        if act is Act.ASK_UID:
            asked = self._named(reply)
            if isinstance(asked, Reply):
                return settle_again()
            named = asked
            act = after_evidence(kind, reply, named_is_ours=named is not None)
        match act:
            case Act.CONFIRM if named is not None:
                there = booked_there(named, row, named.marks[str(row.uuid)])
                return outcome.found(row, there, "Cal.com names it in its refusal")
            case Act.REJECT | Act.REJECT_TAKEN:
                return rejected(reply.kind, reply.message, reply.uid)
            case Act.BLIND:
                return settle_again(untold=True)
        return settle_again()

    def _named(self, reply: Reply) -> Booking | Reply | None:
        """Return the booking that a refusal names if it is ours; None: it is not ours; a Reply: that is not known."""
        row = self.claim.row
        try:
            shown = read_bookings(self.calls.booking(reply.uid or ""))
        except NotNow:
            return reply
        if isinstance(shown, Reply):
            missing = shown.kind is ReplyKind.REFUSED and shown.http_status == 404
            return None if missing and Times.of(row, self.rules).ends_in <= 0 else shown  # a replica may lag
        return next((booking for booking in shown if str(row.uuid) in booking.marks), None)

    def _slot(self) -> Slot:
        """Return whether Cal.com offers the slot; UNASKED if the call is denied."""
        try:
            return ask_slots(self.calls, self.claim.row)
        except NotNow:
            return Slot.UNASKED
