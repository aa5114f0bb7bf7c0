"""One account's report as titled tables of plain words: the terminal, the HTML file and the CSV show the same ones."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from db.account_troubles import CommonCause
from db.lifecycle import FINAL, Status
from tasks.accounts.remedies import WHAT_STOPS
from tasks.accounts.report.figures import AccountReport
from tasks.words import clock, duration

HELD_FOR = MappingProxyType(
    {
        **WHAT_STOPS,
        CommonCause.SERVICE: "Cal.com does not answer, or answers again and they go in order",
        CommonCause.NO_EVENT_TYPE: "Cal.com no longer has their event type",
        CommonCause.BLIND_KEY: "they may be booked, and the API key cannot see it: a person looks",
        CommonCause.SUSPECT: "set aside: a person looks",
        CommonCause.LET_GO: "nothing any more: they go now",
    }
)
"""What held bookings wait for, in words that a client may read: they name no command of ours."""
_ENDED_BADLY = (Status.REJECTED, Status.FAILED, Status.EXPIRED)
_WAYS = (Status.CONFIRMED, *_ENDED_BADLY, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the report; without rows its `nothing` is shown."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    nothing: str


def sections(report: AccountReport) -> Iterator[Section]:
    """Yield the report's tables, what needs somebody first."""
    yield Section("Now", ("What", "How it stands"), tuple(_now(report)), "")
    yield Section("Held now", ("Waits for", "Bookings", "At risk", "Since"), tuple(_held(report)), "Nothing is held.")
    at_risk = tuple((one.reference, clock(one.start_at)) for one in report.at_risk)
    yield Section("At risk", ("Booking", "Starts"), at_risk, "No held booking is near its time.")
    yield Section("Bookings", ("Day", "Asked", *_WAYS, "under way"), tuple(_days(report)), "None was asked for.")
    yield Section("Refused, and why", ("State", "Why", "Bookings"), tuple(_refused(report)), "None was refused.")
    changes = tuple((one.kind.value, one.status.value, f"{one.count:,}") for one in report.changes)
    yield Section("Cancels and moves", ("What", "State", "How many"), changes, "None was asked for.")
    yield Section("Outages", ("What", "From", "To"), tuple(_outages(report)), "None touched this account.")


def _now(report: AccountReport) -> Iterator[tuple[str, ...]]:
    standing = report.standing
    stopped = "nothing" if standing.trouble is None else WHAT_STOPS[standing.trouble]
    since = f", since {clock(standing.since)}" if standing.since else ""
    yield "Stopped by", stopped + since
    yield "Held", f"{sum(one.count for one in standing.held):,}"
    yield "At risk", f"{sum(one.at_risk for one in standing.held):,}"
    if report.waits.seconds:
        half, most, *_ = report.waits.seconds
        yield "Confirmed within", f"half {duration(half)}, 95 % {duration(most)}, of {report.waits.confirmed:,}"
    else:
        yield "Confirmed within", "nothing was confirmed"


def _held(report: AccountReport) -> Iterator[tuple[str, ...]]:
    for one in report.standing.held:
        yield HELD_FOR[one.cause], f"{one.count:,}", f"{one.at_risk:,}", clock(one.since)


def _days(report: AccountReport) -> Iterator[tuple[str, ...]]:
    by_day = {one.day: Counter[Status]() for one in report.days}
    for one in report.days:
        by_day[one.day][one.status] += one.count
    whole = sum(by_day.values(), Counter[Status]())
    for day, counts in [*by_day.items(), *([("all", whole)] if len(by_day) > 1 else [])]:
        yield str(day), *_numbers(counts)


def _numbers(counts: Counter[Status]) -> Sequence[str]:
    open_ones = sum(count for status, count in counts.items() if status not in FINAL)
    return [f"{number:,}" for number in (counts.total(), *(counts[status] for status in _WAYS), open_ones)]


def _refused(report: AccountReport) -> Iterator[tuple[str, ...]]:
    found = Counter[tuple[Status, str | None]]()
    for one in report.days:
        if one.status in _ENDED_BADLY:
            found[one.status, one.error_type] += one.count
    for (status, why), count in found.most_common():
        yield status.value, (why or "not known").replace("_", " "), f"{count:,}"


def _outages(report: AccountReport) -> Iterator[tuple[str, ...]]:
    for one in report.outages:
        what = "Cal.com, for this account alone" if one.own else "Cal.com"
        yield what, clock(one.began), clock(one.ended) if one.ended else "still"
