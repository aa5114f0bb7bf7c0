"""Walk a record with the model: event by event, in every state in which the booking may be by then."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.model.walk import bookings
from tests.model.walk.attempts import in_earnest
from tests.model.walk.bookings import Subject
from tests.model.walk.record import NOT_READ, Event, Record
from tests.model.walk.state import BEGINNINGS, Cannot, State

BEFORE = 8  # steps that are told before the one that cannot be taken
MOST = 256  # states of one booking at a time; more would be an error of the walk


@dataclass(frozen=True)
class Stop:
    """The first step of a booking, or of a change of it, that the model cannot take."""

    booking: int
    at: float
    step: str
    states: tuple[str, ...]
    why: tuple[str, ...]
    before: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        """Tell it, the first line in short."""
        yield f"booking {self.booking}: the model cannot take {self.step} at {self.at:.3f}: {'; '.join(self.why)}"
        yield f"    state before: {' | '.join(self.states)}"
        yield from (f"    {line}" for line in self.before)


@dataclass
class Walk:
    """What was walked, and where it stopped."""

    bookings: int = 0
    changes: int = 0
    events: int = 0
    calls: int = 0
    states: int = 0
    seconds: float = 0.0
    stops: list[Stop] = field(default_factory=list)

    def summary(self) -> str:
        """Tell the counts in a line."""
        return (
            f"{self.bookings} bookings, {self.changes} changes, {self.events} events and {self.calls} calls walked in "
            f"{self.seconds:.1f} s, {self.states} states tried: {len(self.stops)} stopped"
        )


def walk(record: Record) -> Walk:
    """Walk every booking of a record."""
    began, done = time.monotonic(), Walk(len(record.bookings), len(record.changes), record.count, len(record.calls))
    with in_earnest(record.terms.retries):
        for number, row in record.bookings.items():
            stop = _booking(record, row, record.events.get(number, []), done)
            if stop is not None:
                done.stops.append(stop)
    done.seconds = time.monotonic() - began
    return done


def _booking(record: Record, row: Mapping[str, Any], events: list[Event], done: Walk) -> Stop | None:
    types = tuple(record.types.get(str(row["type"]), [NOT_READ]))
    subject = Subject(row, record.lines.get(row["reference"], ()), types, record.terms)
    states = [State(one, row["created_at"]) for one in BEGINNINGS]
    walked: list[Event] = []
    for event in events:
        if event.kind.startswith("change_") and event.kind != "change_needs_you":
            continue
        step = bookings.STEPS.get(event.kind)
        taken = [Cannot("no such step")] if step is None else [one for state in states for one in step(subject, state, event)]
        after = list(dict.fromkeys(one for one in taken if isinstance(one, State)))
        done.states += len(after)
        if not after or len(after) > MOST:
            why = dict.fromkeys(one.why for one in taken if isinstance(one, Cannot))
            return _stop(event, states, tuple(why) or (f"{len(after)} states",), walked)
        states = after
        walked.append(event)
    return _at_the_end(row, states, walked)


def _at_the_end(row: Mapping[str, Any], states: list[State], walked: list[Event]) -> Stop | None:
    """Hold the row as it is at the end to the states in which it may be."""
    wrong = {}
    for state in states:
        is_held = row["hold_reason"] or ""
        line = state.row.reason == "in_line" and is_held in ("breaker_open", "throttled")
        if state.row.status != row["status"] and not (row["status"] == "booking" and state.row.status in ("pending", "retrying")):
            wrong[f"its row is {row['status']}"] = None
        elif state.row.reason != is_held and not line:
            wrong[f"its row is held for {is_held}"] = None
        elif state.row.retries != row["retry_count"]:
            wrong[f"its row has {row['retry_count']} retries"] = None
        elif state.row.unknown != row["outcome_unknown"]:
            wrong[f"its row says unknown: {row['outcome_unknown']}"] = None
        else:
            return None
    end = Event(0, row["id"], "the end", "", {}, row["updated_at"])
    return _stop(end, states, tuple(wrong), walked)


def _stop(event: Event, states: list[State], why: tuple[str, ...], walked: list[Event]) -> Stop:
    told = tuple(f"{one.at:.3f} {one.kind} by {one.by} {one.detail}" for one in (*walked[-BEFORE:], event))
    return Stop(event.booking, event.at, event.kind, tuple(dict.fromkeys(one.words() for one in states)), why, told)
