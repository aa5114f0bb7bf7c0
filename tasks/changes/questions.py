"""What else is asked about a change: its slot, and the list of our reference."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from db.appointments import Appointment
from db.appointments.event_types import EventType
from db.appointments.there.places import BookedThere
from db.changes import seats
from db.changes.change import BookingChange
from db.event_kind import EventKind
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import booked_there, read_bookings, read_list, with_successors
from tasks.calcom.lookup import narrowed, newest
from tasks.calcom.reply import Reply
from tasks.calcom.slots import Slot, ask_slots, seats_left, slots_of
from tasks.changes.claim import ChangeClaim
from tasks.changes.evidence.case import ChangeCase
from tasks.changes.evidence.reschedule import MoveCase, goes_without_key
from tasks.dependencies import Dependencies
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import GuardedCalls

R = TypeVar("R")


def is_keyless(kept: EventType | None) -> bool:
    """Return whether a reschedule goes without our key, by what is known of its event type."""
    if kept is None or kept.policy_kind in {EventKind.OTHER, EventKind.UNKNOWN}:
        return goes_without_key(None)
    return goes_without_key(True if kept.confirms else kept.confirms_free_email)


def slot_at(calls: GuardedCalls, booking: Appointment, change: BookingChange) -> Slot:
    """Return what the slots show of the wanted start."""
    return ask_slots(calls, replace(booking, start_at=change.start_at))


def is_full(calls: GuardedCalls, booking: Appointment, change: BookingChange) -> bool:
    """Return whether no seat is left at the wanted start: Cal.com would overbook it."""
    answer = calls.slots(slots_of(replace(booking, start_at=change.start_at)))
    return seats_left(answer, change.start_at) == 0


def meets_seats(claim: ChangeClaim) -> bool | None:
    """Tell whether a seat that is given up or moved meets others on the way, as `db.changes.seats` does; None: none."""
    change = claim.row
    with claim.deps.autocommit.connect() as conn:
        unclear = seats.joined(conn, change.id)
        if unclear is None and change.wanted is not None:
            unclear = seats.given_up(conn, change.appointment_id, change.wanted)
    return unclear


@dataclass(frozen=True, slots=True)
class OwnListed:
    """Hold what the list shows of our reference: at the wanted start, else anywhere, under a uid that is new to us."""

    here: BookedThere | None
    other: BookedThere | None
    sight: bool
    asks_host: bool = False

    def judge(self, case: ChangeCase, there: BookedThere | None) -> tuple[ChangeCase, BookedThere | None]:
        """Return the case with what is listed, and where the booking is by it."""
        if isinstance(case, MoveCase):
            elsewhere = self.here is None and self.other is not None and case.seat
            case = replace(case, sight=self.sight, asks_host=self.asks_host, elsewhere=elsewhere)
            return replace(case, listed=self.here is not None), self.here or (self.other if elsewhere else there)
        return replace(case, listed=self.other is not None), self.other


def listed(deps: Dependencies, calls: GuardedCalls, booking: Appointment, change: BookingChange) -> OwnListed:
    """List the bookings at the wanted start of a move, else the newest, and return which of ours live.

    A move that was answered 201 has made a booking that any key sees by its uid.

    Raises:
        NotAskedError: Cal.com gives no clear answer.
    """
    reference = str(booking.uuid)

    def place(one: Booking | None) -> BookedThere | None:
        return None if one is None else booked_there(one, booking, one.marks.get(reference))

    if change.to_uid is not None:
        shown = read_bookings(calls.booking(change.to_uid))
        if not isinstance(shown, Reply) and (made := _at_wanted(calls, shown, change, reference)) is not None:
            return OwnListed(place(made), None, sight=True)
    kept = event_type_lookup.ask(deps, calls, booking)
    is_here = change.wanted is not None and change.from_seat_uid is None
    moved = replace(booking, start_at=change.start_at)
    query = narrowed(moved, kept.calcom_id) if is_here else newest(booking.event_type_id or kept.calcom_id)
    page = _answered(read_list(calls.list_bookings(query)))
    here = _at_wanted(calls, page.bookings, change, reference)
    other = next((one for one in page.bookings if _is_ours(one, change, reference)), None)
    sight = kept.sight and not (is_here and page.remaining)
    return OwnListed(place(here), place(other), sight, is_keyless(kept))


def _answered(read: R | Reply) -> R:
    if isinstance(read, Reply):
        raise event_type_lookup.NotAskedError(read)
    return read


def _at_wanted(
    calls: GuardedCalls, bookings: Iterable[Booking], change: BookingChange, reference: str
) -> Booking | None:
    """Return our booking that is at the wanted start, or was there until a person moved it on; it lives."""
    there = [one for one in bookings if reference in one.marks and one.is_at(change.wanted)]
    if living := next((one for one in there if _is_ours(one, change, reference)), None):
        return living
    for one in there:
        if one.moved_to is not None and one.uid != change.from_uid:
            chain = _answered(with_successors(one.uid, calls.booking, {one.uid: one}))
            if not chain[-1].cancelled and all(later.uid != change.from_uid for later in chain):
                return chain[-1]
    return None


def _is_ours(booking: Booking, change: BookingChange, reference: str) -> bool:
    """Return whether this is our booking, it lives, and it is not the seat that the change names."""
    return booking.lives_for(reference, but=change.from_seat_uid)
