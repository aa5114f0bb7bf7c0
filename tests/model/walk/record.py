"""What a run has left, as the walk reads it: our rows and events, Cal.com's log and books. All moments are seconds."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from db.event_kind import EventKind
from tests.model.dealt import KnownType

ONE_TRANSACTION = 0.1  # seconds between what Cal.com writes at one moment
NOT_READ = KnownType(EventKind.UNKNOWN)  # as long as nobody has asked, or where the key may not read it


class Event(NamedTuple):
    """A row of `appointment_events`."""

    id: int
    booking: int
    kind: str
    by: str
    detail: Mapping[str, Any]
    at: float

    @property
    def calls(self) -> list[Mapping[str, Any]]:
        """Return the calls that the attempt made, in their order."""
        calls: list[Mapping[str, Any]] = self.detail.get("calls", [])
        return calls

    @property
    def busy(self) -> float:
        """Return for how many seconds the attempt waited for answers."""
        return float(sum(call["ms"] for call in self.calls)) / 1000

    @property
    def attempt(self) -> float | None:
        """Return the seconds from the claim to this event; None: no attempt wrote it."""
        ms = self.detail.get("attempt_ms")
        return None if ms is None else float(ms) / 1000

    def moment(self, name: str) -> float:
        """Return a moment of its detail."""
        return datetime.fromisoformat(self.detail[name]).timestamp()


class Call(NamedTuple):
    """A call of Cal.com's log: when it came, and what it did to the books."""

    n: int
    method: str
    path: str
    at: float
    until: float | None
    status: int | None
    reference: str | None
    uid: str | None


class Line(NamedTuple):
    """A booking, a seat or a week of Cal.com's books; `ended` None: it lives."""

    uid: str
    seat: str | None
    series: str | None
    made: float
    ended: float | None
    start: float
    moved_from: str | None


def has_ended(lines: Collection[Line], at: float) -> bool:
    """Return whether Cal.com has ended one of these by a moment, otherwise than by the move to another one."""

    def is_moved(line: Line, ended: float) -> bool:
        return any(one.moved_from == line.uid and abs(one.made - ended) < ONE_TRANSACTION for one in lines)

    ends = [(line, line.ended) for line in lines if line.ended is not None and line.ended <= at]
    return any(not is_moved(*one) for one in ends)


@dataclass(frozen=True)
class Terms:
    """What the product was told: durations in seconds, and how often it may retry."""

    lease: float
    settle_unanswered: float
    settle_answered: float
    ends_unanswered: float
    wait_for_proof: float
    lead: float
    margin: float
    retries: int

    @classmethod
    def of(cls, part: Mapping[str, Any]) -> "Terms":
        """Read them from the record's first line."""
        times = part["timings"]
        ends = times["settle_unanswered"] * 16 / 13  # as tasks.dependencies.Timings has these
        return cls(
            lease=times["deadline"] + times["margin"],
            settle_unanswered=times["settle_unanswered"],
            settle_answered=times["settle_answered"],
            ends_unanswered=ends,
            wait_for_proof=max(times["max_age"] or 900.0, ends),
            lead=times["lead"],
            margin=times["margin"],
            retries=part["retries"],
        )


@dataclass
class Record:
    """All of a part."""

    part: Mapping[str, Any]
    bookings: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    changes: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    events: dict[int, list[Event]] = field(default_factory=lambda: defaultdict(list))
    types: dict[str, list[KnownType]] = field(default_factory=lambda: defaultdict(list))
    calls: list[Call] = field(default_factory=list)
    lines: dict[str, list[Line]] = field(default_factory=lambda: defaultdict(list))  # by our reference

    @property
    def terms(self) -> Terms:
        """Return what the product was told."""
        return Terms.of(self.part)

    @property
    def count(self) -> int:
        """Return how many events there are."""
        return sum(map(len, self.events.values()))


def read(recorded: Iterable[tuple[str, dict[str, Any]]]) -> Record:
    """Read what the fire suite has recorded (tests.chaos.traces)."""
    record = Record({})
    for what, one in recorded:
        match what:
            case "part":
                record.part = one
            case "booking":
                record.bookings[one["id"]] = one
            case "change":
                record.changes[one["id"]] = one
            case "type":
                record.types[one["event_type"]].append(_type(one))
            case "event":
                event = Event(*(one[name] for name in ("id", "booking", "kind", "by", "detail", "created_at")))
                record.events[event.booking].append(event)
            case "call":
                path = one["target"].partition("?")[0]
                record.calls.append(
                    Call(
                        one["n"], one["method"], path, one["t0"], one["t1"], one["status"], one["reference"], one["uid"]
                    )
                )
            case "booked":
                if one["reference"] is not None:
                    record.lines[one["reference"]].append(_line(one))
    return record


def read_file(file: Path) -> Record:
    """Read a file that `tests.chaos.traces.keep` wrote."""
    return read(_lines(file))


def _lines(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            yield one.pop("is"), one


def _type(one: Mapping[str, Any]) -> KnownType:
    recurs = (one["occurrences"] or 1) > 1
    kind = EventKind(one["kind"])
    return KnownType(kind, one["confirms_free_email"], one["sight"], one["seats"], recurs, deleted=one["deleted"])


def _line(one: Mapping[str, Any]) -> Line:
    ended = next((since for since, status in one["history"] if status not in ("accepted", "pending")), None)
    series = one["recurringBookingUid"]
    start = datetime.fromisoformat(one["start"]).timestamp()
    return Line(one["uid"], one["seatUid"], series, one["history"][0][0], ended, start, one["movedFrom"])
