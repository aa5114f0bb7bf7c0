"""Watch for a beat that has died: nobody else would tell, for every alert but this one begins with beat.

One quiet thread in each worker process, whatever its queue. All of them see the same row; one incident comes of it.
"""

import threading
import time
from collections.abc import Callable

import structlog
from sqlalchemy.exc import SQLAlchemyError

from tasks.health import EVERY, MISSED, beat_is_dead, last_tick, tell_if_beat_is_dead

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
    while not _ending.wait(pause):
        pause = watcher.look()


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
