"""Compare our rows with Cal.com's own books, at the end and at the moment when each row ended. Pure; trusts neither.

The books know of each booking, seat and week when it was made and when it ended. So what a row said when it ended can
be held against what was true then, and against what a POST that was still at work made of it later.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from db.lifecycle import FINAL

PERSONS = ("suspect", "blind_key")  # the reasons that are a person's: nothing but a person, or a look, ends such a hold
# Holds of which a person is told: kept, as long as somebody is.
FOR_A_PERSON = (*PERSONS, "credentials", "configuration")
NOT_FOUND = 404
HALF_MADE = "half_made"  # an operator's own matter: to be removed at Cal.com by hand
References = Mapping[str, Sequence["Line"]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One of our rows, with what the judge asks of its story: each end with its moment, and whether it was told cut."""

    id: int
    reference: str
    status: str
    hold_reason: str | None = None
    event_type_id: int = 0
    uid: str | None = None
    seat_uid: str | None = None
    weeks: int | None = None
    refusal: Mapping[str, Any] | None = None
    cancel_requested: bool = False
    error_type: str | None = None
    evidence_posts: int = 0
    last_post: int | None = None  # HTTP status of its last POST's answer
    waited: float = 0.0  # seconds for proof, while Cal.com could be asked, when first its last POST was settled
    ends: tuple[tuple[datetime, str], ...] = ()
    told_cut: bool = False
    start: str = ""  # as Cal.com writes it
    moved: bool = False  # since it was confirmed: by us or by people
    lost_at: datetime | None = None  # when we ended it without a call, for another one got its time
    learned: tuple[datetime, ...] = ()  # when we learned what became of it, or where it is


@dataclass(frozen=True, kw_only=True)
class Line:
    """One booking, seat or week in Cal.com's books; `ended` None: it lives."""

    reference: str | None
    uid: str
    made: datetime
    ended: datetime | None = None
    seat_uid: str | None = None
    start: str = ""
    organizer: str = ""
    half_made: bool = False
    moved_from: str | None = None  # the uid under which it was before

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Self:
        """Read a line of the simulator's `GET /_books`."""
        return cls(
            reference=told["reference"],
            uid=told["uid"],
            made=datetime.fromisoformat(told["made"]),
            ended=None if told["ended"] is None else datetime.fromisoformat(told["ended"]),
            seat_uid=told["seatUid"],
            start=told["start"],
            organizer=told["organizer"],
            half_made=told["halfMade"],
            moved_from=told["movedFrom"],
        )

    def lived(self, at: datetime) -> bool:
        """Say whether it was there at a moment."""
        return self.made <= at and not self.over(at)

    def over(self, at: datetime) -> bool:
        """Say whether it had ended by a moment; what is not made yet may still come."""
        return self.ended is not None and self.ended <= at


@dataclass(frozen=True)
class Verdict:
    """What is wrong, a line a case; all empty when every promise was kept."""

    lost: tuple[str, ...] = ()  # accepted, and neither ended nor held for a person who is told
    double: tuple[
        str, ...
    ] = ()  # more than one booking at Cal.com for one request, also when one of them is gone again
    contradictions: tuple[str, ...] = ()  # a row said, when it ended or says now, what was or is not true at Cal.com
    blind: tuple[str, ...] = ()  # held as untellable, though it can be told
    waiting: tuple[str, ...] = ()  # a suspect of what is over
    by_hand: tuple[str, ...] = ()  # held at the end, so only a person could release it, and for no reason of a person's
    miscounted: tuple[str, ...] = ()  # a figure that is kept counted, and another one when everything is counted
    of_others: tuple[str, ...] = ()  # a call with another account's key; a booking that another's trouble held
    callbacks: tuple[
        str, ...
    ] = ()  # a move that its receiver was not told, or not in order; a webhook that was believed
    transactions: tuple[str, ...] = ()  # a host's order without its booking, or the reverse; an end that nobody heard
    unwalked: tuple[str, ...] = ()  # a step that the model cannot take
    untrue: tuple[str, ...] = ()  # a word to a caller that was not so, or did not stay so

    @property
    def kept(self) -> bool:
        """Say whether every promise was kept."""
        return not self.lines

    @property
    def lines(self) -> tuple[str, ...]:
        """Return all that is wrong."""
        return tuple(line for name in vars(self) for line in getattr(self, name))


def by_reference(lines: Sequence[Line]) -> References:
    """Return what Cal.com ever booked for each of our references."""
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        if line.reference is not None:
            found[line.reference].append(line)
    return found


def lost(accepted: Sequence[int], rows: Sequence[Row], alerts: Collection[str]) -> Iterator[str]:
    """Find the ids of accepted requests that have no row, and rows that nobody ends; `alerts` are the kinds open now.

    A row without a receipt is judged like any other: its caller died before it heard of it.
    """
    known = {row.id for row in rows}
    for one in dict.fromkeys(accepted):
        if one not in known:
            yield f"booking {one}: accepted, and there is no row"
    for row in rows:
        if row.status in FINAL:
            continue
        if row.hold_reason not in FOR_A_PERSON:
            yield f"booking {row.id}: still {row.status}{f' ({row.hold_reason})' if row.hold_reason else ''}"
        elif row.hold_reason not in alerts:
            yield f"booking {row.id}: held ({row.hold_reason}), and nobody is told"


def waiting(rows: Sequence[Row]) -> Iterator[str]:
    """Find suspects of an outage that is over. Not what is half made at Cal.com."""
    for row in rows:
        if row.hold_reason == "suspect" and row.error_type != HALF_MADE:
            yield f"booking {row.id}: held ({row.hold_reason}), and what held it is over"


def by_hand(rows: Sequence[Row]) -> Iterator[str]:
    """Find rows that are held when what held them has long been over, for a reason that is no person's."""
    for row in rows:
        if row.hold_reason is not None and row.hold_reason not in PERSONS:
            yield f"booking {row.id}: held ({row.hold_reason}), and only a person could release it"


def unknown_there(rows: Sequence[Row]) -> Iterator[str]:
    """Find rows that were rejected by a 404 though their type, which is there all the time, had been booked by then."""
    booked: dict[int, datetime] = {}
    for row in rows:
        for at, status in row.ends:
            if status == "confirmed":
                booked[row.event_type_id] = min(at, booked.get(row.event_type_id, at))
    for row in rows:
        since = booked.get(row.event_type_id) if row.last_post == NOT_FOUND else None
        if since and any(status == "rejected" and since < at for at, status in row.ends):
            yield f"booking {row.id}: rejected, as Cal.com has no such event type, which it had before"


def not_taken(rows: Sequence[Row], lines: Sequence[Line]) -> Iterator[str]:
    """Find rows that were said to have lost their time without a call, and nobody of ours had it at Cal.com then."""
    types = {row.reference: row.event_type_id for row in rows}
    for row in rows:
        at = row.lost_at
        if at and not any(
            one.start == row.start and types.get(one.reference or "") == row.event_type_id and one.lived(at)
            for one in lines
        ):
            yield f"booking {row.id}: rejected for another one got its time, and nobody had it"


def double(rows: Sequence[Row], made: References) -> Iterator[str]:
    """Find requests of which one time was booked more than once. A half-made seat that was removed since was none.

    Nor was what a booking that was moved has become.
    """
    for row in rows:
        times: dict[str, list[Line]] = defaultdict(list)
        for line in made.get(row.reference, ()):
            if line.moved_from is None and not (line.half_made and line.ended):
                times[line.start].append(line)
        for start, lines in times.items():
            if len(lines) > 1:
                uids = ", ".join(line.uid for line in lines)
                yield f"booking {row.id}: booked {len(lines)} times at {start} ({uids})"


def contradictions(rows: Sequence[Row], made: References, weeks: Mapping[int, int]) -> Iterator[str]:
    """Find rows that said what is not true; `weeks` is how many the event types that recur make."""
    ids = {row.reference for row in rows}
    for reference in made:
        if reference not in ids:
            yield f"a booking at Cal.com carries {reference}, which no row has"
    for row in rows:
        lines = made.get(row.reference, ())
        for at, status in row.ends:
            if status == "confirmed":
                yield from _not_there(row, lines, at, weeks.get(row.event_type_id, 1))
            else:
                yield from _there_all_the_same(row, lines, at, status)


def _there_all_the_same(row: Row, lines: Sequence[Line], at: datetime, status: str) -> Iterator[str]:
    """A POST that was still at work counts, if it books later."""
    for line in lines:
        if not line.over(at):
            since = "booked then" if line.lived(at) else "booked later"
            yield f"booking {row.id}: {status} here at {at}, and {since} at Cal.com as {line.uid}"


def _not_there(row: Row, lines: Sequence[Line], at: datetime, weeks: int) -> Iterator[str]:
    there = [line for line in lines if line.lived(at)]
    if not (there if row.moved else any(_is(row, line) for line in there)):
        seen = ", ".join(line.uid for line in there) or "not at all"
        yield f"booking {row.id}: confirmed at {at} as {row.uid} {row.seat_uid or ''}, and at Cal.com {seen}"
        return
    if any(line.half_made for line in there):
        yield f"booking {row.id}: confirmed at {at}, and at Cal.com it has no seat"
    # Later ones too: a series is found, and confirmed, while its last weeks are being made.
    whole = len({line.start for line in lines if not line.over(at)})
    told = row.told_cut and row.weeks is not None and row.weeks < weeks
    uncounted = row.status == "cancelled" and row.weeks is None  # its own cancel came first: nobody asks for its weeks
    if whole < weeks and not told and not uncounted:
        yield f"booking {row.id}: confirmed at {at} as a whole series, and at Cal.com {whole} of {weeks} weeks"


def _is(row: Row, line: Line) -> bool:
    return row.uid == line.uid and row.seat_uid == line.seat_uid
