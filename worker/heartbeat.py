"""The watch for a beat that has died: nobody else would report it, for every alert but this one begins with beat.

And the net of the release: while no tick comes, because beat or the worker of `maintenance` is gone, held bookings are
released from here. Without it, what is held waits for a release, and what is new waits behind it, for good.

And for a shared breaker that this process misses, or that often answers it late: others may still see it well, and the
health check runs in one of them.
One quiet thread in each worker process, whatever its queue. All of them see the same rows; one incident comes of it.
"""

import itertools
import threading
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from db.monitoring.heartbeats import EVERY, MISSED, beat_is_dead
from tasks.incidents.check import (
    last_tick,
    report_dead_beat,
    report_missing_redis,
    report_slow_redis,
)
from tasks.incidents.late_answers import LateAnswers
from tasks.log import Logger
from tasks.maintenance.release import release_held

CHECKS = 5  # in each of beat's intervals

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
    pause = EVERY / CHECKS
    for number in itertools.count(1):
        if _ending.wait(pause):
            return
        pause = watcher.check()
        if number % CHECKS == 0:
            check_redis(recent)


def check_redis(recent: LateAnswers) -> None:
    """Report if this process misses the shared breaker, or waits for it too often.

    Whatever goes wrong with that, the next check comes.
    """
    try:
        report_missing_redis()
        report_slow_redis(recent)
    except SQLAlchemyError:
        return  # nobody can be notified until Postgres is back
    except Exception as exc:  # noqa: BLE001 - as in `Watcher.check`
        log.warning("redis_not_seen", error=type(exc).__name__)


class Watcher:
    """Check the ticks, and report only after having been able to see for as long as a dead beat has been silent.

    So a fleet that starts beside an old tick, or whose Postgres comes back, gives beat the time to tick first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seeing_since = self._checked_at = clock()

    def check(self) -> float:
        """Check once, release where nobody else does, and return the seconds until the next check."""
        beat = None
        if self._clock() - self._checked_at > MISSED * EVERY:
            self._seeing_since = self._clock()  # we stood still, and beat perhaps with us
        self._checked_at = self._clock()
        try:
            beat = last_tick()
            if beat_is_dead(beat) and self._clock() - self._seeing_since >= MISSED * beat.every:
                beat = report_dead_beat()
                release_held()
        except SQLAlchemyError:
            self._seeing_since = self._clock()  # blind: ticks may come that we do not see
        except Exception as exc:  # noqa: BLE001 - the watch must outlive whatever it meets
            log.warning("heartbeat_not_seen", error=type(exc).__name__)
        return (beat.every if beat else EVERY) / CHECKS
