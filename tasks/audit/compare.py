"""Judge one booking by our row and Cal.com's answers (docs/audit.md). Nothing here calls, reads or writes.

A finding that is not proven is reported and left to the operator: only a finding with a `fix` may be acted on. The list
shows only what the user of the key organizes or attends: Cal.com is asked by uid for a booking that is not listed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from db.appointments.appointment import Appointment
from db.lifecycle import LIVE, HoldReason, Status
from tasks.audit.finding import AuditFinding, AuditFindingKind, Fix, NoFinding, finding, names, uid_of
from tasks.audit.listing import About, Answered, BookedPlace, Listing, Question
from tasks.audit.moved import moved, next_week, seat_moved
from tasks.calcom.booking import Booking

_MOVES = 10  # reschedules that are followed: a hostile server could name further bookings for ever
_OPERATORS = frozenset({HoldReason.BLIND_KEY, HoldReason.SUSPECT})  # holds that no worker ends by itself

Judgement = AuditFinding | NoFinding | Question


class _Home(StrEnum):
    """The state at Cal.com of the booking that a confirmed row names."""

    LIVES = "lives"
    OVER = "over"
    OF_ANOTHER_REQUEST = "of another request"  # the booking carries the other request's reference, not ours
    SEAT_GONE = "seat gone"  # the booking lives, our seat in it does not
    ABSENT = "absent"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class _Stand:
    """The state of the booking that a row names, that booking, and which part is the row's: all, a seat, or unknown."""

    home: _Home
    booking: Booking | None = None
    own: BookedPlace | None = None


def judge(row: Appointment, listing: Listing, *, settled: bool) -> Judgement:
    """Compare a row with what Cal.com shows for the range that has the row's start, or return the first question.

    `settled`: the row was last changed so long ago that Cal.com's answers are newer.
    """
    live = [place for place in listing.of(row) if not place.booking.cancelled and not _had_begun(place, row)]
    if row.status is not Status.CONFIRMED:
        return _not_confirmed(row, live, listing)
    stand = _stand(row, listing)
    if isinstance(stand, Question):
        return stand
    others = [place for place in live if place is not stand.own]
    match stand.home:
        case _Home.LIVES:
            return _lives(row, stand, others, listing, settled=settled)
        case _Home.UNREADABLE:
            return NoFinding.CANNOT_TELL
    return _gone(row, stand, others, listing, settled=settled)


def _gone(
    row: Appointment, stand: _Stand, others: Sequence[BookedPlace], listing: Listing, *, settled: bool
) -> Judgement:
    """Judge a row whose own booking or seat does not live."""
    if row.calcom_seat_uid is not None and stand.home in (_Home.OVER, _Home.SEAT_GONE):
        elsewhere = seat_moved(row, others, listing)
        if elsewhere is not None:
            return elsewhere
    if stand.home is _Home.OVER:
        return _over(row, stand.booking, others, listing, settled=settled)
    if others:
        message = f"confirmed here with {uid_of(row)}, {_NOT_THERE[stand.home]}; Cal.com has {names(others)} instead"
        return finding(AuditFindingKind.NOT_HERE, row, message, others)
    if not settled:
        return NoFinding.TOO_YOUNG
    return finding(AuditFindingKind.ABSENT, row, f"confirmed here with {uid_of(row)}, {_NOT_THERE[stand.home]}")


def _had_begun(place: BookedPlace, row: Appointment) -> bool:
    """Return whether it is a week that had begun when its series was cancelled: such a week stays as it was."""
    start = place.booking.start
    return row.status is Status.CANCELLED and place.series is not None and start is not None and start <= row.updated_at


_NOT_THERE = {
    _Home.ABSENT: "absent at Cal.com",
    _Home.SEAT_GONE: "and at Cal.com its seat is no longer in the booking",
    _Home.OF_ANOTHER_REQUEST: "which is another request's at Cal.com",
}


def orphan(reference: str, places: Sequence[BookedPlace]) -> AuditFinding | None:
    """Return the finding of a reference that no row has; None when no live booking carries it."""
    live = tuple(place for place in places if not place.booking.cancelled)
    if not live:
        return None
    message = f"booked at Cal.com with a reference that no booking here has ({names(live)})"
    return AuditFinding(AuditFindingKind.NOT_HERE, message, reference, None, live)


def _stand(row: Appointment, listing: Listing) -> _Stand | Question:
    """Follow the row's uid through reschedules to the booking that it names now."""
    uid, seat = row.calcom_booking_uid or "", row.calcom_seat_uid
    seated = [place for place in listing.of(row) if seat == place.seat_uid is not None and not place.booking.cancelled]
    if len(seated) == 1:  # in any booking: a seat may be moved to another booking
        return _Stand(_Home.LIVES, seated[0].booking, seated[0])
    for _ in range(_MOVES):
        booking = listing.bookings.get(uid)
        if booking is None:
            return _unlisted(uid, seat, listing)
        if not (booking.cancelled and booking.moved_to):
            break
        uid, seat = booking.moved_to, None  # a moved seat may have a new uid
    else:
        return _Stand(_Home.UNREADABLE)
    if booking.cancelled:
        return _Stand(_Home.OVER, booking) if seat is None else _seat(seat, booking, row, listing)
    here = [place for place in listing.of(row) if place.uid == uid and seat in (None, place.seat_uid)]
    if here:
        return _Stand(_Home.LIVES, booking, here[0] if len(here) == 1 else None)
    if seat is not None:
        return _seat(seat, booking, row, listing)
    is_anothers = uid == row.calcom_booking_uid and bool(booking.marks)
    return _Stand(_Home.OF_ANOTHER_REQUEST if is_anothers else _Home.LIVES, booking)


def _unlisted(uid: str, seat: str | None, listing: Listing) -> _Stand | Question:
    """Return the question about an unlisted booking; its seat comes first: every API key is answered about a seat."""
    questions = [Question(About.SEAT, seat)] if seat else []
    questions += [Question(About.BOOKING, uid)] if uid else []
    for question in questions:
        if question not in listing.answers:
            return question
    answers = [listing.answers[question] for question in questions]
    return _Stand(_Home.ABSENT if all(answer is Answered.NOWHERE for answer in answers) else _Home.UNREADABLE)


def _seat(seat: str, booking: Booking, row: Appointment, listing: Listing) -> _Stand | Question:
    """Judge a seat that no live booking shows: attendees may be hidden, and it may have joined another booking.

    A seat's own uid finds it.
    """
    question = Question(About.SEAT, seat)
    # The booking is cancelled, or the seat is listed in another one.
    over = booking.cancelled or any(place.seat_uid == seat for place in listing.of(row))
    match listing.answers.get(question):
        case None:
            return question
        case Answered.NOWHERE:
            return _Stand(_Home.OVER if booking.cancelled else _Home.SEAT_GONE, booking)
        case Answered.UNREADABLE:
            return _Stand(_Home.UNREADABLE)
    return _Stand(_Home.OVER if over else _Home.LIVES, booking)  # Cal.com has the seat, and hides its attendee


def _over(
    row: Appointment, booking: Booking | None, others: Sequence[BookedPlace], listing: Listing, *, settled: bool
) -> Judgement:
    """Judge a row whose own booking was cancelled or declined; a series is cancelled if all its weeks are."""
    series = row.series_uid or (booking.series_uid if booking else None)
    strangers = [place for place in others if series is None or place.series != series]
    if strangers:
        message = f"{uid_of(row)} is cancelled at Cal.com, but another one for this request lives ({names(strangers)})"
        return finding(AuditFindingKind.CANCELLED, row, message, strangers)
    if series is not None:
        question = Question(About.BOOKING, series)
        if question not in listing.answers:
            return question
        if listing.answers[question] is not Answered.FOUND:  # the series is listed: a lagging replica says "not found"
            return NoFinding.CANNOT_TELL
        if any(not week.cancelled for week in listing.series[series]):
            verdict = _cut(row, booking, listing, settled=settled)
            return next_week(row, listing.series[series]) if verdict is NoFinding.AGREES else verdict
    message = "confirmed here, cancelled at Cal.com"
    if row.calcom_seat_uid is not None and Question(About.BOOKING, row.calcom_booking_uid or "") in listing.answers:
        message += ", unless its attendee has moved the seat: the list of this key does not show this booking"
        return finding(AuditFindingKind.CANCELLED, row, message)
    return finding(AuditFindingKind.CANCELLED, row, message, (), Fix.CANCEL_HERE)


def _cut(row: Appointment, booking: Booking | None, listing: Listing, *, settled: bool) -> Judgement:
    """Compare how many weeks of a confirmed row's series Cal.com made with how many its event type makes.

    One POST makes the weeks one by one, and may be cut in the middle. Weeks are counted as made, not as alive: a week
    that a person cancelled or moved stays in the series as cancelled, while a week that was never made is not in it
    (seen; docs/calcom.md, row 35). So nothing that a person does makes a whole series look cut.
    """
    series = row.series_uid or (booking.series_uid if booking is not None else None)
    if series is None:
        return NoFinding.AGREES
    of = row.series_of
    if of is None:
        question = Question(About.EVENT_TYPE, row.event_type)
        if question not in listing.answers:
            return question
        of = listing.occurrences.get(row.event_type)
    if of is None or listing.made(series) >= of:
        return NoFinding.AGREES  # the type recurs no more, or this key may not read it: no verdict is possible
    question = Question(About.BOOKING, series)
    if question not in listing.answers:
        return question
    if listing.answers[question] is Answered.UNREADABLE:
        return NoFinding.CANNOT_TELL
    if not settled:
        return NoFinding.TOO_YOUNG
    message = f"only {listing.made(series)} of {of} weeks of {uid_of(row)} were made at Cal.com"
    return finding(AuditFindingKind.SERIES_CUT, row, message)


def _lives(
    row: Appointment, stand: _Stand, others: Sequence[BookedPlace], listing: Listing, *, settled: bool
) -> Judgement:
    """Judge a row that names a live booking: is another one of its request alive, was it moved, is its series whole?"""
    verdict: Judgement = _alone(row, stand.own, others)
    if verdict is NoFinding.AGREES:
        verdict = _cut(row, stand.booking, listing, settled=settled)
    if verdict is NoFinding.AGREES and stand.booking is not None:
        verdict = moved(row, stand.booking, stand.own)
    return verdict


def _alone(row: Appointment, own: BookedPlace | None, others: Sequence[BookedPlace]) -> AuditFinding | NoFinding:
    """Judge the other live bookings and seats of a request whose row names a live booking."""
    doubles = [place for place in others if place.is_at(row)]
    if doubles:
        message = f"twice at Cal.com: {uid_of(row)} is the row's own, {names(doubles)} the double"
        if own is None or not own.is_at(row):
            message = f"twice at Cal.com ({uid_of(row)} and {names(doubles)}), which one is the row's own is not known"
        elif not own.booking.accepted and any(place.booking.accepted for place in doubles):
            message += ", and the host has accepted the double"
        elif not all(_can_go(place) for place in doubles):
            message += ", in a booking that others share and that shows no seat uid"
        else:
            found = finding(AuditFindingKind.TWICE, row, message, (own, *doubles), Fix.CANCEL_DOUBLE)
            return replace(found, doubles=tuple(doubles))
        return finding(AuditFindingKind.TWICE, row, message, doubles)
    apart = [place for place in others if place.series is None or (own is not None and place.series != own.series)]
    if own is not None and apart:
        return finding(
            AuditFindingKind.TWICE, row, f"twice at Cal.com, at two times: {own.name} and {names(apart)}", apart
        )
    return NoFinding.AGREES


def _can_go(place: BookedPlace) -> bool:
    """Return whether this booking or seat can be cancelled without the seats of others."""
    return place.seat_uid is not None or place.whole


def _not_confirmed(row: Appointment, live: Sequence[BookedPlace], listing: Listing) -> Judgement:
    if not live:
        return _not_there(row, listing)
    if row.status is Status.BOOKING or (row.outcome_unknown and row.hold_reason not in _OPERATORS):
        return NoFinding.UNDER_WAY
    here = [place for place in live if place.is_at(row)] or _first_week(live)
    if len(here) > 1:
        message = f"{row.status} here, twice at Cal.com ({names(here)}): which one is valid is not known"
        return finding(AuditFindingKind.TWICE, row, message, here)
    [place] = here
    recorded = row.calcom_booking_uid == place.uid and row.calcom_seat_uid == place.seat_uid
    if recorded and row.status in LIVE:
        return NoFinding.UNDER_WAY  # the worker that claims it next sees the uid
    message = f"at Cal.com ({place.name}), {row.status} here"
    return finding(AuditFindingKind.NOT_HERE, row, message, here, None if recorded else Fix.RECORD_UID)


def _first_week(live: Sequence[BookedPlace]) -> Sequence[BookedPlace]:
    """Return the earliest week if all are weeks of one series, else all."""
    series = {place.series for place in live}
    starts = [place.booking.start for place in live if place.booking.start is not None]
    if len(series) > 1 or None in series or not starts:
        return live
    return [place for place in live if place.booking.start == min(starts)]


def _not_there(row: Appointment, listing: Listing) -> Judgement:
    """Judge an unconfirmed row without a live booking in the list: the booking may have moved, or be hidden."""
    successors = [place.booking.moved_to for place in listing.of(row) if place.booking.moved_to]
    for uid in successors[:_MOVES]:
        if uid not in listing.bookings and (question := Question(About.BOOKING, uid)) not in listing.answers:
            return question
    if row.sent_at is None or (row.status in LIVE and row.hold_reason not in _OPERATORS):
        return NoFinding.AGREES  # its outcome was never unknown, or a worker will find the outcome
    if row.calcom_booking_uid is not None and row.calcom_booking_uid not in listing.bookings:
        seat, uid = row.calcom_seat_uid, row.calcom_booking_uid
        question = Question(About.BOOKING, uid) if seat is None else Question(About.SEAT, seat)
        if question not in listing.answers:
            return question
    half = listing.half_made(row)
    if half is None:
        return NoFinding.AGREES
    message = f"half made at Cal.com: {half.uid} names its attendee without a seat; {row.status} here"
    message += f". Remove the attendee there, and {_AFTERWARDS.get(row.status, 'book it again')}"
    return finding(AuditFindingKind.HALF_MADE, row, message)


_AFTERWARDS = dict.fromkeys((Status.HELD, Status.FAILED), "run `booking retry`, which looks again")
