"""The sentence of a callback, for the person who waits: of the booking as it was then, the same at each try."""

from datetime import datetime

from db.appointments.views import BookingView
from db.callbacks import Callback
from db.lifecycle import HoldReason, Status
from db.models.changes import ChangeKind
from resilience.error_types import ErrorType
from tasks.callers.sentences import say
from tasks.changes.ask.spoken import SaidOfChange, not_done, sentence


def sentence_of(callback: Callback) -> str:
    """Return the sentence of a callback, in its attendee's language and time zone.

    Raises:
        ImportError: The extra http is not installed.
    """
    view, change = _view(callback), callback.data.get("change")
    said: SaidOfChange | None = None
    wanted: datetime | None = None
    if callback.type == "booking.rescheduled":
        said = SaidOfChange.MOVED_HOST if view.awaits_host else SaidOfChange.MOVED
    elif change is not None:
        is_cancel, failed = change["kind"] == ChangeKind.CANCEL, change["status"] == Status.FAILED
        unsure = failed and callback.about["may_have_moved"]
        is_taken, of_weeks = callback.about["error_type"] == ErrorType.TAKEN, change.get("scope") is not None
        said = not_done(view, is_cancel=is_cancel, failed=failed, unsure=unsure, of_weeks=of_weeks, is_taken=is_taken)
        wanted = datetime.fromisoformat(callback.about["wanted"]) if is_taken else None
    return say(view) if said is None else sentence(said, view, wanted, view.language)


def _view(callback: Callback) -> BookingView:
    """Return the booking as it was when the callback was stored."""
    data, reason = callback.data, callback.about["hold_reason"]
    return BookingView(
        id=callback.appointment_id,
        api_key_id=callback.api_key_id,
        status=Status(data["status"]),
        hold_reason=None if reason is None else HoldReason(reason),
        error_type=callback.about["error_type"],
        start=datetime.fromisoformat(data["start"]),
        awaits_host=data["needs_host"],
        time_zone=callback.time_zone,
        language=callback.language,
        requested_at=None,
        event_type_id=None,
    )
