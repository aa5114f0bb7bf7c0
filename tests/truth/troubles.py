"""The kinds of trouble: how each begins and how it ends; while it lasts its name is in `World.done`."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import psycopg
import redis
from pydantic import SecretStr
from sqlalchemy.exc import SQLAlchemyError

from booking_client.errors import AppointmentException
from db.monitoring.operator_actions import ActionRequest
from tasks.changes.ask.ask import Via
from tasks.operations import accounts as operations
from tasks.operations import breaker_overrides
from tasks.operations.accounts import NewAccount
from tasks.operations.retry import retry
from tests.browser.deployment import Deployment, request
from tests.chaos.background import background
from tests.truth.world import World
from worker import enqueue_booking, enqueue_bookings
from worker.local import processes

POST = {"method": "POST", "path": "/v2/bookings"}
SECOND, SECOND_KEY = "salon-1", "cal_test_host10"  # an account beside `default`, and its key at the simulator
BURST = 40  # bookings at once: more than the limit takes in half a minute
LATE_EVERY = 0.6  # seconds between two answers of Redis that are late
LATE_MS = 250


@dataclass
class Traffic:
    """Bookings, one after the other, while the block runs; each asked for says whether requests are accepted."""

    world: World
    every: float
    over: threading.Event = field(default_factory=threading.Event)
    number: int = 0
    second: str | None = None
    """The account beside `default` that each other request is for."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lasting(self) -> contextlib.AbstractContextManager[None]:
        """Ask until the block ends."""
        return background("traffic", self._run, self.over)

    def ask(self, count: int = 1) -> None:
        """Ask for bookings now, at once."""
        wanted = [self._next() for _ in range(count)]
        try:
            enqueue_bookings(wanted) if count > 1 else enqueue_booking(wanted[0])
        except (AppointmentException, SQLAlchemyError, psycopg.Error):
            self.world.accepts = False
        else:
            self.world.accepts = True

    def _next(self) -> Any:
        with self.lock:
            self.number += 1
        near = self.number % 15 == 10  # it starts so soon that an outage puts it at risk
        account = {"account": self.second} if self.second and self.number % 2 else {}
        return request(self.number, hours=1.5 if near else 30 + self.number % 40, **account)

    def _run(self) -> None:
        while not self.over.wait(self.every):
            self.ask()


@dataclass(frozen=True)
class Dealer:
    """Who deals troubles to a deployment."""

    deployed: Deployment
    world: World
    traffic: Traffic

    @contextlib.contextmanager
    def trouble(self, name: str) -> Iterator[None]:
        """Have a trouble last as long as the block."""
        with self.world.trouble(name), TROUBLES[name](self):
            yield

    def fault(self, kind: str, **details: Any) -> int:
        """Have Cal.com misbehave; return the number of that fault."""
        made = self.deployed.calcom.order("POST", "/_faults", {"kind": kind, **details})
        return int(made["faults"][-1]["id"])

    @contextlib.contextmanager
    def faulty(self, kind: str, **details: Any) -> Iterator[None]:
        """Have Cal.com misbehave as long as the block."""
        number = self.fault(kind, **details)
        try:
            yield
        finally:
            self.deployed.calcom.order("DELETE", f"/_faults?id={number}")


@contextlib.contextmanager
def _outage(dealer: Dealer) -> Iterator[None]:
    with dealer.faulty("status", name="unavailable"):
        yield


@contextlib.contextmanager
def _bad_day(dealer: Dealer) -> Iterator[None]:
    with dealer.faulty("status", name="internal", share=0.3, match=POST):
        yield


@contextlib.contextmanager
def _refused_key(dealer: Dealer) -> Iterator[None]:
    with dealer.faulty("status", name="invalid_key"):
        yield
    deps = dealer.deployed.dependencies  # nobody waits for the minute's trial
    with contextlib.suppress(SQLAlchemyError):
        breaker_overrides.reset(deps.engine, deps.breaker, by="ann", why="the key is good again")


@contextlib.contextmanager
def _limit(dealer: Dealer) -> Iterator[None]:
    dealer.traffic.ask(BURST)
    yield


@contextlib.contextmanager
def _blind_key(dealer: Dealer) -> Iterator[None]:
    calcom, rows = dealer.deployed.calcom, dealer.deployed.rows
    calcom.order("POST", "/_settings", {"keys": {"cal_test_owner": "nothing"}})
    dealer.fault("commit_then_reset", match=POST, count=3)
    yield
    calcom.order("POST", "/_settings", {"keys": {"cal_test_owner": "all"}})
    with contextlib.suppress(psycopg.Error, SQLAlchemyError):
        for (number,) in rows("SELECT id FROM appointments WHERE hold_reason = 'blind_key'"):
            retry(
                dealer.deployed.dependencies.engine, number, by="ann", via=Via.COMMAND_LINE, why="the key sees it again"
            )


@contextlib.contextmanager
def _order(dealer: Dealer) -> Iterator[None]:
    deps, until = dealer.deployed.dependencies, datetime.now(UTC) + timedelta(minutes=10)
    with contextlib.suppress(SQLAlchemyError):
        breaker_overrides.force(deps.engine, deps.breaker, "open", by="ann", why="a test", until=until)
    yield
    with contextlib.suppress(SQLAlchemyError):
        breaker_overrides.auto(deps.engine, deps.breaker, by="ann", why="it is over")


@contextlib.contextmanager
def _slow_postgres(dealer: Dealer) -> Iterator[None]:
    url = dealer.deployed.environment.servers.database_url
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(psycopg.Error):
            conn = stack.enter_context(psycopg.connect(url, connect_timeout=5))
            conn.execute("LOCK TABLE alert_incidents IN ACCESS EXCLUSIVE MODE")
        yield


@contextlib.contextmanager
def _server(name: str, how: str, dealer: Dealer) -> Iterator[None]:
    server = dealer.deployed.environment.servers.servers[name]
    getattr(server, how)()
    try:
        yield
    finally:
        server.recover()


@contextlib.contextmanager
def _slow_redis(dealer: Dealer) -> Iterator[None]:
    over = threading.Event()
    client = redis.Redis.from_url(dealer.deployed.environment.servers.redis_url, socket_timeout=2)

    def run() -> None:
        while not over.wait(LATE_EVERY):
            with contextlib.suppress(redis.RedisError, OSError):
                client.execute_command("CLIENT", "PAUSE", LATE_MS, "ALL")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def _dead_beat(dealer: Dealer) -> Iterator[None]:
    group = dealer.deployed.environment.processes
    group.guard.end("beat")
    try:
        yield
    finally:
        group.start(processes.beat())


@contextlib.contextmanager
def _recovery(dealer: Dealer) -> Iterator[None]:
    """Have an outage, then a Cal.com that is back while more is asked for than the limit takes."""
    with dealer.trouble("outage"):
        dealer.traffic.ask(BURST // 2)
        dealer.traffic.over.wait(6.0)
    dealer.traffic.ask(BURST // 2)
    yield


def _have_second(dealer: Dealer) -> None:
    """Have an account beside `default` from now on; each other request is for it."""
    if dealer.traffic.second is None:
        asked = ActionRequest(who="ann", via="command line", action=operations.ADD, why="a test")
        deps, wanted = dealer.deployed.dependencies, NewAccount(name=SECOND)
        operations.add(deps, wanted, SecretStr(SECOND_KEY), asked, first=True)
        dealer.traffic.second = SECOND


@contextlib.contextmanager
def _seconds_key(dealer: Dealer) -> Iterator[None]:
    """Have Cal.com refuse the key of the second account alone."""
    _have_second(dealer)
    with dealer.faulty("status", name="invalid_key", match={"key": SECOND_KEY}):
        yield
    deps = dealer.deployed.dependencies
    with contextlib.suppress(SQLAlchemyError):
        breaker_overrides.reset(deps.engine, deps.breaker, by="ann", why="the key is good again")


@contextlib.contextmanager
def _seconds_limit(dealer: Dealer) -> Iterator[None]:
    """Have both accounts ask for more than their limits take."""
    _have_second(dealer)
    dealer.traffic.ask(2 * BURST)
    yield


Trouble = Callable[[Dealer], contextlib.AbstractContextManager[None]]
TROUBLES: Mapping[str, Trouble] = MappingProxyType(
    {
        "outage": _outage,
        "bad day": _bad_day,
        "refused key": _refused_key,
        "limit": _limit,
        "blind key": _blind_key,
        "order": _order,
        "slow Postgres": _slow_postgres,
        "dead Postgres": lambda dealer: _server("postgres", "pause", dealer),
        "slow Redis": _slow_redis,
        "dead Redis": lambda dealer: _server("valkey", "kill", dealer),
        "dead beat": _dead_beat,
        "recovery": _recovery,
        "salon's key": _seconds_key,
        "salon's limit": _seconds_limit,
    }
)
OF_ACCOUNTS = frozenset({"salon's key", "salon's limit"})
"""What has a second account from then on, and so comes last."""
PAIRS = (
    ("outage", "order"),
    ("outage", "limit"),
    ("outage", "dead Postgres"),
    ("outage", "dead Redis"),
    ("outage", "dead beat"),
    ("outage", "slow Postgres"),
    ("refused key", "limit"),
    ("refused key", "blind key"),
    ("blind key", "limit"),
    ("recovery", "order"),
    ("recovery", "refused key"),
    ("bad day", "slow Redis"),
    ("salon's key", "outage"),
    ("salon's key", "limit"),
    ("outage", "salon's limit"),
)
