"""Sentences about a change for a person: what became of asking for it, and how it stands."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from booking_client.states import CHANGE_WORDS
from db.changes.change import BookingChange
from db.lifecycle import Status
from db.models.changes import SeriesScope
from tasks.changes.ask.ask import AskOutcome, AskResult
from tasks.words import ago, clock

_O = AskOutcome
SENTENCES: Mapping[AskOutcome, str] = MappingProxyType(
    {
        _O.CANCELLED: "cancelled.",
        _O.CANCELLED_AFTER_CALL: "its call to Cal.com is under way; it is cancelled, whatever that call brings.",
        _O.CANCELLED_AFTER_LOOKUP: "it may be booked already; it is cancelled once a lookup has shown whether it is.",
        _O.CANCEL_ASKED: "its cancel goes to Cal.com; `booking show {id}` says when it is cancelled.",
        _O.WEEKS_CANCEL_ASKED: "the cancel of these weeks goes to Cal.com; `booking show {id}` says how it stands.",
        _O.MOVE_ASKED: "its move goes to Cal.com; `booking show {id}` says when it is moved.",
        _O.MOVED: "it is not booked yet; it is asked for at the new start.",
        _O.MOVED_LATER: "it may be booked already; it is moved once that is known.",
        _O.MISSING: "no booking has this id or key",
        _O.MOVED_ON: "the booking has just moved on by itself; look again with `booking show {id}`",
        _O.STILL_OPEN: "a call may still turn into a booking for {open_for:.0f} s; look again after that",
        _O.BOOKED: "the booking is booked; cancel it by itself",
        _O.ENDED: "the booking is {status} for good; there is nothing to cancel or to move",
        _O.OVER: "the booking has taken place already; it can neither be cancelled nor moved",
        _O.SAME_START: "the booking has this start already",
        _O.SERIES: "the booking is a series, which Cal.com cannot move; move a week of it at Cal.com",
        _O.NO_SERIES: "the booking is no series: cancel it as a whole",
        _O.NOT_BOOKED_YET: "the booking is not booked yet: weeks of it can be cancelled once it is",
        _O.WEEK_BEGUN: "the week has begun already, and cannot be cancelled",
        _O.PAST: "the booking cannot be moved to a start that is past or too near",
        _O.NO_OFFSET: "the time needs its offset from UTC, as in 2030-03-01T09:00:00+01:00",
        _O.NOT_WHOLE: "the new start must be a whole second, as Cal.com's slots are",
        _O.OTHER_ACCOUNT: "the booking belongs to another account",
        _O.ACCOUNT_CLOSED: "its account is closed: nothing goes to Cal.com for it any more; see to it there",
        _O.BEING_CANCELLED: "the booking is being cancelled, and cannot be changed any more",
        _O.KEY_REUSED: "this key stands for another change of it",
        _O.TAKEN_BY_OWN: "the same attendee has another request for that start",
    }
)
_ENDED: Mapping[Status, str] = MappingProxyType(
    {
        Status.CANCELLED: "the booking is cancelled already",
        Status.FAILED: "the booking has failed and was never booked; there is nothing to cancel or to move",
    }
)


def what_is_asked(change: BookingChange) -> str:
    """Return what is asked for."""
    if change.part is not None:
        week = f"cancel of the week of {clock(change.part.week)}"
        return week if change.part.scope is SeriesScope.ONE else f"{week} and all that follow"
    return "cancel" if change.wanted is None else f"move to {clock(change.wanted)}"


def sentence_of(result: AskResult) -> str:
    """Return what became of a cancel or a move that was asked for."""
    text = SENTENCES[result.outcome]
    if result.outcome is AskOutcome.ENDED and result.status is not None:
        text = _ENDED.get(result.status, text)
    return text.format(id=result.booking_id, status=result.status, open_for=result.open_for)


def standing(change: BookingChange, now: datetime) -> str:
    """Return how a change stands: "Its cancel, asked for 3 min ago, is held (breaker_open)."."""
    held = f" ({change.hold_reason})" if change.hold_reason else ""
    state = f"{CHANGE_WORDS[change.status]}{held}"
    if change.outcome_unknown:
        state = f"{state}; whether it is done is unknown, and is looked up first"
    said = f": {change.last_error}" if change.last_error else ""
    return f"Its {what_is_asked(change)}, asked for {ago(change.requested_at, now)}, {state}{said}."
