"""Judge a run: every accepted request against our rows, and our rows against Cal.com's own books."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fire_caller import receipts
from fire_stage import Stage

from db.lifecycle import FINAL
from worker.demo.judge import Row, judge

_ROWS = "SELECT id, uuid::text, status, calcom_booking_uid, calcom_seat_uid FROM appointments ORDER BY id"
_EVENTS = "SELECT created_at::text, kind, by, detail FROM appointment_events WHERE appointment_id = {} ORDER BY id"


@dataclass(frozen=True)
class Verdict:
    """What is wrong, a line a case; all empty when every promise was kept."""

    lost: tuple[str, ...]  # accepted, and not a row, or a row that nobody has ended
    double: tuple[str, ...]  # more than one booking at Cal.com for one request, also when one of them is gone again
    contradictions: tuple[str, ...]  # our row says one thing and Cal.com's books another

    @property
    def kept(self) -> bool:
        """Say whether every promise was kept."""
        return not (self.lost or self.double or self.contradictions)

    @property
    def lines(self) -> tuple[str, ...]:
        """Return all that is wrong."""
        return (*self.lost, *self.double, *self.contradictions)


def verdict(
    accepted: Sequence[int], rows: Sequence[Row], bookings: Sequence[Mapping[str, Any]], journal: Sequence[Any]
) -> Verdict:
    """Compare the ids of accepted requests, our rows, and the simulator's books and journal.

    A row without a receipt is judged like any other: its caller died before it heard of it.
    """
    books = judge(len(rows), rows, bookings, journal)
    known = {row.id for row in rows}
    lost = [f"booking {one}: accepted, and there is no row" for one in dict.fromkeys(accepted) if one not in known]
    lost += [f"booking {row.id}: still {row.status}" for row in rows if row.status not in FINAL]
    return Verdict(tuple(lost), books.doubled, books.lost)


def read(stage: Stage) -> Verdict:
    """Judge what a run has left, once nothing moves any more."""
    rows = [Row(*row) for row in stage.sql(_ROWS)]
    bookings = stage.calcom.call("GET", "/_bookings")["bookings"]
    journal = stage.calcom.call("GET", "/_journal")["entries"]
    return verdict([one for _, one in receipts(stage.receipts)], rows, bookings, journal)


def stories(stage: Stage, found: Verdict) -> Iterator[str]:
    """Tell of each case all that is known: what we wrote down, and what Cal.com was sent."""
    rows = {row[0]: Row(*row) for row in stage.sql(_ROWS)}
    journal = stage.calcom.call("GET", "/_journal")["entries"]
    for line in found.lines:
        yield line
        row = rows.get(int(line.removeprefix("booking ").partition(":")[0])) if line.startswith("booking ") else None
        if row is None:
            continue
        yield f"    {json.dumps(asdict(row))}"
        for at, kind, by, detail in stage.sql(_EVENTS.format(row.id)):
            yield f"    {at} {kind} by {by} {json.dumps(detail)}"
        for call in journal:
            if call["reference"] == row.reference:
                yield f"    {call['at']} {call['method']} {json.dumps(call)}"
