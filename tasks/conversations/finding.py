"""Find the booking that a caller means: this call's own, or one whose person and start the caller names."""

from datetime import UTC, datetime, timedelta

from db.appointments import views
from db.appointments.views import BookingView
from tasks.callers.connection import caller_connection
from tasks.callers.views import find
from tasks.conversations.booking import WANTED
from tasks.conversations.conversation import Conversation


def meant(
    conversation: Conversation, *, email: str | None, phone: str | None, start: datetime | None
) -> BookingView | None:
    """Return the one booking that is meant; None if no booking fits, or several do.

    A caller's number proves nothing: in a later call the caller names a person and the start as well.
    """
    own = _of_call(conversation)
    if start is not None:
        own = [view for view in own if view.start == start]  # else another than the one that is named is changed
    wanted = [view for view in own if view.status in WANTED] or own[-1:]
    if len(wanted) == 1:
        return wanted[0]
    if wanted or start is None or start <= datetime.now(UTC) or not (email or phone):
        return None
    found = find(
        conversation.key, email=email, phone=None if email else phone, starts=(start, start + timedelta(seconds=1))
    )
    upcoming = [view for view in found if view.status in WANTED] or found[-1:]  # a cancel that is repeated
    return upcoming[0] if len(upcoming) == 1 else None


def _of_call(conversation: Conversation) -> list[BookingView]:
    if not conversation.keys:
        return []
    with caller_connection() as conn:
        return views.by_keys(conn, conversation.keys, conversation.key.id)
