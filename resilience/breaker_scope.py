"""One breaker in this process, a service's or an endpoint's: `lua/scopes.lua` and `lua/votes.lua` once more."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from resilience.breaker_messages import Report
from resilience.breaker_settings import Limits
from resilience.permit import State

NEVER = 1000
"""A threshold above this never trips."""


@dataclass(slots=True)
class Journal:
    """Changes of state, as the stream has them, and those of the step in hand."""

    forget_counts: Callable[[], object]
    """An outage that is over says nothing about what comes."""
    moved: list[list[str | int]] = field(default_factory=list)
    events: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=1000))
    by: str = ""
    why: str = ""
    context: str = ""

    def begin_step(self, *, context: str = "") -> None:
        """Forget the step before."""
        self.moved, self.by, self.why, self.context = [], "", "", context


@dataclass(slots=True)
class Scope:
    """A breaker: its state, its epoch and the one half-open place."""

    name: str
    epoch: int
    journal: Journal
    state: State = State.CLOSED
    ends: int = 0
    opens: int = 0
    failures: int = 0
    owner: str = ""
    lease: int = 0
    ring: deque[int] = field(default_factory=deque)

    def view(self) -> list[str | int]:
        """Tell what a process should remember."""
        return [self.state.value, self.epoch, self.ends, self.opens, self.owner, self.lease]

    def move(self, state: State, now: int, reason: str, *, ends: int = 0, opens: int = 0) -> None:
        """Change the state: the one door."""
        old, failures = self.state, self.failures
        self.epoch = max(self.epoch + 1, now)
        self.state, self.ends, self.opens, self.failures, self.owner, self.lease = state, ends, opens, 0, "", 0
        if state is State.CLOSED:
            self.journal.forget_counts()
        self.journal.moved.append([self.name, old.value, state.value, self.epoch, reason, failures])
        event = {"endpoint": self.name, "old": old, "new": state, "reason": reason, "failures": failures}
        event |= {"epoch": self.epoch, "at": now, "ends": ends}
        event |= {"by": self.journal.by, "why": self.journal.why, "context": self.journal.context}
        self.journal.events.append({name: str(value) for name, value in event.items()})

    def roll(self, now: int) -> None:
        """Do what time alone changes."""
        if self.ends == 0 or now < self.ends:
            return
        if self.state is State.OFF:
            self.move(State.CLOSED, now, "off_over")
        else:
            self.move(State.HALF_OPEN, now, "open_over", opens=self.opens)

    def occupy(self, owner: str, lease: int) -> None:
        """Take the one half-open place, or with '' and 0 leave it."""
        self.owner, self.lease = owner, lease

    def vote(self, limits: Limits, now: int, report: Report, epoch: int, *, verdict: bool | None) -> None:
        """Hear an outcome: alive, failed, or (None) the permit goes back. Epoch 0 and owner '' speak for now."""
        if epoch not in (0, self.epoch):
            return
        if self.state is State.CLOSED and verdict is False:
            self._fail(limits, now, report)
        if self.state is not State.HALF_OPEN or report.owner not in ("", self.owner):
            return
        if verdict is None:
            self.occupy("", 0)
        elif verdict:
            self.move(State.CLOSED, now, "probe_succeeded")
        else:
            self._trip(limits, now, report, 1)

    def _fail(self, limits: Limits, now: int, report: Report) -> None:
        if limits.threshold > NEVER:
            return
        self.failures += 1
        self.ring.appendleft(now)
        while len(self.ring) > limits.threshold:
            self.ring.pop()
        if self.failures < limits.threshold:
            return
        oldest = self.ring[limits.threshold - 1] if len(self.ring) == limits.threshold else 0
        if now - oldest < limits.span:
            self._trip(limits, now, report, limits.threshold)

    def _trip(self, limits: Limits, now: int, report: Report, failures: int) -> None:
        try:
            grown = limits.open_for * report.stretch * limits.growth**self.opens
        except OverflowError:
            grown = math.inf
        self.failures = failures
        length = math.floor(min(max(grown, report.retry_after), limits.open_max))
        self.move(State.OPEN, now, report.reason, ends=now + length, opens=self.opens + 1)
