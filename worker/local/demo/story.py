"""Watch the play: count the bookings, follow the breaker, and tell each moment as it comes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from db.lifecycle import FINAL, Status
from db.monitoring import status_queries
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import State
from worker.local.demo.outage import Change, Outage
from worker.local.demo.stage import Stage

Tell = Callable[[float, str], object]
Counts = dict[Status, int]

FEW = 8  # bookings that may still be on their way when nearly all have their end
_STEP = 1.7  # a window is worth telling of when it has grown so many times
_PROBE = {"http_503": "answered 503", "connect": "no connection", "probe_succeeded": "booked"}


@dataclass(frozen=True)
class Clock:
    """One moment by the two clocks of this machine: Redis, Postgres and the simulator tell theirs by one of them."""

    monotonic: float = field(default_factory=time.monotonic)
    wall: float = field(default_factory=time.time)

    def monotonic_of(self, moment: datetime) -> float:
        """Translate a moment of Redis or Postgres."""
        return self.monotonic + moment.timestamp() - self.wall


class Story:
    """Look at everything, again and again; `tell` hears seconds since the beginning, and words."""

    def __init__(self, stage: Stage, tell: Tell) -> None:
        self.clock = Clock()
        self.changes: list[Change] = []
        self.held_peak = 0  # since the outage began
        self._stage = stage
        self._tell = tell
        self._counts: Counts = dict.fromkeys(Status, 0)
        self._read = "0-0"
        self._ahead: list[tuple[float, str]] = []  # moments of Cal.com's that are still to come
        self._throttled = False
        self._ramp: list[int] = []

    def say(self, words: str) -> None:
        """Tell something of now."""
        self._tell(time.monotonic() - self.clock.monotonic, words)

    def begin(self, outage: Outage) -> None:
        """Hear of an outage to come."""
        self.held_peak = 0
        self._ahead = [
            (outage.begins, "Cal.com is down: it refuses connections"),
            (outage.answers, "Cal.com answers 503 to everything"),
            (outage.back, "Cal.com is back; nobody has told us"),
        ]

    def look(self) -> Counts:
        """Look once, tell what is new, and return how many bookings stand where."""
        with self._stage.engine.connect() as conn:
            self._counts = status_queries.status_counts(conn)
        self.held_peak = max(self.held_peak, self._counts[Status.HELD])
        news = [*self._calcoms(), *self._breakers()]
        for at, words in sorted(news):
            self._tell(at - self.clock.monotonic, words)
        status = self._stage.breaker.get_status()
        if status.shared:
            self._slowed_down(status)
            self._released(status)
        return self._counts

    @property
    def calm(self) -> bool:
        """Say whether next to nothing is on its way, and nobody waits in line."""
        return not self._counts[Status.HELD] and self.moving <= FEW

    @property
    def moving(self) -> int:
        """Return how many bookings have no end yet."""
        return sum(count for status, count in self._counts.items() if status not in FINAL)

    def _calcoms(self) -> list[tuple[float, str]]:
        now = time.monotonic()
        due = [one for one in self._ahead if one[0] <= now]
        self._ahead = [one for one in self._ahead if one[0] > now]
        return due

    def _breakers(self) -> list[tuple[float, str]]:
        told = []
        for one in self._stage.breaker.transitions(self._read):
            self._read = one.id
            if one.endpoint is None:
                at = self.clock.monotonic_of(one.at)
                self.changes.append(Change(at, one.old, one.new))
                if words := self._words(one):
                    told.append((at, words))
        return told

    def _words(self, one: Transition) -> str:
        held = self._counts[Status.HELD]
        match one.old, one.new:
            case State.CLOSED, State.OPEN:
                return f"{one.failures} failures open the breaker: nothing is sent, bookings are held"
            case State.HALF_OPEN, State.OPEN:
                return f"one probe: {_PROBE.get(one.reason, one.reason)}; it stays open, {held} held"
            case State.HALF_OPEN, State.CLOSED:
                self._ramp = [0]
                return f"one probe: {_PROBE.get(one.reason, one.reason)}; the breaker closes, {held} held"
        return ""

    def _slowed_down(self, status: BreakerStatus) -> None:
        throttled = status.throttled_for > 0
        if throttled and not self._throttled:
            self.say("Cal.com says 429, too many calls: nobody calls for 2 s")
        self._throttled = throttled

    def _released(self, status: BreakerStatus) -> None:
        if not self._ramp:
            return
        if status.window >= _STEP * self._ramp[-1]:
            self._ramp.append(status.window)
        if not self._counts[Status.HELD]:
            self.say(f"nobody is held any more; {', '.join(map(str, self._ramp[1:]))} were let go at once")
            self._ramp = []
