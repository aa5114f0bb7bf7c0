"""The watch for a dead beat: nothing else would report it, for beat's ticks start every other alert.

It also releases held bookings while no tick comes, because beat or the worker of `maintenance` is down. Otherwise held
bookings would wait for a release, and new ones behind them, without end. What clients store is published then, too.

It also reports a shared breaker that this process cannot reach, or that often answers it late: the health check runs in
another process, which may reach it.
It is one thread in each worker process of every queue. All of them read the same rows, so there is one incident.
"""

import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from db.monitoring.heartbeats import EVERY, MISSED, Heartbeat, beat_is_dead
from tasks import dependencies
from tasks.host.log import Logger
from tasks.incidents.check import (
    last_tick,
    report_dead_beat,
    report_missing_redis,
    report_slow_redis,
)
from tasks.incidents.late_answers import LateAnswers
from tasks.maintenance.dispatch import dispatch
from tasks.maintenance.release import release_held

CHECKS = 5  # in each of beat's intervals, once a tick is missed

log = Logger(__name__)
_ending = threading.Event()


def start() -> None:
    """Start the watch."""
    threading.Thread(target=_watch, name="heartbeat", daemon=True).start()


def stop() -> None:
    """End the watch: a beat that ends with this process is no incident."""
    _ending.set()


def _watch() -> None:
    watcher, recent = Watcher(), LateAnswers()
    pause, asked_at = EVERY / CHECKS, time.monotonic()
    while not _ending.wait(pause):
        pause = watcher.check()
        if time.monotonic() - asked_at >= EVERY - pause / 2:
            asked_at = time.monotonic()
            check_redis(recent)


def check_redis(recent: LateAnswers) -> None:
    """Report that this process cannot reach the shared breaker, or often waits for it.

    No error ends the watch: the next check comes.
    """
    try:
        report_missing_redis()
        report_slow_redis(recent)
    except SQLAlchemyError:
        return  # nobody can be notified until Postgres is back
    except Exception as exc:  # noqa: BLE001 - as in `Watcher.check`
        log.warning("redis_not_seen", error=type(exc).__name__)


class Watcher:
    """Check beat's ticks; report a dead beat only after this process could read them for as long as beat was silent.

    So beat has the time to tick first when a fleet starts with an old tick in Postgres, or when Postgres comes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seeing_since = self._checked_at = clock()

    def check(self) -> float:
        """Check once, release held bookings if beat is dead, and return the seconds until the next check."""
        beat = None
        if self._clock() - self._checked_at > MISSED * EVERY:
            self._seeing_since = self._clock()  # this process was suspended, and beat perhaps, too
        self._checked_at = self._clock()
        try:
            beat = last_tick()
            if beat_is_dead(beat) and self._clock() - self._seeing_since >= MISSED * beat.every:
                beat = report_dead_beat()
                release_held()
                dispatch(dependencies.current())
        except SQLAlchemyError:
            self._seeing_since = self._clock()  # Postgres is down: ticks may come that cannot be read
        except Exception as exc:  # noqa: BLE001 - the watch must outlive whatever it meets
            log.warning("heartbeat_not_seen", error=type(exc).__name__)
        return _pause(beat)


def _pause(beat: Heartbeat | None) -> float:
    """Return the seconds until beat may be dead; an interval at most: a Postgres that is away for longer is noticed."""
    if beat is None:
        return EVERY / CHECKS
    return min(max(beat.every / CHECKS, MISSED * beat.every - beat.age), beat.every, EVERY)
