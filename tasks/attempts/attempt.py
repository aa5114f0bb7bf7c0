"""One attempt at a claimed booking: look it up at Cal.com, or post it, and return the move that follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from db.appointments import Appointment, FromNow
from db.appointments.there.places import BookedThere
from db.changes.change import BookingChange
from resilience.circuit_breaker.types import CallOutcome, Denied, Recorded
from tasks.attempts import answered, other_rows, outcome
from tasks.attempts.inquiry import Inquiry
from tasks.calcom.access import CREATE
from tasks.calcom.http.answer import MaySend
from tasks.calcom.reply import ReplyKind
from tasks.dependencies import Dependencies
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import CallResult, GuardedCalls
from tasks.work.claim import BookingClaim, Claim, LeaseLost
from tasks.work.decisions import BookingDecisions
from tasks.work.moves import CallMade, Move, Posted, Proceed, confirmed, unbookable

Report = tuple[Recorded, CallMade | None]


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """Hold the result of an attempt.

    `move` is still to be written (None: the row is no longer ours). `reports`: what the breaker recorded of each call.
    `gave_back`: the attempt did not use its place in the release window.
    """

    move: Move | None
    reports: tuple[Recorded, ...] = ()
    gave_back: bool = False

    @property
    def opened(self) -> bool:
        """Return whether the attempt opened the breaker."""
        return any(report.opened for report in self.reports)

    @property
    def room(self) -> Recorded | None:
        """Return the first report that lets held bookings go now; None: no report does."""
        return next((report for report in self.reports if report.room > 0), None)

    @property
    def makes_room(self) -> bool:
        """Return whether held bookings may go now: a place became free, or the breaker closed."""
        return self.gave_back or self.room is not None or any(report.closed for report in self.reports)


def attempt(claim: BookingClaim) -> AttemptResult:
    """Look the booking up or post it, and return the move that follows; the caller writes it."""
    reports: list[Report] = []
    inquiry = Inquiry(claim, *means_of(claim, reports))
    has_place = claim.released  # until the POST takes over the place in the release window
    was_unclear = claim.row.outcome_unknown
    move: Move | None = None
    try:
        step = before_post(inquiry) if claim.no_access is None else answered.without_access(claim.no_access)
        has_place = has_place and isinstance(step, Move)
        move = step if isinstance(step, Move) else post(inquiry, step)
        if was_unclear and (done := outcome.was_done(step, move)) is not None:
            claim.deps.breaker.held_work.turned_out(CREATE, done=done)
    except LeaseLost:
        pass
    finally:
        if has_place:
            claim.give_back(inquiry.calls.answered_at)
    return result_of(move, reports, gave_back=has_place)


def means_of(claim: Claim[Any], reports: list[Report]) -> tuple[GuardedCalls, BookingDecisions]:
    """Return the calls of an attempt, which add their reports to a list, and its rules."""
    deps = claim.deps
    calls = GuardedCalls(
        deps,
        claim.row.correlation_id,
        owner=str(claim.row.claim_token),
        probe_ok=claim.released,
        renew=claim.renew,
        patience=deps.timings.margin,  # the part of the lease that the calls do not need
        pause=claim.pause,
        on_report=lambda *report: reports.append(report),
    )
    return calls, rules_of(deps)


def rules_of(deps: Dependencies) -> BookingDecisions:
    """Return the rules of an attempt with the key and the settings of these."""
    return BookingDecisions(deps.policy, deps.timings, deps.calcom.key_fingerprint, deps.calcom.settings_fingerprint)


def result_of(move: Move | None, reports: Sequence[Report], *, gave_back: bool) -> AttemptResult:
    """Return the result of an attempt that made the calls of these reports."""
    move = move and replace(move, calls=[call for _, call in reports if call])
    return AttemptResult(move, tuple(recorded for recorded, _ in reports), gave_back=gave_back)


def before_post(inquiry: Inquiry) -> Move | Proceed:
    """Return the move that ends the attempt, or the POST that is due if the breaker and the rate limit allow it.

    Raises:
        LeaseLost: The row is no longer ours.
    """
    claim, row = inquiry.claim, inquiry.claim.row
    if claim.backlog is not None:
        return inquiry.rules.behind_others(claim.backlog)
    if row.calcom_booking_uid is not None:  # a call that had timed out was answered later, and its uid was recorded
        return outcome.late_answer(row)
    step = inquiry.lookup() if row.outcome_unknown else Proceed()
    if isinstance(step, Proceed):
        second = other_rows.beside_seats(claim, inquiry.rules) if claim.seats_given_up else None
        return (unbookable(row, lead=claim.deps.timings.lead) if step.known else None) or second or step
    return step


def post(inquiry: Inquiry, allowed: Proceed) -> Move:
    """Post the booking if the breaker and the rate limit allow it, and return the move that follows.

    Raises:
        LeaseLost: The row is no longer ours; nothing was sent.
    """
    claim, row = inquiry.claim, inquiry.claim.row
    permit = inquiry.calls.permit_post(row.id if claim.released else None)
    if isinstance(permit, Denied):
        return inquiry.rules.not_now(row, permit.reason, allowed)
    if row.outcome_unknown and (stop := inquiry.renew_to_post(allowed, permit)) is not None:
        return stop
    posted = send_once(claim, lambda may_send: inquiry.calls.post(permit, claim.row, may_send))
    follows = _booked if posted.reply.kind is ReplyKind.BOOKED else answered.not_booked
    move = follows(inquiry, allowed, posted)
    return replace(move, columns={**move.columns, **counted(claim.row, posted)})


def send_once(claim: Claim[Any], post: Callable[[MaySend], CallResult[Any]]) -> Posted:
    """Send a POST unless the claim is too old, and return the result."""
    called_at, sent_at = claim.clock(), None

    def may_send() -> bool:
        nonlocal sent_at
        sent_at = claim.first_byte_at(called_at)
        return sent_at is not None

    result = post(may_send)
    return Posted(
        result.reply,
        sent_ago=None if sent_at is None else claim.clock() - sent_at,
        probe=result.probe,
        blocked=not result.recorded.may_go,
        others_go=not result.recorded.may_go and result.recorded.others_go,
    )


def _booked(inquiry: Inquiry, allowed: Proceed, posted: Posted) -> Move:
    deps, row, reply = inquiry.claim.deps, inquiry.claim.row, posted.reply
    if row.team_slug is not None:  # only a 201 shows the number of a team's type that is named by its slug
        event_type_lookup.learn_id(deps, row, reply.event_type_id)
    why = f"Cal.com booked it ({reply.http_status})"
    count_at = row.ends_at or (None if reply.at_start else FromNow(deps.timings.settle_unanswered))
    there = BookedThere(reply.uid, reply.seat_uid, reply.series_uid, awaits_host=reply.awaits_host)
    move = replace(confirmed(there, why, count_at=count_at), facts={"by_own_answer": True})
    return inquiry.booked_again(move, posted) if allowed.evidence else move


def counted(row: Appointment | BookingChange, posted: Posted) -> dict[str, Any]:
    """Return the columns that count a row's POSTs, and its successive probes that failed though Cal.com answered."""
    posts = {} if posted.sent_ago is None else {"posts": row.posts + 1}
    if not posted.probe or posted.reply.outcome is CallOutcome.IGNORED:
        return posts
    return posts | {"probe_failures": row.probe_failures + 1 if posted.blamed else 0}
