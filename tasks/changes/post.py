"""The POST of a change: whether it may go, what is written before it, and its bytes."""

from typing import Any

from db.appointments import FromNow
from db.appointments.event_types import EventType
from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.types import Denied, Permit, Reason, State
from tasks.attempts.attempt import send_once
from tasks.calcom.access import CANCEL, RESCHEDULE
from tasks.calcom.changes.cancel import cancel_body, read_cancel
from tasks.calcom.changes.reply import ChangeReply
from tasks.calcom.changes.reschedule import read_reschedule, reschedule_body
from tasks.calcom.http.answer import Answer, MaySend, NoAnswer
from tasks.changes import questions
from tasks.changes.evidence.case import ChangeStep
from tasks.changes.inquiry import ChangeInquiry
from tasks.guarded_calls.calls import CallResult
from tasks.work.moves import KNOWN, Move, Posted

AGAIN = frozenset({ChangeStep.POST_AGAIN, ChangeStep.RETRY})


def post(
    inquiry: ChangeInquiry,
    uid: str,
    *,
    kept: EventType | None = None,
    rest: bool = False,
    after_look: ChangeStep | None = None,
    names: list[str] | None = None,
) -> Posted | Move:
    """Post the change, and return the answer, or the move of a change that may not go.

    `kept`: the event type of a move. `after_look`: what a lookup has allowed. Of a series `names` are written before,
    and `rest` cancels all weeks after `uid` as well.

    Raises:
        LeaseLost: The change is no longer ours; nothing was sent.
    """
    endpoint, probe, keyless = CANCEL, None, False
    if inquiry.change.wanted is not None:  # a move is no probe: the read of its booking is
        endpoint, probe, keyless = RESCHEDULE, lambda: inquiry.calls.booking(uid), questions.is_keyless(kept)
    permit = inquiry.calls.permit_post(endpoint=endpoint, probe=probe, keyless=keyless)
    if isinstance(permit, Denied):
        return _denied(inquiry, permit)
    if after_look is not None:
        _renew_to_post(inquiry, after_look, permit)
    elif names is not None:
        _renew(inquiry, permit, weeks_named=names)
    return send_once(inquiry.claim, lambda may_send: _call(inquiry, permit, uid, may_send, keyless=keyless, rest=rest))


def _denied(inquiry: ChangeInquiry, permit: Denied) -> Move:
    """Return the hold of a change whose POST may not go: its own endpoint's breaker holds nobody else."""
    rules, change = inquiry.rules, inquiry.change
    if permit.reason is not Reason.BREAKER_OPEN or permit.state is not State.CLOSED:
        return rules.not_now(change, permit.reason)
    wait = permit.retry_after if permit.endpoint_state is State.OPEN else None
    pause = rules.before_start(change, rules.timings.open if wait is None else wait)
    hold = {"hold_reason": HoldReason.UNREACHABLE, "hold_until": FromNow(pause)}
    return Move(Status.HELD, "Cal.com answers no such calls", hold)


def _renew_to_post(inquiry: ChangeInquiry, step: ChangeStep, permit: Permit) -> None:
    """Write before the next POST what the lookup has shown, and that the POST costs a retry."""
    known = KNOWN | {"may_have_moved": False, "refusal": None} if step is ChangeStep.RETRY else {}
    retries = inquiry.change.retry_count + (step in AGAIN and not permit.probe)
    _renew(inquiry, permit, **known, retry_count=retries)


def _renew(inquiry: ChangeInquiry, permit: Permit, **columns: Any) -> None:
    try:
        inquiry.claim.renew(**columns)
    except BaseException:
        inquiry.calls.give_up(permit)
        raise


def _call(
    inquiry: ChangeInquiry, permit: Permit, uid: str, may_send: MaySend, *, keyless: bool, rest: bool
) -> CallResult[ChangeReply]:
    change, booking, client = inquiry.change, inquiry.booking, inquiry.claim.deps.calcom
    seat, ids = change.from_seat_uid, {"may_send": may_send, "correlation_id": change.correlation_id}
    if change.wanted is None:
        body = cancel_body(change.reason, seat_uid=seat, subsequent=rest)
        return inquiry.calls.call(
            permit,
            lambda: client.cancel_booking(uid, body, **ids),  # type: ignore[arg-type]
            lambda answer: read_cancel(answer, seat_uid=seat),
        )
    body = reschedule_body(change.wanted, reason=change.reason, seat_uid=seat)

    def read(answer: Answer | NoAnswer) -> ChangeReply:
        reference, start = str(booking.uuid), change.start_at
        return read_reschedule(answer, reference=reference, start=start, seat=seat is not None, keyless=keyless)

    return inquiry.calls.call(
        permit,
        lambda: client.reschedule_booking(uid, body, keyless=keyless, **ids),  # type: ignore[arg-type]
        read,
    )
