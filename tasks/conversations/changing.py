"""Cancel and move what a caller means, within a telephone call: a repeat is the same change."""

from dataclasses import dataclass, replace
from datetime import datetime

from db.appointments.views import BookingView
from db.lifecycle import ChangeStatus, Status
from tasks.changes.ask import by_caller
from tasks.changes.ask.ask import Ask, AskOutcome, Via
from tasks.changes.ask.by_caller import ChangeOfCaller
from tasks.changes.ask.by_python import ChangeRefusedError
from tasks.conversations.conversation import Conversation
from tasks.conversations.finding import meant
from tasks.conversations.times import NamedTime

_BYGONE = frozenset({ChangeStatus.DONE, ChangeStatus.WITHDRAWN, ChangeStatus.EXPIRED, ChangeStatus.FAILED})


@dataclass(frozen=True, slots=True)
class ChangeInCall:
    """Hold the booking that was meant, and its change, or why there is none."""

    view: BookingView
    change: ChangeOfCaller | None = None
    refused: AskOutcome | None = None


def status(
    conversation: Conversation, *, email: str | None, phone: str | None, start: NamedTime | None
) -> ChangeInCall | None:
    """Return the one booking that is meant, and the change of it that is under way; else as `cancel`."""
    view = meant(conversation, email=email, phone=phone, start=start)
    if view is None:
        return None
    return ChangeInCall(*by_caller.as_it_stands(view))


def cancel(
    conversation: Conversation, *, email: str | None, phone: str | None, start: NamedTime | None
) -> ChangeInCall | None:
    """Cancel the one booking that is meant; None: none is meant, or several are."""
    view = meant(conversation, email=email, phone=phone, start=start)
    return None if view is None else _changed(conversation, view, None)


def reschedule(
    conversation: Conversation, wanted: NamedTime, *, email: str | None, phone: str | None, start: NamedTime | None
) -> ChangeInCall | None:
    """Move the one booking that is meant; else as `cancel`.

    Raises:
        NoSuchTimeError: There is no such time where the booking is, or there are two.
    """
    view = meant(conversation, email=email, phone=phone, start=start)
    if view is None and start is not None:
        return _moved_before(meant(conversation, email=email, phone=phone, start=wanted))
    return None if view is None else _changed(conversation, view, wanted.at(view.time_zone))


def _moved_before(view: BookingView | None) -> ChangeInCall | None:
    """Return the booking at its wanted start and the move that brought it there: the agent repeats that move."""
    newest = None if view is None else by_caller.latest(view)
    if newest is None or newest.change is None:
        return None
    is_so = newest.change.status is ChangeStatus.DONE and newest.change.wanted == newest.view.start
    return ChangeInCall(newest.view, replace(newest, again=True)) if is_so else None


def _changed(conversation: Conversation, view: BookingView, wanted: datetime | None) -> ChangeInCall:
    what = "cancel" if wanted is None else wanted.isoformat()
    key = None if conversation.call is None else f"{conversation.agent}:{conversation.call}:{what}"
    made = _asked(conversation, view, wanted, key)
    if made.change is not None and _is_bygone(made.change, wanted):  # such as a move back: a new change
        return _asked(conversation, view, wanted, None)
    return made


def _asked(conversation: Conversation, view: BookingView, wanted: datetime | None, key: str | None) -> ChangeInCall:
    ask = Ask.of_caller(Via.VOICE, start=wanted, key=key)
    try:
        made = by_caller.change_booking(conversation.key, view.id, ask)
    except ChangeRefusedError as refused:
        return ChangeInCall(view, refused=refused.outcome)
    return ChangeInCall(made.view, made)


def _is_bygone(made: ChangeOfCaller, wanted: datetime | None) -> bool:
    """Return whether the change of this key is over, and the booking is not (or no longer) as the change wanted it."""
    change = made.change
    is_so = made.view.status is Status.CANCELLED if wanted is None else made.view.start == wanted
    return made.again and change is not None and change.status in _BYGONE and not is_so
