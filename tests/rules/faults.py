"""The fault that should make each alert ring, done to a deployment that works; and a quiet hour."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import redis
from psycopg import sql

from tasks import dependencies
from tasks.operations import breaker_overrides
from tasks.request.model import BookingRequest
from worker import enqueue_booking
from worker.local.environment import Environment
from worker.local.processes import AT_ONCE, Part, fleet

AGED = "UPDATE appointments SET held_at = held_at - interval '20 minutes' WHERE status = 'held'"
LATE = "UPDATE counted_bookings SET counted_until = counted_until - interval '20 minutes'"
OVER = "UPDATE appointments SET start_at = now() WHERE id = (SELECT max(id) FROM appointments WHERE status = 'held')"
EVENT_TYPE = 110  # of the simulator: its slots are not exclusive
_numbers = count(1)


@dataclass(frozen=True)
class Deployed:
    """What runs, from its operator's side."""

    ready: Environment
    parts: Mapping[str, Part] = field(default_factory=lambda: {part.name: part for part in fleet(16, end=AT_ONCE)})

    def start(self, *names: str) -> None:
        """Start processes: all, if none is named."""
        self.ready.processes.start_all([part for name, part in self.parts.items() if not names or name in names])

    def kill(self, name: str) -> None:
        """End a process."""
        self.ready.processes.guard.end(name)

    def fault(self, kind: str, **details: Any) -> None:
        """Have Cal.com misbehave."""
        self.ready.calcom.order("POST", "/_faults", {"kind": kind, **details})

    def well(self) -> None:
        """End every fault of Cal.com."""
        self.ready.calcom.order("DELETE", "/_faults")

    def do(self, statement: str) -> None:
        """Change the record by hand."""
        with psycopg.connect(self.ready.servers.database_url, autocommit=True, connect_timeout=10) as conn:
            conn.execute(sql.SQL(statement))  # type: ignore[arg-type]  # our own texts

    def flush(self) -> None:
        """Have Redis forget everything."""
        with redis.Redis.from_url(self.ready.servers.redis_url) as client:
            client.flushall()

    def book(self, *, soon: bool = False) -> None:
        """Ask for one more booking; `soon`: it starts within two hours."""
        number = next(_numbers)
        start = datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30)
        if soon:
            start = (datetime.now(UTC) + timedelta(minutes=90)).replace(minute=0, second=0, microsecond=0)
        attendee = {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"}
        enqueue_booking(BookingRequest.parse({"event_type_id": EVENT_TYPE, "start": start, "attendee": attendee}))

    def order_open(self) -> None:
        """Order the breaker open, as an operator does."""
        deps = dependencies.current()
        breaker_overrides.order(deps.engine, deps.breaker, breaker_overrides.OPEN, by="operator", why="maintenance")

    def end_order(self) -> None:
        """End that order."""
        deps = dependencies.current()
        breaker_overrides.auto(deps.engine, deps.breaker, by="operator", why="it is over")


Step = Callable[[Deployed], object]


@dataclass(frozen=True)
class Fault:
    """What is done at which second of a recording, for how long it is recorded, and what must ring, or may."""

    about: str
    seconds: int
    steps: tuple[tuple[int, Step], ...]
    rings: frozenset[str]
    may: frozenset[str] = frozenset()
    books_every: int = 0  # seconds; 0: nobody asks for a booking
    lasts: int = 0  # seconds that its last sample is taken to go on


def _book(number: int, *, soon: bool = False) -> Step:
    def book(deployed: Deployed) -> None:
        for _ in range(number):
            deployed.book(soon=soon)

    return book


def _down(deployed: Deployed) -> None:
    deployed.fault("status", name="unavailable")


FAULTS: Mapping[str, Fault] = {
    "quiet": Fault("none: a booking every five seconds, all is well", 3600, (), frozenset(), books_every=5),
    "outage": Fault(
        "Cal.com answers 503 to every call for four minutes; two bookings start soon, and the slot of one passes",
        420,
        ((0, _down), (20, _book(2, soon=True)), (60, lambda d: d.do(OVER)), (240, Deployed.well)),
        frozenset({"CalcomDown", "AtRisk", "EndedBadly", "BudgetBurnsFast", "BudgetBurnsSlowly"}),
        may=frozenset({"CalcomFailing", "Unreachable"}),
        books_every=10,
        lasts=1200,
    ),
    "failing": Fault(
        "every other call is answered 503",
        150,
        ((0, lambda d: d.fault("status", name="unavailable", share=0.5)), (145, Deployed.well)),
        frozenset({"CalcomFailing"}),
        may=frozenset({"CalcomDown", "Unreachable", "BudgetBurnsFast", "BudgetBurnsSlowly"}),
        books_every=2,
    ),
    "held_too_long": Fault(
        "Cal.com answers 503 to every call; what is held is held 20 minutes longer, by hand",
        160,
        ((0, _down), (0, _book(8)), (20, lambda d: d.do(AGED)), (155, Deployed.well)),
        frozenset({"HeldTooLong"}),
        may=frozenset({"CalcomDown", "CalcomFailing", "Unreachable", "BudgetBurnsFast", "BudgetBurnsSlowly"}),
    ),
    "refused_key": Fault(
        "Cal.com answers 401 to every call",
        120,
        ((0, lambda d: d.fault("status", status=401)), (0, _book(3)), (115, Deployed.well)),
        frozenset({"NeedsOperator"}),
        may=frozenset({"CalcomFailing"}),
    ),
    "unreachable": Fault(
        "Cal.com refuses every connection, and one booking is asked for: too little for the breaker",
        150,
        ((0, lambda d: d.fault("refuse", seconds=135)), (0, _book(1)), (145, Deployed.well)),
        frozenset({"Unreachable"}),
        may=frozenset({"CalcomDown", "CalcomFailing"}),
    ),
    "throttled": Fault(
        "Cal.com answers 429 to every call; what is held is held 20 minutes longer, by hand",
        90,
        ((0, lambda d: d.fault("status", status=429)), (0, _book(3)), (15, lambda d: d.do(AGED)), (85, Deployed.well)),
        frozenset({"Throttled"}),
        may=frozenset({"HeldTooLong"}),
    ),
    "no_worker": Fault(
        "the worker of bookings is killed and three are asked for; then Redis forgets their messages",
        240,
        ((0, lambda d: d.kill("worker 1")), (5, _book(3)), (180, Deployed.flush), (235, lambda d: d.start("worker 1"))),
        frozenset({"NothingMoves", "MessagesLost"}),
    ),
    "beat_dead": Fault(
        "beat is killed, and what is counted is 20 minutes older, by hand",
        390,
        ((0, lambda d: d.kill("beat")), (10, lambda d: d.do(LATE)), (385, lambda d: d.start("beat"))),
        frozenset({"BeatDead", "CountersLate"}),
    ),
    "redis_gone": Fault(
        "Redis is frozen",
        120,
        ((0, lambda d: d.ready.servers.valkey.pause()), (115, lambda d: d.ready.servers.valkey.resume())),
        frozenset({"PartDown"}),
        may=frozenset({"BeatDead"}),
    ),
    "maintenance_gone": Fault(
        "the worker of maintenance is killed",
        180,
        ((0, lambda d: d.kill("maintenance")), (175, lambda d: d.start("maintenance"))),
        frozenset({"MetricsGone"}),
    ),
    "ordered": Fault(
        "an operator orders the breaker open, with no end",
        60,
        ((0, Deployed.order_open), (55, Deployed.end_order)),
        frozenset({"Ordered"}),
        lasts=3900,
    ),
}


def due(fault: Fault, before: int, now: int) -> Iterator[Step]:
    """Return the steps of the seconds since the last look, `now` included."""
    return (step for at, step in fault.steps if before < at <= now)
