"""What operators and callers may read about a breaker; nothing here changes its state."""

from collections.abc import Callable
from typing import Any

from resilience.call_stats.windows import WITHOUT_ENDPOINT
from resilience.circuit_breaker import status, transitions
from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import State
from resilience.shared_state.answers import Answers

BeginShort = Callable[[str, str, tuple[int, int], float | None, CallingAccount], Callable[[], Any]]
"""Sends a short script for a closed breaker: takes its name, the endpoint, the epochs, the time and who calls."""


class BreakerView:
    """Read the state of a breaker, its changes, and whether Redis answers."""

    def __init__(self, failover: Failover, snapshot: BreakerSnapshot, begin_short: BeginShort) -> None:
        self._failover = failover
        self._snapshot = snapshot
        self._begin_short = begin_short
        # Epochs in which the status showed an endpoint as closed. No permit is given by these epochs: a breaker
        # whose "off" is over is shown as closed, too, before any call has come.
        self._known_closed: dict[str, tuple[int, int]] = {}

    def status(self, *, account: CallingAccount | None = None, now: float | None = None) -> BreakerStatus:
        """Return everything that is known of the breaker, and of `account`; `now` is for tests, in seconds."""
        caller = account or self._failover.account
        known = self._failover.status(WITHOUT_ENDPOINT, now, caller)
        if known is None:
            service = self._failover.service
            return self._failover.run_local(now, lambda local, at: (status.of_process(service, local, at, caller), ()))
        return status.of_fleet(self._failover.service, known)

    def is_blocking(self, endpoint: str, account: CallingAccount | None = None) -> bool:
        """Return whether an open breaker now denies every call to an endpoint. This takes no probe's place."""
        return self.begin_is_blocking(endpoint, account)()

    def begin_is_blocking(self, endpoint: str, account: CallingAccount | None = None) -> Callable[[], bool]:
        """Send the question of `is_blocking`, and return the function that waits for its answer.

        The same thread calls that function when it needs the answer, and may do other work meanwhile.
        """
        caller = account or self._failover.account
        epochs = self._snapshot.closed.get(endpoint) or self._known_closed.get(endpoint)
        if epochs is None:
            return lambda: self._is_blocking(endpoint, caller)
        still_closed = self._begin_short("still_closed", endpoint, epochs, None, caller)
        return lambda: still_closed() is None and self._is_blocking(endpoint, caller)

    def transitions(self, after_id: str = "0-0", count: int = 100) -> list[Transition]:
        """Return the fleet's changes of state after an id, oldest first; Redis keeps about the last 1,000.

        Without Redis the list is empty. Ids are made of Redis's time, so they still grow after Redis has lost its data.
        """
        entries = self._failover.shared.read_events(after_id, count) if self._failover.shared else None
        return [transitions.read(self._failover.service, entry, fields) for entry, fields in entries or ()]

    def redis_gone_for(self) -> float | None:
        """Return for how many seconds Redis has not answered this process; None: Redis answers, or is not used."""
        return None if self._failover.shared is None else self._failover.shared.absence.seconds

    def redis_answers(self) -> Answers:
        """Return how many of Redis's answers reached this process in time, and how many late; without Redis: 0, 0."""
        return Answers(0, 0) if self._failover.shared is None else self._failover.shared.absence.answers

    def _is_blocking(self, endpoint: str, account: CallingAccount) -> bool:
        known = self.status(account=account)
        scope, own = known.endpoints.get(endpoint), known.account_endpoints.get(endpoint)
        states = {known.state} if scope is None else {known.state, scope.state}
        if known.shared and states == {State.CLOSED}:
            self._known_closed[endpoint] = known.breaker.epoch, known.generation if scope is None else scope.epoch
        states |= set() if own is None else {own.state}
        return known.state is not State.OFF and not states.isdisjoint({State.OPEN, State.FORCED_OPEN})
