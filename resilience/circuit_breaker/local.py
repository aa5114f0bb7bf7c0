"""The breaker of one process, for the time in which Redis is gone: the same promises on a small scale.

It has the same threshold, span, OPEN and half-open, and one probe at a time. Our own rate limit is an even pace (GCRA
without a burst, see lua/lib/quota.lua). Without a limit at most `release_max` calls are in flight, and at most as many
items are released in a second. It has no release window and does not use the service's own limit: both need shared
counts. Times are in milliseconds. The caller locks.
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from resilience.circuit_breaker.settings import NEVER, Limits
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import (
    CallOutcome,
    Change,
    Denied,
    OperatorOverride,
    OverrideKind,
    Permit,
    Reason,
    Recorded,
    Released,
    State,
    recorded,
)
from resilience.circuit_breaker.wire import OutcomeReport, ScopeState

SECOND = 1000
SHORT = 10
"""An OPEN is this many times shorter while the service is mixed (docs/glossary.md): a part of it works."""
ALIVE = {
    CallOutcome.SUCCESS: (True, True),
    CallOutcome.FAILURE_ENDPOINT: (True, False),
    CallOutcome.FAILURE_SERVICE: (False, False),
}
"""Whether an outcome shows that the service works, and that its endpoint works; other outcomes show neither."""
LocalAdmission = tuple[Reason | None, float | None, bool]
"""What denies a call (None: nothing), the seconds to wait (None: until an operator acts), whether it is a probe."""
Changes = list[Change]
"""The changes of state that a step made; each step returns them with its result."""


@dataclass(slots=True)
class LocalScope:
    """The breaker of the service or of an endpoint."""

    name: str
    epoch: int
    state: State = State.CLOSED
    ends: int = 0
    opens: int = 0
    failures: deque[int] = field(default_factory=deque)
    owner: str = ""
    lease: int = 0
    mixed_at: int = 0

    def move(self, state: State, now: int, reason: str, ends: int = 0, opens: int = 0) -> Change:
        """Change the state."""
        change = Change(self.name or None, self.state, state, max(self.epoch + 1, now), reason, len(self.failures))
        self.epoch, self.state, self.ends, self.opens, self.owner, self.lease = change.epoch, state, ends, opens, "", 0
        self.failures.clear()
        return change

    def end_the_row(self, now: int) -> None:
        """Record a success: the row of failures ends."""
        if self.failures:
            self.failures.clear()
            self.mixed_at = now

    def count_failure(self, now: int, limits: Limits) -> bool:
        """Count a failure; return whether the last `threshold` failures in a row came within `span`."""
        if limits.threshold > NEVER:
            return False
        self.failures.append(now)
        if len(self.failures) > limits.threshold:
            self.failures.popleft()
        return len(self.failures) == limits.threshold and now - self.failures[0] <= limits.span


class LocalBreaker:
    """Guard the calls of one process, beginning with the last known state of the shared breaker.

    `key` is the fingerprint of its API key.
    """

    def __init__(self, limits: Limits, snapshot: BreakerSnapshot, now: int, key: str = "") -> None:
        self.limits = limits
        self.key = key
        self.generation = snapshot.generation or now
        self.scopes = {
            name: LocalScope(name, breaker.epoch, breaker.state, _believed_end(breaker, limits, now), breaker.opens)
            for name, breaker in snapshot.scopes.items()
        }
        until = now + limits.trial_every
        self.blocked = {
            Reason.CREDENTIALS: until if snapshot.blocked else 0,
            Reason.CONFIGURATION: until if snapshot.misconfigured else 0,
            Reason.THROTTLED: 0,
        }
        """Until when each reason denies all calls, ms; later one call in `trial_every` is the trial. 0: no block."""
        self.throttled_until = 0
        self.trial = 0
        """When the next trial may go, ms."""
        self.tat = 0.0
        """Theoretical arrival time of the next call (GCRA without a burst), ms."""
        self.in_flight: dict[str, int] = {}
        self.released: dict[str, int] = {}
        """The items released in the last second, each with the time of its release."""

    def scope(self, name: str = "") -> LocalScope:
        """Return the service's breaker, or an endpoint's."""
        return self.scopes.setdefault(name, LocalScope(name, self.generation))

    def acquire(
        self, endpoint: str, now: int, *, owner: str, probe_ok: bool, item: str, trial: bool
    ) -> tuple[Permit | Denied, Changes]:
        """Return a permit for one call, or why it is denied."""
        service, scope, changes = self._expire(endpoint, now)
        paced = item != ""  # a released item: its release was paced already
        reason, wait, probing = self._admit(endpoint, now, probe_ok=probe_ok or trial, trial=trial, paced=paced)
        if reason is not None:
            return Denied(reason, wait, service.state, service.epoch, scope.state), changes
        self._take_pace(0 if paced else 1, now)
        lease = self.in_flight[owner] = now + self.limits.lease_for
        if trial:
            self.trial = now + self.limits.trial_every
        for cause in [cause for cause, until in self.blocked.items() if until]:  # this call is the trial of each block
            self.blocked[cause], trial = now + self.limits.trial_every, True
        for breaker in (service, scope) if probing else ():
            breaker.owner, breaker.lease = owner, lease
        permit = Permit(
            endpoint, owner, item, service.epoch, scope.epoch, 0, now, service.state,
            probe=probing, released=paced, trial=trial, shared=False,
        )  # fmt: skip
        return permit, changes

    def record(self, endpoint: str, now: int, report: OutcomeReport) -> tuple[Recorded, Changes]:
        """Record the outcome of a call."""
        service, scope, changes = self._expire(endpoint, now)
        self.in_flight.pop(report.owner, None)
        match report.outcome:
            case CallOutcome.THROTTLED:
                self.throttled_until = max(self.throttled_until, now + max(report.retry_after, SECOND))
                if self.throttled_until > now + self.limits.trial_every:  # a long wait: a trial may end it earlier
                    self.throttled_until, self.blocked[Reason.THROTTLED] = 0, now + self.limits.trial_every
            case CallOutcome.CREDENTIALS:
                self.blocked[Reason.CREDENTIALS] = now + self.limits.trial_every
            case CallOutcome.CONFIGURATION if report.trial:
                self.blocked[Reason.CONFIGURATION] = now + self.limits.trial_every
            case CallOutcome.SUCCESS if report.trial:
                self.blocked = dict.fromkeys(self.blocked, 0)
        service_alive, endpoint_alive = ALIVE.get(report.outcome, (None, None))
        if report.service_epoch not in (0, service.epoch):  # the call began before the service's state changed
            endpoint_alive = None
        elif report.endpoint_epoch > 0 and report.endpoint_epoch != scope.epoch and service_alive is False:
            service_alive = None
        tripped = False
        for breaker, epoch, alive in (
            (service, report.service_epoch, service_alive),
            (scope, report.endpoint_epoch, endpoint_alive),
        ):
            change = self._apply_outcome(breaker, epoch, now, report, alive=alive, tripped=tripped)
            changes += [change] if change else []
            tripped = change is not None and change.new is State.OPEN
        return recorded(service.state, service.epoch, scope.state, tuple(changes)), changes

    def release(self, endpoint: str, now: int, items: Sequence[str]) -> tuple[Released, Changes]:
        """Return which held items may go now.

        In half-open one item may go; else as many as the pace of a second allows, or `release_max` without a limit.
        """
        service, scope, changes = self._expire(endpoint, now)
        reason, wait, probing = self._admit(endpoint, now, probe_ok=True, trial=False, paced=True)
        self.released = {item: at for item, at in self.released.items() if now - at < SECOND}
        room = 0 if reason is not None else self._room(now, probing=probing)
        granted = [item for item in items if item not in self.released][:room]
        self.released |= dict.fromkeys(granted, now)
        self._take_pace(len(granted), now - SECOND)
        if reason is None and room == 0:
            reason, wait = Reason.IN_FLIGHT, 1.0
        return Released(tuple(granted), room - len(granted), reason, wait, service.state, scope.state), changes

    def is_open(self, endpoint: str, now: int) -> tuple[bool, Changes]:
        """Return whether no call may go. In half-open the first caller gets False and takes the probe's place."""
        service, scope, changes = self._expire(endpoint, now)
        reason, _, probing = self._admit_to_both(service, scope, now, probe_ok=True)
        for breaker in (service, scope) if probing else ():
            breaker.lease = now + self.limits.lease_for
        return reason is not None, changes

    def apply_overrides(self, overrides: Iterable[OperatorOverride], now: int) -> Changes:
        """Apply operators' overrides, in the given order."""
        service, _, changes = self._expire("", now)
        for override in overrides:
            ends = 0 if override.until is None else round(override.until.timestamp() * 1000)
            match override.kind:
                case OverrideKind.OPEN:
                    changes.append(service.move(State.FORCED_OPEN, now, "forced_open", ends))
                case OverrideKind.OFF:
                    changes.append(service.move(State.OFF, now, "switched_off", ends))
                    self.throttled_until = self.blocked[Reason.THROTTLED] = 0
                case OverrideKind.BLOCK if override.fingerprint == self.key:
                    self.blocked[Reason.CREDENTIALS] = now + self.limits.trial_every
                case OverrideKind.RESET:
                    self.blocked, self.throttled_until = dict.fromkeys(self.blocked, 0), 0
                    for breaker in self.scopes.values():
                        if breaker.state is not State.CLOSED or breaker.failures:
                            changes.append(breaker.move(State.CLOSED, now, "reset"))
                case OverrideKind.AUTO if service.state in (State.FORCED_OPEN, State.OFF):
                    to = State.HALF_OPEN if service.state is State.FORCED_OPEN else State.CLOSED
                    changes.append(service.move(to, now, "automatic_again"))
        return changes

    def _expire(self, endpoint: str, now: int) -> tuple[LocalScope, LocalScope, Changes]:
        """Make the changes that time alone causes; return both breakers and the changes."""
        service, scope, changes = self.scope(), self.scope(endpoint), []
        for breaker in (service, scope):
            if breaker.ends and now >= breaker.ends and breaker.state is State.OFF:
                changes.append(breaker.move(State.CLOSED, now, "off_over"))
            elif breaker.ends and now >= breaker.ends:
                changes.append(breaker.move(State.HALF_OPEN, now, "open_over", opens=breaker.opens))
        self.in_flight = {owner: ends for owner, ends in self.in_flight.items() if ends > now}
        return service, scope, changes

    def _admit(self, endpoint: str, now: int, *, probe_ok: bool, trial: bool, paced: bool) -> LocalAdmission:
        for cause, until in self.blocked.items():
            wait = (self.trial if trial and cause is not Reason.THROTTLED else until) - now
            if until and wait > 0:
                return cause, wait / SECOND, False
        if trial and now < self.trial:
            return Reason.CONFIGURATION, (self.trial - now) / SECOND, False
        reason, seconds, probing = self._admit_to_both(self.scope(), self.scope(endpoint), now, probe_ok=probe_ok)
        wait = self.throttled_until - now
        if self.limits.emission_interval and not paced:
            wait = max(wait, math.ceil(self.tat - now))
        elif not self.limits.emission_interval and len(self.in_flight) >= self.limits.release_max:
            wait = max(wait, SECOND)
        if reason is None and wait > 0:
            return Reason.THROTTLED, wait / SECOND, False
        return reason, seconds, probing

    def _admit_to_both(self, service: LocalScope, scope: LocalScope, now: int, *, probe_ok: bool) -> LocalAdmission:
        probing = False
        for breaker in () if service.state is State.OFF else (service, scope):
            if breaker.state in (State.OPEN, State.FORCED_OPEN):
                return Reason.BREAKER_OPEN, (breaker.ends - now) / SECOND if breaker.ends else None, False
            if breaker.state is State.HALF_OPEN and (now < breaker.lease or not probe_ok):
                return Reason.BREAKER_OPEN, max(breaker.lease - now, SECOND) / SECOND, False
            probing = probing or breaker.state is State.HALF_OPEN
        return None, 0.0, probing

    def _room(self, now: int, *, probing: bool) -> int:
        """Return how many items may be released: as many as the pace has left unused in the last second."""
        if probing or not self.limits.emission_interval:
            return max(0, (1 if probing else self.limits.release_max) - len(self.released))
        left = now - max(self.tat, now - SECOND)
        return max(0, math.ceil(left * SECOND / self.limits.emission_interval))

    def _take_pace(self, calls: int, since: int) -> None:
        self.tat = max(self.tat, since) + calls * self.limits.emission_interval / SECOND

    def _apply_outcome(
        self, breaker: LocalScope, epoch: int, now: int, report: OutcomeReport, *, alive: bool | None, tripped: bool
    ) -> Change | None:
        """Apply an outcome to a breaker and return its change of state. `tripped`: the service has just opened."""
        if epoch not in (0, breaker.epoch):  # the call began before a change of state
            return None
        opens = False
        if breaker.state is State.HALF_OPEN and self._holds_probe(breaker, report, alive=alive):
            breaker.owner, breaker.lease = "", 0
            opens = alive is False
            if alive:
                return breaker.move(State.CLOSED, now, "probe_succeeded")
        elif breaker.state is State.CLOSED and alive:
            breaker.end_the_row(now)
        elif breaker.state is State.CLOSED and tripped:
            breaker.failures.clear()
        elif breaker.state is State.CLOSED and alive is False:
            opens = breaker.count_failure(now, self.limits)
        if not opens or tripped:  # if both would open, only the service opens
            return None
        mixed = 0 <= now - breaker.mixed_at < self.limits.open_for
        length = self.limits.open_for // SHORT if mixed else self.limits.open_for
        ends = now + min(max(length, report.retry_after), self.limits.open_max)
        return breaker.move(State.OPEN, now, report.reason, ends, breaker.opens + 1)

    def _holds_probe(self, breaker: LocalScope, report: OutcomeReport, *, alive: bool | None) -> bool:
        """Return whether a report counts as the probe's: it has no permit, or no other call is the probe here."""
        return alive is not None if not report.owner else breaker.owner in ("", report.owner)


def _believed_end(known: ScopeState, limits: Limits, now: int) -> int:
    """Return when a state ends, ms. If an OPEN would last longer than `open_max`, a clock was set back."""
    return min(known.ends, now + limits.open_max) if known.state is State.OPEN else known.ends
