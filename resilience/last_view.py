"""What this process last saw of the shared breaker: the start of its own when Redis is gone, a seed when it forgets."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from resilience.breaker_messages import Answer
from resilience.breaker_rules import Rules
from resilience.breaker_scope import Scope
from resilience.breaker_settings import Limits
from resilience.permit import Seed, State

STATES: Mapping[str | bytes, State] = MappingProxyType(
    {state.value: state for state in State} | {state.value.encode(): state for state in State}
)
"""Redis answers in bytes, or in words when its client decodes."""
EPOCH = 1
"""Where a scope's view has its epoch."""
ORDERED = (State.FORCED_OPEN, State.OFF)


def word(value: Any) -> str:
    """Read a word of an answer, whether or not the client decodes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def pairs(flat: Sequence[Any]) -> dict[str, str]:
    """Read a hash as a script gives it: name, value, name, value."""
    words = [word(value) for value in flat]
    return dict(zip(words[::2], words[1::2], strict=True))


class LastView:
    """Remember the last answers. Assignments only, so that threads need no lock; the newest epoch wins."""

    def __init__(self, *, clock: Callable[[], float], wall: Callable[[], float]) -> None:
        self._clock = clock
        self._wall = wall
        self._seen_at: tuple[int, float] | None = None
        self._service: list[Any] = []
        self._endpoints: dict[str, list[Any]] = {}
        self.born = 0
        """The generation of the shared breaker; 0: never seen."""
        self.blocked: frozenset[str] = frozenset()

    def see(self, view: Answer, endpoint: str) -> None:
        """Take in the view that an answer carried: now, generation, others' settings, service, endpoint, changes."""
        self._seen_at = (view[0], self._clock())
        if view[1] != self.born:
            self.born, self._service, self._endpoints = view[1], view[3], {}
        elif view[3][EPOCH] >= self._service[EPOCH]:
            self._service = view[3]
        known = self._endpoints.get(endpoint)
        if known is None or view[4][EPOCH] >= known[EPOCH]:
            self._endpoints[endpoint] = view[4]

    def block(self, key: str, *, blocked: bool) -> None:
        """Remember whether an API key is blocked."""
        if blocked != (key in self.blocked):
            self.blocked = self.blocked | {key} if blocked else self.blocked - {key}

    def now(self) -> int:
        """Reckon Redis's time in ms from when it was last told; this machine's where it never was."""
        if self._seen_at is None:
            return round(self._wall() * 1000)
        told, at = self._seen_at
        return told + round((self._clock() - at) * 1000)

    def seed(self, *, with_orders: bool) -> Seed:
        """Give what a Redis that has forgotten should be told; an order only when nobody else keeps it."""
        known = {"": self._service} if self._service else {}
        known |= self._endpoints
        scopes = []
        for name, (state_word, _, ends, opens, _, _) in known.items():
            state = STATES[state_word]
            if state is not State.CLOSED and (with_orders or state not in ORDERED):
                scopes.append((name, state.value, int(ends), int(opens)))
        return Seed(max((int(scope[1]) for scope in known.values()), default=0), scopes)

    def rules(self, limits: Limits) -> Rules:
        """Begin this process's own breaker where the shared one was last seen, in the same epochs."""
        rules = Rules(limits)
        rules.born, rules.settings = self.born, limits.text
        rules.blocked = dict.fromkeys(self.blocked, self.now())
        rules.service = self._scope("", self._service, rules)
        rules.endpoints = {name: self._scope(name, seen, rules) for name, seen in self._endpoints.items()}
        return rules

    def _scope(self, name: str, seen: list[Any], rules: Rules) -> Scope:
        state, epoch, ends, opens, owner, lease = seen
        scope = Scope(name, int(epoch), rules.journal, STATES[state], int(ends), int(opens))
        scope.occupy(word(owner), int(lease))
        return scope
