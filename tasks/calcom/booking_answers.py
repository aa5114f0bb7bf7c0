"""Read the answers to GETs of bookings: a page of the list, or a booking by its uid, a seat's uid or a series' uid.

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
MAX_MOVES = 10  # more than anyone moves a booking; a hostile server could go on for ever

_TOO_OFTEN = Reply(
    kind=ReplyKind.UNKNOWN,
    outcome=CallOutcome.IGNORED,
    error_type=ErrorType.UNREADABLE,
    message=f"a booking was rescheduled more than {MAX_MOVES} times",
)


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one page of GET /v2/bookings; `remaining` more bookings are on later pages, and there are `total` in all."""

    bookings: tuple[Booking, ...]
    remaining: int
    total: int | None = None

    @property
    def missing(self) -> int:
        """Return how many bookings are missing on the only page: Cal.com may count more than it lists.

        It counts after listing: while others book, it counts one too many in 8 of 60 answers.
        """
        return 0 if self.total is None or self.remaining else max(self.total - len(self.bookings), 0)

    @property
    def short(self) -> bool:
        """Return whether the page lists fewer bookings than Cal.com counts, and must be requested again."""
        return self.missing > 0


def read_list(answer: Answer | NoAnswer) -> Page | Reply:
    """Return the page in `answer` to GET /v2/bookings, or the reply that says why there is none.

    For a page with an unreadable entry there is a reply: that entry may be our booking.
    """
    content = read_content(answer)
    if isinstance(content, Reply):
        deleted = content.http_status == 400 and content.message.startswith(_NO_SUCH_TYPE)
        return replace(content, kind=ReplyKind.DELETED) if deleted else content
    data = content.get("data")
    if not isinstance(data, list):  # an older API version nests the list; a wrong server has none
        return replace(CONFIGURATION, http_status=200, message="not a list of bookings: wrong URL or API version?")
    bookings = [booking for entry in data if (booking := read_booking(entry)) is not None]
    if len(bookings) < len(data):
        return replace(UNREADABLE, http_status=200, message="the list holds an entry without a uid")
    pagination = object_of(content.get("pagination"))
    total, remaining = (_count(pagination, name) for name in ("totalItems", "remainingItems"))
    return Page(tuple(bookings), remaining or 0, total)


def read_bookings(answer: Answer | NoAnswer) -> tuple[Booking, ...] | Reply:
    """Return the booking that a GET by uid shows, or all weeks of a series by start; a Reply: there is no booking.

    REFUSED with 404 is Cal.com's "was not found".
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
    """Return what the booking `uid` was rescheduled to, which may be cancelled; a Reply: Cal.com does not show it.

    `ask` requests a booking by its uid; those in `shown` are not requested.
    """
    found = with_successors(uid, ask, shown)
    return found if isinstance(found, Reply) else found[-1]


def with_successors(
    uid: str, ask: Callable[[str], Answer | NoAnswer], shown: Mapping[str, Booking] = MappingProxyType({})
) -> tuple[Booking, ...] | Reply:
    """Return the booking `uid` and each booking to which it was rescheduled, the present one last; else as `follow`."""
    found: list[Booking] = []
    while len(found) <= MAX_MOVES:
        booking = shown.get(uid) or _read(uid, ask)
        if isinstance(booking, Reply):
            return booking
        found.append(booking)
        if booking.moved_to is None:
            return tuple(found)
        uid = booking.moved_to
    return _TOO_OFTEN


def booked_there(booking: Booking, row: Appointment, seat_uid: str | None) -> BookedThere:
    """Return where `row` is booked: this booking, and its seat if it has seats."""
    start = None if booking.is_at(row.start_at) else booking.start
    return BookedThere(booking.uid, seat_uid, booking.series_uid, start, booking.awaits_host)


def _count(pagination: Mapping[str, Any], name: str) -> int | None:
    value = pagination.get(name)
    return max(value, 0) if isinstance(value, int) else None


def _read(uid: str, ask: Callable[[str], Answer | NoAnswer]) -> Booking | Reply:
    found = read_bookings(ask(uid))
    return found if isinstance(found, Reply) else next((booking for booking in found if booking.uid == uid), found[0])
