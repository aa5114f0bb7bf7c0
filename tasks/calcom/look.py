"""Look for our own booking at Cal.com before anything is posted again ("Looking for our booking", docs/calcom.md)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import gcd
from typing import Protocol

from db.appointment import Appointment
from tasks.calcom.answer import Answer, NoAnswer
from tasks.calcom.body import event_type, instant
from tasks.calcom.bookings import Booking
from tasks.calcom.meaning import ErrorType, Meaning, Reply, Verdict
from tasks.calcom.replies import read_list, read_slots

PAGE = 100
MAX_PAGES = 20  # with the filters at work there is one; a server that ignores them must not keep us for ever
_LONGEST_EVENT = timedelta(hours=24)  # Cal.com's own limit

Clock = Callable[[], datetime]
Query = dict[str, str | int]


class Reads(Protocol):
    """Describe what a look asks of a client."""

    def list_bookings(self, params: Query, /) -> Answer | NoAnswer:
        """GET /v2/bookings."""

    def slots(self, params: Query, /) -> Answer | NoAnswer:
        """GET /v2/slots."""


class Slot(StrEnum):
    """Say what the slots tell of a start."""

    OFFERED = "offered"
    GONE = "gone"  # on Cal.com's grid and not offered: taken, perhaps by us
    UNPROVEN = "unproven"  # Cal.com answered, and would never offer this start: it proves nothing
    UNASKED = "unasked"  # no answer, or not asked


class SightingKind(StrEnum):
    """Say what a look saw."""

    FOUND = "found"  # our booking lives: confirmed
    CANCELLED = "cancelled"  # our booking was made, and then cancelled or declined at Cal.com
    MOVED = "moved"  # our booking was rescheduled at Cal.com: `uid` is the new one
    ABSENT = "absent"  # not in the list: proof only when settled and this key is known to see the event type
    FAILED = "failed"  # the look itself failed: `reply` says how


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """Hold what one look saw; `listed` is true when this key was shown any booking of the event type."""

    kind: SightingKind
    uid: str | None = None
    seat_uid: str | None = None
    listed: bool = False
    reply: Reply | None = None


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def look(client: Reads, appointment: Appointment, *, clock: Clock = utc_now) -> Sighting:
    """List bookings until ours is found, or all were seen.

    Ours carries our reference at the same instant and for the same event type (a reschedule keeps the metadata). One
    that lives ends the look; of those that do not, the newest counts, so the rest of the list is seen first.
    """
    seen = Sighting(kind=SightingKind.ABSENT)
    for page in _pages(client, _query(appointment), clock):
        if isinstance(page, Reply):
            return replace(seen, kind=SightingKind.FAILED, reply=page)
        seen = replace(seen, listed=seen.listed or any(_shows_type(booking, appointment) for booking in page))
        for booking in page:
            if not _is_ours(booking, appointment):
                continue
            if not booking.gone:
                return _sighting(SightingKind.FOUND, booking, appointment)
            if seen.kind is SightingKind.ABSENT:
                kind = SightingKind.MOVED if booking.moved_to else SightingKind.CANCELLED
                seen = _sighting(kind, booking, appointment)
    return seen


def sees_type(client: Reads, appointment: Appointment, *, clock: Clock = utc_now) -> bool:
    """Return whether this key is shown any booking of the event type, whoever made it and whenever.

    Cal.com lists what the key's owner may see: one booking of the type proves that bookings of the type are listed.
    A type that nobody has booked proves nothing yet, and neither does a call that fails.
    """
    if appointment.event_type_id is not None:
        query: Query = {"eventTypeId": appointment.event_type_id, "take": 1}
    else:
        query = {"sortCreated": "desc", "take": PAGE}  # the list has no filter by slug
    page = read_list(client.list_bookings(query), now=clock())
    return not isinstance(page, Reply) and any(_shows_type(booking, appointment) for booking in page.bookings)


def listed_references(client: Reads, *, clock: Clock = utc_now) -> frozenset[str]:
    """Return the references of requests like ours in the newest bookings that this key is shown; none when that fails.

    For a team's type by its slug: the list does not say which team a booking is of, but our own rows do.
    """
    page = read_list(client.list_bookings({"sortCreated": "desc", "take": PAGE}), now=clock())
    return frozenset() if isinstance(page, Reply) else frozenset(mark for one in page.bookings for mark in one.marks)


def ask_slots(client: Reads, appointment: Appointment) -> Slot:
    """Return whether Cal.com still offers the appointment's start.

    Slots are read from the primary database, lists perhaps from a replica. Whole days are asked for: Cal.com lays its
    slots from the start of what is asked, so that a narrower question might be answered with another grid.
    """
    midnight = appointment.start_at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    query: Query = {
        **event_type(appointment),
        "start": instant(midnight),
        "end": instant(midnight + timedelta(days=2)),
    }
    if appointment.length_in_minutes is not None:
        query["duration"] = appointment.length_in_minutes
    starts = read_slots(client.slots(query))
    if starts is None:
        return Slot.UNASKED
    start = _to_millisecond(appointment.start_at)
    if start in starts:
        return Slot.OFFERED
    return Slot.GONE if _is_on_grid(start, starts) else Slot.UNPROVEN


def _is_on_grid(start: datetime, offered: frozenset[datetime]) -> bool:
    """Return whether a start would be offered if it were free: Cal.com books off its grid, but never offers that."""
    first = min(offered, default=start)
    step = gcd(*(int((one - first).total_seconds()) for one in offered))
    return step > 0 and (start - first).total_seconds() % step == 0


def _query(appointment: Appointment) -> Query:
    """Return the filters of a look: each may be ignored by Cal.com (it happened), none may hide our booking.

    The e-mail is sent byte for byte as it was posted. A phone-only attendee has none of its own: Cal.com makes one up,
    and a guess that misses would hide the booking. The end is the longest that an event can have.
    """
    query: Query = {
        "afterStart": instant(appointment.start_at),
        "beforeEnd": instant(appointment.start_at + _LONGEST_EVENT),
        "sortCreated": "desc",
        "take": PAGE,
    }
    if appointment.attendee_email is not None:
        query["attendeeEmail"] = appointment.attendee_email
    if appointment.event_type_id is not None:
        query["eventTypeId"] = appointment.event_type_id
    return query


def _pages(client: Reads, query: Query, clock: Clock) -> Iterator[tuple[Booking, ...] | Reply]:
    """Yield page after page; a Reply when there is none, or when the list does not end."""
    skip = 0
    for _ in range(MAX_PAGES):
        page = read_list(client.list_bookings({**query, "skip": skip}), now=clock())
        if isinstance(page, Reply):
            yield page
            return
        yield page.bookings
        if not page.remaining or not page.bookings:
            return
        skip += len(page.bookings)
    yield Reply(
        meaning=Meaning.UNKNOWN,
        verdict=Verdict.IGNORED,
        error_type=ErrorType.UNREADABLE,
        message=f"more than {skip} bookings are listed: Cal.com ignores the filters",
    )


def _is_ours(booking: Booking, appointment: Appointment) -> bool:
    """Return whether `booking` answers the appointment; one whose event type has been deleted may."""
    if str(appointment.uuid) not in booking.marks or booking.start != _to_millisecond(appointment.start_at):
        return False
    if appointment.event_type_id is not None:
        return booking.event_type_id in (None, appointment.event_type_id)
    return booking.event_type_slug in (None, appointment.event_type_slug)


def _shows_type(booking: Booking, appointment: Appointment) -> bool:
    """Return whether `booking` proves that bookings of the appointment's event type are listed."""
    if appointment.event_type_id is not None:
        return booking.event_type_id == appointment.event_type_id
    if booking.event_type_slug != appointment.event_type_slug:
        return False
    return appointment.username in booking.hosts  # slugs are each owner's own, and which team's is not shown


def _sighting(kind: SightingKind, booking: Booking, appointment: Appointment) -> Sighting:
    uid = booking.moved_to if kind is SightingKind.MOVED else booking.uid
    return Sighting(kind=kind, uid=uid, seat_uid=booking.marks[str(appointment.uuid)], listed=True)


def _to_millisecond(moment: datetime) -> datetime:
    utc = moment.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)
