"""The last known state of the shared breaker: this process goes on from it, and later restores Redis with it."""

from collections.abc import Callable

from resilience.circuit_breaker.types import State
from resilience.circuit_breaker.wire import BreakerState, ScopeState

BLOCKS = 1000
"""How many blocked keys a process remembers."""
OVERRIDDEN = (State.FORCED_OPEN, State.OFF)


class BreakerSnapshot:
    """Keep the state of the last replies; the newest epoch wins. The methods only assign, so threads need no lock."""

    def __init__(self, *, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self.seen_at: tuple[int, float] | None = None
        """A moment by Redis's clock (ms), and the same moment by ours (s)."""
        self.scopes: dict[str, ScopeState] = {}
        """The scopes' states by name; '' is the service."""
        self.generation = 0
        """The generation of the shared breaker; 0: not known."""
        self.closed: dict[str, tuple[int, int]] = {}
        """By endpoint that was last known as closed and not blocked: the epochs of the service and of the endpoint."""
        self.blocks: dict[str, tuple[bool, bool]] = {}
        """By key that is blocked: whether the key is refused, and whether its settings lead to another server."""

    def update(self, state: BreakerState, endpoint: str, now: int, key: str = "", *, alone: bool = True) -> None:
        """Take the state from a reply about an endpoint; `now`: the reply's time, ms by Redis's clock.

        `key` is the fingerprint of the caller's; `alone`: its block concerns all calls of this process.
        """
        blocked = state.blocked or state.misconfigured
        self.blocks.pop(key, None)
        if blocked:
            if len(self.blocks) >= BLOCKS:
                self.blocks = {}  # the first call of each key without Redis finds its block again
            self.blocks[key] = state.blocked, state.misconfigured
        if state.generation != self.generation:
            self.generation, self.scopes = state.generation, {}
        scopes, shown = self.scopes, {"": state.service, endpoint: state.endpoint}
        for name, scope in shown.items():
            known = scopes.get(name)
            if known is None or scope.epoch >= known.epoch:
                scopes[name] = scope
        states = {scope.state for scope in shown.values()} | {scopes[name].state for name in shown}
        if states == {State.CLOSED} and not (alone and blocked):
            self.closed[endpoint] = state.service.epoch, state.endpoint.epoch
        else:
            self.closed.clear()  # a block, or an open service, concerns all endpoints
        self.seen_at = (now, self._clock())

    def now(self) -> int:
        """Return Redis's time in ms, computed from its last reply; without a reply, this machine's time."""
        if self.seen_at is None:
            return round(self._wall() * 1000)
        redis_time, at = self.seen_at
        return redis_time + round((self._clock() - at) * 1000)

    def is_later(self, state: BreakerState, endpoint: str) -> bool:
        """Return whether the kept state is newer than a reply's.

        Then Redis has an old snapshot, or another thread's later reply arrived first.
        """
        known = (self.scopes.get(""), state.service), (self.scopes.get(endpoint), state.endpoint)
        return any(mine is not None and mine.epoch > shown.epoch for mine, shown in known)

    def not_closed(self, *, with_overrides: bool) -> tuple[int, dict[str, ScopeState]]:
        """Return the newest known epoch (0: none), and the scopes that are not closed, to restore Redis with them.

        `with_overrides`: include the states forced open and off, if no database keeps the overrides.
        """
        scopes = dict(self.scopes)  # a copy: another thread may be updating them
        epoch = max((scope.epoch for scope in scopes.values()), default=0)
        return epoch, {
            name: scope
            for name, scope in scopes.items()
            if scope.state is not State.CLOSED and (with_overrides or scope.state not in OVERRIDDEN)
        }
