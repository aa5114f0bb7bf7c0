"""What this process last saw of the shared breaker: the start of its own when Redis is gone, and what Redis forgot."""

from collections.abc import Callable

from resilience.circuit_breaker.types import State
from resilience.circuit_breaker.wire import BreakerState, ScopeState

OVERRIDDEN = (State.FORCED_OPEN, State.OFF)


class BreakerSnapshot:
    """Remember the last replies. Assignments only, so that threads need no lock; the newest epoch wins."""

    def __init__(self, *, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self.seen_at: tuple[int, float] | None = None
        """A moment of Redis's clock in ms, and the same of ours."""
        self.scopes: dict[str, ScopeState] = {}
        """By name; '' is the service."""
        self.generation = 0
        """Of the shared breaker; 0: never seen."""
        self.closed: dict[str, tuple[int, int]] = {}
        """Endpoints to which calls may go as far as is known, their breaker and the service's closed: the epochs."""
        self.blocked = False
        self.misconfigured = False

    def update(self, state: BreakerState, endpoint: str, now: int) -> None:
        """Take over the state that a reply about an endpoint carried; `now`: its moment, ms by Redis's clock."""
        self.blocked, self.misconfigured = state.blocked, state.misconfigured
        if state.generation != self.generation:
            self.generation, self.scopes = state.generation, {}
        scopes, shown = self.scopes, {"": state.service, endpoint: state.endpoint}
        for name, scope in shown.items():
            known = scopes.get(name)
            if known is None or scope.epoch >= known.epoch:
                scopes[name] = scope
        states = {scope.state for scope in shown.values()} | {scopes[name].state for name in shown}
        if states == {State.CLOSED} and not (state.blocked or state.misconfigured):
            self.closed[endpoint] = state.service.epoch, state.endpoint.epoch
        else:
            self.closed.clear()  # a block, or the service's opening, is one of all endpoints
        self.seen_at = (now, self._clock())

    def now(self) -> int:
        """Return Redis's time in ms, reckoned from its last reply; this machine's where there was none."""
        if self.seen_at is None:
            return round(self._wall() * 1000)
        redis_time, at = self.seen_at
        return redis_time + round((self._clock() - at) * 1000)

    def is_later(self, state: BreakerState, endpoint: str) -> bool:
        """Return whether a reply shows an older state of the same breaker than what is remembered: an old snapshot.

        A reply that another thread has overtaken does so, too.
        """
        known = (self.scopes.get(""), state.service), (self.scopes.get(endpoint), state.endpoint)
        return any(mine is not None and mine.epoch > shown.epoch for mine, shown in known)

    def not_closed(self, *, with_overrides: bool) -> tuple[int, dict[str, ScopeState]]:
        """Return what a Redis that has forgotten must be told, and the epoch up to which it is known (0: nothing is).

        Overrides only when nobody else keeps them. Of one moment: another thread may be taking in a reply.
        """
        scopes = dict(self.scopes)
        epoch = max((scope.epoch for scope in scopes.values()), default=0)
        return epoch, {
            name: scope
            for name, scope in scopes.items()
            if scope.state is not State.CLOSED and (with_overrides or scope.state not in OVERRIDDEN)
        }
