"""What this process last saw of the shared breaker: the start of its own when Redis is gone, a seed when it forgets."""

from collections.abc import Callable

from resilience.circuit_breaker.types import Seed, State
from resilience.circuit_breaker.wire import ScopeView, View

ORDERED = (State.FORCED_OPEN, State.OFF)


class LastView:
    """Remember the last answers. Assignments only, so that threads need no lock; the newest epoch wins."""

    def __init__(self, *, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self._seen_at: tuple[int, float] | None = None
        self.scopes: dict[str, ScopeView] = {}
        """By name; '' is the service."""
        self.generation = 0
        """Of the shared breaker; 0: never seen."""
        self.blocked = False
        self.wrong = False

    def see(self, seen: View, endpoint: str) -> None:
        """Take in what an answer carried."""
        self.blocked, self.wrong = seen.blocked, seen.wrong
        if seen.generation != self.generation:
            self.generation, self.scopes = seen.generation, {}
        for name, scope in (("", seen.service), (endpoint, seen.endpoint)):
            known = self.scopes.get(name)
            if known is None or scope.epoch >= known.epoch:
                self.scopes[name] = scope

    def see_time(self, now: int) -> None:
        """Take in the moment of an answer, ms by Redis's clock."""
        self._seen_at = (now, self._clock())

    def now(self) -> int:
        """Reckon Redis's time in ms from when it was last told; this machine's where it never was."""
        if self._seen_at is None:
            return round(self._wall() * 1000)
        told, at = self._seen_at
        return told + round((self._clock() - at) * 1000)

    def seed(self, *, with_orders: bool) -> Seed:
        """Return what a Redis that has forgotten should be told; an order only when nobody else keeps it."""
        scopes = dict(self.scopes)
        shut = [
            (name, scope.state.value, scope.ends, scope.opens)
            for name, scope in scopes.items()
            if scope.state is not State.CLOSED and (with_orders or scope.state not in ORDERED)
        ]
        return Seed(max((scope.epoch for scope in scopes.values()), default=0), shut)
