"""What one run of the fire suite hurts: servers, simulator, network and workers; all of it ends with the block."""

import contextlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from db import revisions
from tasks import dependencies
from tasks.dependencies import Dependencies
from tests.chaos import kinds
from tests.chaos.accounts import fleet
from tests.chaos.accounts.fleet import FleetAccounts
from tests.chaos.faults.proxy import Network
from tests.chaos.faults.steps import Orders
from tests.chaos.processes import listener, workers
from tests.chaos.processes.workers import Role, Workers
from tests.chaos.said import fleet as said_fleet
from tests.chaos.said.fleet import ReadingKey
from tests.chaos.said.words import Word
from tests.chaos.telling import fleet as telling_fleet
from tests.chaos.telling.fleet import Telling
from worker import app, breaker, wiring
from worker.celery_app import reconfigure
from worker.local.embedded import Guard, Postgres, Valkey
from worker.local.environment import SimulatedCalcom, environment, start_simulator
from worker.logs import configure
from worker.settings.model import Settings

if TYPE_CHECKING:
    from tests.chaos.parts import Part

ROOT = Path(__file__).parents[2]
SIDES = ("east", "west")
CONNECT_SECONDS = 10  # to a Postgres that may be killed just now
APP = "app"  # the product's role in Postgres: a superuser knows no limit of connections

# Times are short, so that a run sees many of them end. A lease lasts DEADLINE + MARGIN.
DEADLINE, MARGIN, SETTLE = 2.0, 3.0, 6.0
LEASE = DEADLINE + MARGIN
SETTINGS = {
    "calcom_connect_timeout": 1.0,
    "calcom_read_timeout": DEADLINE,
    "calcom_deadline": DEADLINE,
    "calcom_rate_limit_per_minute": 0,
    "circuit_breaker_threshold": 10,
    "circuit_breaker_window": 5.0,
    "circuit_breaker_half_open_timeout": 2.0,
    "retry_delays": (0.3, 0.6, 1.2),
    "log_format": "json",
}
SIMULATOR = ("--rate-limit", "0", "--latency", "0.1", "0.3")
EVERY_POST_BOOKS = ("--replica-lag", "0.5", "--not-exclusive", "all")


class Over(Exception):  # noqa: N818 - the run is ended, which is no error
    """Say that the run is being ended: each thread that waits for something unwinds."""


@dataclass
class ChaosEnvironment:
    """What faults hurt, and what the judge reads."""

    part: "Part"
    postgres: Postgres
    valkey: Valkey
    calcoms: tuple[SimulatedCalcom, ...]  # the first is that of CALCOM_BASE_URL
    network: Network
    workers: Workers
    orders: Orders
    dependencies: Dependencies  # of this process, the operator, who has lines of its own
    receipts: Path
    orders_file: Path  # the journal of a host's transactions
    heard_files: Mapping[str, Path]  # what each listener has heard
    reader: ReadingKey
    over: threading.Event = field(default_factory=threading.Event)
    deeds: set[str] = field(default_factory=set)  # uids of bookings that people have changed
    accounts: FleetAccounts = field(default_factory=FleetAccounts)
    telling: Telling | None = None  # None: nobody asks over HTTP
    said: list[Word] = field(default_factory=list)  # what the suite's own callers were told
    switched: set[int] = field(default_factory=set)  # types of another kind than before, or not to be read for a while
    waits: threading.Event = field(default_factory=threading.Event)  # set: customers keep their changes to themselves
    stayed: list[str] = field(default_factory=list)  # what waited alone, and did not go when its cause was over

    @property
    def calcom(self) -> SimulatedCalcom:
        """The Cal.com of CALCOM_BASE_URL, which faults hurt."""
        return self.calcoms[0]

    def calcom_of(self, account: int) -> SimulatedCalcom:
        """Return the Cal.com of an account, by its number."""
        return self.calcoms[self.accounts.at.get(account, 0)]

    def books(self, query: str = "") -> list[dict[str, Any]]:
        """Return what was ever booked, at every Cal.com."""
        return [line for one in self.calcoms for line in one.order("GET", f"/_books{query}")["books"]]

    def journal(self) -> list[dict[str, Any]]:
        """Return the calls that every Cal.com received, each with `calcom`: at which."""
        return [call | {"calcom": place} for place, one in enumerate(self.calcoms) for call in one.journal()]

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises Over."""
        if self.over.wait(seconds):
            raise Over

    def until(self, condition: Callable[[], Any], within: float) -> Any:
        """Wait for a condition, and return what it gave when time was up. Raises Over."""
        for _ in range(int(within / 0.05)):
            if seen := condition():
                return seen
            self.pause(0.05)
        return condition()

    def sql(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as Postgres's operator, over a connection of its own."""
        with psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=CONNECT_SECONDS) as conn:
            ran = conn.execute(sql.SQL(statement), values or None)  # type: ignore[arg-type]  # our own texts
            return ran.fetchall() if ran.description else []


@contextlib.contextmanager
def chaos_environment(
    part: "Part", *, rate: float, seed: int, logs: Path | None, say: Callable[[str], object]
) -> Iterator[ChaosEnvironment]:
    """Start everything; the caller, last of all, asks for `rate` bookings a second."""
    settings = Settings.load(database_url=None, redis_url=None, **SETTINGS, **part.settings)
    options = SIMULATOR if part.of_kinds else (*SIMULATOR, *EVERY_POST_BOOKS)
    simulator = ("--control-port", "0", "--seed", str(seed), *options)
    with contextlib.ExitStack() as stack:
        ready = stack.enter_context(environment(settings, logs=logs, simulator=simulator))
        folder = ready.processes.guard.folder()
        orders = folder / "orders"
        orders.mkdir()
        calcoms = [ready.calcom]
        for number in range(1, fleet.CALCOMS if part.accounts else 1):
            group = replace(ready.processes, guard=stack.enter_context(Guard()), logs=folder / f"calcom-{number}")
            group.logs.mkdir()
            calcoms.append(start_simulator(group, *simulator))
        for calcom in calcoms if part.of_kinds else ():
            calcom.order("POST", "/_event_types", kinds.event_types(datetime.now(UTC).date(), column=part.column))
            calcom.order("POST", "/_settings", {"replica_lags": part.lags, "free_domains": [kinds.FREE]})
        settings = ready.settings.model_copy(update={"database_url": _make_role(ready.servers.postgres)})
        configure(settings.model_copy(update={"log_file": ready.processes.logs / "operator.log"}))
        built = _wire(settings)
        stack.callback(built.engine.dispose)
        revisions.upgrade(built.engine)
        network = stack.enter_context(Network())
        more = {"FIRE_CALLBACKS": "soon"} if part.by_http else {}
        environments = {side: _environment(network, side, settings, orders, part.minute) | more for side in SIDES}
        sides = {side: replace(ready.processes, environment=variables) for side, variables in environments.items()}
        made = ChaosEnvironment(
            part,
            ready.servers.postgres,
            ready.servers.valkey,
            tuple(calcoms),
            network,
            stack.enter_context(Workers(sides)),
            Orders(orders),
            built,
            folder / "receipts",
            folder / "host",
            {name: folder / f"heard-{n}" for n, name in enumerate(listener.NAMES if part.by_host else ())},
            said_fleet.add(built, settings),
        )
        if part.accounts:
            made.sql(fleet.WATCH_HOLDS)
            made.accounts = fleet.add(built, calcoms, part.accounts, part.key)
        if part.by_http:
            made.telling = telling_fleet.add(built, settings, folder)
        _start(made, _callers(made, rate, seed), say)
        yield made


def _make_role(postgres: Postgres) -> str:
    """Give the product a role that is no superuser; return its URL."""
    password = secrets.token_urlsafe(24)
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        role = sql.Identifier(APP)
        admin.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
        admin.execute(sql.SQL("ALTER DATABASE booking OWNER TO {}").format(role))
    return postgres.url.replace(f"booking:{postgres.password}@", f"{APP}:{password}@")


def _wire(settings: Settings) -> Dependencies:
    """Make this process the operator: with settings that stand in no environment."""
    wiring.MARGIN = breaker.MARGIN = MARGIN
    dependencies.fill(lambda: wiring.build_from(settings))
    reconfigure(settings)  # the broker of the part before is gone: a Revoke would wait for it for ever
    # The operator only sends: what is sent to a broker that stands still must not stand still for ever.
    app.conf.broker_transport_options = {**app.conf.broker_transport_options, "socket_timeout": 2}
    return dependencies.current()


def _environment(network: Network, side: str, settings: Settings, orders: Path, minute: float) -> dict[str, str]:
    """Return what the processes of one side are told: the servers as they are reached from there."""
    near = {
        "database_url": network.lay(side, "postgres", settings.database_url or ""),
        "redis_url": network.lay(side, "valkey", settings.redis_url or ""),
        "calcom_base_url": network.lay(side, "calcom", settings.calcom_base_url),
    }
    return {
        **settings.model_copy(update=near).environment(),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "client"))),
        "FIRE_FOLDER": str(orders),
        "FIRE_MARGIN": str(MARGIN),
        "FIRE_MINUTE": str(minute),
    }


def _callers(made: ChaosEnvironment, rate: float, seed: int) -> list[Role]:
    """Return who asks for bookings: our caller, one over HTTP and who is called back, or a host and its listeners."""
    if made.telling is not None:
        return list(made.telling.roles(made.receipts, rate))
    if not made.part.by_host:
        kinds_or_few = "kinds" if made.part.of_kinds else "few"
        return [workers.caller(str(made.receipts), str(rate), str(seed), kinds_or_few, str(made.part.accounts))]
    listeners = zip(made.heard_files.items(), SIDES, strict=True)
    return [
        *(workers.listener(name, file, side) for (name, file), side in listeners),
        workers.host(made.orders_file),
    ]


def _start(made: ChaosEnvironment, callers: Sequence[Role], say: Callable[[str], object]) -> None:
    """Start the workers and the API; who asks for bookings last."""
    roles = [
        workers.worker("worker 1", "east", "threads", 8),
        workers.worker("worker 2", "west", "prefork", 3),
        workers.worker("maintenance", "east", "threads", 2, "maintenance"),
        workers.beat("beat", "west"),
        said_fleet.role(),
    ]
    for role in roles:
        made.workers.start(role)
    for role in roles:
        say(f"starting {role.name}")
        made.workers.wait_until_ready(role.name)
    for role in callers:
        made.workers.start(role)
