"""What operators see of a breaker and may override: each with who and why, at once and for the whole fleet."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker import status, transitions
from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.local import LocalBreaker
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import Change, OperatorOverride, OverrideKind, State
from resilience.circuit_breaker.wire import OVERRIDE, override_argument
from resilience.shared_state.answers import Answers

ENDPOINT = "any"


class StillClosed(Protocol):
    """What knows of a closed breaker without reading all of its status."""

    def look(self, endpoint: str) -> Callable[[], bool]:
        """Ask whether it is still closed to an endpoint, and return what waits for the answer."""

    def looked_closed(self, endpoint: str, epochs: tuple[int, int]) -> None:
        """Remember that it looked closed, in these epochs."""


class OperatorControls:
    """The operators' half of a circuit breaker."""

    service: str
    key: str
    configuration: str
    calls: CallStats
    _closed: StillClosed
    _failover: Failover

    def force_open(self, by: str, why: str, until: datetime | None = None, *, number: int = 0) -> bool:
        """Send nothing, until `until` or another override; then one probe decides."""
        return self.apply_override(OperatorOverride(OverrideKind.OPEN, by, why, until, number))

    def off(self, by: str, why: str, until: datetime | None = None, *, number: int = 0) -> bool:
        """Let everything through, for relief; blocked keys and the rate limit still count."""
        return self.apply_override(OperatorOverride(OverrideKind.OFF, by, why, until, number))

    def auto(self, by: str, why: str, *, number: int = 0) -> bool:
        """End a forced open (one probe decides) or an off (closed)."""
        return self.apply_override(OperatorOverride(OverrideKind.AUTO, by, why, None, number))

    def reset(self, by: str = "", why: str = "", *, number: int = 0) -> bool:
        """Close the service's breaker and all of its endpoints', and unblock every key."""
        return self.apply_override(OperatorOverride(OverrideKind.RESET, by, why, None, number))

    def block_key(self, fingerprint: str, *, by: str = "", why: str = "", number: int = 0) -> bool:
        """Send nothing more with this API key, until a reset."""
        return self.apply_override(OperatorOverride(OverrideKind.BLOCK, by, why, None, number, fingerprint))

    def apply_override(self, override: OperatorOverride) -> bool:
        """Apply an override; one whose number is below that of the last applied one changes nothing.

        So a beat that gives the newest one of the database again makes good a Redis that came back with an old one.
        Return whether it is applied, now or before.
        """
        reply = self._failover.run(OVERRIDE, ENDPOINT, (override_argument(override),))
        if reply is not None:
            return reply.result
        self._failover.run_local(None, lambda local, at: (None, local.apply_overrides((override,), at)))
        if override.kind is OverrideKind.RESET:
            self.calls.reset_recent_calls()
        return True

    def get_status(self, *, now: float | None = None) -> BreakerStatus:
        """Return everything that is known, changing nothing."""
        known = self._failover.status(ENDPOINT, now)
        return (
            self._failover.run_local(now, self._local_status) if known is None else status.of_fleet(self.service, known)
        )

    def is_shut(self, endpoint: str) -> bool:
        """Return whether an open breaker lets no call to an endpoint go now; it takes no probe's place."""
        return self.look(endpoint)()

    def look(self, endpoint: str) -> Callable[[], bool]:
        """Ask the same, and return what waits for the answer, which the same thread may call when it needs it."""
        still_closed = self._closed.look(endpoint)
        return lambda: not still_closed() and self._is_shut(endpoint)

    def _is_shut(self, endpoint: str) -> bool:
        seen = self.get_status()
        own = seen.endpoints.get(endpoint)
        states = {seen.state} if own is None else {seen.state, own.state}
        if seen.shared and states == {State.CLOSED}:
            self._closed.looked_closed(endpoint, (seen.breaker.epoch, seen.generation if own is None else own.epoch))
        return seen.state is not State.OFF and not states.isdisjoint({State.OPEN, State.FORCED_OPEN})

    def _local_status(self, local: LocalBreaker, now: int) -> tuple[BreakerStatus, tuple[Change, ...]]:
        return status.of_process(self.service, local, now, key=self.key, configuration=self.configuration), ()

    def gone_for(self) -> float | None:
        """Return for how many seconds Redis has not answered this process; None: it does, or there is none."""
        return None if self._failover.shared is None else self._failover.shared.absence.seconds

    def answers(self) -> Answers:
        """Return how many of Redis's answers came to this process in time, and how many late; none without Redis."""
        return Answers(0, 0) if self._failover.shared is None else self._failover.shared.absence.answers

    def transitions(self, after_id: str = "0-0", count: int = 100) -> list[Transition]:
        """Read the fleet's changes of state after an id, oldest first; the last 1,000 or so are kept.

        Nothing when Redis is gone. After Redis has forgotten, ids still grow: they are made of its time.
        """
        entries = self._failover.shared.read_events(after_id, count) if self._failover.shared else None
        return [transitions.read(self.service, entry, fields) for entry, fields in entries or ()]
