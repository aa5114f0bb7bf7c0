"""What the client in memory makes of a wish to cancel or to move a booking: as booking-worker, without a server."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from booking_client.receipts import ChangeOutcome, Outcome
from booking_client.states import ChangeStatus, Status


def decided(booking: Outcome, asked: ChangeOutcome) -> Outcome:
    """Return a booking after a wish: it has one more change, or, if the wish is known, the same ones."""
    known = [one for one in booking.changes if asked.change_key is not None and one.change_key == asked.change_key]
    if known and known[0].start != asked.start:
        return _with(
            booking, replace(asked, change_key=None), ChangeStatus.REFUSED, "this key stands for another change"
        )
    opened = open_changes(booking)
    if known or (opened and opened[-1].start == asked.start):
        return booking
    if (why := _refusal(booking, asked)) is not None:
        return _with(booking, asked, ChangeStatus.REFUSED, why)
    if booking.status is Status.CONFIRMED:
        return _with(withdrawn(booking, opened), asked, ChangeStatus.PENDING)
    return _with(_changed(booking, asked), asked, ChangeStatus.DONE)


def completed(booking: Outcome) -> Outcome:
    """Return a booking whose open change Cal.com has made.

    Raises:
        ValueError: It has none.
    """
    change = _open(booking)
    return _ended(_changed(booking, change), change, ChangeStatus.DONE)


def refused(booking: Outcome, why: str) -> Outcome:
    """Return a booking whose open change Cal.com has refused.

    Raises:
        ValueError: It has none.
    """
    return _ended(booking, _open(booking), ChangeStatus.REFUSED, why)


def withdrawn(booking: Outcome, changes: Sequence[ChangeOutcome]) -> Outcome:
    """Return a booking some of whose open changes are withdrawn: a newer wish counts."""
    for one in changes:
        booking = _ended(booking, one, ChangeStatus.WITHDRAWN)
    return booking


def open_changes(booking: Outcome) -> list[ChangeOutcome]:
    """Return the changes of a booking that are not over."""
    return [one for one in booking.changes if not one.final]


def _refusal(booking: Outcome, asked: ChangeOutcome) -> str | None:
    """Return why booking-worker refuses a wish; None: it does not."""
    if booking.status is Status.CANCELLED and asked.start is None:
        return None
    if booking.final and booking.status is not Status.CONFIRMED:
        return f"the booking is {booking.status} for good; there is nothing to cancel or to move"
    if asked.start is None:
        return None
    if asked.start <= datetime.now(UTC):
        return "the booking cannot be moved to a start that is past or too near"
    opened = open_changes(booking)
    if any(one.start is None for one in opened):
        return "the booking is being cancelled, and cannot be changed any more"
    same = asked.start == booking.start and not opened and booking.status is not Status.CONFIRMED
    return "the booking has this start already" if same else None


def _changed(booking: Outcome, change: ChangeOutcome) -> Outcome:
    if change.start is not None:
        return replace(booking, start=change.start)
    return replace(booking, status=Status.CANCELLED, final=True, hold_reason=None)


def _open(booking: Outcome) -> ChangeOutcome:
    opened = open_changes(booking)
    if not opened:
        raise ValueError(f"booking {booking.appointment_id} has no open change")
    return opened[-1]


def _with(booking: Outcome, asked: ChangeOutcome, status: ChangeStatus, why: str | None = None) -> Outcome:
    return replace(booking, changes=(*booking.changes, _standing(asked, status, why)))


def _ended(booking: Outcome, change: ChangeOutcome, status: ChangeStatus, why: str | None = None) -> Outcome:
    ended = _standing(change, status, why)
    return replace(booking, changes=tuple(ended if one is change else one for one in booking.changes))


def _standing(change: ChangeOutcome, status: ChangeStatus, why: str | None) -> ChangeOutcome:
    key, at = change.change_key, change.asked_at
    return ChangeOutcome.of(status, start=change.start, change_key=key, asked_at=at, last_error=why)
