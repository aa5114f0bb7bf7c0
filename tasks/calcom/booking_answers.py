"""Read what GETs of bookings show: a page of the list, a booking by its uid, by that of a seat, or of a series."""

from dataclasses import dataclass, replace

from tasks.calcom.booking import Booking, read_booking
from tasks.calcom.failures import CONFIGURATION, UNREADABLE, read_content
from tasks.calcom.http.answer import Answer, NoAnswer
from tasks.calcom.reply import Reply, ReplyKind

_NO_SUCH_TYPE = "The requested event-types do not exist"


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
    pagination = content.get("pagination")
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


def _count(pagination: object, name: str) -> int | None:
    value = pagination.get(name) if isinstance(pagination, dict) else None
    return max(value, 0) if isinstance(value, int) else None
