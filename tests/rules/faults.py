"""The fault that should make each alert ring, done to a deployment that works; and a quiet hour."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import redis

from booking_client.request.model import BookingRequest
from tasks import dependencies
from tasks.callbacks.sending import DELAYS
from tasks.enqueue import enqueue_booking
from tasks.operations import breaker_overrides
from tests.support.callbacks.callers import key_with, sql
from worker.local.environment import Environment
from worker.local.processes import AT_ONCE, Part, callbacks, fleet

EVENT_TYPE = 110  # of the simulator: its slots are not exclusive
_numbers = count(1)


@dataclass(frozen=True)
class Deployed:
    """What runs, from its operator's side."""

    ready: Environment
    receiver: str  # the address of a receiver of callbacks that answers 410
    parts: Mapping[str, Part] = field(
        default_factory=lambda: {part.name: part for part in (*fleet(16, end=AT_ONCE), callbacks())}
    )

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

    def flush(self) -> None:
        """Have Redis forget everything."""
        with redis.Redis.from_url(self.ready.servers.redis_url) as client:
            client.flushall()

    def book(self, *, soon: timedelta | None = None) -> None:
        """Ask for one more booking; `soon`: it starts so soon."""
        enqueue_booking(self.request(soon))

    def request(self, soon: timedelta | None = None) -> BookingRequest:
        """Return the request of one more booking; `soon`: it starts so soon."""
        number = next(_numbers)
        start = datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30)
        if soon:
            start = (datetime.now(UTC) + soon).replace(microsecond=0)
        attendee = {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"}
        return BookingRequest.parse({"event_type_id": EVENT_TYPE, "start": start, "attendee": attendee})

    def book_for_receiver(self) -> None:
        """Ask for two more, whose callbacks go to the receiver."""
        key = key_with(self.receiver)
        for _ in range(2):
            enqueue_booking(self.request(), api_key_id=key)

    def leave_one_try(self) -> None:
        """Leave each callback the last of its tries, as a day and a half of them does."""
        sql(f"UPDATE callbacks SET tries = {len(DELAYS)}")  # noqa: S608 - a number of ours

    def forget_callbacks(self) -> None:
        """Delete all callbacks, as the end of their bookings' retention does."""
        sql("DELETE FROM callbacks")

    def order_open(self) -> None:
        """Order the breaker open, as an operator does."""
        deps = dependencies.current()
        breaker_overrides.force(deps.engine, deps.breaker, breaker_overrides.OPEN, by="operator", why="maintenance")

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


def _book(number: int, *, soon: timedelta | None = None) -> Step:
    def book(deployed: Deployed) -> None:
        for _ in range(number):
            deployed.book(soon=soon)

    return book


def _down(deployed: Deployed) -> None:
    deployed.fault("status", name="unavailable")


FAULTS: Mapping[str, Fault] = {
    "quiet": Fault("none: a booking every five seconds, all is well", 3600, (), frozenset(), books_every=5),
    "outage": Fault(
        "Cal.com answers 503 to every call for four minutes; of two bookings that start soon the slot of one passes",
        1620,
        (
            (0, _down),
            (20, _book(1, soon=timedelta(minutes=90))),
            (20, _book(1, soon=timedelta(minutes=2))),
            (240, Deployed.well),
        ),
        frozenset({"CalcomDown", "AtRisk", "EndedBadly", "BudgetBurnsFast", "BudgetBurnsSlowly"}),
        may=frozenset({"CalcomFailing", "Unreachable"}),
        books_every=10,
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
        "Cal.com refuses every connection for 17 minutes, and each try of one booking begins another hold",
        1035,
        ((0, lambda d: d.fault("refuse", seconds=1020)), (0, _book(1)), (1030, Deployed.well)),
        frozenset({"HeldTooLong", "Unreachable"}),
        may=frozenset({"CalcomDown", "CalcomFailing"}),
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
        "Cal.com answers 429 to every call for six minutes",
        365,
        ((0, lambda d: d.fault("status", status=429)), (0, _book(3)), (360, Deployed.well)),
        frozenset({"Throttled"}),
    ),
    "no_worker": Fault(
        "the worker of bookings is killed and three are asked for; then Redis forgets their messages",
        240,
        ((0, lambda d: d.kill("worker 1")), (5, _book(3)), (180, Deployed.flush), (235, lambda d: d.start("worker 1"))),
        frozenset({"NothingMoves", "MessagesLost"}),
    ),
    "receiver_gone": Fault(
        "the receiver of a key's callbacks answers 404 to each, until they are given up",
        150,
        ((0, Deployed.book_for_receiver), (3, Deployed.leave_one_try), (145, Deployed.forget_callbacks)),
        frozenset({"CallbacksGivenUp"}),
    ),
    "beat_dead": Fault(
        "beat is killed, and started again 16 minutes later",
        975,
        ((0, lambda d: d.kill("beat")), (970, lambda d: d.start("beat"))),
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
        "an operator orders the breaker open, and ends it an hour later",
        3645,
        ((0, Deployed.order_open), (3640, Deployed.end_order)),
        frozenset({"Ordered"}),
    ),
}


def due(fault: Fault, before: int, now: int) -> Iterator[Step]:
    """Return the steps of the seconds since the last look, `now` included."""
    return (step for at, step in fault.steps if before < at <= now)
