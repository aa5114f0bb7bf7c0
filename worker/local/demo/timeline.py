"""Watch the scenario: count the bookings, follow the breaker, and report each moment as it comes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from db.lifecycle import FINAL, Status
from db.monitoring import status_queries
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import State
from worker.local.demo.environment import DemoEnvironment
from worker.local.demo.outage import OutageTimes, StateChange

Notify = Callable[[float, str], object]
Counts = dict[Status, int]

LATE_READINGS = 10  # in a row, about a second: a busy machine misses one now and then
FEW = 8  # bookings that may still be on their way when nearly all have ended
_STEP = 1.7  # a window is reported when it has grown by this factor
_PROBE = {"http_503": "answered 503", "connect": "no connection", "probe_succeeded": "booked"}


@dataclass(frozen=True)
class Clock:
    """One moment by both clocks of this machine: Redis and Postgres use the wall clock, the simulator the other."""

    monotonic: float = field(default_factory=time.monotonic)
    wall: float = field(default_factory=time.time)

    def monotonic_of(self, moment: datetime) -> float:
        """Return a moment of Redis or Postgres by the monotonic clock."""
        return self.monotonic + moment.timestamp() - self.wall


class Timeline:
    """Follow bookings and breaker; `notify` takes the seconds since the beginning, and a message."""

    def __init__(self, environment: DemoEnvironment, notify: Notify) -> None:
        self.clock = Clock()
        self.changes: list[StateChange] = []
        self.held_peak = 0  # since the outage began
        self.probed = False  # a probe was answered 503
        self._environment = environment
        self._notify = notify
        self._counts: Counts = dict.fromkeys(Status, 0)
        self._read = "0-0"
        self._upcoming: list[tuple[float, str]] = []  # moments of Cal.com's that are still to come
        self._throttled = False
        self._unshared = 0  # readings in a row without Redis
        self._ramp: list[int] = []

    def say(self, message: str) -> None:
        """Report a message for this moment."""
        self._notify(time.monotonic() - self.clock.monotonic, message)

    def expect(self, outage: OutageTimes) -> None:
        """Report the moments of an outage when they come."""
        self.held_peak = 0
        self._upcoming = [
            (outage.begins, "Cal.com is down: it refuses connections"),
            (outage.answers, "Cal.com answers 503 to everything"),
        ]

    def update(self) -> Counts:
        """Read once, report what is new, and return how many bookings are in each state."""
        with self._environment.engine.connect() as conn:
            self._counts = status_queries.status_counts(conn)
        self.held_peak = max(self.held_peak, self._counts[Status.HELD])
        moments = [*self._calcom_moments(), *self._breaker_moments()]
        for at, message in sorted(moments):
            self._notify(at - self.clock.monotonic, message)
        status = self._environment.breaker.get_status()
        self._unshared = 0 if status.shared else self._unshared + 1
        if status.shared:
            self._slowed_down(status)
            self._released(status)
        elif self._unshared == LATE_READINGS:
            self.say("Redis answers too late: each process decides by itself, and this one does not see the breaker")
        return self._counts

    @property
    def settled(self) -> bool:
        """Return whether only FEW bookings are on their way, and none is held."""
        return not self._counts[Status.HELD] and self.moving <= FEW

    @property
    def moving(self) -> int:
        """Return how many bookings have not ended yet."""
        return sum(count for status, count in self._counts.items() if status not in FINAL)

    def _calcom_moments(self) -> list[tuple[float, str]]:
        now = time.monotonic()
        due = [moment for moment in self._upcoming if moment[0] <= now]
        self._upcoming = [moment for moment in self._upcoming if moment[0] > now]
        return due

    def _breaker_moments(self) -> list[tuple[float, str]]:
        moments = []
        for transition in self._environment.breaker.view.transitions(self._read):
            self._read = transition.id
            if transition.endpoint is None:
                at = self.clock.monotonic_of(transition.at)
                self.changes.append(StateChange(at, transition.old, transition.new))
                self.probed |= transition.old is State.HALF_OPEN and transition.reason == "http_503"
                if message := self._message(transition):
                    moments.append((at, message))
        return moments

    def _message(self, transition: Transition) -> str:
        held = self._counts[Status.HELD]
        match transition.old, transition.new:
            case State.CLOSED, State.OPEN:
                return f"{transition.failures} failures open the breaker: nothing is sent, bookings are held"
            case State.HALF_OPEN, State.OPEN:
                return f"one probe: {_PROBE.get(transition.reason, transition.reason)}; it stays open, {held} held"
            case State.HALF_OPEN, State.CLOSED:
                self._ramp = [0]
                return f"one probe: {_PROBE.get(transition.reason, transition.reason)}; the breaker closes, {held} held"
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
