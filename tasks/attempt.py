"""One attempt at a claimed booking: ask Cal.com what has become of it, or post it, and say which move follows."""

from dataclasses import dataclass, replace
from typing import Any

from db.appointments import Appointment, FromNow
from db.appointments.there.places import BookedThere
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, Recorded
from tasks import event_types
from tasks.calcom.access import CREATE
from tasks.calcom.reply import ReplyKind
from tasks.claim import Claim, LeaseLost
from tasks.decisions import BookingDecisions
from tasks.guarded_calls import GuardedCalls
from tasks.moves import CallMade, Move, Posted, Proceed, confirmed, unbookable
from tasks.unknown import outcome
from tasks.unknown.inquiry import Inquiry
from tasks.unknown.not_booked import not_booked


@dataclass(frozen=True, slots=True)
class Attempted:
    """Hold what came of an attempt.

    `move` is to be written; None: the row is no longer ours. `reports`: what the reports of its calls led to.
    `gave_back`: it left its place in the release's window unused.
    """

    move: Move | None
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


def attempt(claim: Claim) -> Attempted:
    """Ask or post, and return the move that follows, for the caller to write."""
    deps, reports = claim.deps, list[tuple[Recorded, CallMade | None]]()
    calls = GuardedCalls(
        deps,
        claim.row.correlation_id,
        owner=str(claim.row.claim_token),
        probe_ok=claim.released,
        renew=claim.renew,
        patience=deps.timings.margin,  # as much of a claim as its calls do not need
        pause=claim.pause,
        on_report=lambda *one: reports.append(one),
    )
    fingerprints = deps.calcom.key_fingerprint, deps.calcom.settings_fingerprint
    one = Attempt(claim, calls, BookingDecisions(deps.policy, deps.timings, *fingerprints))
    has_place = claim.released  # until its POST takes it
    move: Move | None = None
    try:
        step = one.before_post()
        has_place = has_place and isinstance(step, Move)
        move = step if isinstance(step, Move) else one.post(step)
    except LeaseLost:
        pass
    finally:
        if has_place:
            deps.breaker.held_work.give_back(CREATE, claim.row.id)
    told = move and replace(move, calls=[call for _, call in reports if call])
    return Attempted(told, tuple(recorded for recorded, _ in reports), gave_back=has_place)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Carry one claimed booking through its calls."""

    claim: Claim
    calls: GuardedCalls
    decisions: BookingDecisions

    @property
    def _inquiry(self) -> Inquiry:
        """Return what asks about a row of which a POST is, or was, unknown or refused."""
        return Inquiry(self.claim, self.calls, self.decisions)

    def before_post(self) -> Move | Proceed:
        """Return the move of the row, or the POST that nothing stands against but the breaker and the limit.

        Raises:
            LeaseLost: The row is no longer ours.
        """
        row = self.claim.row
        if self.claim.backlog is not None:
            return self.decisions.behind_others(row, self.claim.backlog)
        if row.calcom_booking_uid is not None:  # a call that was given up answered late, and its uid was recorded
            return outcome.late_answer(row)
        step = self._inquiry.lookup() if row.outcome_unknown else Proceed()
        if isinstance(step, Proceed) and step.known:
            return unbookable(self.claim.row, lead=self.claim.deps.timings.lead) or step
        return step

    def post(self, allowed: Proceed) -> Move:
        """Post the booking, if the breaker and the limit let it go, and return the move that follows.

        Raises:
            LeaseLost: The row is no longer ours; nothing was sent.
        """
        row = self.claim.row
        permit = self.calls.permit_post(row.id if self.claim.released else None)
        if isinstance(permit, Denied):
            return self.decisions.not_now(row, permit.reason, allowed)
        if row.outcome_unknown and (stop := self._inquiry.renew_to_post(allowed, permit)) is not None:
            return stop
        posted = self._send(permit)
        booked = posted.reply.kind is ReplyKind.BOOKED
        move = self._booked(allowed, posted) if booked else not_booked(self._inquiry, allowed, posted)
        return replace(move, changes={**move.changes, **_counted(self.claim.row, posted)})

    def _send(self, permit: Permit) -> Posted:
        clock = self.claim.clock
        called_at, sent_at = clock(), None

        def may_send() -> bool:
            nonlocal sent_at
            sent_at = self.claim.first_byte_at(called_at)
            return sent_at is not None

        result = self.calls.post(permit, self.claim.row, may_send)
        return Posted(
            result.reply,
            sent_ago=None if sent_at is None else clock() - sent_at,
            probe=result.probe,
            shut=not result.recorded.may_go,
        )

    def _booked(self, allowed: Proceed, posted: Posted) -> Move:
        deps, row, reply = self.claim.deps, self.claim.row, posted.reply
        if row.team_slug is not None:  # of a team's type nothing else tells the number
            event_types.learn_id(deps, row, reply.event_type_id)
        why = f"Cal.com booked it ({reply.http_status})"
        count_at = row.ends_at or (None if reply.at_start else FromNow(deps.timings.settle_unanswered))
        there = BookedThere(reply.uid, reply.seat_uid, reply.series_uid, awaits_host=reply.awaits_host)
        move = replace(confirmed(there, why, count_at=count_at), facts={"by_own_answer": True})
        return self._inquiry.booked_again(move, posted) if allowed.evidence else move


def _counted(row: Appointment, posted: Posted) -> dict[str, Any]:
    """Return the columns that count a row's POSTs, and its probes in a row that failed though Cal.com was there."""
    posts = {} if posted.sent_ago is None else {"posts": row.posts + 1}
    if not posted.probe or posted.reply.outcome is CallOutcome.IGNORED:
        return posts
    return posts | {"probe_failures": row.probe_failures + 1 if posted.blamed else 0}
