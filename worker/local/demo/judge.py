"""Judge a run: compare our rows with Cal.com's own books, booking by booking. Pure; trusts neither side.

A booking at Cal.com is ours when its metadata, or that of one of its attendees (seats), carries a row's uuid under
`bookingWorkerRef`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

REFERENCE = "bookingWorkerRef"
LIVING = ("accepted", "pending")  # pending: the host must confirm it, which is a success too


@dataclass(frozen=True)
class AppointmentRow:
    """One of our rows at the end of the run."""

    id: int
    reference: str
    status: str
    uid: str | None = None
    seat_uid: str | None = None
    start: datetime | None = None  # None: not compared


@dataclass(frozen=True)
class CalcomBooking:
    """One booking, or one seat of it, that is at Cal.com."""

    uid: str
    seat_uid: str | None
    start: datetime | None


@dataclass(frozen=True)
class DemoVerdict:
    """What is wrong, one line for each case; all empty when every promise was kept."""

    lost: tuple[str, ...]  # accepted, and not where it must be: no row, or the two books disagree
    doubled: tuple[str, ...]  # one request, several bookings
    unfinished: tuple[str, ...]  # still on the way when time was up
    untrue: tuple[str, ...] = ()  # what a customer was told, and what is not so

    @property
    def kept(self) -> bool:
        """Return whether every promise was kept."""
        return not self.lines()

    def lines(self) -> list[str]:
        """Return all that is wrong."""
        return [*self.lost, *self.doubled, *self.unfinished, *self.untrue]


def judge(
    accepted: int,
    rows: Sequence[AppointmentRow],
    bookings: Sequence[Mapping[str, Any]],
    journal: Sequence[Mapping[str, Any]],
    open_changes: Sequence[str] = (),
) -> DemoVerdict:
    """Compare `accepted` receipts and our rows with the simulator's `/_bookings` and `/_journal`.

    `open_changes`: a line for each cancel or move that is not over.
    """
    made = _made(bookings)
    commits = Counter(call["reference"] for call in journal if call.get("committed_at") is not None)
    return DemoVerdict(
        lost=(*_without_row(accepted, rows), *_not_there(rows, made), *_not_here(rows, made)),
        doubled=tuple(_doubled(rows, made, commits)),
        unfinished=(*_on_the_way(rows), *open_changes),
    )


def _on_the_way(rows: Sequence[AppointmentRow]) -> Iterator[str]:
    for row in rows:
        if row.status in ("pending", "booking", "retrying"):
            yield f"booking {row.id}: still {row.status}"


def _without_row(accepted: int, rows: Sequence[AppointmentRow]) -> Iterator[str]:
    if accepted != len(rows):
        yield f"{accepted} requests were accepted, and there are {len(rows)} rows"


def _not_there(rows: Sequence[AppointmentRow], made: Mapping[str, list[CalcomBooking]]) -> Iterator[str]:
    """Find what is confirmed here and not booked there under that uid."""
    for row in rows:
        found = made.get(row.reference, [])
        if row.status == "confirmed" and not any(_is_this(row, booking) for booking in found):
            there = f"only as {', '.join(map(_named, found))}" if found else "not at all"
            yield f"booking {row.id}: confirmed as {row.uid}, and at Cal.com {there}"


def _not_here(rows: Sequence[AppointmentRow], made: Mapping[str, list[CalcomBooking]]) -> Iterator[str]:
    """Find what is booked there and not confirmed here."""
    by_reference = {row.reference: row for row in rows}
    for reference, found in made.items():
        row = by_reference.get(reference)
        uids = ", ".join(dict.fromkeys(booking.uid for booking in found))
        if row is None:
            yield f"booking {uids} at Cal.com carries {reference or 'no reference'}, which no row has"
        elif row.status != "confirmed":
            yield f"booking {row.id}: {row.status} here, and booked at Cal.com as {uids}"


def _doubled(
    rows: Sequence[AppointmentRow], made: Mapping[str, list[CalcomBooking]], commits: Mapping[str, int]
) -> Iterator[str]:
    """Find requests that were booked more than once, also when one of the bookings was cancelled since."""
    ids = {row.reference: row.id for row in rows}
    for reference in {**made, **commits}:
        times = max(len(made.get(reference, ())), commits.get(reference, 0))
        if reference in ids and times > 1:
            uids = ", ".join(booking.uid for booking in made.get(reference, ()))
            yield f"booking {ids[reference]}: booked {times} times at Cal.com ({uids})"


def _named(booking: CalcomBooking) -> str:
    return booking.uid if booking.start is None else f"{booking.uid} at {booking.start:%Y-%m-%d %H:%M}"


def _is_this(row: AppointmentRow, booking: CalcomBooking) -> bool:
    same_start = None in (row.start, booking.start) or row.start == booking.start
    return row.uid == booking.uid and same_start and (booking.seat_uid is None or row.seat_uid == booking.seat_uid)


def _made(bookings: Sequence[Mapping[str, Any]]) -> dict[str, list[CalcomBooking]]:
    """Return the bookings at Cal.com by reference; those without a reference are under ""."""
    made: dict[str, list[CalcomBooking]] = defaultdict(list)
    for booking in bookings:
        if booking["status"] in LIVING:
            start = datetime.fromisoformat(booking["start"]) if "start" in booking else None
            for reference, seat_uid in _references(booking):
                made[reference].append(CalcomBooking(booking["uid"], seat_uid, start))
    return dict(made)


def _references(booking: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    if isinstance(own := booking.get("metadata"), Mapping):
        yield own.get(REFERENCE, ""), None
        return
    for attendee in booking["attendees"]:
        yield (attendee.get("metadata") or {}).get(REFERENCE, ""), attendee.get("seatUid")
