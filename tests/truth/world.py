"""The world beside the page: PostgreSQL, Redis, the simulator and what was done to them, five times a second."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Self

import psycopg
import redis
from psycopg.rows import dict_row

from booking_client.states import HELD_BY
from db.monitoring.status_queries import AT_RISK
from resilience.call_stats.counts import Figures, figures
from tests.browser.deployment import Deployment

EVERY = 0.2  # seconds
FRESH = 0.6  # seconds: what was read longer ago is not of this moment
KEPT = 6000  # snapshots: twenty minutes
LATEST = timedelta(seconds=3)  # within this time the page shows what is (tests/browser/test_servers_gone.py)
_PATIENCE_MS = 400
_HELD = f"""
SELECT {HELD_BY} AS reason, count(*) AS count, min(held_at) AS oldest_held_at, min(requested_at) AS oldest_asked_at,
    min(start_at) AS first_start, min(hold_until) AS next_until,
    count(*) FILTER (WHERE start_at <= now() + make_interval(secs => %(near)s)) AS at_risk
FROM appointments WHERE status = 'held' GROUP BY 1
"""  # noqa: S608 - our own words
_STATES = "SELECT status, count(*) AS count, min(updated_at) AS oldest_at FROM appointments GROUP BY status"
_ENDED = """
SELECT status, count(*) AS count FROM appointments
WHERE status IN ('failed', 'expired') AND updated_at >= now() - interval '15 minutes' GROUP BY status
"""
_DAY = """
SELECT kind AS status, count(*) AS count FROM appointment_events
WHERE kind IN ('confirmed', 'rejected', 'failed', 'expired', 'cancelled') AND created_at >= now() - interval '1 day'
GROUP BY kind
"""
_CHANGES = """
SELECT endpoint, old_state AS old, new_state AS new, reason, context ->> 'by' AS by, context ->> 'why' AS why,
    created_at AS at
FROM circuit_breaker_events ORDER BY epoch DESC LIMIT 40
"""
_OVERRIDES = "SELECT mode, by, why, until, created_at AS at FROM breaker_overrides WHERE lifted_at IS NULL ORDER BY id"
_INCIDENTS = """
SELECT kind, message, opened_at, notified_at FROM alert_incidents WHERE closed_at IS NULL AND news > 0 ORDER BY id DESC
"""
_ROWS = f"""
SELECT id, status, {HELD_BY} AS hold_reason, event_type_id, start_at, requested_at, hold_until, next_attempt_at, error_type,
    retry_count, outcome_unknown, looks, posts
FROM appointments
"""  # noqa: S608 - the same
_EVENTS = "SELECT appointment_id, kind, by, detail, created_at AS at FROM appointment_events WHERE id > %(after)s ORDER BY id"

Rows = tuple[dict[str, Any], ...]
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Record:
    """What PostgreSQL has at one moment."""

    held: Mapping[str, dict[str, Any]]
    states: Mapping[str, dict[str, Any]]
    ended: Mapping[str, int]
    day: Mapping[str, int]
    changes: Rows
    overrides: Rows
    incidents: Rows | None
    """None: the table is locked."""
    rows: Mapping[int, dict[str, Any]]

    def held_count(self, *reasons: str) -> int:
        """Return how many these reasons hold (none: all reasons)."""
        return sum(one["count"] for reason, one in self.held.items() if not reasons or reason in reasons)

    def at_risk(self, *reasons: str) -> int:
        """Return how many bookings that these reasons hold (none: all reasons) are at risk."""
        return sum(one["at_risk"] for reason, one in self.held.items() if not reasons or reason in reasons)


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
    done: frozenset[str]
    """What was done to the world and lasts: names of troubles."""
    accepts: bool
    """Whether the last request was accepted."""
    messages: int
    """How many messages wait in the queue of bookings."""
    took: float
    """Seconds until PostgreSQL had answered."""

    def figures(self, endpoint: str | None) -> Figures:
        """Return the calls of the last five minutes of an endpoint, or of all."""
        return figures(self.counts or {}, round(1000 * self.at.timestamp()), endpoint)

    @property
    def statements(self) -> Figures:
        """Return the statements of the last five minutes."""
        return figures(self.database or {}, round(1000 * self.at.timestamp()))

    @property
    def born(self) -> datetime | None:
        """Return when the breaker began."""
        born = (self.breaker or {}).get("born")
        return datetime.fromtimestamp(float(born) / 1000, tz=UTC) if born else None

    def state(self, endpoint: str = "") -> str | None:
        """Return the state of a breaker; None: Redis does not answer."""
        if self.breaker is None:
            return None
        prefix = f"{endpoint}/" if endpoint else ""
        state, ends = self.breaker.get(f"{prefix}state", "closed"), float(self.breaker.get(f"{prefix}ends", 0))
        over = ends and 1000 * self.at.timestamp() >= ends
        return state if not over else "closed" if state == "off" else "half_open"

    def states(self) -> set[str | None]:
        """Return the states of the service's breaker and of the endpoint that makes bookings."""
        return {self.state(), self.state("bookings.create")}


class World:
    """Look at the world until the block ends; `done` and `accepts` are told by those who change it."""

    def __init__(self, deployed: Deployment) -> None:
        self._deployed = deployed
        self._over = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._run, self._ask_postgres)]
        self._snapshots: deque[Snapshot] = deque(maxlen=KEPT)
        self._postgres: psycopg.Connection[dict[str, Any]] | None = None
        self._redis = redis.Redis.from_url(
            deployed.environment.servers.redis_url, socket_timeout=_PATIENCE_MS / 1000, decode_responses=True
        )
        self.done: set[str] = set()
        self.accepts = True
        self.events: dict[int, list[dict[str, Any]]] = {}
        self._last_event = 0
        self._newest: tuple[float, Record | None, float] = time.monotonic(), None, 0.0

    def __enter__(self) -> Self:
        """Begin to look."""
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Look no more."""
        self._over.set()
        for one in self._threads:
            one.join()

    def between(self, since: datetime, until: datetime) -> "Past":
        """Return the snapshots of a period, and the last one before it."""
        kept = list(self._snapshots)
        before = [one for one in kept if one.at < since][-1:]
        return Past(before + [one for one in kept if since <= one.at <= until])

    def lately(self, at: datetime) -> "Past":
        """Return what the page may show at a moment: the snapshots of the last three seconds."""
        return self.between(at - LATEST, at)

    def after(self, at: datetime) -> "Past":
        """Return the snapshots since a moment."""
        return self.between(at, datetime.max.replace(tzinfo=UTC))

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            self._snapshots.append(self._snapshot())

    def _snapshot(self) -> Snapshot:
        read_at, record, took = self._newest
        waited = time.monotonic() - read_at
        if waited > FRESH:  # it is frozen, or slow
            record, took = None, waited
        breaker, counts, database, messages = self._told_by_redis()
        done = frozenset(self.done)
        return Snapshot(datetime.now(UTC), record, breaker, counts, database, done, self.accepts, messages, took)

    def _told_by_redis(self) -> tuple[Mapping[str, str] | None, ...]:
        try:
            pipe = self._redis.pipeline(transaction=False)
            pipe.hgetall("{calcom}:breaker").hgetall("{calcom}:counts").hgetall("{database}:counts").llen("bookings")
            return tuple(pipe.execute())
        except (redis.RedisError, OSError):
            return None, None, None, 0

    def _ask_postgres(self) -> None:
        """Read it again and again, in a thread of its own: nothing ends a read of a frozen server."""
        while not self._over.wait(EVERY):
            begun = time.monotonic()
            record = self._record()
            self._newest = time.monotonic(), record, time.monotonic() - begun

    def _record(self) -> Record | None:
        try:
            if self._postgres is None or self._postgres.closed:
                self._postgres = psycopg.connect(
                    self._deployed.environment.servers.database_url,
                    autocommit=True,
                    connect_timeout=2,
                    row_factory=dict_row,
                    options=f"-c statement_timeout={_PATIENCE_MS} -c lock_timeout=100",
                )
            return self._read(self._postgres)
        except psycopg.Error:
            if self._postgres is not None:
                self._postgres.close()
            return None

    def _read(self, conn: "psycopg.Connection[dict[str, Any]]") -> Record:
        near = self._deployed.dependencies.timings.lead + AT_RISK
        for event in conn.execute(_EVENTS, {"after": self._last_event}):
            self.events.setdefault(event["appointment_id"], []).append(event)
        [last] = conn.execute("SELECT coalesce(max(id), 0) AS id FROM appointment_events")
        self._last_event = last["id"]
        return Record(
            held={one["reason"]: one for one in conn.execute(_HELD, {"near": near})},
            states={one["status"]: one for one in conn.execute(_STATES)},
            ended={one["status"]: one["count"] for one in conn.execute(_ENDED)},
            day={one["status"]: one["count"] for one in conn.execute(_DAY)},
            changes=tuple(conn.execute(_CHANGES)),
            overrides=tuple(conn.execute(_OVERRIDES)),
            incidents=self._incidents(conn),
            rows={one["id"]: one for one in conn.execute(_ROWS)},
        )

    @staticmethod
    def _incidents(conn: "psycopg.Connection[dict[str, Any]]") -> Rows | None:
        try:
            return tuple(conn.execute(_INCIDENTS))
        except psycopg.errors.LockNotAvailable:
            return None


@dataclass(frozen=True)
class Past:
    """Snapshots of a period; what the page says is true if it was so at some moment of it."""

    snapshots: list[Snapshot] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return whether there is a snapshot."""
        return bool(self.snapshots)

    def once(self, holds: Callable[[Snapshot], Any]) -> bool:
        """Return whether something was so in one snapshot."""
        return any(holds(one) for one in self.snapshots)

    def records(self) -> Iterator[Record]:
        """Yield what PostgreSQL had."""
        return (one.record for one in self.snapshots if one.record is not None)

    def recorded(self, holds: Callable[[Record], Any]) -> bool:
        """Return whether something was so in PostgreSQL once."""
        return any(map(holds, self.records()))

    def counted(self, count: Callable[[Record], int], value: int, *, at_least: bool = False) -> bool:
        """Return whether a count was this value, or passed it between two snapshots."""
        found = [count(one) for one in self.records()]
        return bool(found) and (at_least or min(found) <= value) and value <= max(found)

    def counted_there(self, count: Callable[[Snapshot], int], value: int) -> bool:
        """Return whether a count of Redis was this value, or passed it between two snapshots."""
        found = [count(one) for one in self.snapshots if one.counts is not None]
        return bool(found) and min(found) <= value <= max(found)

    def met(self, moments: Callable[[Record], Iterator[datetime | None]], at: datetime, *, off: float = 1.5) -> bool:
        """Return whether one of the record's moments is this one, `off` seconds more or less."""
        near = timedelta(seconds=off)
        return self.recorded(lambda record: any(one and abs(one - at) <= near for one in moments(record)))
