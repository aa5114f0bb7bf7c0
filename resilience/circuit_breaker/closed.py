"""The short way, which nearly every call goes: the breaker is closed, and as this process heard last.

Two short scripts then answer and write what acquire.lua and record.lua would. Where it is not so they change nothing
and say so; where Redis is gone nothing is answered. Either way the caller goes the long way (failover.py).
"""

from collections.abc import Callable
from typing import Any

from resilience.circuit_breaker.settings import Limits
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import Denied, Permit, QuotaHeaders, Reason, Recorded, State
from resilience.shared_state.scripts import closed_keys
from resilience.shared_state.state import SharedState


class ClosedBreaker:
    """Ask and report while nothing changes; None: go the long way.

    `identity` is what every script is told of this client.
    """

    def __init__(
        self,
        service: str,
        shared: SharedState | None,
        *,
        limits: Limits,
        identity: tuple[str, str, str],
        snapshot: BreakerSnapshot,
        clock: Callable[[], float],
    ) -> None:
        self._service = service
        self._shared = shared
        sizes = limits.emission_interval, limits.burst_tolerance, limits.rate_window, limits.size
        self._fixed = (*identity, *sizes)
        self._snapshot = snapshot
        self._clock = clock
        self._looked_closed: dict[str, tuple[int, int]] = {}

    def acquire(self, endpoint: str, owner: str, now: float | None) -> Permit | Denied | None:
        """Ask whether a call may go, which the rate limit alone decides."""
        epochs = self._snapshot.closed.get(endpoint)
        if epochs is None:
            return None
        reply = self._run("acquire_closed", endpoint, epochs, now)
        if reply is None:
            return None
        at, wait, window = reply
        if wait:
            return Denied(Reason.THROTTLED, wait / 1000, State.CLOSED, epochs[0])
        return Permit(endpoint, owner, "", *epochs, window, at, State.CLOSED)

    def record(self, permit: Permit, elapsed: float, told: QuotaHeaders, now: float | None) -> Recorded | None:
        """Report a success."""
        closed = permit.state is State.CLOSED and permit.shared and not permit.probe
        if not closed or permit.item or permit.trial:
            return None
        epochs, took = (permit.service_epoch, permit.endpoint_epoch), round(elapsed * 1000)
        headers = told.limit, max(0, told.remaining), max(0, round(told.reset_after * 1000))
        call = permit.window, permit.granted_at, took, *headers
        reply = self._run("record_closed", permit.endpoint, epochs, now, *call)
        return None if reply is None else Recorded(State.CLOSED, permit.service_epoch, State.CLOSED)

    def stands(self, endpoint: str) -> bool:
        """Return whether the breaker is still closed to an endpoint, as this process heard last; it takes nothing."""
        epochs = self._snapshot.closed.get(endpoint) or self._looked_closed.get(endpoint)
        return epochs is not None and self._run("still_closed", endpoint, epochs, None) is not None

    def looked_closed(self, endpoint: str, epochs: tuple[int, int]) -> None:
        """Remember that both looked closed, in these epochs; not for `acquire`: an "off" that is over looks so, too."""
        self._looked_closed[endpoint] = epochs

    def _run(self, script: str, endpoint: str, epochs: tuple[int, int], now: float | None, *own: int) -> Any:
        if self._shared is None:
            return None
        at = 0 if now is None else round(now * 1000)
        keys, fixed = closed_keys(self._service, endpoint), (endpoint, *self._fixed)
        reply = self._shared.call(script, keys, fixed, (*epochs, at, *own))
        if reply is None:
            return None
        self._snapshot.seen_at = (reply[0], self._clock())
        return reply if len(reply) > 1 else None
