"""The outcome of an action as a sentence, built from its record alone, so that it is always the same."""

from collections.abc import Mapping
from datetime import tzinfo
from types import MappingProxyType

from db.monitoring.operator_actions import OperatorAction
from tasks.operations.booking_commands import CommandOutcome
from tasks.operations.breaker_actions import AUTO, KEPT, RESET, BreakerActionOutcome, ends_at
from tasks.operations.breaker_overrides import OFF, OPEN

_ONE: Mapping[str, str] = MappingProxyType(
    {
        CommandOutcome.SENT: "Sent again.",
        CommandOutcome.SENT_TO_LOOK_UP: "Sent again; it is looked up at Cal.com first.",
        CommandOutcome.CANCELLED: "Cancelled.",
        CommandOutcome.CANCELLED_AFTER_CALL: "Its call is under way; it is cancelled if the call does not book it.",
        CommandOutcome.CANCELLED_AFTER_LOOKUP: "It is cancelled once a lookup has shown that it is not booked.",
        CommandOutcome.MISSING: "Nothing was done: it is not there any more.",
        CommandOutcome.MOVED_ON: "Nothing was done: it has just moved on by itself.",
        CommandOutcome.NOT_RETRYABLE: "Nothing was done: it is neither held nor failed any more.",
        CommandOutcome.GOES_BY_ITSELF: "Nothing was done: it goes by itself by now.",
        CommandOutcome.ASKED_AGAIN: "Nothing was done: it was requested again, and the newer booking lives.",
        CommandOutcome.STILL_OPEN: "Nothing was done: a call may still turn into a booking.",
        CommandOutcome.ENDED: "Nothing was done: it has ended.",
    }
)


def answer(action: OperatorAction, zone: tzinfo) -> str:
    """Return the outcome of an action so far; times of day are given in `zone`."""
    if action.refused is not None:
        return action.refused
    if action.ids is not None:
        return _of_bookings(action, len(action.ids))
    if action.done_at is None:
        return "It is being done."
    return KEPT if BreakerActionOutcome.KEPT in action.outcomes else _of_breaker_action(action, zone)


def _of_bookings(action: OperatorAction, total: int) -> str:
    if action.done_at is None:
        return f"{action.counted:,} of {total:,}"
    if total == 1:
        return _ONE[next(iter(action.outcomes))]
    return f"{action.done:,} done" + (f", {action.moved_on:,} had moved on" if action.moved_on else "")


def _of_breaker_action(action: OperatorAction, zone: tzinfo) -> str:
    until = ends_at(action)
    end = "until an operator ends it"
    if until is not None:
        end = f"until {until.astimezone(zone):%H:%M}{' UTC' if str(zone) == 'UTC' else ''}"
    return {
        OPEN: f"Nothing is sent {end}.",
        OFF: f"Every call goes {end}, whatever fails.",
        AUTO: "The override is ended.",
        RESET: "All breakers are closed, and no override is in force.",
    }[action.action]
