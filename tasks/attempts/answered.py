"""The move of a booking that its attempt has not booked: its POST was answered otherwise, or nothing may be called."""

from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from db.lifecycle import HoldReason, Status
from tasks.accounts.door import NoAccess
from tasks.attempts import outcome
from tasks.attempts.inquiry import Inquiry
from tasks.calcom.lookup import LookupKind
from tasks.calcom.reply import ErrorType, ReplyKind, SettleAfter
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import NotNow
from tasks.work.moves import Move, Posted, Proceed, at_once


def without_access(shut: NoAccess) -> Move:
    """Return the hold of a booking, or a change, for whose account nothing may be called."""
    hold: dict[str, Any] = {"hold_reason": shut.reason, "held_for": shut.held_for}
    if shut.reason is HoldReason.CREDENTIALS:
        hold |= {"error_type": ErrorType.CREDENTIALS, "last_error": shut.why}
    return Move(Status.HELD, f"held: {shut.why}", hold)


def not_booked(inquiry: Inquiry, allowed: Proceed, posted: Posted) -> Move:
    """Return the move of a row whose POST was answered with anything but its booking."""
    row, reply, rules = inquiry.claim.row, posted.reply, inquiry.rules
    if reply.error_type is ErrorType.LEASE_LOST:
        return at_once("the claim was too old to send")
    if reply.may_have_booked:
        kept = event_type_lookup.known(inquiry.claim.deps, row) if reply.settle_after is SettleAfter.GATEWAY else None
        kind = kept.kind if kept is not None and kept.fresh else None
        step = outcome.unknown(rules, row, posted, kind=kind, post=allowed)
        return step if reply.kind is ReplyKind.UNKNOWN else _found_at_once(inquiry) or step
    open_before = row.outcome_unknown
    match reply.kind:
        case ReplyKind.NOT_SENT | ReplyKind.THROTTLED | ReplyKind.CREDENTIALS | ReplyKind.CONFIGURATION if open_before:
            return outcome.lookup_failed(rules, row, reply, posted)  # nothing new is known
        case ReplyKind.NOT_SENT:
            return rules.again(row, reply.error_type, reply.message, posted)
        case ReplyKind.THROTTLED | ReplyKind.CREDENTIALS | ReplyKind.CONFIGURATION:
            return rules.held(row, reply)
    return inquiry.second_refused(allowed, posted) if open_before else inquiry.refused(reply)


def _found_at_once(inquiry: Inquiry) -> Move | None:
    """Look the booking up after a proxy's page replaced the answer to its POST; None: the lookup found nothing."""
    try:
        result = inquiry.early_lookup()
    except (NotNow, SQLAlchemyError):  # the unknown outcome must still be written
        return None
    found = result.kind is not LookupKind.FAILED
    return outcome.after_lookup(inquiry.rules, inquiry.claim.row, result) if found else None
