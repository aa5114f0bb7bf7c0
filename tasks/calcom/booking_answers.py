"""Read what GETs of bookings show: a page of the list, a booking by its uid, by that of a seat, or of a series.

A booking that was rescheduled is followed from one uid to the next.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from db.appointments.appointment import Appointment
from db.appointments.there.places import BookedThere
from resilience.circuit_breaker.types import CallOutcome
from tasks.calcom.booking import Booking, object_of, read_booking
from tasks.calcom.failures import CONFIGURATION, UNREADABLE, read_content
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import ErrorType, Reply, ReplyKind

_NO_SUCH_TYPE = "The requested event-types do not exist"
MAX_MOVES = 5  # nobody moves a booking about for ever, and a hostile server could name another one for ever

_TOO_OFTEN = Reply(
    kind=ReplyKind.UNKNOWN,
    outcome=CallOutcome.IGNORED,
    error_type=ErrorType.UNREADABLE,
    message=f"a booking was rescheduled more than {MAX_MOVES} times",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page of GET /v2/bookings; `remaining` bookings follow on later pages, of `total` in all."""

    bookings: tuple[Booking, ...]
    remaining: int
    total: int | None = None

    @property
    def missing(self) -> int:
        """Return how many bookings Cal.com counts and does not list, on a page that is the only one.

        It lists and counts one after the other: while others book, one too many is counted in 8 of 60 answers.
        """
        return 0 if self.total is None or self.remaining else max(self.total - len(self.bookings), 0)

    @property
    def short(self) -> bool:
        """Return whether it lists fewer bookings than it counts, so that it must be asked for again."""
        return self.missing > 0


def read_list(answer: Answer | NoAnswer) -> Page | Reply:
    """Return the page in `answer` to GET /v2/bookings, or the reply that says why there is none.

    A page with an entry that cannot be read is no page: it might be our booking.
    """
    content = read_content(answer)
    if isinstance(content, Reply):
        deleted = content.http_status == 400 and content.message.startswith(_NO_SUCH_TYPE)
        return replace(content, kind=ReplyKind.DELETED) if deleted else content
    data = content.get("data")
    if not isinstance(data, list):  # an older API version nests it; a wrong server has none
        return replace(CONFIGURATION, http_status=200, message="not a list of bookings: wrong URL or API version?")
    bookings = [booking for entry in data if (booking := read_booking(entry)) is not None]
    if len(bookings) < len(data):
        return replace(UNREADABLE, http_status=200, message="the list holds an entry without a uid")
    pagination = object_of(content.get("pagination"))
    total, remaining = (_count(pagination, name) for name in ("totalItems", "remainingItems"))
    return Page(tuple(bookings), remaining or 0, total)


def read_bookings(answer: Answer | NoAnswer) -> tuple[Booking, ...] | Reply:
    """Return what GET by uid, by the uid of a seat or of a series shows; a Reply when that is nothing.

    A series is all its weeks, by start. REFUSED with 404 is Cal.com's "was not found".
    """
    content = read_content(answer)
    if isinstance(content, Reply):
        return content
    data = content.get("data")
    if not isinstance(data, dict | list):
        return replace(CONFIGURATION, http_status=200, message="not a booking: wrong URL or API version?")
    entries = data if isinstance(data, list) else [data]
    bookings = tuple(booking for entry in entries if (booking := read_booking(entry)) is not None)
    if not bookings or len(bookings) < len(entries):
        return replace(UNREADABLE, http_status=200, message="a booking without a uid")
    return bookings


def follow(
    uid: str, ask: Callable[[str], Answer | NoAnswer], shown: Mapping[str, Booking] = MappingProxyType({})
) -> Booking | Reply:
    """Return the booking that `uid` is now, which may be cancelled; a Reply where Cal.com does not show it.

    `ask` asks for a booking by its uid; those in `shown` are known.
    """
    for _ in range(MAX_MOVES):
        booking = shown.get(uid) or _read(uid, ask)
        if isinstance(booking, Reply) or booking.moved_to is None:
            return booking
        uid = booking.moved_to
    return _TOO_OFTEN


def booked_there(booking: Booking, row: Appointment, seat_uid: str | None) -> BookedThere:
    """Return as what `row` is booked: this booking, of it the seat where it has seats."""
    start = None if booking.is_at(row.start_at) else booking.start
    return BookedThere(booking.uid, seat_uid, booking.series_uid, start, booking.awaits_host)


def _count(pagination: Mapping[str, Any], name: str) -> int | None:
    value = pagination.get(name)
    return max(value, 0) if isinstance(value, int) else None


def _read(uid: str, ask: Callable[[str], Answer | NoAnswer]) -> Booking | Reply:
    found = read_bookings(ask(uid))
    return found if isinstance(found, Reply) else next((one for one in found if one.uid == uid), found[0])
