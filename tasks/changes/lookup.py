"""Look at Cal.com what has become of a booking, a seat or a series that a change names; any key sees it by its uid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from db.appointments import Appointment
from db.changes.change import BookingChange, SeriesPart
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import MAX_MOVES, read_bookings, with_successors
from tasks.calcom.failures import UNREADABLE
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reads import CalcomReads
from tasks.calcom.reply import Reply, ReplyKind
from tasks.changes.evidence.case import Shown
from tasks.changes.evidence.weeks import WeeksLeft, weeks_left

_NOT_SHOWN = replace(UNREADABLE, message="Cal.com does not show the week that is meant")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLook:
    """Hold what a lookup shows.

    `there` is the booking as it is now, after all of its moves; `weeks` are those of a series, and `left` what is left
    to be cancelled of them. `wanted` and `lives`: as in MoveCase. `reply`: why nothing is shown.
    """

    shown: Shown
    there: Booking | None = None
    weeks: tuple[Booking, ...] = ()
    left: WeeksLeft | None = None
    wanted: bool = False
    lives: bool = True
    reply: Reply | None = None

    @property
    def is_alive(self) -> bool:
        """Return whether it shows the booking alive under the uid that was named."""
        return self.shown is Shown.ALIVE

    def is_at(self, start: datetime | None) -> bool:
        """Return whether it shows the booking at a start now."""
        return self.there is not None and self.there.is_at(start)


def look_at_change(client: CalcomReads, change: BookingChange, booking: Appointment) -> ChangeLook:
    """Return what has become of what a change names: a seat, the weeks of a series, or a booking."""
    uid, seat = change.from_uid or "", change.from_seat_uid
    if seat is not None:
        return look_at_seat(client, uid, seat, wanted=change.wanted)
    if is_of_series(change, booking):
        part, named = change.part, change.weeks_named
        return look_at_series(client, booking.series_uid or uid, since=change.updated_at, part=part, named=named)
    return look_at_booking(client, uid, reference=str(booking.uuid), wanted=change.wanted)


def is_of_series(change: BookingChange, booking: Appointment) -> bool:
    """Return whether a change cancels weeks of a series: all of them, or a part."""
    return change.wanted is None and (booking.series_uid is not None or change.part is not None)


def look_at_booking(client: CalcomReads, uid: str, *, reference: str, wanted: datetime | None = None) -> ChangeLook:
    """Return what has become of the booking `uid`, followed through its moves; `wanted` is the start of a reschedule.

    For a cancel (`wanted` is None) a booking counts as moved only if its last successor lives.
    """
    first = _first(client.booking, uid)
    if isinstance(first, Reply):
        return _nothing(first)
    chain = with_successors(uid, client.booking, {uid: first})
    if isinstance(chain, Reply):  # also if a successor is not found: a replica may lag
        return ChangeLook(shown=Shown.UNREADABLE, reply=chain)
    last, later = chain[-1], chain[1:]
    if later and (wanted is not None or not last.cancelled):
        shown = Shown.MOVED
    else:
        shown = Shown.CANCELLED if last.cancelled else Shown.ALIVE
    reached = any(reference in booking.marks and booking.is_at(wanted) for booking in later or chain)
    return ChangeLook(shown=shown, there=last, wanted=reached, lives=not last.cancelled)


def look_at_seat(client: CalcomReads, uid: str, seat_uid: str, *, wanted: datetime | None = None) -> ChangeLook:
    """Return what has become of a seat in the booking `uid`: a seat that joins another booking keeps its uid."""
    booking = _first(client.booking_of_seat, seat_uid)
    if isinstance(booking, Reply):
        return _nothing(booking)
    if booking.cancelled:
        return ChangeLook(shown=Shown.CANCELLED, there=booking, lives=False)
    shown = Shown.ALIVE if booking.uid == uid else Shown.MOVED
    return ChangeLook(shown=shown, there=booking, wanted=booking.is_at(wanted))


def look_at_series(
    client: CalcomReads,
    series_uid: str,
    *,
    since: datetime,
    part: SeriesPart | None = None,
    named: Sequence[str] = (),
) -> ChangeLook:
    """Return which weeks of a series are there; ALIVE: a week after `since` lives that is to be cancelled.

    A week that was moved out of the series is asked for by its uid.
    """
    weeks = read_bookings(client.booking(series_uid))
    if isinstance(weeks, Reply):
        return _nothing(weeks)
    for _ in range(MAX_MOVES):
        left = weeks_left(weeks, since=since, part=part, named=named)
        if left.shown is not Shown.UNREADABLE:
            break
        if left.uid is None or any(week.uid == left.uid for week in weeks):
            return ChangeLook(shown=Shown.UNREADABLE, weeks=weeks, reply=_NOT_SHOWN)
        moved = read_bookings(client.booking(left.uid))
        if isinstance(moved, Reply):  # also if it is not found: a replica may lag
            return ChangeLook(shown=Shown.UNREADABLE, weeks=weeks, reply=moved)
        weeks = (*weeks, *moved)
    return ChangeLook(shown=left.shown, weeks=weeks, left=left, lives=left.shown in {Shown.ALIVE, Shown.BEGUN})


def _first(ask: Callable[[str], Answer | NoAnswer], uid: str) -> Booking | Reply:
    found = read_bookings(ask(uid))
    return found if isinstance(found, Reply) else next((booking for booking in found if booking.uid == uid), found[0])


def _nothing(reply: Reply) -> ChangeLook:
    missing = reply.kind is ReplyKind.REFUSED and reply.http_status == 404
    return ChangeLook(shown=Shown.NOT_FOUND if missing else Shown.UNREADABLE, reply=reply)
