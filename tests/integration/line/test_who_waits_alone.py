"""A booking, a change or a reader that waits alone goes by itself when the cause of its hold is over."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty
from typing import Any

import pytest
import redis
from celery.app.trace import build_tracer
from cryptography.fernet import Fernet
from kombu import Connection
from sqlalchemy import func, select, update

from booking_client.states import DEFAULT_ACCOUNT
from db.changes import moves
from db.lifecycle import ChangeStatus, HoldReason, Status
from db.models.bookings import appointments
from db.models.changes import SeriesScope, booking_changes
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.booking import book_appointment, change_booking
from tasks.calcom.access import CREATE
from tasks.calcom.reads import LIST
from tasks.host.application import app
from tasks.maintenance.recovery import ask_again
from tasks.maintenance.release import release_held
from tasks.operations import accounts as operations
from tasks.slots.free import SlotsQuestion, asked
from tasks.work.claim import claim
from tasks.work.publish import QUEUE
from tests.integration.accounts.conftest import FIVE, add
from tests.integration.accounts.conftest import asked as ordered
from tests.support.fleet import request, row
from tests.support.stepping import book, let_pass, let_pass_in_redis
from worker import cancel_booking, enqueue_booking, reschedule_booking

PLAIN, SEATS, WEEKLY = 101, 103, 129
WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
SALON, ROTATED = "salon-7", "cal_test_fickle"
EVERY, ROUNDS = 8, 9  # seconds; 72 s: docs/states.md names a minute for the harmless call, and 5 s that a hold lasts
KINDS = ("booking", "cancel", "move", "seats move", "cancel of weeks", "reader")
ROWS = KINDS[:-1]  # of a reader no row is kept: what holds a row alone does not hold it
UNKNOWN = {"outcome_unknown": True, "posts": 1}


@dataclass(frozen=True)
class Place:
    """Where the one who waits is, and what the test may do there."""

    simulator: Any
    redis_url: str
    settings: Callable[..., Any]
    account: str | None = None
    number: int = DEFAULT_ACCOUNT


@dataclass(frozen=True)
class Cause:
    """What holds, and how that ends: `begin` makes it so, `end` makes it over; `columns` of the row that is held."""

    reason: HoldReason
    begin: Callable[[Place], object] = lambda _: None
    end: Callable[[Place], object] = lambda _: None
    columns: Callable[[], Mapping[str, Any]] | None = dict
    """None: its own worker holds it."""
    account: str | None = None
    kinds: tuple[str, ...] = KINDS


def of_key() -> Mapping[str, Any]:
    """Hold for today's key."""
    return {"held_for": dependencies.current().calcom.key_fingerprint}


def of_settings() -> Mapping[str, Any]:
    """Hold for today's settings."""
    return {"held_for": dependencies.current().calcom.settings_fingerprint}


def in_line() -> Mapping[str, Any]:
    """Hold for those before it."""
    return {"held_for": "line"}


def resting() -> Mapping[str, Any]:
    """Hold for an hour, as after three probes that failed."""
    return {"hold_until": soon(3600), "probe_failures": 3}


def settling() -> Mapping[str, Any]:
    """Hold until the settle time of a POST ends."""
    return {**UNKNOWN, "hold_until": soon(), "settle_at": soon(), "ends_at": soon()}


def unseen() -> Mapping[str, Any]:
    """Hold because today's key cannot see what a POST has done, long ago."""
    return {**UNKNOWN, **of_key(), "settle_at": soon(-60), "ends_at": soon(-30)}


def soon(seconds: float = EVERY) -> Any:
    """Return a moment of PostgreSQL's clock."""
    return func.now() + timedelta(seconds=seconds)


def refuse_key(_: Place) -> None:
    """Have the breaker block today's key."""
    breaker = dependencies.current().breaker
    breaker.operators.block_key(breaker.key, by="worker", why="Cal.com refused this key")


def lead_nowhere(_: Place) -> None:
    """Have another server than Cal.com answer the harmless call, a minute ago."""
    report(LIST, CallOutcome.CONFIGURATION, seconds_ago=61, trial=True)
    assert dependencies.current().breaker.get_status().wrong_settings


def throttle(_: Place, *, retry_after: float, seconds_ago: float) -> None:
    """Have Cal.com have asked to wait."""
    report(CREATE, CallOutcome.THROTTLED, seconds_ago=seconds_ago, retry_after=retry_after)


def fail(_: Place, *, seconds_ago: float) -> None:
    """Have the breaker open."""
    for _number in range(5):
        report(CREATE, CallOutcome.FAILURE_SERVICE, seconds_ago=seconds_ago)


def report(endpoint: str, outcome: CallOutcome, *, seconds_ago: float, trial: bool = False, **more: Any) -> None:
    """Have a call have ended so."""
    breaker, then = dependencies.current().breaker, time.time() - seconds_ago
    permit = breaker.acquire(endpoint, owner=f"{time.monotonic_ns()}", trial=trial, now=then)
    assert isinstance(permit, Permit)
    breaker.record(permit, outcome, reason=outcome.value, now=then, **more)


def force_open(_: Place) -> None:
    """Have an operator let nothing go."""
    dependencies.current().breaker.operators.force_open("ann", "a test")


def meet_page(_: Place) -> None:
    """Have a page have answered a POST of bookings."""
    report(CREATE, CallOutcome.CONFIGURATION, seconds_ago=1)
    assert dependencies.current().breaker.get_status().paged_settings


def other_address(place: Place) -> None:
    """Reach the same Cal.com at another address."""
    place.settings(CALCOM_BASE_URL=place.simulator.url.replace("127.0.0.1", "localhost"))


def pause(_: Place) -> None:
    """Have an operator pause the account."""
    operations.pause(dependencies.current(), SALON, ordered())


def resume(_: Place) -> None:
    """Have an operator let it go on."""
    operations.resume(dependencies.current(), SALON, ordered())


def lose_encryption_key(place: Place) -> None:
    """Start with an encryption key that opens nothing."""
    place.settings(ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode())


def lose_redis(place: Place) -> None:
    """Have Redis come back empty."""
    with redis.Redis.from_url(place.redis_url) as client:
        client.flushall()


CAUSES = {
    "refused key, good again": Cause(HoldReason.CREDENTIALS, refuse_key, columns=of_key),
    "refused key, rotated": Cause(
        HoldReason.CREDENTIALS, refuse_key, lambda place: place.settings(CALCOM_API_KEY=ROTATED), columns=of_key
    ),
    "wrong settings, right again": Cause(HoldReason.CONFIGURATION, lead_nowhere, columns=of_settings),
    "429 of a day, over a minute later": Cause(
        HoldReason.THROTTLED, partial(throttle, retry_after=86_400, seconds_ago=61)
    ),
    "429, over as told": Cause(HoldReason.THROTTLED, partial(throttle, retry_after=40, seconds_ago=41)),
    "breaker, its OPEN over": Cause(HoldReason.BREAKER_OPEN, partial(fail, seconds_ago=61)),
    "breaker, an operator's order lifted": Cause(
        HoldReason.BREAKER_OPEN, force_open, lambda _: dependencies.current().breaker.operators.auto("ann", "a test")
    ),
    "breaker, reset": Cause(
        HoldReason.BREAKER_OPEN,
        partial(fail, seconds_ago=1),
        lambda _: dependencies.current().breaker.reset("ann", "Cal.com is well again"),
    ),
    "wrong settings, others": Cause(HoldReason.CONFIGURATION, lead_nowhere, other_address, columns=of_settings),
    "page, over": Cause(HoldReason.CONFIGURATION, meet_page, columns=of_settings, kinds=ROWS),
    "those before it, gone": Cause(HoldReason.BREAKER_OPEN, columns=in_line, kinds=ROWS),
    "a time": Cause(HoldReason.UNREACHABLE, columns=lambda: {"hold_until": soon()}, kinds=ROWS),
    "probes that failed, the breaker is closed": Cause(HoldReason.UNREACHABLE, columns=resting, kinds=ROWS),
    "settle time, over": Cause(HoldReason.SETTLING, columns=settling, kinds=ROWS),
    "blind key, rotated": Cause(
        HoldReason.BLIND_KEY, end=lambda place: place.settings(CALCOM_API_KEY=ROTATED), columns=unseen, kinds=ROWS
    ),
    "paused account, resumed": Cause(HoldReason.PAUSED, pause, resume, columns=None, account=SALON),
    "lost encryption key, found": Cause(
        HoldReason.CREDENTIALS, lose_encryption_key, lambda place: place.settings(), columns=None, account=SALON
    ),
    "breaker, Redis lost and back": Cause(HoldReason.BREAKER_OPEN, partial(fail, seconds_ago=61), lose_redis),
}


class Waiter:
    """Somebody who waits: `hold` holds them, `carry` does what messages and callers do, `done` is how it ends."""

    def __init__(self, kind: str, place: Place) -> None:
        """Make them: for a change its booking is booked first."""
        self.kind, self.place, self.answer = kind, place, None
        if kind == "reader":
            return
        event_type = {"seats move": SEATS, "cancel of weeks": WEEKLY}.get(kind, PLAIN)
        self.booking = enqueue_booking(request(1, event_type, account=place.account)).appointment_id
        self.change = None
        if kind != "booking":
            self._book()
            assert row(self.booking).status is Status.CONFIRMED, row(self.booking).last_error
            self.change = self._ask()

    def _ask(self) -> int:
        if "move" in self.kind:
            result = reschedule_booking(self.booking, WANTED)
        elif self.kind == "cancel":
            result = cancel_booking(self.booking)
        else:
            week = row(self.booking).start_at + timedelta(weeks=1)
            result = cancel_booking(self.booking, scope=SeriesScope.FOLLOWING, week=week)
        assert result.change_id is not None
        return result.change_id

    def hold(self, cause: Cause) -> None:
        """Hold their row, by writing it or by their worker."""
        if self.kind == "reader":
            return
        table, number = (appointments, self.booking) if self.change is None else (booking_changes, self.change)
        if cause.columns is not None:
            held = {"hold_reason": cause.reason, "held_at": func.now(), "enqueued_at": None, **cause.columns()}
            if self.change is None and held.get("outcome_unknown"):
                held |= {"sent_at": soon(-90), "askable_since": soon(-90)}
            with dependencies.current().engine.begin() as conn:
                conn.execute(update(table).where(table.c.id == number).values(status="held", **held))
        elif self.change is None:
            book_appointment.apply([number])
        else:
            change_booking.apply([number])
        with dependencies.current().engine.connect() as conn:
            assert conn.execute(select(table.c.hold_reason).where(table.c.id == number)).scalar() == cause.reason

    def carry(self) -> None:
        """Do what was let go, or ask again."""
        if self.kind == "reader":
            question = SlotsQuestion(PLAIN, WANTED, WANTED + timedelta(days=1), self.place.number)
            self.answer = question.answered(asked(question).result(20))
        else:
            deliver()

    def _book(self) -> None:
        claimed = claim(dependencies.current(), self.booking)
        if claimed is not None:
            book(claimed)

    @property
    def done(self) -> bool:
        """Return whether they have what they wait for."""
        if self.kind == "reader":
            return self.answer is not None
        if self.change is None:
            return row(self.booking).status is Status.CONFIRMED
        with dependencies.current().engine.connect() as conn:
            change = moves.get(conn, self.change)
        assert change is not None
        return change.status is ChangeStatus.DONE


def deliver() -> None:
    """Run the tasks whose messages are in the broker, as a worker does."""
    with Connection(dependencies.current().broker_url) as connection, closing(connection.SimpleQueue(QUEUE)) as queue:
        while True:
            try:
                message = queue.get(block=False)
            except Empty:
                return
            message.ack()
            task = app.tasks[message.headers["task"]]
            told = {**message.headers, "is_eager": True, "hostname": "a worker", "delivery_info": {}}
            build_tracer(task.name, task, eager=True, app=app)(told["id"], message.payload[0], {}, told)


def cells() -> list[Any]:
    """Return each kind with each cause."""
    return [
        pytest.param(kind, cause, id=f"{kind}-{name}")
        for name, cause in CAUSES.items()
        for kind in KINDS
        if kind in cause.kinds
    ]


@pytest.mark.parametrize(("kind", "cause"), cells())
def test_who_waits_alone_goes_by_itself(
    kind: str, cause: Cause, settings: Callable[..., Any], simulator: Any, redis_url: str
) -> None:
    """Nobody else asks for anything; only the periodic tasks run, and the reader asks again each few seconds."""
    wire = partial(settings, ACCOUNT_ENCRYPTION_KEYS=Fernet.generate_key().decode(), **FIVE)
    wire()
    number = DEFAULT_ACCOUNT if cause.account is None else add(cause.account).id
    place = Place(simulator, redis_url, wire, cause.account, number)
    waiter = Waiter(kind, place)
    with redis.Redis.from_url(redis_url) as client:
        client.delete(QUEUE)  # its message has not come yet
    cause.begin(place)
    waiter.hold(cause)
    cause.end(place)

    for _ in range(ROUNDS):
        ask_again()
        release_held()
        waiter.carry()
        if waiter.done:
            break
        let_pass(EVERY)
        with redis.Redis.from_url(redis_url, decode_responses=True) as client:
            let_pass_in_redis(client, EVERY)

    assert waiter.done
