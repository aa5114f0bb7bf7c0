"""Compare our changes with Cal.com's books, at the moment when each one ended and at the end. Pure; trusts neither."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from db.lifecycle import OVER, ChangeStatus
from tests.chaos.books import FOR_A_PERSON, PERSONS, Line, References, Row

HELD = "change_held"  # the alert of a change that does not go by itself
ONE_TRANSACTION = timedelta(seconds=0.1)  # of Cal.com: the new booking is written before the old one is cancelled


@dataclass(frozen=True, kw_only=True)
class Change:
    """One of our changes; `wanted` is the start of a move (None: a cancel), `told`: an operator was notified of it.

    `looks`: it is over, and the late look at it was not made yet; `asked`: when it was wished. `ends` has each end with
    its moment, more than one if an operator has sent it again.
    """

    id: int
    booking: int
    status: str
    wanted: str | None = None
    hold_reason: str | None = None
    of_seat: bool = False
    from_uid: str | None = None
    to_uid: str | None = None
    to_seat_uid: str | None = None
    told: bool = False
    looks: bool = False
    asked: datetime | None = None
    ends: tuple[tuple[datetime, str], ...] = ()

    @property
    def is_over(self) -> bool:
        """Return whether nothing of it is sent any more."""
        return self.status in OVER

    @property
    def waits_for_a_person(self) -> bool:
        """Return whether it is held for a person."""
        return self.status == ChangeStatus.HELD and self.hold_reason in FOR_A_PERSON

    @property
    def is_untellable(self) -> bool:
        """Return whether nothing proves what became of it: it keeps its uid until a person says so."""
        return self.status == ChangeStatus.HELD and self.hold_reason == "blind_key"

    def words(self) -> str:
        """Return what is wished, as a verdict begins."""
        return f"booking {self.booking}: its {'cancel' if self.wanted is None else f'move to {self.wanted}'}"


def lost(changes: Sequence[Change], alerts: Collection[str], rows: Sequence[Row] = ()) -> Iterator[str]:
    """Find changes that nobody ends, and those that wait for a person, or have failed, while nobody is told.

    One that waits for an untellable one of its uid waits for that person, too, and so does one that was wished while
    the outcome of its booking, of `rows`, was unknown, and stays so.
    """
    kept = {one.from_uid for one in changes if one.is_untellable and one.from_uid}
    unknown = {row.id for row in rows if row.status == "held" and row.hold_reason == "blind_key"}
    for one in changes:
        held = f" ({one.hold_reason})" if one.hold_reason else ""
        told = one.told if one.is_over else one.hold_reason in alerts or HELD in alerts
        if one.status == ChangeStatus.FAILED or one.waits_for_a_person:
            if not told:
                yield f"{one.words()} is {one.status}{held}, and nobody is told"
        elif one.status == ChangeStatus.WAITING and one.booking in unknown:
            continue
        elif not one.is_over and one.from_uid not in kept:
            yield f"{one.words()} is still {one.status}{held}"


def waiting(changes: Sequence[Change]) -> Iterator[str]:
    """Find suspects of an outage that is over."""
    for one in changes:
        if one.hold_reason == "suspect":
            yield f"{one.words()} is held ({one.hold_reason}), and what held it is over"


def by_hand(changes: Sequence[Change]) -> Iterator[str]:
    """Find changes that are held when what held them has long been over, for a reason that is no person's."""
    for one in changes:
        if one.hold_reason is not None and one.hold_reason not in PERSONS:
            yield f"{one.words()} is held ({one.hold_reason}), and only a person could release it"


def blind(changes: Sequence[Change], seen: Collection[int]) -> Iterator[str]:
    """Find changes that are held as untellable and can be told: all but a move of a type without sight.

    `seen`: the bookings of the types of which the key is shown every booking.
    """
    for one in changes:
        if one.is_untellable and (one.wanted is None or one.booking in seen):
            yield f"{one.words()} is held (blind_key), and can be told"


def double(
    rows: Sequence[Row],
    made: References,
    weeks: Mapping[int, int],
    *,
    told: Collection[str] = (),
    untellable: Collection[tuple[int, str | None]] = (),
) -> Iterator[str]:
    """Find requests with two bookings that lived at one time, and bookings that were moved to two places.

    Both ends of a move live for a while where Cal.com has split its transaction: then one of them is cancelled as a
    double, and its uid is among those that operators were `told` of; or its move, by booking and wanted start, is
    `untellable`.
    """
    for row in rows:
        lines = [line for line in made.get(row.reference, ()) if not (line.half_made and line.ended)]
        if row.event_type_id in weeks:
            continue
        for first, second in pairwise(sorted(lines, key=lambda line: line.made)):
            is_move = second.moved_from == first.uid
            cleared = any(line.ended is not None and line.uid in told for line in (first, second))
            if is_move and (cleared or (row.id, second.start) in untellable):
                continue
            if not first.over(second.made + (ONE_TRANSACTION if is_move else timedelta())):
                yield f"booking {row.id}: lived twice from {second.made} on ({first.uid}, {second.uid})"
        for uid, count in Counter(line.moved_from for line in lines if line.moved_from).items():
            if count > 1:
                yield f"booking {row.id}: {uid} was moved {count} times"


def contradictions(changes: Sequence[Change], rows: Sequence[Row], made: References) -> Iterator[str]:
    """Find changes that said, when they ended, what was not true or did not stay so."""
    lines = {row.id: made.get(row.reference, ()) for row in rows}
    for one in changes:
        for at, status in one.ends:
            ours = lines.get(one.booking, ())
            if status == ChangeStatus.DONE:
                yield from _not_done(one, ours, at)
            elif one.wanted is not None:
                yield from _done_all_the_same(one, ours, at, status)


def _not_done(one: Change, lines: Sequence[Line], at: datetime) -> Iterator[str]:
    if one.wanted is None:
        for line in lines:
            if not line.over(at):
                yield f"{one.words()} was done at {at}, and {line.uid} lives at Cal.com"
    elif one.to_uid is not None and not any(_is(one, line) and line.lived(at) for line in lines):
        yield f"{one.words()} was done at {at} as {one.to_uid}, and at Cal.com it was not there"


def _is(one: Change, line: Line) -> bool:
    return (line.uid, line.seat_uid, line.start) == (one.to_uid, one.to_seat_uid, one.wanted)


def _done_all_the_same(one: Change, lines: Sequence[Line], at: datetime, status: str) -> Iterator[str]:
    """A POST that was still at work counts, if it moves later."""
    for line in lines:
        if line.start == one.wanted and not line.over(at):
            yield f"{one.words()} was {status} at {at}, and at Cal.com it is there as {line.uid}"


def untrue(changes: Sequence[Change], rows: Sequence[Row], made: References, deeds: Collection[str]) -> Iterator[str]:
    """Find changed bookings that stand here and not at Cal.com, or at another start; `deeds`: what people changed.

    Where the last word is untellable, `lost` and `blind` judge.
    """
    changed = {one.booking for one in changes} - {one.booking for one in changes if one.is_untellable}
    for row in rows:
        if row.id not in changed or row.status != "confirmed":
            continue
        lines = made.get(row.reference, ())
        living = [line for line in lines if line.ended is None]
        if not any(line.uid in deeds for line in lines):
            if not living:
                yield f"booking {row.id}: stands here, and is gone at Cal.com"
            elif all(line.start != row.start for line in living):
                starts = ", ".join(line.start for line in living)
                yield f"booking {row.id}: at {row.start} here, and at {starts} at Cal.com"
