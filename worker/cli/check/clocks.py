"""Compare the clocks that the product reads: Postgres's, Redis's and this host's.

Nothing that is booked depends on a host's clock. But a retry's moment is of the sender's clock, and logs of
several hosts are read side by side.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy import Connection

from db.monitoring import heartbeats
from db.monitoring.heartbeats import beat_is_dead
from resilience.shared_state.client import make_redis
from tasks.words import ago, duration
from worker.console.broker import ANSWER_SECONDS

TOO_FAR = 2.0  # seconds; a clock that is further off is named, beyond what asking for it may have taken


@dataclass(frozen=True)
class Offset:
    """How far another clock is ahead of this host's, and by how much that may be wrong; in seconds."""

    ahead: float
    give_or_take: float


def compare(conn: Connection, redis_url: str, *, wall: Callable[[], float] = time.time) -> tuple[bool, str]:
    """Return whether all is in order, and how far the clocks are from Postgres's, which rows and holds use."""
    postgres = beside(lambda: heartbeats.now(conn).timestamp(), wall)
    redis = _of_redis(redis_url, wall)
    clocks = {"this host": Offset(-postgres.ahead, postgres.give_or_take)}
    if redis is not None:
        clocks["Redis"] = Offset(redis.ahead - postgres.ahead, redis.give_or_take + postgres.give_or_take)
    wrong = [_far(name, clock) for name, clock in clocks.items() if abs(clock.ahead) > TOO_FAR + clock.give_or_take]
    ok, ticked = _beat(conn)
    if wrong:
        return False, f"{', '.join(wrong)}: let NTP keep the clocks of all hosts; {ticked}"
    most = max(abs(clock.ahead) for clock in clocks.values())
    return ok, f"{' and '.join(clocks)} within {max(0.1, most):.1f} s of Postgres; {ticked}"


def beside(ask: Callable[[], float], wall: Callable[[], float]) -> Offset:
    """Ask for a moment; the answer counts as the middle of the time that asking took."""
    before = wall()
    moment = ask()
    after = wall()
    return Offset(moment - (before + after) / 2, (after - before) / 2)


def _of_redis(url: str, wall: Callable[[], float]) -> Offset | None:
    def ask() -> float:
        seconds, microseconds = redis.time()
        return float(seconds) + float(microseconds) / 1e6

    try:
        with make_redis(url, timeout=ANSWER_SECONDS, connect_timeout=ANSWER_SECONDS) as redis:
            redis.ping()  # connect first, so that only the question is measured
            return beside(ask, wall)
    except (RedisError, TypeError, ValueError):
        return None  # the line about Redis says what is wrong


def _far(name: str, clock: Offset) -> str:
    return f"{name} is {abs(clock.ahead):.1f} s {'ahead of' if clock.ahead > 0 else 'behind'} Postgres"


def _beat(conn: Connection) -> tuple[bool, str]:
    beat = heartbeats.last_check(conn)
    if beat is None:
        return True, "beat has not ticked yet"
    if beat.ticked_at is None:
        return not beat_is_dead(beat), f"beat has not ticked, {duration(beat.age)} after the first booking"
    return not beat_is_dead(beat), f"beat ticked {ago(beat.ticked_at, beat.now)}"
