"""What follows a POST that has not booked, or of which nobody knows whether it has."""

from sqlalchemy.exc import SQLAlchemyError

from db.appointments import FromNow
from db.lifecycle import Status
from tasks import event_types
from tasks.calcom.lookup import LookupKind
from tasks.calcom.reply import ErrorType, ReplyKind, SettleAfter
from tasks.guarded_calls import NotNow
from tasks.moves import Move, Posted, Proceed
from tasks.unknown import outcome
from tasks.unknown.inquiry import Inquiry


def not_booked(inquiry: Inquiry, allowed: Proceed, posted: Posted) -> Move:
    """Return the move of a row whose POST was answered with anything but its booking.

    Raises:
        LeaseLost: The row is no longer ours.
    """
    row, reply, decisions = inquiry.claim.row, posted.reply, inquiry.rules
    if reply.error_type is ErrorType.LEASE_LOST:
        return Move(Status.RETRYING, "the claim was too old to send", {"next_attempt_at": FromNow(0)}, retry_in=0)
    if reply.may_have_booked:
        kept = event_types.known(inquiry.claim.deps, row) if reply.settle_after is SettleAfter.GATEWAY else None
        kind = kept.kind if kept is not None and kept.fresh else None
        step = outcome.unknown(decisions, row, posted, kind=kind, post=allowed)
        return step if reply.kind is ReplyKind.UNKNOWN else _found_at_once(inquiry) or step
    open_before = row.outcome_unknown
    match reply.kind:
        case ReplyKind.NOT_SENT | ReplyKind.THROTTLED | ReplyKind.CREDENTIALS | ReplyKind.CONFIGURATION if open_before:
            return outcome.lookup_failed(decisions, row, reply, posted)  # nothing is known more
        case ReplyKind.NOT_SENT:
            return decisions.again(row, reply.error_type, reply.message, posted)
        case ReplyKind.THROTTLED | ReplyKind.CREDENTIALS | ReplyKind.CONFIGURATION:
            return decisions.held(row, reply)
    return inquiry.second_refused(allowed, posted) if open_before else inquiry.refused(reply)


def _found_at_once(inquiry: Inquiry) -> Move | None:
    """Look for what Cal.com may have booked before a page took the place of its answer; None: nothing is found."""
    try:
        result = inquiry.early_lookup()
    except (NotNow, SQLAlchemyError):  # that its outcome is unknown is worth keeping: writing it is tried again
        return None
    found = result.kind is not LookupKind.FAILED
    return outcome.after_lookup(inquiry.rules, inquiry.claim.row, result) if found else None
