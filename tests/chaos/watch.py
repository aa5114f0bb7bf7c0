"""Watch the bookings: how long after each fault its bookings moved on; and do what only a person can."""

import itertools
import threading
import time
from collections import Counter
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from tasks.changes.ask.ask import Via
from tasks.operations import retry
from tests.chaos import judge
from tests.chaos.background import background
from tests.chaos.books import HALF_MADE, PERSONS
from tests.chaos.environment import ChaosEnvironment

LOOK_SECONDS = 0.5
COUNT_EVERY = 10  # looks: a full count reads everything
LIVE = ("pending", "booking", "retrying", "held")
# Of all kinds what cannot be told is left as it is, for why it cannot is judged.
LEFT = "AND hold_reason IS DISTINCT FROM 'blind_key'"


@dataclass
class Wake:
    """The bookings that were live when a fault ended, as they then stood; those that have moved on are taken out."""

    fault: str
    ended_at: float
    left: dict[int, tuple[str, Any, int]]

    def look(self, now: dict[int, tuple[str, Any, int]]) -> None:
        """Take out what is final or has changed. That its message was sent again is no change yet."""
        for one, (status, updated_at, resends) in list(self.left.items()):
            seen = now.get(one)
            if seen is None or seen[0] != status or (seen[1] != updated_at and seen[2] == resends):
                del self.left[one]


@dataclass
class Watch:
    """A thread that looks twice a second. `often` counts faults, `longest` is in seconds."""

    environment: ChaosEnvironment
    often: Counter[str] = field(default_factory=Counter)
    longest: dict[str, float] = field(default_factory=dict)
    wakes: list[Wake] = field(default_factory=list)
    miscounted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._left = LEFT if self.environment.part.of_kinds else ""

    def watching(self) -> AbstractContextManager[None]:
        """Watch for as long as the block lasts."""
        return background("watch", self._run, self._over)

    def ended(self, fault: str) -> None:
        """Hear that a fault has just ended: the bookings that are live now are to move on."""
        with self._lock:
            self.often[fault] += 1
            self.wakes.append(Wake(fault, time.monotonic(), self._live()))

    def live(self) -> int:
        """Return how many bookings are not final."""
        return len(self._live())

    def _live(self) -> dict[int, tuple[str, Any, int]]:
        for _ in range(20):
            try:
                found = self.environment.sql(
                    f"SELECT id, status, updated_at, resends FROM appointments WHERE status IN {LIVE} {self._left}"  # noqa: S608 - constants
                )
            except psycopg.OperationalError:  # the other lane's fault
                self.environment.pause(LOOK_SECONDS)
            else:
                return {row[0]: row[1:] for row in found}
        raise TimeoutError("Postgres does not answer the suite itself")

    def _run(self) -> None:
        for look in itertools.count():
            if self._over.wait(LOOK_SECONDS):
                return
            try:
                with self._lock:
                    self._look()
                self._operate()
                if look % COUNT_EVERY == 0:
                    self.miscounted += judge.miscounted(self.environment)
            except (psycopg.OperationalError, SQLAlchemyError):
                continue  # Postgres is the one that is hurt

    def _look(self) -> None:
        if not self.wakes:
            return
        now, live = time.monotonic(), self._live()
        for wake in list(self.wakes):
            wake.look(live)
            took = now - wake.ended_at
            self.longest[wake.fault] = max(self.longest.get(wake.fault, 0), took)
            if not wake.left:
                self.wakes.remove(wake)

    def _operate(self) -> None:
        """Send again the rows that are held for a reason that only a person can end, as a person does after an alert.

        Three workers died of a suspect, so nothing else lets it go on. Of a few kinds the key sees all, so what is
        untellable there can be told, too. All other holds are left alone. Where nobody is on duty, only what is half
        made is removed, which nothing but a hand can end.
        """
        stuck = self.environment.sql(
            "SELECT id, uuid::text, error_type FROM appointments "  # noqa: S608 - the same
            f"WHERE status = 'held' AND hold_reason IN {PERSONS} {self._left} UNION "
            "SELECT a.id, a.uuid::text, c.error_type FROM booking_changes AS c "
            "JOIN appointments AS a ON a.id = appointment_id "
            "WHERE c.status = 'held' AND c.hold_reason = 'suspect'"
        )
        for one, reference, error in stuck:
            if error == HALF_MADE:
                self._remove(reference)
            if error == HALF_MADE or self.environment.part.operator:
                retry.retry(self.environment.dependencies.engine, one, by="operator", via=Via.COMMAND_LINE, why="fire")

    def _remove(self, reference: str) -> None:
        """Remove at Cal.com what is made by half, as the notified operator does."""
        for calcom in self.environment.calcoms:
            for line in calcom.order("GET", f"/_books?reference={reference}")["books"]:
                if line["halfMade"] and line["ended"] is None:
                    calcom.order("POST", "/_persons", {"do": "cancel", "uid": line["uid"], "reason": HALF_MADE})


def table(often: Counter[str], longest: dict[str, float]) -> list[tuple[str, int, float]]:
    """Return fault, how often, and the longest seconds until its bookings moved on."""
    return [(name, often[name], round(longest.get(name, 0.0), 1)) for name in sorted(often)]
