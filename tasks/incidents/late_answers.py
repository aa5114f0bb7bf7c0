"""Whether Redis answered one process late too often in the last minute: Redis is slow, but reachable."""

import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise

from db.monitoring.incidents import IncidentKind
from resilience.shared_state.answers import Answers
from tasks.incidents.rules import Observation

_MINUTE = 60.0  # seconds
# A call waits a second for each late answer; after two in a row a process uses a breaker of its own. With 2 % of late
# answers a fleet was as quick as with no late answer. With 5 % every twentieth call waits, and one answer in 400 is the
# second late one in a row.
_SHARE = 0.05
_ANSWERS = 50  # with fewer answers a share means little, and few calls are delayed
_LOOKS = 3  # looks that must find late answers: one pause of Redis or a host delays one answer of each thread, at once


class LateAnswers:
    """Counts of late answers of the last minute; `look` is called every few seconds, from one thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: deque[tuple[float, Answers]] = deque()

    def look(self, so_far: Answers) -> Observation | None:
        """Return what is wrong with the answers of the last minute; `so_far` counts all answers of this process."""
        now = self._clock()
        self._looks.append((now, so_far))
        while now - self._looks[0][0] > _MINUTE:
            self._looks.popleft()
        first = self._looks[0][1]
        late = so_far.late - first.late
        answers = late + so_far.in_time - first.in_time
        looks = sum(after.late > before.late for (_, before), (_, after) in pairwise(self._looks))
        if answers < _ANSWERS or late < _SHARE * answers or looks < _LOOKS:
            return None
        return Observation(IncidentKind.REDIS_SLOW, facts={"late": late, "answers": answers})
