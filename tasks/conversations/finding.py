"""Find the booking that a caller means: this call's own, or one whose person and start the caller names."""

from datetime import UTC, datetime

from db.appointments import views
from db.appointments.views import BookingView
from tasks.callers.connection import caller_connection
from tasks.callers.views import find
from tasks.conversations.booking import WANTED
from tasks.conversations.conversation import Conversation
from tasks.conversations.times import NamedTime


def meant(
    conversation: Conversation, *, email: str | None, phone: str | None, start: NamedTime | None
) -> BookingView | None:
    """Return the one booking that is meant; None if no booking fits, or several do.

    A caller's number proves nothing: in a later call the caller names a person and the start as well.
    """
    own = _of_call(conversation)
    if start is not None:
        own = _at(start, own)  # else another than the one that is named is changed
    wanted = [view for view in own if view.status in WANTED] or own[-1:]
    if len(wanted) == 1:
        return wanted[0]
    if wanted or start is None or not (email or phone):
        return None
    found = find(conversation.key, email=email, phone=None if email else phone, starts=start.around)
    found = _at(start, [view for view in found if view.start > datetime.now(UTC)])
    upcoming = [view for view in found if view.status in WANTED] or found[-1:]  # a cancel that is repeated
    return upcoming[0] if len(upcoming) == 1 else None


def _at(start: NamedTime, views: list[BookingView]) -> list[BookingView]:
    """Return the bookings that are at a time, as it is likeliest meant; where a booking is, its own clock counts."""
    readings = [start.readings(view.time_zone) for view in views]
    ranked = zip(*readings, strict=True)
    meant = ([view for view, at in zip(views, times, strict=True) if view.start == at] for times in ranked)
    return next(filter(None, meant), [])


def _of_call(conversation: Conversation) -> list[BookingView]:
    if not conversation.keys:
        return []
    with caller_connection() as conn:
        return views.by_keys(conn, conversation.keys, conversation.key.id)
