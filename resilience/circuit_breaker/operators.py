"""The overrides of an operator: each has a person's name and a reason, and acts at once on the whole fleet."""

from datetime import datetime

from resilience.call_stats.stats import CallStats
from resilience.call_stats.windows import WITHOUT_ENDPOINT
from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.types import OperatorOverride, OverrideKind
from resilience.circuit_breaker.wire import OVERRIDE, override_argument


class OperatorControls:
    """Override a breaker on an operator's behalf; `number` is the id of the row that keeps the override, 0: no row."""

    def __init__(self, failover: Failover, calls: CallStats) -> None:
        self._failover = failover
        self._calls = calls

    def force_open(self, by: str, why: str, until: datetime | None = None, *, number: int = 0) -> bool:
        """Send nothing, until `until` or another override; then one probe decides."""
        return self.apply(OperatorOverride(OverrideKind.OPEN, by, why, until, number))

    def off(self, by: str, why: str, until: datetime | None = None, *, number: int = 0) -> bool:
        """Let every call through, until `until` or another override; blocked keys and the rate limit still deny."""
        return self.apply(OperatorOverride(OverrideKind.OFF, by, why, until, number))

    def auto(self, by: str, why: str, *, number: int = 0) -> bool:
        """End a forced open (then one probe decides) or an off (then the breaker is closed)."""
        return self.apply(OperatorOverride(OverrideKind.AUTO, by, why, None, number))

    def reset(self, by: str, why: str, *, number: int = 0) -> bool:
        """Close the service's breaker and each endpoint's, and unblock every key."""
        return self.apply(OperatorOverride(OverrideKind.RESET, by, why, None, number))

    def block_key(self, fingerprint: str, *, by: str = "", why: str = "", number: int = 0) -> bool:
        """Send nothing with this API key until a reset, or until a trial with it succeeds."""
        return self.apply(OperatorOverride(OverrideKind.BLOCK, by, why, None, number, fingerprint))

    def apply(self, override: OperatorOverride) -> bool:
        """Apply an override, and return whether it was applied, now or earlier.

        An override whose number is lower than the last applied override's changes nothing. So the newest override of
        the database may be applied repeatedly, which repairs a Redis that came back with an old state.
        """
        reply = self._failover.run(OVERRIDE, WITHOUT_ENDPOINT, (override_argument(override),))
        if reply is not None:
            return reply.result
        self._failover.run_local(None, lambda local, at: (None, local.apply_overrides((override,), at)))
        if override.kind is OverrideKind.RESET:
            self._calls.reset_recent_calls()
        return True
