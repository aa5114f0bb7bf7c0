"""One attempt at a booking: claim it, look or post, and write down what came of it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from db import appointments
from db.appointments import Appointment, queue
from db.appointments.event_types import EventKind
from db.appointments.events import MADE_AGAIN
from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, Recorded
from tasks import event_types
from tasks.calcom.reply import ErrorType, ReplyKind, SettleAfter
from tasks.claim import Claim, LeaseLost
from tasks.decisions import BookingDecisions
from tasks.dependencies import Dependencies
from tasks.guarded_calls import CREATE, GuardedCalls, NotNow
from tasks.moves import KNOWN, FromNow, Move, Posted, Proceed, cancelled_unbooked, confirmed
from tasks.unknown import outcome
from tasks.unknown.inquiry import Inquiry, was_made_now


@dataclass(frozen=True, slots=True)
class Attempted:
    """Hold what came of an attempt.

    `step` is the move that was made, None when the row was no longer ours; `row` is as its last renewal read it.
    `reports`: what the reports of its calls led to. `gave_back`: it left its place in the release's window unused.
    """

    step: Move | None
    row: Appointment
    reports: tuple[Recorded, ...] = ()
    gave_back: bool = False

    @property
    def opened(self) -> bool:
        """Return whether it opened the breaker."""
        return any(one.opened for one in self.reports)

    @property
    def room(self) -> Recorded | None:
        """Return the report that says how many held bookings may go now; None: no report does."""
        return next((one for one in self.reports if one.room > 0), None)

    @property
    def makes_room(self) -> bool:
        """Return whether held bookings may go now: it closed the breaker, or left its place in the window."""
        return self.gave_back or self.room is not None or any(one.closed for one in self.reports)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Carry one claimed booking through its calls.

    `released`: it has a place in the window of the paced release. `line`: whom it waits behind.
    """

    claim: Claim
    released: bool
    line: HoldReason | None

    def run(self) -> Attempted:
        """Look or post, and write down what came of it."""
        claim, reports = self.claim, list[Recorded]()
        calls = GuardedCalls(
            claim.deps,
            claim.row.correlation_id,
            owner=str(claim.row.claim_token),
            probe_ok=self.released,
            renew=claim.renew,
            patience=claim.deps.timings.margin,  # as much of a claim as its calls do not need
            pause=claim.pause,
            heard=reports.append,
        )
        has_place = self.released  # until its POST takes it
        step: Move | Proceed | None
        try:
            step = self._look(calls)
            if isinstance(step, Proceed):
                has_place = False
                step = self._post(calls, step)
        except LeaseLost:
            step = None
        finally:
            if has_place:
                claim.deps.breaker.give_back(CREATE, claim.row.id)
        moved = step is not None and claim.write(step)
        return Attempted(step if moved else None, claim.row, tuple(reports), gave_back=has_place)

    @property
    def rules(self) -> BookingDecisions:
        """Today's rules."""
        deps = self.claim.deps
        return BookingDecisions(
            deps.policy, deps.timings, deps.calcom.key_fingerprint, deps.calcom.settings_fingerprint
        )

    def _look(self, calls: GuardedCalls) -> Move | Proceed:
        """Return the move of the row, or the POST that nothing stands against but the breaker and the limit."""
        row = self.claim.row
        if self.line is not None:
            return self.rules.behind_others(row, self.line)
        if row.calcom_booking_uid is not None:  # a call that was given up answered late, and its uid was recorded
            return outcome.late_answer(row)
        try:
            step = Inquiry(self.claim, calls, self.rules).lookup() if row.outcome_unknown else Proceed()
        except NotNow as no:
            if no.lookups_only:
                return self.rules.lookup_unavailable(no.denied.retry_after)
            return self.rules.not_now(self.claim.row, no.denied.reason)
        if isinstance(step, Proceed) and step.known:
            starts_in = (row.start_at - row.updated_at).total_seconds()
            return self.rules.before_post(self.claim.row, starts_in=starts_in) or step
        return step

    # -- posting -----------------------------------------------------------------------------------------------------

    def _post(self, calls: GuardedCalls, allowed: Proceed) -> Move:
        row = self.claim.row
        permit = calls.permit_post(row.id if self.released else None)
        if isinstance(permit, Denied):
            return self.rules.not_now(row, permit.reason, allowed)
        if row.outcome_unknown:
            with ExitStack() as unless_it_may_go:
                unless_it_may_go.callback(calls.give_up, permit)
                if (stop := self._renew_to_post(allowed, probe=permit.probe)) is not None:
                    return stop
                unless_it_may_go.pop_all()
        posted = self._send(calls, permit)
        step = self._after_post(calls, allowed, posted)
        return replace(step, changes={**step.changes, **_counted(self.claim.row, posted)})

    def _renew_to_post(self, allowed: Proceed, *, probe: bool) -> Move | None:
        """Renew the claim of a row whose outcome is, or was, unknown; return its move if it must not be posted now.

        Where nothing is booked the row must say so before the next byte may change it. A probe costs no retry: the
        third one that fails in a row ends in a hold.
        """
        retries = self.claim.row.retry_count + (not probe)
        row = self.claim.renew(**(KNOWN | {"retry_count": retries} if allowed.known else {}))
        if row.calcom_booking_uid is not None:
            return outcome.late_answer(row)
        if not row.cancel_requested:  # while we looked
            return None
        if allowed.known:
            return cancelled_unbooked()
        return Move(
            Status.RETRYING, "its cancellation is asked for: look again", {"next_attempt_at": FromNow(0)}, retry_in=0
        )

    def _send(self, calls: GuardedCalls, permit: Permit) -> Posted:
        clock = self.claim.clock
        called_at, sent_at = clock(), None

        def may_send() -> bool:
            nonlocal sent_at
            sent_at = self.claim.first_byte_at(called_at)
            return sent_at is not None

        result = calls.post(permit, self.claim.row, may_send)
        return Posted(
            result.reply,
            sent_ago=None if sent_at is None else clock() - sent_at,
            probe=result.probe,
            shut=not result.recorded.may_go,
        )

    def _after_post(self, calls: GuardedCalls, allowed: Proceed, posted: Posted) -> Move:
        row, reply, rules = self.claim.row, posted.reply, self.rules
        if reply.error_type is ErrorType.LEASE_LOST:
            return Move(Status.RETRYING, "the claim was too old to send", {"next_attempt_at": FromNow(0)}, retry_in=0)
        open_before = row.outcome_unknown
        match reply.kind:
            case ReplyKind.BOOKED:
                return self._booked(allowed, posted)
            case ReplyKind.NOT_SENT | ReplyKind.THROTTLED | ReplyKind.CREDENTIALS | ReplyKind.CONFIGURATION if (
                open_before
            ):
                return outcome.lookup_failed(rules, row, reply, posted)  # nothing is known more
            case ReplyKind.NOT_SENT:
                return rules.again(row, reply.error_type, reply.message, reply.retry_after, posted)
            case ReplyKind.THROTTLED | ReplyKind.CREDENTIALS | ReplyKind.CONFIGURATION:
                return rules.held(row, reply)
            case ReplyKind.UNKNOWN:
                kept = event_types.known(self.claim.deps, row) if reply.settle_after is SettleAfter.GATEWAY else None
                kind = kept.kind if kept is not None and kept.fresh else None
                return outcome.unknown(rules, row, posted, kind=kind, post=allowed)
        inquiry = Inquiry(self.claim, calls, rules)
        return inquiry.second_refused(allowed, posted) if open_before else inquiry.refused(reply)

    def _booked(self, allowed: Proceed, posted: Posted) -> Move:
        deps, row, reply = self.claim.deps, self.claim.row, posted.reply
        event_types.learn_id(deps, row, reply.event_type_id)
        why = f"Cal.com booked it ({reply.http_status})"
        step = confirmed(
            reply.uid,
            reply.seat_uid,
            why,
            series_uid=reply.series_uid,
            count_at=row.ends_at or (None if reply.at_start else FromNow(deps.timings.settle_unanswered)),
        )
        if not (allowed.evidence and was_made_now(posted)):
            return step
        kept = event_types.known(deps, row)
        by_host = kept is not None and kept.kind is EventKind.CONFIRMATION  # who sees two requests of one customer
        why = f"{why}: made now, the earlier one was not there any more, or never"
        return replace(step, why=why, notable=MADE_AGAIN if by_host else None)


def _counted(row: Appointment, posted: Posted) -> dict[str, Any]:
    """Return the columns that count a row's POSTs, and its probes in a row that failed though Cal.com was there."""
    posts = {} if posted.sent_ago is None else {"posts": row.posts + 1}
    if not posted.probe or posted.reply.outcome is CallOutcome.IGNORED:
        return posts
    return posts | {"probe_failures": row.probe_failures + 1 if posted.blamed else 0}


def claim(
    deps: Dependencies,
    appointment_id: int,
    *,
    released: bool = False,
    at_once: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Attempt | None:
    """Claim a booking; None when there is nothing to claim (done, held, or somebody else's).

    `released`: the paced release let it go. What was not, and is due for its first POST, waits behind those that were
    requested earlier and are held. `at_once`: the message before this one failed at the database.
    """
    at = clock()  # before the statement: a lease must never seem longer here than it is in Postgres
    with deps.engine.begin() as conn:
        row = appointments.claim(conn, appointment_id, lease_seconds=deps.timings.lease)
        line = None
        if row is not None and not (released or row.posts or row.outcome_unknown):
            line = queue.line(conn, before=row.requested_at)
    if row is None:
        if released:
            deps.breaker.give_back(CREATE, appointment_id)
        return None
    return Attempt(Claim(deps, row, at, clock, at_once=at_once), released=released, line=line)
