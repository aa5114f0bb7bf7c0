"""Keep the bookings: the primary that decides, the versions that a lagging replica shows, the hosts' calendars."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from simulator.state.event_types import EventType

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SlotKey = tuple[str, datetime, datetime]
View = dict[str, Any]


@dataclass
class Attendee:
    """Who comes. `metadata` and `seat_uid` are set for seats only."""

    name: str
    email: str
    time_zone: str
    language: str
    phone: str | None = None
    metadata: dict[str, str] | None = None
    seat_uid: str | None = None
    responses: dict[str, Any] = field(default_factory=dict)
    made: float = 0.0  # monotonic
    ended: float | None = None
    moved_from: str | None = None  # the uid of the booking that the seat was in before


@dataclass
class Booking:
    """One booking, as the primary holds it."""

    id: int
    uid: str
    event_type: EventType
    hosts: tuple[str, ...]  # the organizer first
    status: str  # accepted, pending, cancelled, rejected
    start: datetime
    end: datetime
    attendees: list[Attendee]
    metadata: dict[str, str]
    created: datetime
    updated: datetime
    guests: list[str] = field(default_factory=list)
    responses: dict[str, Any] = field(default_factory=dict)
    cancellation_reason: str = ""
    rescheduled_to: str | None = None
    rescheduled_from: str | None = None
    rescheduling_reason: str | None = None
    recurring_uid: str | None = None
    asks_for_time: bool = False  # its host has asked for another time: it counts as moved, without a successor
    type_deleted: bool = False
    former: list[Attendee] = field(default_factory=list)  # whose seats were cancelled
    versions: list[tuple[float, View]] = field(default_factory=list)
    history: list[tuple[float, str]] = field(default_factory=list)  # monotonic, and the status from then on

    @property
    def lives(self) -> bool:
        """Say whether it is neither cancelled nor rejected."""
        return self.status in ("accepted", "pending")

    @property
    def slot_key(self) -> SlotKey:
        """Give what the unique index is on: host, start and end, but not the attendee (seen)."""
        return (self.hosts[0], self.start, self.end)

    @property
    def half_made(self) -> bool:
        """Say whether it has an attendee without a seat: the process died between two writes (seen)."""
        return self.event_type.seated and any(attendee.seat_uid is None for attendee in self.attendees)

    def leave(self, attendee: Attendee, *, now: float) -> None:
        """Take an attendee's seat away."""
        self.attendees = [other for other in self.attendees if other is not attendee]
        attendee.ended = now
        self.former.append(attendee)

    def seen_at(self, moment: float) -> View | None:
        """Give the newest version not younger than `moment` (monotonic seconds); None: not there yet."""
        for since, view in reversed(self.versions):
            if since <= moment:
                return view
        return None


class SlotKeyTakenError(Exception):
    """The unique index refused a booking: another POST was faster."""


class Bookings:
    """All bookings. `publish` makes what a reader sees of one."""

    def __init__(self, publish: Callable[[Booking], View]) -> None:
        self._publish = publish
        self._by_uid: dict[str, Booking] = {}
        self._by_event_type: defaultdict[int, list[Booking]] = defaultdict(list)
        self._by_start: defaultdict[tuple[int, datetime], list[Booking]] = defaultdict(list)
        self._by_email: defaultdict[str, dict[str, Booking]] = defaultdict(dict)
        self._busy: defaultdict[tuple[str, object], list[Booking]] = defaultdict(list)
        self._slot_keys: dict[SlotKey, Booking] = {}
        self._by_series: defaultdict[str, list[Booking]] = defaultdict(list)
        self._by_seat: dict[str, Booking] = {}

    def __iter__(self) -> Iterator[Booking]:
        return iter(self._by_uid.values())

    def __len__(self) -> int:
        return len(self._by_uid)

    def get(self, uid: str) -> Booking | None:
        """Find by uid."""
        return self._by_uid.get(uid)

    def of(self, event_type_ids: Iterable[int]) -> list[Booking]:
        """List the bookings of some event types, in order of creation."""
        found = [booking for number in set(event_type_ids) for booking in self._by_event_type[number]]
        return sorted(found, key=lambda booking: booking.id)

    def of_series(self, recurring_uid: str) -> list[Booking]:
        """List the weeks of a series."""
        return self._by_series.get(recurring_uid, [])

    def of_seat(self, seat_uid: str) -> Booking | None:
        """Find the booking that a seat is or was in."""
        return self._by_seat.get(seat_uid)

    def accepted_between(self, event_type: EventType, start: datetime, end: datetime) -> list[Booking]:
        """List the accepted bookings of an event type that start in a stretch of time."""
        return [b for b in self._by_event_type[event_type.id] if b.status == "accepted" and start <= b.start < end]

    def of_attendee(self, email: str) -> list[Booking]:
        """List the bookings that an address attends, byte for byte, in order of creation."""
        return list(self._by_email[email].values())

    def at(self, event_type: EventType, start: datetime) -> list[Booking]:
        """List the live bookings of an event type with this start, to the second."""
        return [booking for booking in self._by_start[event_type.id, _second(start)] if booking.lives]

    def busy(self, host: str, start: datetime, end: datetime, *, but: Booking | None = None) -> bool:
        """Say whether an accepted booking of the host overlaps, other than one that is being moved."""
        return any(
            b.start < end and start < b.end and b is not but for day in _days(start, end) for b in self._busy[host, day]
        )

    def add(self, booking: Booking, *, now: float) -> None:
        """Commit a new booking. Raises SlotKeyTakenError, and then has changed nothing."""
        taken = booking.event_type.exclusive and booking.slot_key in self._slot_keys
        if booking.status == "accepted" and taken:
            raise SlotKeyTakenError
        self.occupy(booking)
        self._by_uid[booking.uid] = booking
        self._by_event_type[booking.event_type.id].append(booking)
        self._by_start[booking.event_type.id, _second(booking.start)].append(booking)
        if booking.recurring_uid:
            self._by_series[booking.recurring_uid].append(booking)
        self.publish(booking, now=now)

    def accept(self, booking: Booking, *, now: float) -> None:
        """Confirm a pending booking; its slot is not looked at again (seen: two confirmed on one slot)."""
        booking.status = "accepted"
        self.occupy(booking)
        self.publish(booking, now=now)

    def end(self, booking: Booking, status: str, *, now: float) -> None:
        """Cancel or reject, and give the slot back; of a seated booking nobody is left (seen)."""
        booking.status = status
        self.vacate(booking)
        for attendee in list(booking.attendees) if booking.event_type.seated else ():
            booking.leave(attendee, now=now)
        self.publish(booking, now=now)

    def reassign(self, booking: Booking, host: str, *, now: float) -> None:
        """Give an accepted booking to another organizer; his calendar is not looked at."""
        self.vacate(booking)
        booking.hosts = (host, *booking.hosts[1:])
        self.occupy(booking)
        self.publish(booking, now=now)

    def forget(self, booking: Booking) -> None:
        """Delete a booking, from replicas as well."""
        self.vacate(booking)
        del self._by_uid[booking.uid]
        self._by_event_type[booking.event_type.id].remove(booking)
        self._by_start[booking.event_type.id, _second(booking.start)].remove(booking)
        if booking.recurring_uid:
            self._by_series[booking.recurring_uid].remove(booking)
        for attendee in booking.attendees:
            self._by_email[attendee.email].pop(booking.uid, None)
            self._by_seat.pop(attendee.seat_uid or "", None)

    def publish(self, booking: Booking, *, now: float) -> None:
        """Give readers the booking as it now is; a replica shows it when its lag has passed."""
        booking.versions.append((now, self._publish(booking)))
        if not booking.history or booking.history[-1][1] != booking.status:
            booking.history.append((now, booking.status))
        for attendee in booking.attendees:
            self._by_email[attendee.email][booking.uid] = booking
            if attendee.seat_uid:
                self._by_seat[attendee.seat_uid] = booking

    def occupy(self, booking: Booking) -> None:
        """Take the time of an accepted booking; of a pending one nothing is taken."""
        if booking.status != "accepted":
            return
        if booking.event_type.exclusive:
            self._slot_keys[booking.slot_key] = booking
        for host in booking.hosts:
            for day in _days(booking.start, booking.end):
                self._busy[host, day].append(booking)

    def vacate(self, booking: Booking) -> None:
        """Give back the time of a booking, if it has one."""
        for host in booking.hosts:
            for day in _days(booking.start, booking.end):
                self._busy[host, day] = [other for other in self._busy[host, day] if other is not booking]
        if self._slot_keys.get(booking.slot_key) is booking:
            del self._slot_keys[booking.slot_key]


def new_uid() -> str:
    """Make a uid of 22 letters and digits, as Cal.com's are."""
    number = uuid.uuid4().int
    letters = []
    for _ in range(22):
        number, digit = divmod(number, 58)
        letters.append(BASE58[digit])
    return "".join(letters)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def _days(start: datetime, end: datetime) -> list[object]:
    last = (end - timedelta(microseconds=1)).date()
    return [start.date()] if start.date() == last else [start.date(), last]
