"""Where the breaker lives: in Redis; while Redis is gone, in this process; and back again."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from resilience.circuit_breaker.events import BreakerChanged, OrdersUnreadable, SettingsDiffer, SharedStateBegun
from resilience.circuit_breaker.local import LocalBreaker
from resilience.circuit_breaker.settings import Limits
from resilience.circuit_breaker.snapshot import LastView
from resilience.circuit_breaker.types import CallOutcome, Order
from resilience.circuit_breaker.wire import GENERATION, LENGTH, Report, View, view
from resilience.shared_state.answers import word
from resilience.shared_state.events import Emit
from resilience.shared_state.scripts import breaker_keys
from resilience.shared_state.state import SharedState

Orders = Callable[[], Sequence[Order]]
"""Reads the operators' orders that are in force from where they are kept, oldest first."""
Answer = TypeVar("Answer")
Arguments = tuple[str | float, ...]
FORGOTTEN = 1
"""Length of the answer of a Redis that knows no breaker."""


class Failover:
    """Take each step in Redis; tell when it cannot be taken there, and keep what the process goes on with then."""

    def __init__(
        self,
        service: str,
        shared: SharedState | None,
        *,
        limits: Limits,
        identity: tuple[str, str],
        memory: LastView,
        orders: Orders | None,
        emit: Emit,
    ) -> None:
        self._service = service
        self.shared = shared
        self._limits = limits
        self._identity = (*identity, limits.text)
        self.memory = memory
        self._orders = orders
        self._emit = emit
        self._lock = threading.Lock()
        self._local: LocalBreaker | None = None
        self._other_settings: set[str] = set()
        self._last: dict[str, tuple[list[Any], View]] = {}
        """By endpoint: the last view, raw and read."""
        self._unacknowledged: deque[tuple[str, str]] = deque(maxlen=64)

    def run(
        self, name: str, endpoint: str, own: Arguments, now: float | None = None
    ) -> tuple[list[Any], View, int] | None:
        """Return what a script says, its view, and its moment in ms; None when Redis is gone.

        `now` is in seconds; None: Redis's clock.
        """
        answer = self._ask(name, endpoint, own, now)
        if answer is None:
            return None
        self._local = None
        if self._unacknowledged:
            self._give_back_unacknowledged()
        raw, seen = self._last.get(endpoint, ([], None))
        if seen is None or raw != answer[1:LENGTH]:  # nearly every answer shows what the last one did
            seen = view(answer[1:LENGTH])
            self._tell(seen)
            self._last[endpoint] = (answer[1:LENGTH], seen._replace(other_settings="", changes=()))
        self.memory.see(seen, endpoint)  # also what is as before here: of a block, another endpoint may have shown more
        self.memory.see_time(answer[0])
        return answer[LENGTH:], seen, answer[0]

    def look(self, endpoint: str, now: float | None = None) -> list[Any] | None:
        """Return everything that the shared breaker knows; None when Redis is gone, or there is none."""
        return self._ask("status", endpoint, (), now)

    def run_local(self, now: float | None, step: Callable[[LocalBreaker, int], Answer]) -> Answer:
        """Take a step by the breaker of this process."""
        local, at = self._own(now)
        with self._lock:
            answer = step(local, at)
            changes, local.changes = local.changes, []
        for change in changes:
            self._emit(BreakerChanged(self._service, change, shared=False))
        return answer

    def not_acknowledged(self, endpoint: str, owner: str) -> None:
        """Remember a call that may hold a half-open place: a frozen Redis, when it thaws, does what it was asked."""
        if self.shared is not None:
            self._unacknowledged.append((endpoint, owner))

    def _ask(self, name: str, endpoint: str, own: Arguments, now: float | None) -> list[Any] | None:
        answer = self._call(name, endpoint, own, now)
        if answer is not None and len(answer) == FORGOTTEN:
            answer = self._call(name, endpoint, own, now) if self._begin(endpoint, now) else None
            return None if answer is None or len(answer) == FORGOTTEN else answer
        if answer is not None and name in ("acquire", "release") and self._knows_better(answer[GENERATION]):
            return self._call(name, endpoint, own, now) if self._begin(endpoint, now) else answer
        return answer

    def _call(self, name: str, endpoint: str, own: Arguments, now: float | None) -> list[Any] | None:
        if self.shared is None:
            return None
        at = 0 if now is None else round(now * 1000)
        arguments = (endpoint, *self._identity, at, *own)
        answer: list[Any] | None = self.shared.call(name, breaker_keys(self._service, endpoint), arguments)
        return answer

    def _give_back_unacknowledged(self) -> None:
        while self._unacknowledged:
            with suppress(IndexError):  # another thread was quicker
                endpoint, owner = self._unacknowledged.popleft()
                self._call("record", endpoint, Report(CallOutcome.IGNORED, owner), None)

    def _tell(self, seen: View) -> None:
        """Say what an answer shows for the first time: others' settings, changes of state."""
        if seen.other_settings and seen.other_settings not in self._other_settings:
            self._other_settings.add(seen.other_settings)
            self._emit(SettingsDiffer(self._service, self._limits.text, seen.other_settings))
        for change in seen.changes:
            self._emit(BreakerChanged(self._service, change, shared=True))

    def _knows_better(self, generation: int) -> bool:
        """Say whether another began the breaker again while this process remembers that it was not closed."""
        changed = generation != self.memory.generation
        return changed and bool(self.memory.seed(with_orders=self._orders is None).scopes)

    def _begin(self, endpoint: str, now: float | None) -> bool:
        """Begin the shared breaker again with what this process remembers and what the operators ordered."""
        orders = self._read_orders()
        if orders is None:
            return False
        seed = self.memory.seed(with_orders=self._orders is None)
        told = [value for order in orders for value in order.arguments()]
        answer = self._call("begin", endpoint, (*seed.arguments(), *told), now)
        if answer is None:
            return False
        if word(answer[LENGTH]) == "done":
            seen = view(answer[1:LENGTH])
            self._emit(SharedStateBegun(self._service, seen.generation, bool(seed.scopes), len(orders)))
            self._tell(seen)
        return True

    def _read_orders(self) -> list[Order] | None:
        try:
            return list(self._orders()) if self._orders else []
        except Exception as error:  # noqa: BLE001 - whatever the store of orders raises, no task may fail for it
            self._emit(OrdersUnreadable(self._service, f"{type(error).__name__}: {error}"[:200]))
            return None

    def _own(self, now: float | None) -> tuple[LocalBreaker, int]:
        """Return this process's breaker, begun where the shared one was last seen, and Redis's time as far as known."""
        at = self.memory.now() if now is None else round(now * 1000)
        local = self._local
        if local is None:
            local = LocalBreaker(self._limits, self.memory, at, self._identity[0])
            # An order may be younger than what this process last saw.
            mine = [order for order in self._read_orders() or () if order.fingerprint in ("", self._identity[0])]
            local.obey(mine, at)
            local.changes = []
            with self._lock:
                local = self._local = self._local or local
        return local, at
