"""The world at one moment, and over the moments that a page may show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from resilience.call_stats.counts import Figures, figures
from tests.truth.record import Record

BUSY = 0.8  # share of the time: then each process waits for a core, and what the page shows is older than it could be
BRIEF = 2  # calls: the newest are counted by a process before Redis has them


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The world at one moment; a server that did not answer has None."""

    at: datetime
    record: Record | None
    breaker: Mapping[str, str] | None
    """The fields of the breaker's hash."""
    counts: Mapping[str, str] | None
    """The calls of the last five minutes, by second."""
    database: Mapping[str, str] | None
    """The statements of the last five minutes, by second."""
    accepts: bool
    """Whether the last request was accepted."""
    messages: int
    """How many messages wait in the queue of bookings."""
    took: float
    """Seconds until PostgreSQL had answered."""
    waited: float
    """Seconds, since the machine began, in which a thread of it waited for a core; 0: this kernel does not say."""

    def figures(self, endpoint: str | None) -> Figures:
        """Return the calls of the last five minutes of an endpoint, or of all."""
        return figures(self.counts or {}, round(1000 * self.at.timestamp()), endpoint)

    @property
    def statements(self) -> Figures:
        """Return the statements of the last five minutes."""
        return figures(self.database or {}, round(1000 * self.at.timestamp()))

    def since(self, endpoint: str = "") -> datetime | None:
        """Return since when a breaker is in its state: its epoch is that moment, or the first of all."""
        fields = self.breaker or {}
        epoch = fields.get(f"{endpoint}/epoch" if endpoint else "epoch") or fields.get("born")
        return datetime.fromtimestamp(float(epoch) / 1000, tz=UTC) if epoch else None

    def state(self, endpoint: str = "") -> str | None:
        """Return the state of a breaker; None: Redis does not answer."""
        if self.breaker is None:
            return None
        prefix = f"{endpoint}/" if endpoint else ""
        state, ends = self.breaker.get(f"{prefix}state", "closed"), float(self.breaker.get(f"{prefix}ends", 0))
        over = ends and 1000 * self.at.timestamp() >= ends
        return state if not over else "closed" if state == "off" else "half_open"


@dataclass(frozen=True)
class Past:
    """Snapshots of a period; what the page says is true if it was so at some moment of it."""

    snapshots: list[Snapshot] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return whether there is a snapshot."""
        return bool(self.snapshots)

    def held_lines(self) -> Iterator[str]:
        """Yield what was held, each time that it had changed, with its moment and the breaker's state."""
        last = None
        for one in self.snapshots:
            held = one.record and {reason: found["count"] for reason, found in one.record.held.items()}
            if held != last:
                yield f"{one.at:%H:%M:%S.%f}: {one.state()}, held {held}"
            last = held

    def once(self, holds: Callable[[Snapshot], Any]) -> bool:
        """Return whether something was so in one snapshot."""
        return any(holds(one) for one in self.snapshots)

    def records(self) -> Iterator[Record]:
        """Yield what PostgreSQL had."""
        return (one.record for one in self.snapshots if one.record is not None)

    def recorded(self, holds: Callable[[Record], Any]) -> bool:
        """Return whether something was so in PostgreSQL once."""
        return any(map(holds, self.records()))

    def counted(self, count: Callable[[Record], int], value: int, *, at_least: bool = False) -> bool | None:
        """Return whether a count was this value, or passed it between two snapshots; None: nobody counted.

        A state that lasts for less than the time between two snapshots is seen in none of them: each booking that
        changed between these two counts as one more, or one less.
        """
        found = list(self.records())
        if not found:
            return None
        if at_least and value <= max(map(count, found)):
            return True
        return any(
            min(count(one), count(other)) - brief <= value <= max(count(one), count(other)) + brief
            for one, other in pairwise([found[0], *found])
            for brief in (len(changed(one, other)),)
        )

    def was(self, number: int, holds: Callable[[dict[str, Any]], Any]) -> bool | None:
        """Return whether a booking's row was so; None: it has changed, perhaps to this and on between two snapshots."""
        seen = [record.rows[number] for record in self.records() if number in record.rows]
        if any(map(holds, seen)):
            return True
        since = self.snapshots[0].at - timedelta(seconds=1) if self.snapshots else None
        if since is None or not seen or seen[-1]["updated_at"] >= since:
            return None
        return False

    def counted_there(self, count: Callable[[Snapshot], int], value: int) -> bool:
        """Return whether a count of Redis was this value, or near it.

        Between two snapshots calls are counted, and the calls of five minutes ago are counted no more, in any order.
        """
        read = [one for one in self.snapshots if one.counts is not None]
        among = [*read, *(replace(one, at=other.at) for pair in pairwise(read) for one, other in (pair, pair[::-1]))]
        found = [count(one) for one in among]
        return bool(found) and min(found) - BRIEF <= value <= max(found) + BRIEF

    def met(
        self, moments: Callable[[Record], Iterator[datetime | None]], at: datetime, *, off: float = 1.5
    ) -> bool | None:
        """Return whether one of the record's moments is this one, `off` seconds more or less; None: nobody looked."""
        near = timedelta(seconds=off)
        if not list(self.records()):
            return None
        return self.recorded(lambda record: any(one and abs(one - at) <= near for one in moments(record)))

    def first(self, column: str, at: datetime, *reasons: str, off: float = 1.5) -> bool | None:
        """Return whether this was the first moment in a column of what these reasons (none: all) hold.

        Between two snapshots a booking may leave the held ones and come back, which makes another one the first; or it
        may be held for less than that time, and be the first meanwhile.
        """
        near, found = timedelta(seconds=off), list(self.records())
        for one, other in pairwise([*found[:1], *found]):
            gone = changed(one, other)
            for record in (one, other):
                rows = [row for row in record.rows.values() if row[column]]
                held = [row for row in rows if row["status"] == "held" and row["id"] not in gone]
                first = min((row[column] for row in held if not reasons or row["hold_reason"] in reasons), default=None)
                passing = [row[column] for row in rows if row["id"] in gone and (not first or row[column] <= first)]
                if any(abs(moment - at) <= near for moment in (*passing, first) if moment):
                    return True
        return False if found else None


def was_busy(snapshots: Sequence[Snapshot]) -> bool:
    """Return whether threads of the machine waited for a core while these were read."""
    seconds = (snapshots[-1].at - snapshots[0].at).total_seconds() if snapshots else 0.0
    return seconds > 0 and snapshots[-1].waited - snapshots[0].waited > BUSY * seconds


def changed(one: Record, other: Record) -> set[int]:
    """Return the bookings that are not in both records as they were."""
    numbers = one.rows.keys() | other.rows.keys()
    before, after = ({number: row["updated_at"] for number, row in record.rows.items()} for record in (one, other))
    return {number for number in numbers if before.get(number) != after.get(number)}
