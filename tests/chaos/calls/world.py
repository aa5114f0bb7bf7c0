"""What Cal.com and our record have of dealt calls: prepared before they begin, read when nothing moves any more."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg
import requests

from db.lifecycle import ChangeStatus
from tests.chaos import books, judge
from tests.chaos.books import Line, References
from tests.chaos.calls.calling import Calling
from tests.chaos.calls.deal import FAULTS, START, WANTED, Calcom, DealtCall
from tests.chaos.calls.judge import Story
from tests.chaos.changes import books as change_books
from tests.chaos.changes.books import Change
from tests.chaos.said.judge import Facts

NEW, OF_A_BOOKING = "/v2/bookings", "/v2/bookings/*"
VERSION = {"cal-api-version": "2024-08-13"}
_ROWS = """
    SELECT a.attendee_email, a.status, coalesce(array_agg(c.status ORDER BY c.id)
        FILTER (WHERE c.id IS NOT NULL), '{}')
    FROM appointments AS a LEFT JOIN booking_changes AS c ON c.appointment_id = a.id
    GROUP BY a.id ORDER BY a.id
"""


def prepare(simulator: Any, dealt: Sequence[DealtCall]) -> None:
    """Have an event type for each slot, strangers in the times that are taken, and then what Cal.com does there."""
    slots = list({call.slot: call for call in reversed(dealt)}.values())
    for one in slots:
        simulator.event_type(one.event_type)
        for does, start in ((one.calcom, START), (one.of_change, WANTED)):
            if does is Calcom.TAKEN:
                book_for_a_stranger(simulator.url, one.event_type, start)
    for one in slots:
        for does, path in ((one.calcom, NEW), (one.of_change, OF_A_BOOKING)):
            if does in FAULTS:
                match = {"method": "POST", "path": path, "event_type_id": one.event_type}
                simulator.faults(**FAULTS[does], match=match, count=1)


def book_for_a_stranger(url: str, event_type: int, start: datetime) -> None:
    """Have a stranger book a time at Cal.com."""
    person = {"name": "Sam Example", "email": "stranger@example.com", "timeZone": "Europe/Berlin"}
    body = {"start": start.astimezone(UTC).isoformat(), "eventTypeId": event_type, "attendee": person}
    made = requests.post(url + NEW, json=body, headers=VERSION, timeout=60)
    assert made.ok, made.text


@dataclass(frozen=True)
class World:
    """What there is. `journal` and `lines` are the simulator's."""

    record: judge.Record
    journal: Sequence[dict[str, Any]]
    lines: Sequence[dict[str, Any]]
    rows: Sequence[tuple[str, str, list[str]]]  # address, state, states of its changes

    @classmethod
    def read(cls, database_url: str, simulator: Any) -> "World":
        """Read it."""
        with psycopg.connect(database_url) as conn:
            rows = conn.execute(_ROWS).fetchall()
        return cls(judge.record(database_url), simulator.journal(), simulator.books(), rows)

    def stories(self, calls: Sequence[Calling]) -> Iterator[Story]:
        """Yield each call with what there is of it."""
        rows, of_type = defaultdict[str, list[Any]](list), defaultdict[int, list[tuple[str, Line]]](list)
        for row in self.rows:
            rows[row[0]].append(row)
        for line in self.lines:
            of_type[line["eventTypeId"]].append((line["email"], Line.read(line)))
        numbers = {row.reference: row.id for row in self.record.rows}
        for one in calls:
            theirs, booked = rows[one.dealt.email], of_type[one.dealt.event_type]
            lines = [line for email, line in booked if email == one.dealt.email]
            own = {numbers[line.reference] for line in lines if line.reference in numbers}
            facts = Facts(
                lines=lines,
                others=[line for email, line in booked if email != one.dealt.email],
                changes=[change for change in self.record.changes if change.booking in own],
            )
            ends, changes = [status for _, status, _ in theirs], [status for *_, found in theirs for status in found]
            yield Story(one.dealt, one.replies, facts, ends, changes)

    def wrong(self) -> Iterator[str]:
        """Find what any booking or change is not to be, as under fire."""
        made: References = books.by_reference([Line.read(line) for line in self.lines])
        ours = self.record
        yield from books.lost((), ours.rows, ())
        yield from books.double(ours.rows, made)
        yield from books.contradictions(ours.rows, made, {})
        yield from change_books.lost(ours.changes, (), ours.rows)
        yield from change_books.double(ours.rows, made, {})
        yield from change_books.contradictions(_wishes(ours.changes), ours.rows, made)
        yield from change_books.untrue(ours.changes, ours.rows, made, ())


def _wishes(changes: Sequence[Change]) -> list[Change]:
    """Leave out a wish that gave way to the same one, which was done: without a call_id a repeat is a newer wish."""
    done = {(one.booking, one.wanted) for one in changes if one.status == ChangeStatus.DONE}
    return [one for one in changes if one.status != ChangeStatus.WITHDRAWN or (one.booking, one.wanted) not in done]
