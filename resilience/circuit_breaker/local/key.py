"""What a process without Redis keeps of one API key: its pace, its blocks, its calls in flight. Times are in ms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from resilience.circuit_breaker.settings import Limits
from resilience.circuit_breaker.types import CallOutcome, Reason
from resilience.circuit_breaker.wire import OutcomeReport

SECOND = 1000
KEYS = 1000
"""How many keys a process remembers: those at rest are forgotten first."""
Obstacle = tuple[Reason | None, float | None]
"""What denies a call (None: nothing), and the seconds to wait (None: until an operator acts)."""


def _no_blocks() -> dict[Reason, int]:
    return dict.fromkeys((Reason.CREDENTIALS, Reason.CONFIGURATION, Reason.THROTTLED), 0)


@dataclass(slots=True)
class LocalKey:
    """The pace and the blocks of one key."""

    tat: float = 0.0
    """Theoretical arrival time of the next call (GCRA without a burst)."""
    blocked: dict[Reason, int] = field(default_factory=_no_blocks)
    """Until when each reason denies all calls; later one call in `trial_every` is the trial. 0: no block."""
    throttled_until: int = 0
    trial: int = 0
    """When the next trial may go."""
    in_flight: dict[str, int] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    """The items released in the last second, each with the time of its release."""

    def is_at_rest(self, now: int) -> bool:
        """Return whether nothing is lost if this key is forgotten."""
        busy = self.tat > now or self.throttled_until > now or any(self.blocked.values())
        return not busy and not self.in_flight and not self.released

    def obstacle(self, now: int, *, trial: bool) -> Obstacle:
        """Return the block that denies a call."""
        for cause, until in self.blocked.items():
            wait = (self.trial if trial and cause is not Reason.THROTTLED else until) - now
            if until and wait > 0:
                return cause, wait / SECOND
        if trial and now < self.trial:
            return Reason.CONFIGURATION, (self.trial - now) / SECOND
        return None, 0.0

    def wait(self, now: int, limits: Limits, *, paced: bool) -> int:
        """Return the ms until the pace allows a call; `paced`: its release was paced already."""
        wait = self.throttled_until - now
        if limits.emission_interval and not paced:
            return max(wait, math.ceil(self.tat - now))
        if not limits.emission_interval and len(self.in_flight) >= limits.process_max:
            return max(wait, SECOND)
        return wait

    def room(self, now: int, limits: Limits, *, probing: bool) -> int:
        """Return how many items may be released: as many as the pace has left unused in the last second."""
        self.released = {item: at for item, at in self.released.items() if now - at < SECOND}
        if probing or not limits.emission_interval:
            return max(0, (1 if probing else limits.process_max) - len(self.released))
        left = now - max(self.tat, now - SECOND)
        return max(0, math.ceil(left * SECOND / limits.emission_interval))

    def take_pace(self, calls: int, since: int, limits: Limits) -> None:
        """Move the pace on by so many calls."""
        self.tat = max(self.tat, since) + calls * limits.emission_interval / SECOND

    def begin(self, owner: str, now: int, limits: Limits, *, trial: bool) -> bool:
        """Begin a call; return whether it is a trial: it is, if it was asked for as one or anything is blocked."""
        self.in_flight[owner] = now + limits.lease_for
        if trial:
            self.trial = now + limits.trial_every
        for cause in [cause for cause, until in self.blocked.items() if until]:  # this call is the trial of each block
            self.blocked[cause], trial = now + limits.trial_every, True
        return trial

    def end(self, report: OutcomeReport, now: int, limits: Limits) -> None:
        """End a call, and set or end the blocks that its outcome shows."""
        self.in_flight.pop(report.owner, None)
        match report.outcome:
            case CallOutcome.THROTTLED:
                self.throttled_until = max(self.throttled_until, now + max(report.retry_after, SECOND))
                if self.throttled_until > now + limits.trial_every:  # a long wait: a trial may end it earlier
                    self.throttled_until, self.blocked[Reason.THROTTLED] = 0, now + limits.trial_every
            case CallOutcome.CREDENTIALS:
                self.blocked[Reason.CREDENTIALS] = now + limits.trial_every
            case CallOutcome.CONFIGURATION if report.trial:
                self.blocked[Reason.CONFIGURATION] = now + limits.trial_every
            case CallOutcome.SUCCESS if report.trial:
                self.blocked = _no_blocks()

    def end_throttle(self) -> None:
        """End what a 429 asked for."""
        self.throttled_until = self.blocked[Reason.THROTTLED] = 0

    def end_blocks(self) -> None:
        """End all blocks, for an operator."""
        self.blocked, self.throttled_until = _no_blocks(), 0


class LocalKeys:
    """The keys of one process, by name; memory is bounded, however many accounts call.

    `blocks`: those known when Redis was lost, which last `until` then. `first_turn`: when the fleet's pace of each key
    ended, so that a key begins as if a call had just gone then; None: no fleet shared it. `paid_until` is that of
    LocalBreaker.
    """

    def __init__(
        self,
        blocks: Mapping[str, tuple[bool, bool]],
        until: int,
        *,
        first_turn: int | None,
        paid_until: Mapping[str, float],
    ) -> None:
        self._blocks, self._until, self._first_turn, self.paid_until = blocks, until, first_turn, paid_until
        self.known: dict[str, LocalKey] = {}

    def get(self, name: str, blocked_as: str, now: int, limits: Limits) -> LocalKey:
        """Return a key by the name of its limit; `blocked_as`: the fingerprint that its blocks were known by."""
        key = self.known.get(name)
        if key is None:
            if len(self.known) >= KEYS:
                self._forget(now)
            refused, wrong = self._blocks.get(blocked_as, (False, False))
            key = self.known[name] = LocalKey()
            key.blocked[Reason.CREDENTIALS] = self._until if refused else 0
            key.blocked[Reason.CONFIGURATION] = self._until if wrong else 0
            if self._first_turn is not None:
                turn = self._first_turn + limits.emission_interval / SECOND
                key.tat = max(self.paid_until.get(name, 0.0), turn)
        key.in_flight = {owner: ends for owner, ends in key.in_flight.items() if ends > now}
        return key

    def end_blocks(self) -> None:
        """End the blocks of all keys, for an operator."""
        self._blocks = {}
        for key in self.known.values():
            key.end_blocks()

    def _forget(self, now: int) -> None:
        """Forget the keys at rest, or, if there are none, the one that was first known."""
        rest = [name for name, key in self.known.items() if key.is_at_rest(now)]
        for name in rest or list(self.known)[:1]:
            del self.known[name]
