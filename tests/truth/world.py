"""The world beside the page: PostgreSQL, Redis, the simulator and what was done to them, five times a second."""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psycopg
import redis
from psycopg.rows import dict_row

from tests.browser.deployment import Deployment
from tests.truth.past import Past, Snapshot, was_busy
from tests.truth.record import Record, read

EVERY = 0.2  # seconds
AHEAD = timedelta(seconds=0.5)  # the page may be newer than the last snapshot: those that follow soon count, too
FRESH = 0.6  # seconds: what was read longer ago is not of this moment
KEPT = 6000  # snapshots: twenty minutes
LATEST = timedelta(seconds=3)  # within this time the page shows what is (tests/browser/test_servers_gone.py)
STORY = timedelta(seconds=20)
_PRESSURE = Path("/proc/pressure/cpu")
_PATIENCE_MS = 400


@dataclass
class Trouble:
    """Something that was done to the world."""

    name: str
    began: datetime
    ended: datetime | None = None


class World:
    """Look at the world until the block ends; `trouble` and `accepts` are told by those who change it."""

    def __init__(self, deployed: Deployment) -> None:
        self._deployed = deployed
        self._over = threading.Event()
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._run, self._ask_postgres)]
        self._snapshots: deque[Snapshot] = deque(maxlen=KEPT)
        self._postgres: psycopg.Connection[dict[str, Any]] | None = None
        self._redis = redis.Redis.from_url(
            deployed.environment.servers.redis_url, socket_timeout=_PATIENCE_MS / 1000, decode_responses=True
        )
        self._troubles: list[Trouble] = []
        self.accepts = True
        self.watched = 0  # the booking whose page is open
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

    @contextlib.contextmanager
    def trouble(self, name: str) -> Iterator[None]:
        """Keep that a trouble lasts as long as the block."""
        kept = Trouble(name, datetime.now(UTC))
        self._troubles.append(kept)
        try:
            yield
        finally:
            kept.ended = datetime.now(UTC)

    def lasted(self, names: Collection[str], since: datetime, until: datetime) -> bool:
        """Return whether one of these troubles lasted in a period."""
        return any(
            one.name in names and one.began <= until and (one.ended is None or one.ended >= since)
            for one in self._troubles
        )

    def disturbed(self, since: datetime, until: datetime) -> bool:
        """Return whether any trouble began or ended in a period: a forecast cannot know of it."""
        return any(since <= at <= until for one in self._troubles for at in (one.began, one.ended) if at is not None)

    def free(self, names: Collection[str], since: datetime, until: datetime) -> bool:
        """Return whether there was a moment in a period at which none of these troubles lasted."""
        spans = [(one.began, one.ended or until) for one in self._troubles if one.name in names]
        ends = [since - LATEST, until, *(ended + timedelta(seconds=0.1) for _, ended in spans)]
        moments = [one for one in ends if since - LATEST <= one <= until]
        return any(not any(began <= one <= ended for began, ended in spans) for one in moments)

    def began(self, names: Collection[str], since: datetime, until: datetime) -> bool:
        """Return whether one of these troubles began in a period."""
        return any(one.name in names and since <= one.began <= until for one in self._troubles)

    def between(self, since: datetime, until: datetime) -> "Past":
        """Return the snapshots of a period, and the last one before it."""
        kept = list(self._snapshots)
        before = [one for one in kept if one.at < since][-1:]
        return Past(before + [one for one in kept if since <= one.at and one.at - AHEAD <= until])

    def lately(self, at: datetime) -> "Past":
        """Return what the page may show at a moment: the snapshots of the last three seconds."""
        return self.between(at - LATEST, at)

    def after(self, at: datetime) -> "Past":
        """Return the snapshots since a moment."""
        return self.between(at, datetime.max.replace(tzinfo=UTC))

    def story(self, at: datetime) -> Iterator[str]:
        """Yield what was so in the time before a moment: the troubles, and what was held each time that it changed."""
        since, until = at - STORY, at + AHEAD
        yield "dealt: " + ", ".join(
            f"{one.name} {one.began:%H:%M:%S} to {one.ended or until:%H:%M:%S}"
            for one in self._troubles
            if one.began <= until and (one.ended is None or one.ended >= since)
        )
        yield from self.between(since, until).held_lines()

    def was_busy(self, at: datetime) -> bool:
        """Return whether threads of this machine waited for a core around a moment: what was read is not judged."""
        return was_busy(self.lately(at).snapshots)

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            self._snapshots.append(self._snapshot())

    def _snapshot(self) -> Snapshot:
        read_at, record, took = self._newest
        waited = time.monotonic() - read_at
        if waited > FRESH:  # it is frozen, or slow
            record, took = None, waited
        breaker, counts, database, messages = self._told_by_redis()
        return Snapshot(datetime.now(UTC), record, breaker, counts, database, self.accepts, messages, took, _waited())

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
            return read(self._postgres, self._deployed.dependencies.timings.lead, self.watched)
        except psycopg.Error:
            if self._postgres is not None:
                self._postgres.close()
            return None


def _waited() -> float:
    """Return for how long threads have waited for a core (pressure stall information of Linux)."""
    if not _PRESSURE.exists():
        return 0.0
    return int(_PRESSURE.read_text().split("total=", 1)[1].split()[0]) / 1e6
