"""What operators and callers may read about a breaker; nothing here changes its state."""

from collections.abc import Callable
from typing import Any

from resilience.call_stats.windows import WITHOUT_ENDPOINT
from resilience.circuit_breaker import status, transitions
from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.local import LocalBreaker
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import Change, State
from resilience.shared_state.answers import Answers

BeginShort = Callable[[str, str, tuple[int, int], float | None], Callable[[], Any]]
"""Sends a short script for a closed breaker: takes the script's name, the endpoint, the epochs and the time."""


class BreakerView:
    """Read the state of a breaker, its changes, and whether Redis answers."""

    def __init__(self, failover: Failover, snapshot: BreakerSnapshot, begin_short: BeginShort) -> None:
        self._failover = failover
        self._snapshot = snapshot
        self._begin_short = begin_short
        # Epochs in which the status showed an endpoint as closed. No permit is given by these epochs: a breaker
        # whose "off" is over is shown as closed, too, before any call has come.
        self._known_closed: dict[str, tuple[int, int]] = {}

    def status(self, *, now: float | None = None) -> BreakerStatus:
        """Return everything that is known; `now` is for tests, in seconds."""
        known = self._failover.status(WITHOUT_ENDPOINT, now)
        if known is None:
            return self._failover.run_local(now, self._local_status)
        return status.of_fleet(self._failover.service, known)

    def is_blocking(self, endpoint: str) -> bool:
        """Return whether an open breaker now denies every call to an endpoint. This takes no probe's place."""
        return self.begin_is_blocking(endpoint)()

    def begin_is_blocking(self, endpoint: str) -> Callable[[], bool]:
        """Send the question of `is_blocking`, and return the function that waits for its answer.

        The same thread calls that function when it needs the answer, and may do other work meanwhile.
        """
        epochs = self._snapshot.closed.get(endpoint) or self._known_closed.get(endpoint)
        if epochs is None:
            return lambda: self._is_blocking(endpoint)
        still_closed = self._begin_short("still_closed", endpoint, epochs, None)
        return lambda: still_closed() is None and self._is_blocking(endpoint)

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

    def _is_blocking(self, endpoint: str) -> bool:
        known = self.status()
        own = known.endpoints.get(endpoint)
        states = {known.state} if own is None else {known.state, own.state}
        if known.shared and states == {State.CLOSED}:
            self._known_closed[endpoint] = known.breaker.epoch, known.generation if own is None else own.epoch
        return known.state is not State.OFF and not states.isdisjoint({State.OPEN, State.FORCED_OPEN})

    def _local_status(self, local: LocalBreaker, now: int) -> tuple[BreakerStatus, tuple[Change, ...]]:
        identity = self._failover.identity
        return (
            status.of_process(
                self._failover.service, local, now, key=identity.key, configuration=identity.configuration
            ),
            (),
        )
