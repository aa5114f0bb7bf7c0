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
from resilience.shared_state.answers import LATE, Answers

BeginShort = Callable[..., Callable[[], Any]]
"""Sends a short script for a closed breaker: takes its name, endpoint, epochs, time, caller and further arguments."""
AT_ONCE = 16
"""How many messages of an account may go where its pace is not known."""


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

    def is_at_rest(self) -> bool:
        """Return whether Redis has nothing of the service, last called hours ago; `status` would begin it again."""
        return self._failover.is_forgotten(WITHOUT_ENDPOINT)

    def is_blocking(self, endpoint: str, account: CallingAccount | None = None) -> bool:
        """Return whether an open breaker now denies every call to an endpoint. This takes no probe's place."""
        return self.begin_is_blocking(endpoint, account)()

    def begin_is_blocking(self, endpoint: str, account: CallingAccount | None = None) -> Callable[[], bool]:
        """Send the question of `is_blocking`, and return the function that waits for its answer.

        The same thread calls that function when it needs the answer, and may do other work meanwhile.
        """
        admitted = self.begin_admission(endpoint, account or self._failover.account, 0)
        return lambda: admitted() is None

    def begin_admission(self, endpoint: str, account: CallingAccount, wanted: int) -> Callable[[], int | None]:
        """Ask whether so many messages of an account may go; return the function that waits for the answer.

        That is how many may go now, all of an account that is alone; None: an open breaker denies every call. The same
        thread waits for the answer, and may do other work meanwhile.
        """
        epochs = self._snapshot.closed.get(endpoint) or self._known_closed.get(endpoint)
        begun = None
        if epochs is not None:
            begun = self._begin_short("still_closed", endpoint, epochs, None, account, wanted)
        unpaced = wanted if account.alone else min(wanted, AT_ONCE)

        def admitted() -> int | None:
            reply = begun() if begun is not None else None
            if reply is not None:
                known = not account.alone and reply is not LATE
                return int(reply[2]) if known else unpaced
            if self._is_blocking(endpoint, account):
                return None
            newer = self._known_closed.get(endpoint)
            if account.alone or wanted == 0 or newer is None or newer == epochs:
                return unpaced
            reply = self._begin_short("still_closed", endpoint, newer, None, account, wanted)()
            return unpaced if reply is None or reply is LATE else int(reply[2])

        return admitted

    def give_back_messages(self, endpoint: str, account: CallingAccount, count: int) -> None:
        """Give back that so many messages may go, for others of the account: these were not sent."""
        epochs = self._snapshot.closed.get(endpoint) or self._known_closed.get(endpoint)
        if epochs is not None and not account.alone:
            self._begin_short("still_closed", endpoint, epochs, None, account, -count)()

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
