"""The outcome of an action as a sentence, built from its record alone, so that it is always the same."""

from collections.abc import Iterator, Mapping
from datetime import tzinfo
from types import MappingProxyType

from db.monitoring.operator_actions import OperatorAction
from tasks.changes.ask.ask import AskOutcome
from tasks.changes.resolve_booking import ResolveOutcome
from tasks.operations.breaker_actions import AUTO, BREAKER_ACTIONS, KEPT, RESET, BreakerActionOutcome, ends_at
from tasks.operations.breaker_overrides import OFF, OPEN
from tasks.operations.calls import CallListOutcome

_ONE: Mapping[str, str] = MappingProxyType(
    {
        AskOutcome.SENT: "Sent again.",
        AskOutcome.SENT_TO_LOOK_UP: "Sent again; it is looked up at Cal.com first.",
        AskOutcome.CANCELLED: "Cancelled.",
        AskOutcome.CANCELLED_AFTER_CALL: "Its call is under way; it is cancelled, whatever that call brings.",
        AskOutcome.CANCELLED_AFTER_LOOKUP: "It is cancelled once a lookup has shown whether it is booked.",
        AskOutcome.MISSING: "Nothing was done: it is not there any more.",
        AskOutcome.MOVED_ON: "Nothing was done: it has just moved on by itself.",
        AskOutcome.NOT_RETRYABLE: "Nothing was done: it is neither held nor failed any more.",
        AskOutcome.GOES_BY_ITSELF: "Nothing was done: it goes by itself by now.",
        AskOutcome.ASKED_AGAIN: "Nothing was done: it was requested again, and the newer booking lives.",
        AskOutcome.FORGOTTEN: "Nothing was done: its person was forgotten.",
        AskOutcome.STILL_OPEN: "Nothing was done: a call may still turn into a booking.",
        AskOutcome.ENDED: "Nothing was done: it has ended.",
        AskOutcome.CANCEL_ASKED: "Its cancel goes to Cal.com.",
        AskOutcome.WEEKS_CANCEL_ASKED: "The cancel of these weeks goes to Cal.com.",
        AskOutcome.MOVE_ASKED: "Its move goes to Cal.com.",
        AskOutcome.MOVED: "It is asked for at the new start.",
        AskOutcome.MOVED_LATER: "It is moved once its outcome is known.",
        AskOutcome.OVER: "Nothing was done: it has taken place.",
        AskOutcome.OTHER_ACCOUNT: "Nothing was done: it is another account's.",
        AskOutcome.ACCOUNT_CLOSED: "Nothing was done: its account is closed.",
        ResolveOutcome.RESOLVED: "It is confirmed.",
        ResolveOutcome.WRITTEN_DOWN: "The uid is written down; its next attempt confirms it.",
        ResolveOutcome.CALL_CUSTOMER: "Its customer was told that it is not booked: call them.",
        ResolveOutcome.CHANGE_DONE: "Its change counts as done.",
        ResolveOutcome.CHANGE_NOT_DONE: "Its change counts as not done.",
        ResolveOutcome.BOOKED_AGAIN: "Its seat is booked again at the new start.",
        ResolveOutcome.CANCEL_THERE: "Its cancellation was asked for: run `booking cancel ID`.",
        CallListOutcome.MARKED: "Marked as called.",
        CallListOutcome.TAKEN_BACK: "The mark was taken back.",
    }
)
# Of many bookings: what was done with them, and why others were left alone; for one booking, and for several.
_DONE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        AskOutcome.SENT: ("is sent again", "are sent again"),
        AskOutcome.SENT_TO_LOOK_UP: ("is sent again and looked up first", "are sent again and looked up first"),
        AskOutcome.CANCELLED: ("is cancelled", "are cancelled"),
        AskOutcome.CANCELLED_AFTER_CALL: (
            "is cancelled after the call under way",
            "are cancelled after the calls under way",
        ),
        AskOutcome.CANCELLED_AFTER_LOOKUP: (
            "is cancelled once a lookup has shown whether it is booked",
            "are cancelled once a lookup has shown whether they are booked",
        ),
        AskOutcome.CANCEL_ASKED: ("is cancelled at Cal.com", "are cancelled at Cal.com"),
        CallListOutcome.SHOWN: ("was shown", "were shown"),
    }
)
_LEFT: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        AskOutcome.MISSING: ("is not there any more", "are not there any more"),
        AskOutcome.MOVED_ON: ("had just moved on by itself", "had just moved on by themselves"),
        AskOutcome.NOT_RETRYABLE: ("is neither held nor failed", "are neither held nor failed"),
        AskOutcome.GOES_BY_ITSELF: ("goes by itself", "go by themselves"),
        AskOutcome.ASKED_AGAIN: ("has a newer request that lives", "have newer requests that live"),
        AskOutcome.FORGOTTEN: ("names nobody any more", "name nobody any more"),
        AskOutcome.STILL_OPEN: ("may still become a booking", "may still become bookings"),
        AskOutcome.BOOKED: ("is booked", "are booked"),
        AskOutcome.ENDED: ("has ended", "have ended"),
        AskOutcome.OVER: ("has taken place", "have taken place"),
        AskOutcome.OTHER_ACCOUNT: ("is another account's", "are another account's"),
        AskOutcome.ACCOUNT_CLOSED: ("is of a closed account", "are of closed accounts"),
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
    if action.action not in BREAKER_ACTIONS:
        return _by_words(action)
    return KEPT if BreakerActionOutcome.KEPT in action.outcomes else _of_breaker_action(action, zone)


def left_undone(action: OperatorAction) -> str | None:
    """Return what an action on bookings left undone so far, by its reasons; None: nothing."""
    if len(action.ids or ()) < 2 or not (parts := list(_parts(action, _LEFT))):
        return None
    return f"{action.moved_on:,} {'was' if action.moved_on == 1 else 'were'} left alone: {', '.join(parts)}."


def _of_bookings(action: OperatorAction, total: int) -> str:
    if action.done_at is None:
        return f"{action.counted:,} of {total:,}"
    if total == 1:
        return " ".join(said for outcome, said in _ONE.items() if outcome in action.outcomes) or _by_words(action)
    done = ", ".join(_parts(action, _DONE))
    said = f"{done}." if done else "Nothing was done."
    return " ".join(filter(None, (said, left_undone(action))))


def _parts(action: OperatorAction, words: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """Yield the number of bookings of each outcome, with its words."""
    for outcome, (one, many) in words.items():
        if count := action.outcomes.get(outcome, 0):
            yield f"{count:,} {one if count == 1 else many}"


def _by_words(action: OperatorAction) -> str:
    """Return the outcomes by their names, for an action that has no sentence of its own."""
    counts = [f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in action.outcomes.items()]
    counts += [f"{action.done:,} done"] if action.ids is None and action.done else []
    return f"{', '.join(counts) or 'done'}."


def _of_breaker_action(action: OperatorAction, zone: tzinfo) -> str:
    until = ends_at(action)
    end = "until an operator ends it"
    if until is not None:
        end = f"until {until.astimezone(zone):%H:%M}{' UTC' if str(zone) == 'UTC' else ''}"
    host = action.target.get("host")  # of another Cal.com than the settings'
    said = {
        OPEN: f"Nothing is sent {end}.",
        OFF: f"Every call goes {end}, whatever fails.",
        AUTO: "The override is ended.",
        RESET: "All breakers are closed, and no override is in force.",
    }[action.action]
    return f"Cal.com at {host}: {said}" if host else said
