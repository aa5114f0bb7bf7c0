"""Walk a record with the model: event by event, in every state in which a booking and its changes may be by then."""

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from db.lifecycle import LIVE, OVER, ChangeStatus, Status
from tests.model.changes.product import ChangeRow
from tests.model.walk import attempts, bookings, calls, change_attempts, changes
from tests.model.walk.bookings import Subject
from tests.model.walk.calls import Phase, claim_of
from tests.model.walk.change_attempts import POSTS
from tests.model.walk.changes import ChangeState, ChangeSubject
from tests.model.walk.claims import SLACK
from tests.model.walk.record import Event, Record
from tests.model.walk.state import BEGINNINGS, DISPATCHED, Cannot, State

BEFORE = 8  # steps that are told before the one that cannot be taken
MOST = 512  # states of one booking at a time; more would be an error of the walk
MINUTE = 60.0 + SLACK  # as tasks.maintenance.resting counts
ONLY_TOLD = frozenset({"change_needs_you"})
AT_WORK = {"booking": ("pending", "retrying"), "changing": ("pending", "retrying")}  # claimed: no event says so
IN_LINE = ("breaker_open", "throttled")  # what the column has of one that is held in line

Where = State | ChangeState


@dataclass(frozen=True)
class Stop:
    """The first step of a booking, or of a change of it, that the model cannot take."""

    booking: int
    at: float
    step: str
    states: tuple[str, ...]
    why: tuple[str, ...]
    before: tuple[str, ...] = ()

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

    @property
    def counts(self) -> dict[str, float]:
        """Return how much was walked, and in how many seconds."""
        told = {name: getattr(self, name) for name in ("bookings", "changes", "events", "calls", "states")}
        return {**told, "seconds": round(self.seconds, 1)}

    def summary(self) -> str:
        """Tell the counts in a line."""
        return ", ".join(f"{count:g} {name}" for name, count in self.counts.items()) + f": {len(self.stops)} stopped"


def walk(record: Record) -> Walk:
    """Walk every booking of a record, and its changes."""
    began, done = time.monotonic(), Walk(len(record.bookings), len(record.changes), record.count, len(record.calls))
    retries = record.terms.retries
    of_booking: dict[int, list[Mapping[str, Any]]] = {}
    for change in record.changes.values():
        of_booking.setdefault(change["booking"], []).append(change)
    phases: dict[int, list[Phase]] = {}
    with attempts.in_earnest(retries), change_attempts.in_earnest(retries):
        for number, row in record.bookings.items():
            story = _Story(record, row, of_booking.get(number, []))
            stop = story.walked(record.events.get(number, ()))
            done.states += story.tried
            done.stops += [] if stop is None else [stop]
            phases |= story.phases
    stopped = {stop.booking for stop in done.stops}
    found = (one for one in calls.judge(record, phases) if one.booking not in stopped)
    done.stops += [Stop(one.booking, one.at, one.what, (), (one.why,)) for one in found]
    done.seconds = time.monotonic() - began
    return done


class _Story:
    """One booking with its changes, and in which states they may be."""

    def __init__(self, record: Record, row: Mapping[str, Any], changes_of_it: Iterable[Mapping[str, Any]]) -> None:
        types = tuple(dict.fromkeys(record.types.get(str(row["type"]), [])))
        self.row, self.terms, self.lines = row, record.terms, record.lines.get(row["reference"], [])
        self.subject = Subject(row, self.lines, types, self.terms)
        self.states: list[State] = [State(one, row["created_at"], DISPATCHED) for one in BEGINNINGS]
        self.changes = {one["id"]: one for one in changes_of_it}
        self.of_change: dict[int, list[ChangeState]] = {}
        self.phases: dict[int, list[Phase]] = {}
        self.before: list[Event] = []
        self.tried = 0

    def walked(self, events: Iterable[Event]) -> Stop | None:
        """Take every step; return the first that cannot be taken, or what is not so at the end."""
        for event in events:
            of_change = event.kind.startswith("change_") and event.kind not in ONLY_TOLD
            stop = self._change(event) if of_change else self._booking(event)
            if stop is not None:
                return stop
            self.before.append(event)
        return self._at_the_end()

    def _booking(self, event: Event) -> Stop | None:
        step = bookings.STEPS.get(event.kind)
        if step is None:
            return self._stop(event, self.states, ["no such step"])
        subject = self._subject(event)
        taken = [one for state in self.states for one in step(subject, state, event)]
        after = self._after(taken)
        if not after:
            return self._stop(event, self.states, [one.why for one in taken if isinstance(one, Cannot)])
        self.states = [one for one in after if isinstance(one, State)]
        return None

    def _change(self, event: Event) -> Stop | None:
        number, step = event.detail["change"], changes.STEPS.get(event.kind)
        if step is None or number not in self.changes:
            return self._stop(event, (), ["no such step, or no such change"])
        booked = dict.fromkeys(state.row.status == Status.CONFIRMED for state in self.states)
        since = max(state.at for state in self.states)
        subject = ChangeSubject(
            self.changes[number],
            self.lines,
            self.terms,
            tuple(booked),
            since,
            min((of for of in self._open() if of < number), default=0),
            self._in_vain(event),
        )
        states = self.of_change.get(number, [])
        if (event.kind == "change_asked") is bool(states):
            return self._stop(event, states, ["nobody has asked for it" if not states else "it was asked for before"])
        taken = [one for state in states or (None,) for one in step(subject, state, event)]
        after = self._after(taken)
        if not after:
            return self._stop(event, states, [one.why for one in taken if isinstance(one, Cannot)])
        self.of_change[number] = rows = [one for one in after if isinstance(one, ChangeState)]
        unknown, posts = all(one.row.unknown for one in rows), min(one.row.posts for one in rows)
        claim = claim_of(event, number, POSTS, self.terms, max((one.at for one in states), default=event.at))
        self.phases.setdefault(number, []).append(Phase(event.at, rows[0].row.status, unknown, posts, claim))
        self._say_what_is_open(number, event)
        return None

    def _say_what_is_open(self, number: int, event: Event) -> None:
        """Write into the booking what the trigger of its changes does (db/migrations/initial/change_triggers.sql)."""
        opened = self._open()
        is_moved = any(row.is_move for row in opened.values())
        cancelled = any(not row.is_move and self.changes[of]["scope"] is None for of, row in opened.items())
        kept = is_moved and self.changes[number]["kind"] == "reschedule"
        self.states = [
            one._replace(row=one.row._replace(cancel=cancelled or (one.row.cancel and kept))) for one in self.states
        ]
        waiting = (one.row for of in opened for one in self.of_change[of] if one.row.status is ChangeStatus.WAITING)
        waits = any(row.is_move for row in waiting)
        self.subject = self.subject._replace(is_moved=is_moved, waits=waits, wished=event.at)

    def _open(self) -> dict[int, ChangeRow]:
        """Return the changes that are open: whether one is, does not depend on the state in which it may be."""
        return {of: rows[0].row for of, rows in self.of_change.items() if rows[0].row.status not in OVER}

    def _subject(self, event: Event) -> Subject:
        return self.subject._replace(in_vain=self._in_vain(event))

    def _in_vain(self, event: Event) -> int:
        """Count how often the booking, or this change of it, was held without a call in the minute before an event."""
        if event.calls or not event.kind.endswith("held"):
            return 0
        alike = (event.kind, event.detail.get("change"))
        return sum(
            (one.kind, one.detail.get("change")) == alike and "calls" not in one.detail
            for one in self.before
            if one.at > event.at - MINUTE
        )

    def _after(self, taken: Collection[Where | Cannot]) -> list[Where]:
        after = list(dict.fromkeys(one for one in taken if not isinstance(one, Cannot)))
        self.tried += len(after)
        if len(after) > MOST:
            raise AssertionError(f"booking {self.row['id']} may be in {len(after)} states")
        return after

    def _at_the_end(self) -> Stop | None:
        """Hold each row as it is at the end to the states in which it may be."""
        for number, change in self.changes.items():
            if number not in self.of_change:
                return self._stop(_end(change, self.row["id"]), (), [f"nobody has asked for change {number}"])
        ends: list[tuple[Mapping[str, Any], list[Any]]] = [(self.row, self.states)]
        ends += [(change, self.of_change[number]) for number, change in self.changes.items()]
        for row, states in ends:
            is_moved = self.subject.is_moved if row is self.row else None
            wrong = [_wrong(row, state, is_moved) for state in states]
            if all(wrong):
                return self._stop(_end(row, self.row["id"]), states, [one for one in wrong if one])
        return None

    def _stop(self, event: Event, states: Iterable[Where], why: Iterable[str]) -> Stop:
        walked = [*self.before[-BEFORE:], event]
        told = tuple(f"{one.at:.3f} {one.kind} by {one.by} {dict(one.detail)}" for one in walked)
        found = tuple(dict.fromkeys(one.words() for one in states))
        return Stop(event.booking, event.at, event.kind, found, tuple(dict.fromkeys(why)), told)


def _end(row: Mapping[str, Any], booking: int) -> Event:
    return Event(0, booking, "the end", "", {}, row["updated_at"])


def _wrong(row: Mapping[str, Any], state: Where, is_moved: bool | None) -> str | None:  # noqa: FBT001 - of a booking
    """Say in what a row at its end is another than this state; None: it is this one. `is_moved`: a move is open."""
    held, one = row["hold_reason"] or "", state.row
    if one.status != row["status"] and one.status not in AT_WORK.get(row["status"], ()):
        return f"its row is {row['status']}, and no event says so"
    if is_moved is not None and row["status"] in LIVE | {Status.CONFIRMED}:
        if row["move_requested"] is not is_moved:
            return f"its row says that {'a' if row['move_requested'] else 'no'} move of it is open"
        if row["cancel_requested"] is not one.cancel:
            return f"its row says that {'a' if row['cancel_requested'] else 'no'} cancel of it is requested"
    if row["status"] in AT_WORK:
        return None
    if one.reason != held and not (one.reason == "in_line" and held in IN_LINE):
        return f"its row is held for {held or 'nothing'}"
    if one.retries != row["retry_count"]:
        return f"its row has used {row['retry_count']} retries"
    if one.unknown != row["outcome_unknown"]:
        return f"its row's outcome is {'un' if row['outcome_unknown'] else ''}known"
    return None
