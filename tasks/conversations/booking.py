"""Book within a telephone call: a repeat is the same request, and a second booking is asked about first."""

from dataclasses import dataclass, replace
from datetime import timedelta

from booking_client.receipts import IdempotencyConflict
from booking_client.request.model import BookingRequest
from booking_client.states import LIVE
from db.appointments.insertion import take_back_cancel
from db.appointments.views import BookingView
from db.lifecycle import Status
from tasks import dependencies
from tasks.callers import views
from tasks.callers.connection import caller_connection
from tasks.changes.ask import by_caller
from tasks.changes.ask.by_caller import ChangeOfCaller
from tasks.conversations.conversation import Conversation
from tasks.enqueue import enqueue_booking
from tasks.guarded_calls.recheck import Standing, still_booked

WANTED = LIVE | {Status.CONFIRMED}


@dataclass(frozen=True, slots=True)
class InCall:
    """Hold a booking of the call. `again`: it was asked for before.

    `second`: nothing was stored, since the call has this other booking, or had this very one and has cancelled it, and
    did not say that it wants one more, or wants it after all.
    `change`: the change of it that is under way; with `second` its cancel, which can be taken back.
    """

    view: BookingView
    again: bool = False
    second: bool = False
    change: ChangeOfCaller | None = None


def book(conversation: Conversation, request: BookingRequest, *, another: bool) -> InCall:
    """Store a request of the call, or return the booking that it repeats.

    `another`: one more is wanted; or, where the person has cancelled this one and that was not sent, this one is.

    Raises:
        NotFirstError, CustomerValidationException, AppointmentDatabaseException: As `enqueue_booking`.
    """
    key, own = conversation.key, _of_this_person(conversation, request)
    cancelling = None if own is None else _unsent_cancel(own)
    if own is not None and cancelling is not None and conversation.call is not None:
        if not another:
            return InCall(own, second=True, change=cancelling)
        with caller_connection() as conn:
            is_kept = take_back_cancel(conn, own.id)
        if is_kept:
            return _again(own, own)
    elif own is not None and cancelling is None and not another and (there := _as_it_is_there(own)) is not None:
        return there
    view: BookingView | None = None
    for name in conversation.keys or (None,):
        try:
            named = request.model_copy(update={"idempotency_key": name, "account": key.account})
            receipt = enqueue_booking(named, api_key_id=key.id)
        except IdempotencyConflict as conflict:
            view = views.view(key, conflict.conflict.appointment_id)
            if view is not None and view.status in WANTED and not another:
                break
            continue
        known = views.view(key, receipt.appointment_id) if receipt.duplicate else None
        if known is None:
            return InCall(BookingView.of(receipt, request, key.id), again=receipt.duplicate)
        if known.status is Status.CANCELLED and name is not None:
            view = known
            if another:
                continue
            break
        # the receipt's start is newer than the row's, if Cal.com was asked
        return _again(known, replace(known, start=receipt.start, awaits_host=receipt.awaits_host))
    if view is None:
        raise RuntimeError("a call has all of its bookings, and none of them is there")
    return InCall(view, second=True)


def _again(row: BookingView, told: BookingView) -> InCall:
    """Return a booking that was asked for before: as it is `told`, unless its row has moved since that was read."""
    now, change = by_caller.as_it_stands(row)
    return InCall(told if now == row else now, again=True, change=change)


def _unsent_cancel(view: BookingView) -> ChangeOfCaller | None:
    """Return the cancel of a booking that is open and was never sent; None: there is none."""
    _, newest = by_caller.as_it_stands(view)
    change = None if newest is None else newest.change
    return newest if change is not None and change.ends_booking and change.is_unsent else None


def _of_this_person(conversation: Conversation, request: BookingRequest) -> BookingView | None:
    """Return what the same person has at the same time, by any call: else Cal.com would call it taken.

    A caller that names a person and the very time learns nothing new.
    """
    person = request.attendee
    starts = request.start, request.start + timedelta(seconds=1)
    phone = None if person.email else person.phone_number
    found = views.find(conversation.key, email=person.email, phone=phone, starts=starts, moved_too=True)
    same = [view for view in found if view.api_key_id == conversation.key.id]
    same = [view for view in same if view.event_type_id == conversation.event_type and view.status in WANTED]
    return same[0] if same else None


def _as_it_is_there(own: BookingView) -> InCall | None:
    """Return a booking that is asked for again, looked up if it is confirmed; None: it is cancelled at Cal.com."""
    if own.status is not Status.CONFIRMED:
        return _again(own, own)
    now = still_booked(dependencies.current(), own.id)
    if now.standing is Standing.CANCELLED:
        return None
    if now.standing is Standing.UNASKED:
        return _again(own, own)
    return _again(own, replace(own, start=now.start or own.start, awaits_host=now.awaits_host))
