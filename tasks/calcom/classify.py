"""Read what an answer of Cal.com means: the table "What an answer means" in docs/calcom.md, as pure functions."""

from dataclasses import dataclass, replace
from datetime import datetime

from tasks.calcom.booking import Booking, read_booking, read_instant
from tasks.calcom.created import read_created
from tasks.calcom.failures import CONFIGURATION, UNREADABLE, failure_of, read_content
from tasks.calcom.http.answer import Answer, NoAnswer, parse
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


def read_post(
    answer: Answer | NoAnswer,
    *,
    reference: str,
    attendee: str | None = None,
    start: datetime | None = None,
) -> Reply:
    """Return what `answer` to POST /v2/bookings means for the request that carries `reference` in its metadata.

    `attendee` is the address that it was posted for (`body.attendee_address`), `start` the instant.
    """
    if isinstance(answer, Answer) and answer.status in (200, 201):
        return read_created(answer, reference=reference, attendee=attendee, start=start)
    return failure_of(answer)


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


def read_slots(answer: Answer | NoAnswer) -> frozenset[datetime] | None:
    """Return the starts that `answer` to GET /v2/slots offers, in UTC; None when it does not say."""
    if isinstance(answer, NoAnswer) or answer.status != 200 or answer.truncated:
        return None
    content = parse(answer.body)
    days = content.get("data") if isinstance(content, dict) else None
    if not isinstance(days, dict) or not all(isinstance(day, list) for day in days.values()):
        return None
    slots = [slot for day in days.values() for slot in day]
    starts = {read_instant(slot.get("start")) for slot in slots if isinstance(slot, dict)}
    return frozenset(start for start in starts if start is not None)


def _count(pagination: object, name: str) -> int | None:
    value = pagination.get(name) if isinstance(pagination, dict) else None
    return max(value, 0) if isinstance(value, int) else None
