"""Cancel what a caller means, while Cal.com does not have it yet: no call is needed for that."""

from dataclasses import dataclass, replace
from datetime import datetime

from booking_client.asking import patience
from db.appointments.views import BookingView
from db.connection import deadline
from db.lifecycle import Status
from tasks import dependencies
from tasks.conversations.conversation import Conversation
from tasks.conversations.finding import meant
from tasks.database_errors import database_errors
from tasks.operations import cancelling
from tasks.operations.booking_commands import CommandOutcome, Via


@dataclass(frozen=True, slots=True)
class CancelWish:
    """Hold what became of the wish: it is cancelled, or `noted` until a call or a lookup has ended, or neither."""

    view: BookingView
    noted: bool = False


def cancel(
    conversation: Conversation, *, email: str | None, phone: str | None, start: datetime | None
) -> CancelWish | None:
    """Cancel the one booking that is meant, if it is not booked; None: none is meant, or several are."""
    view = meant(conversation, email=email, phone=phone, start=start)
    if view is None:
        return None
    engine = dependencies.current().engine
    with database_errors(), deadline(patience()):
        result = cancelling.cancel(engine, view.id, by="caller", via=Via.VOICE, why="asked for on the telephone")
    if result.outcome is CommandOutcome.CANCELLED:
        return CancelWish(replace(view, status=Status.CANCELLED, hold_reason=None))
    if result.status is not None:
        view = replace(view, status=result.status, hold_reason=result.hold_reason)
    return CancelWish(view, noted=result.done)
