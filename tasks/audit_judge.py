"""What an audit thinks of one booking: pure, from our row and Cal.com's list (docs/audit.md).

What is not proven is said and left to the operator: only a `Finding` with a `fix` may be acted on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from db.appointment import Appointment
from db.lifecycle import LIVE, Status
from tasks.audit_list import Listing, Place


class Kind(StrEnum):
    """Say what does not agree."""

    ABSENT = "absent_there"  # confirmed here, and not in a list that would show it
    NOT_HERE = "not_here"  # there, with our reference, and not confirmed here
    CANCELLED = "cancelled_there"  # confirmed here
    TWICE = "twice_there"  # one request, two live bookings or seats


class Fix(StrEnum):
    """Say what is safe to do about it."""

    CANCEL_HERE = "cancel_here"  # confirmed -> cancelled
    RECORD_UID = "record_uid"  # like a late 201's
    CANCEL_DOUBLE = "cancel_double"  # at Cal.com: the booking or seat that is not our row's


class Silence(StrEnum):
    """Say why there is no finding."""

    AGREES = "agrees"
    UNDER_WAY = "under_way"  # its outcome is unknown, or being found out by a worker
    TOO_YOUNG = "too_young"  # confirmed so lately that Cal.com's list need not show it yet
    CANNOT_TELL = "cannot_tell"  # not listed, and this key has never listed a booking of its event type


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement; `row` is None for a reference that no row has. `doubles` are what `fix` may cancel."""

    kind: Kind
    said: str
    reference: str
    row: Appointment | None
    there: tuple[Place, ...] = ()
    fix: Fix | None = None
    doubles: tuple[Place, ...] = ()


class _Home(StrEnum):
    """Say how the booking that a confirmed row names stands at Cal.com."""

    LIVES = "lives"
    OVER = "over"
    MOVED = "moved"  # rescheduled to what is not in this list
    SEAT_GONE = "seat gone"  # the booking is listed with others' seats, ours is not among them
    ABSENT = "absent"


def judge(
    row: Appointment, listing: Listing, *, settled: bool, visible: Callable[[Appointment], bool]
) -> Finding | Silence:
    """Compare a row with the list of the range that its start is in.

    `settled`: nothing has happened to it so lately that the list may not know. `visible`: whether this key is known to
    list bookings of its event type.
    """
    live = [place for place in listing.of(row) if not place.booking.gone]
    if row.status is not Status.CONFIRMED:
        return _not_confirmed(row, live)
    home, own = _home(row, listing)
    others = [place for place in live if place is not own]
    doubles = [place for place in others if place.is_at(row)]
    match home:
        case _Home.LIVES:
            return _lives(row, own, doubles, others)
        case _Home.OVER if others:
            said = f"{_uid(row)} is cancelled at Cal.com, while another booking of it lives there ({_names(others)})"
            return _finding(Kind.CANCELLED, row, said, others)
        case _Home.OVER:
            return _finding(Kind.CANCELLED, row, "confirmed here, cancelled at Cal.com", (), Fix.CANCEL_HERE)
        case _Home.MOVED if doubles:
            said = f"moved at Cal.com, while another booking of it lives at its old time ({_names(doubles)})"
            return _finding(Kind.TWICE, row, said, doubles)
        case _Home.MOVED:
            return Silence.AGREES
    if others:
        said = f"confirmed here with {_uid(row)}, which is not listed; Cal.com has {_names(others)} of it"
        return _finding(Kind.NOT_HERE, row, said, others)
    return _absent(row, home, settled=settled, visible=visible)


def orphan(reference: str, places: Sequence[Place]) -> Finding | None:
    """Return the finding for a reference that no row has; None when nothing with it lives."""
    live = tuple(place for place in places if not place.booking.gone)
    if not live:
        return None
    said = f"at Cal.com with a reference that no booking here has ({_names(live)})"
    return Finding(Kind.NOT_HERE, said, reference, None, live)


def _not_confirmed(row: Appointment, live: Sequence[Place]) -> Finding | Silence:
    if not live:
        return Silence.AGREES
    if row.status is Status.BOOKING or row.outcome_unknown:
        return Silence.UNDER_WAY
    here = [place for place in live if place.is_at(row)] or live
    if len(here) > 1:
        said = f"{row.status} here, twice at Cal.com ({_names(here)}): which one holds is not known"
        return _finding(Kind.TWICE, row, said, here)
    [place] = here
    recorded = row.calcom_booking_uid == place.uid and row.calcom_seat_uid == place.seat_uid
    if recorded and row.status in LIVE:
        return Silence.UNDER_WAY  # its next claim sees the uid
    said = f"at Cal.com ({place.name}), {row.status} here"
    return _finding(Kind.NOT_HERE, row, said, here, None if recorded else Fix.RECORD_UID)


def _absent(
    row: Appointment, home: _Home, *, settled: bool, visible: Callable[[Appointment], bool]
) -> Finding | Silence:
    if not settled:
        return Silence.TOO_YOUNG
    if home is _Home.SEAT_GONE:
        said = "confirmed here; at Cal.com its seat is no longer in the booking"
        return _finding(Kind.ABSENT, row, said)
    if not visible(row):
        return Silence.CANNOT_TELL
    return _finding(Kind.ABSENT, row, f"confirmed here with {_uid(row)}, absent at Cal.com")


def _lives(row: Appointment, own: Place | None, doubles: Sequence[Place], others: Sequence[Place]) -> Finding | Silence:
    """Judge what a request has beside the booking that its row names."""
    if doubles:
        said = f"twice at Cal.com: {_uid(row)} is its own, {_names(doubles)} the double"
        if own is None or not own.is_at(row):
            said = f"twice at Cal.com ({_uid(row)} and {_names(doubles)}), and which one is its own cannot be seen"
            return _finding(Kind.TWICE, row, said, doubles)
        if not own.booking.accepted and any(place.booking.accepted for place in doubles):
            said += ", and the double is what the host has accepted"
            return _finding(Kind.TWICE, row, said, doubles)
        if not all(_can_go(place) for place in doubles):
            said += ", in a booking that is not only its own and shows no uid of its seat"
            return _finding(Kind.TWICE, row, said, doubles)
        return Finding(Kind.TWICE, said, str(row.uuid), row, (own, *doubles), Fix.CANCEL_DOUBLE, doubles=tuple(doubles))
    moved = [place for place in others if place.series is None or (own is not None and place.series != own.series)]
    if own is not None and moved:
        return _finding(Kind.TWICE, row, f"twice at Cal.com, at two times: {own.name} and {_names(moved)}", moved)
    return Silence.AGREES


def _can_go(place: Place) -> bool:
    """Return whether it can be cancelled without touching anybody else's seat."""
    return place.seat_uid is not None or place.whole


def _home(row: Appointment, listing: Listing) -> tuple[_Home, Place | None]:
    """Follow the row's uid through reschedules; give the place where it lives when that is clear."""
    uid, seat = row.calcom_booking_uid or "", row.calcom_seat_uid
    followed = set()
    booking = listing.bookings.get(uid)
    while booking is not None and booking.gone and booking.moved_to and uid not in followed:
        followed.add(uid)
        uid, seat = booking.moved_to, None  # a moved seat may have a new uid
        booking = listing.bookings.get(uid)
    if booking is None:
        successor = any(place.booking.moved_to == uid for place in listing.of(row))
        return (_Home.MOVED if followed or successor else _Home.ABSENT), None
    if booking.gone:
        return _Home.OVER, None
    here = [place for place in listing.of(row) if place.uid == uid and seat in (None, place.seat_uid)]
    if not here and seat is not None and booking.shows_metadata:
        return _Home.SEAT_GONE, None
    return _Home.LIVES, here[0] if len(here) == 1 else None


def _finding(kind: Kind, row: Appointment, said: str, there: Sequence[Place] = (), fix: Fix | None = None) -> Finding:
    return Finding(kind, said, str(row.uuid), row, tuple(there), fix)


def _names(places: Sequence[Place]) -> str:
    return " and ".join(place.name for place in places)


def _uid(row: Appointment) -> str:
    seat = f", seat {row.calcom_seat_uid}" if row.calcom_seat_uid else ""
    return f"{row.calcom_booking_uid}{seat}"
