"""What else is asked about a change: its slot, and the list of our reference."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from db.appointments import Appointment
from db.appointments.event_types import EventType
from db.appointments.there.places import BookedThere, record_places
from db.changes.change import BookingChange
from tasks import event_type_lookup
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import booked_there, read_list
from tasks.calcom.lookup import PAGE
from tasks.calcom.reads import CalcomReads
from tasks.calcom.reply import Reply
from tasks.calcom.slots import Slot, ask_slots, seats_left, slots_of
from tasks.changes.evidence import ChangeCase
from tasks.changes.reschedule import MoveCase
from tasks.dependencies import Dependencies
from tasks.guarded_calls import GuardedCalls


def slot_at(calls: GuardedCalls, booking: Appointment, change: BookingChange) -> Slot:
    """Return what the slots show of the wanted start."""
    return ask_slots(calls, replace(booking, start_at=change.start_at))


def is_full(calls: GuardedCalls, booking: Appointment, change: BookingChange) -> bool:
    """Return whether no seat is left at the wanted start: Cal.com would overbook it."""
    answer = calls.slots(slots_of(replace(booking, start_at=change.start_at)))
    return seats_left(answer, change.start_at) == 0


@dataclass(frozen=True, slots=True)
class OwnListed:
    """Hold what the list shows of our reference: at the wanted start, else anywhere, under a uid that is new to us."""

    here: BookedThere | None
    other: BookedThere | None
    sight: bool

    def judge(self, case: ChangeCase, there: BookedThere | None) -> tuple[ChangeCase, BookedThere | None]:
        """Return the case with what is listed, and where the booking is by it."""
        if isinstance(case, MoveCase):
            elsewhere = self.here is None and self.other is not None and case.seat
            listed = replace(case, listed=self.here is not None, elsewhere=elsewhere, sight=self.sight)
            return listed, self.here or (self.other if elsewhere else there)
        return replace(case, listed=self.other is not None), self.other


def listed(deps: Dependencies, calls: GuardedCalls, booking: Appointment, change: BookingChange) -> OwnListed:
    """List the newest bookings of the type, and return which of them carry our reference and live."""
    kept = event_type_lookup.ask(deps, calls, booking)
    ours, reference = ours_listed(calls, booking, kept, but=change.from_seat_uid), str(booking.uuid)
    here = next((one for one in ours if one.is_at(change.wanted)), None)

    def place(one: Booking | None) -> BookedThere | None:
        return None if one is None else booked_there(one, booking, one.marks[reference])

    return OwnListed(place(here), place(next(iter(ours), None)), kept.sight)


def ours_listed(calls: CalcomReads, booking: Appointment, kept: EventType | None, *, but: str | None) -> list[Booking]:
    """Return which of the newest bookings of a type carry a booking's reference and live, the newest first.

    `but`: not under this seat's uid, which a replica may still list.

    Raises:
        NotAskedError: The list could not be read.
    """
    query: dict[str, str | int] = {"sortCreated": "desc", "take": PAGE}
    if (number := booking.event_type_id or (None if kept is None else kept.calcom_id)) is not None:
        query["eventTypeId"] = number
    page = read_list(calls.list_bookings(query))
    if isinstance(page, Reply):
        raise event_type_lookup.NotAskedError(page)
    reference = str(booking.uuid)
    ours = [one for one in page.bookings if reference in one.marks and not one.cancelled]
    return [one for one in ours if but is None or one.marks[reference] != but]


def followed(booking: Appointment, there: BookedThere) -> Callable[[Connection], object]:
    """Return what writes into a booking's row that it was moved by somebody else."""

    def write(conn: Connection) -> None:
        record_places(conn, [(booking, there)], by="worker", why="moved at Cal.com meanwhile")

    return write
