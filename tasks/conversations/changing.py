"""Cancel and move what a caller means, within a telephone call: a repeat is the same change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from db.appointments.views import BookingView
from db.lifecycle import ChangeStatus
from tasks.callers import changes
from tasks.callers.changes import CallerWish, ChangeOfCaller
from tasks.conversations.conversation import Conversation
from tasks.conversations.finding import meant
from tasks.operations.booking_commands import CommandOutcome, Via
from tasks.operations.changes import ChangeRefusedError


@dataclass(frozen=True, slots=True)
class ChangeInCall:
    """Hold the booking that was meant, and its change, or why there is none."""

    view: BookingView
    change: ChangeOfCaller | None = None
    refused: CommandOutcome | None = None


def cancel(
    conversation: Conversation, *, email: str | None, phone: str | None, start: datetime | None
) -> ChangeInCall | None:
    """Cancel the one booking that is meant; None: none is meant, or several are."""
    view = meant(conversation, email=email, phone=phone, start=start)
    return None if view is None else _asked(view, changes.cancel, _wish(conversation, view, "cancel"))


def reschedule(
    conversation: Conversation, wanted: datetime, *, email: str | None, phone: str | None, start: datetime | None
) -> ChangeInCall | None:
    """Move the one booking that is meant; else as `cancel`."""
    view = meant(conversation, email=email, phone=phone, start=start)
    if view is None:
        return None
    made = _asked(view, _to(wanted), _wish(conversation, view, wanted.isoformat()))
    if made.change is not None and _is_bygone(made.change, wanted):  # moved away since, and back is a new wish
        return _asked(view, _to(wanted), _wish(conversation, view, None))
    return made


def _to(wanted: datetime) -> Callable[[CallerWish], ChangeOfCaller]:
    return lambda wish: changes.reschedule(wish, wanted)


def _wish(conversation: Conversation, view: BookingView, what: str | None) -> CallerWish:
    has_key = what is not None and conversation.call is not None
    named = f"{conversation.agent}:{conversation.call}:{what}" if has_key else None
    return CallerWish(key=conversation.key, booking=view.id, via=Via.VOICE, idempotency_key=named)


def _asked(view: BookingView, ask: Callable[[CallerWish], ChangeOfCaller], wish: CallerWish) -> ChangeInCall:
    try:
        made = ask(wish)
    except ChangeRefusedError as refused:
        return ChangeInCall(view, refused=refused.outcome)
    return ChangeInCall(made.view, made)


def _is_bygone(made: ChangeOfCaller, wanted: datetime) -> bool:
    change = made.change
    return (
        made.again
        and change is not None
        and change.status in {ChangeStatus.DONE, ChangeStatus.WITHDRAWN}
        and made.view.start != wanted
    )
