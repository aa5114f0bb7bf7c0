"""Ask Cal.com whether a confirmed booking is still there, for a caller who requests it again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from db import appointments
from db.appointments.appointment import Appointment
from db.appointments.there import places
from db.lifecycle import Status
from tasks.accounts.door import NoAccess
from tasks.calcom.booking import Booking
from tasks.calcom.booking_answers import booked_there, follow, read_bookings, read_list
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.lookup import newest
from tasks.calcom.reply import Reply, ReplyKind
from tasks.dependencies import Dependencies
from tasks.guarded_calls import event_type_lookup
from tasks.guarded_calls.calls import GuardedCalls, NotNow
from tasks.guarded_calls.trials import ReaderCalls
from tasks.host.log import Logger
from tasks.work.moves import CallMade

PATIENCE = 2.0  # seconds in all: a caller may be on the phone
PAUSE = 60.0  # seconds between two rechecks of one booking: a caller's page may reload each second

log = Logger(__name__)


class Standing(StrEnum):
    """The state of a confirmed booking at Cal.com."""

    LIVES = "lives"
    CANCELLED = "cancelled"  # it is cancelled there, and now here, too
    UNASKED = "unasked"  # Cal.com must not be asked now, was asked less than PAUSE ago, or gave no answer in time


@dataclass(frozen=True, slots=True)
class Recheck:
    """Hold the state of a booking; if it lives, also its start, and whether it awaits its host."""

    standing: Standing
    start: datetime | None = None
    awaits_host: bool | None = None


class Occasion(NamedTuple):
    """Say why Cal.com is asked, for the booking's events, and how many seconds after the last time at the earliest."""

    why: str = "it was requested again"
    by: str = "caller"
    pause: float = PAUSE


REQUESTED_AGAIN = Occasion()


def still_booked(
    deps: Dependencies,
    appointment_id: int,
    *,
    occasion: Occasion = REQUESTED_AGAIN,
    clock: Callable[[], float] = time.monotonic,
) -> Recheck:
    """Look up a confirmed booking by its uid, and cancel it here if Cal.com shows it as cancelled.

    A booking that was moved at Cal.com is followed, and the row stores its new uid. Cal.com is asked at most once in
    the occasion's pause, and not while bookings wait for the breaker or the rate limit.

    "Not found" proves no cancellation, because Cal.com shows cancelled bookings, too. This answer comes from another
    Cal.com or from a replica that lags, or the organizer's account was deleted (docs/calcom.md, row 35).
    """
    with deps.autocommit.connect() as conn:
        row = places.claim_recheck(conn, appointment_id, pause_seconds=occasion.pause)
    if row is None:
        return Recheck(Standing.UNASKED)
    made = list[CallMade | None]()
    try:
        deps = deps.for_account(row.account_id)
        calls = ReaderCalls(deps, row.correlation_id, on_report=lambda _, call: made.append(call))
        now = _Lookup(deps, calls, row, clock() + PATIENCE, clock).now()
    except (NotNow, NoAccess):
        return Recheck(Standing.UNASKED)
    if isinstance(now, Reply):
        return Recheck(Standing.UNASKED)
    if now is None:
        _cancel(deps, row, made, occasion)
        return Recheck(Standing.CANCELLED)
    _record(deps, row, now, occasion)
    return Recheck(Standing.LIVES, now.start, now.awaits_host)


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Look up the booking of a row until `ends_at`, by a monotonic clock in seconds."""

    deps: Dependencies
    calls: GuardedCalls
    row: Appointment
    ends_at: float
    clock: Callable[[], float]

    def now(self) -> Booking | Reply | None:
        """Return the present state of the row's booking; None: it is cancelled."""
        found = self._found()
        if isinstance(found, Reply):
            return found
        if not found:
            return None
        named = found[0].uid if self.row.calcom_seat_uid is not None else self.row.calcom_booking_uid
        own = follow(named or "", self._by_uid, {booking.uid: booking for booking in found})
        if isinstance(own, Reply) or not own.cancelled:
            return own
        weeks = [booking for booking in found if not booking.cancelled]  # in their order
        return next(iter(weeks), None)

    def _found(self) -> Sequence[Booking] | Reply:
        """Return the bookings that Cal.com shows for the row: all weeks of a series, none for a cancelled seat.

        Cal.com deletes cancelled seats, but no cancelled bookings. So "not found" for a seat counts if the seat's
        booking is found and the confirmation is older than the settle time (a lagging replica gives the same answer).
        A seat that its person has moved alone, to an empty time, has a new uid: the list shows our reference there.
        """
        row = self.row
        if row.calcom_seat_uid is None:  # all weeks of a series: the customer may have cancelled one of them
            return read_bookings(self._by_uid(row.series_uid or row.calcom_booking_uid or ""))
        found = read_bookings(self.calls.booking_of_seat(row.calcom_seat_uid, deadline=self._left()))
        if not (isinstance(found, Reply) and _is_missing(found) and _is_old(self.deps, row)):
            return found
        booking = read_bookings(self._by_uid(row.calcom_booking_uid or ""))
        if isinstance(booking, Reply):
            return found
        kept = event_type_lookup.known(self.deps, row)
        number = row.event_type_id or (None if kept is None else kept.calcom_id)
        page = read_list(self.calls.list_bookings(newest(number), deadline=self._left()))
        if isinstance(page, Reply):
            return found
        return [one for one in page.bookings if one.lives_for(str(row.uuid), but=row.calcom_seat_uid)][:1]

    def _by_uid(self, uid: str) -> Answer | NoAnswer:
        return self.calls.booking(uid, deadline=self._left())

    def _left(self) -> float:
        return max(self.ends_at - self.clock(), 0.1)


def _is_missing(reply: Reply) -> bool:
    return reply.kind is ReplyKind.REFUSED and reply.http_status == 404 and "was not found" in reply.message


def _is_old(deps: Dependencies, row: Appointment) -> bool:
    with deps.autocommit.connect() as conn:
        return appointments.now(conn) - row.updated_at > timedelta(seconds=deps.timings.settle_unanswered)


def _record(deps: Dependencies, row: Appointment, now: Booking, occasion: Occasion) -> None:
    there = booked_there(now, row, now.marks.get(str(row.uuid)) or row.calcom_seat_uid)  # a moved seat has a new uid
    with deps.engine.begin() as conn:
        places.record_places(conn, [(row, there)], by=occasion.by, why=f"seen at Cal.com when {occasion.why}")


def _cancel(deps: Dependencies, row: Appointment, made: Sequence[CallMade | None], occasion: Occasion) -> None:
    with deps.engine.begin() as conn:
        moved = appointments.move(
            conn,
            row.id,
            Status.CONFIRMED,
            Status.CANCELLED,
            why=f"found cancelled at Cal.com when {occasion.why}",
            by=occasion.by,
            detail={"calls": [call for call in made if call]},
        )
    log.info("found_cancelled", appointment_id=row.id, moved=moved)
