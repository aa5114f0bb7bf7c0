"""Judge what a receiver was told against our record: each move of a booking, at least once, and in order. Pure."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from db.lifecycle import FINAL, ChangeStatus
from tests.chaos.books import Row
from tests.chaos.changes.books import Change
from tests.chaos.processes.receiver import Told

IN_TIME = 5.0  # seconds: half of the time that one call to a dead receiver takes
MOST = 0.9  # share
_ENDS = {f"booking.{status}": str(status) for status in FINAL} | {"booking.requested": "confirmed"}
_NOT_DONE = (ChangeStatus.REFUSED, ChangeStatus.FAILED, ChangeStatus.EXPIRED)


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the outbox has of the callbacks of one key at the end: by booking, how many; and how they stand."""

    numbers: Mapping[int, int]
    waiting: int = 0
    given_up: int = 0


@dataclass(frozen=True, kw_only=True)
class Calm:
    """How many seconds things took before anything but the dead receiver was hurt.

    Bookings until they were settled, those of both receivers; the live one's callbacks after that, the first of each.
    """

    bookings: Sequence[float]
    callbacks: Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """How many seconds bookings took until they were settled, by receiver; `calm` None: the run is too short for it."""

    of_live: Sequence[float]
    of_dead: Sequence[float]
    calm: Calm | None


def of_the_live(rows: Sequence[Row], changes: Sequence[Change], told: Sequence[Told], kept: Kept) -> Iterator[str]:
    """Find what the receiver that answers in the end was not told, or in a wrong order, or untruly.

    `rows` and `changes` are those of its bookings.
    """
    if kept.waiting or kept.given_up:
        yield f"callbacks: {kept.waiting} wait for a receiver that answers, {kept.given_up} were given up"
    by_booking = defaultdict[int, list[Told]](list)
    for one in told:
        by_booking[one.booking].append(one)
    of_booking = defaultdict[int, list[Change]](list)
    for change in changes:
        of_booking[change.booking].append(change)
    for row in rows:
        yield from _of_one(row, of_booking[row.id], by_booking.pop(row.id, []), kept.numbers.get(row.id, 0))
    for booking in by_booking:
        yield f"booking {booking}: told to a receiver whose booking it is not"


def of_the_dead(told: Sequence[Told], tried: int) -> Iterator[str]:
    """Find what is not so of the receiver that never answers: it was tried, and took none."""
    if told:
        yield f"callbacks: a receiver that answers nothing has taken {len(told)}"
    if not tried:
        yield "callbacks: nothing was ever sent to the dead receiver"


def delayed(late: Lateness) -> Iterator[str]:
    """Find that a dead receiver made others wait: the live one's callbacks, or bookings.

    A tenth may be late, for the live receiver or this machine. The bookings of both meet the same faults.
    """
    for what, took in () if late.calm is None else vars(late.calm).items():
        in_time = sum(seconds <= IN_TIME for seconds in took)
        if in_time < MOST * len(took) or not in_time:
            yield f"{what}: before anything but a receiver was dead, {in_time} of {len(took)} came within {IN_TIME:g} s"
    if not (late.of_live and late.of_dead):
        yield "callbacks: of one receiver no booking was settled"
    elif (dead := median(late.of_dead)) > (live := median(late.of_live)) * 2 + IN_TIME:
        yield f"bookings of the dead receiver were settled after {dead:.1f} s, the others after {live:.1f} s (medians)"


def unfollowed(rows: Sequence[Row], cancelled_there: Collection[str]) -> Iterator[str]:
    """Find bookings that a host has cancelled, of which Cal.com's report was taken, and that still stand here."""
    for row in rows:
        if row.uid in cancelled_there and row.status == "confirmed":
            yield f"booking {row.id}: cancelled at Cal.com as {row.uid}, which was reported, and it stands here"


def _of_one(row: Row, changes: Sequence[Change], told: Sequence[Told], number: int) -> Iterator[str]:
    first: dict[int, Told] = {}
    for one in told:
        first.setdefault(one.sequence, one)
    if list(first) != list(range(1, number + 1)):
        yield f"booking {row.id}: {number} callbacks are stored, and the receiver took {list(first)}"
        return
    if len({one.name for one in told}) != number:
        yield f"booking {row.id}: a callback came under two ids, or two under one"
    in_order = list(first.values())
    ends = _once([status for _, status in row.ends])
    heard = _once([_ENDS[one.type] for one in in_order if one.type in _ENDS])
    if heard != ends:
        yield f"booking {row.id}: {', '.join(ends)}, and the receiver was told {', '.join(heard) or 'nothing'}"
    last = next((one for one in reversed(in_order) if one.type.startswith("booking.")), None)
    if last is not None and row.status in FINAL and last.status != row.status:
        yield f"booking {row.id}: {row.status}, and the receiver was told last that it is {last.status}"
    elif last is not None and row.status == "confirmed" and last.start != row.start:
        yield f"booking {row.id}: at {row.start}, and the receiver was told last {last.start}"
    yield from _of_changes(row, changes, in_order)


def _of_changes(row: Row, changes: Sequence[Change], told: Sequence[Told]) -> Iterator[str]:
    starts = {one.start for one in told if one.type == "booking.rescheduled"}
    not_done = {one.change for one in told if one.type.startswith("change.")}
    for change in changes:
        if change.status == ChangeStatus.DONE and change.wanted is not None and change.wanted not in starts:
            yield f"booking {row.id}: moved to {change.wanted}, and the receiver was not told"
        if change.status in _NOT_DONE and change.id not in not_done:
            yield f"{change.words()} is {change.status}, and the receiver was not told"


def _once(statuses: Sequence[str]) -> list[str]:
    """Return statuses without their repetitions: a host's yes is a callback, and no end of its own."""
    return [status for status, _ in groupby(map(str, statuses))]
