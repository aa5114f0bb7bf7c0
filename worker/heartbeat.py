"""Watch for a beat that has died: nobody else would tell, for every alert but this one begins with beat.

And for a shared breaker that this process misses: others may still see it, and the health check runs in one of them.
One quiet thread in each worker process, whatever its queue. All of them see the same rows; one incident comes of it.
"""

import itertools
import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tasks.health.check import EVERY, MISSED, beat_is_dead, last_tick, tell_if_beat_is_dead, tell_if_redis_is_gone

LOOKS = 5  # in each of beat's intervals

log = structlog.get_logger(__name__)
_ending = threading.Event()


def start() -> None:
    """Begin to watch."""
    threading.Thread(target=_watch, name="heartbeat", daemon=True).start()


def stop() -> None:
    """Say nothing of a beat that ends with us."""
    _ending.set()


def _watch() -> None:
    watcher = Watcher()
    pause = EVERY / LOOKS
    for number in itertools.count(1):
        if _ending.wait(pause):
            return
        pause = watcher.look()
        if number % LOOKS == 0:
            look_at_redis()


def look_at_redis() -> None:
    """Tell if this process misses the shared breaker; whatever goes wrong with that, the next look comes."""
    try:
        tell_if_redis_is_gone()
    except SQLAlchemyError:
        return  # nobody can be told, until Postgres is back
    except Exception as exc:  # noqa: BLE001 - as in `Watcher.look`
        log.warning("redis_not_seen", error=type(exc).__name__)


class Watcher:
    """Look at the ticks, and speak only after having been able to see for as long as a dead beat has been silent.

    So a fleet that starts beside an old tick, or whose Postgres comes back, gives beat the time to tick first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = self._looked_at = clock()

    def look(self) -> float:
        """Look once, and return the seconds until the next look."""
        beat = None
        if self._clock() - self._looked_at > MISSED * EVERY:
            self._since = self._clock()  # we stood still, and beat perhaps with us
        self._looked_at = self._clock()
        try:
            beat = last_tick()
            if beat_is_dead(beat) and self._clock() - self._since >= MISSED * beat.every:
                beat = tell_if_beat_is_dead()
        except SQLAlchemyError:
            self._since = self._clock()  # blind: ticks may come that we do not see
        except Exception as exc:  # noqa: BLE001 - the watch must outlive whatever it meets
            log.warning("heartbeat_not_seen", error=type(exc).__name__)
        return (beat.every if beat else EVERY) / LOOKS
