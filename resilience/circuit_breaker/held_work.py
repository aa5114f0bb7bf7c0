"""Held work of a breaker: how much of it may be sent now, and what became of it."""

from collections.abc import Sequence

from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import Reason, Released, State
from resilience.circuit_breaker.wire import GIVE_BACK, RELEASE, to_seconds
from resilience.shared_state.answers import Late


class HeldWork:
    """The part of a circuit breaker that lets held work go, in order and at a pace."""

    settings: BreakerSettings
    _failover: Failover

    def release(self, endpoint: str, items: Sequence[str | int], *, now: float | None = None) -> Released:
        """Ask which of these held items, oldest first, may be sent now; the others stay held.

        One in half-open; on a closed breaker as many as the window, the calls in flight and the rate limit leave room
        for. An item that another releaser has been given is not given twice. Each released item must come back: by the
        record of a permit acquired with `item`, by a denial of it, or by `give_back`; else its place lapses with the
        lease. No items: only ask. One endpoint of a service can have held work.
        """
        wanted = tuple(str(item) for item in items)
        reply = self._failover.ask(RELEASE, endpoint, wanted, now)
        if isinstance(reply, Late):
            self._failover.not_acknowledged(endpoint, items=wanted)
            return Released((), 0, Reason.THROTTLED, self.settings.redis_retry, State.CLOSED, State.CLOSED)
        if reply is None:
            return self._failover.run_local(now, lambda local, at: local.release(endpoint, at, wanted))
        releases, state = reply.result, reply.state
        return Released(
            releases.items,
            releases.room,
            releases.reason,
            to_seconds(releases.wait),
            state.service.state,
            state.endpoint.state,
        )

    def release_quota(self, endpoint: str, *, now: float | None = None) -> Released:
        """Ask how many held items may be sent now, taking nothing."""
        return self.release(endpoint, (), now=now)

    def give_back(self, endpoint: str, item: str | int, *, now: float | None = None) -> None:
        """Say that a released item ended without a call of its own."""
        self._failover.run(GIVE_BACK, endpoint, (str(item),), now)
