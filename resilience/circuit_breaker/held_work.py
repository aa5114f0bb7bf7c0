"""The held work of a breaker: which items may be sent now, and which places are free again."""

from collections.abc import Callable, Sequence

from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import Reason, Released, State
from resilience.circuit_breaker.wire import GIVE_BACK, RELEASE, TURNED_OUT, to_seconds
from resilience.shared_state.answers import Late

CountWaiting = Callable[[int], int]
"""Counts the released items whose call no process has taken up, up to a number, by the record of all processes."""


class HeldWork:
    """Release held items in order, at the breaker's pace.

    One endpoint of a service has the common window. An endpoint may have a window of its own (`apart`), for items that
    do not wait for the one that has the common window.
    """

    def __init__(self, failover: Failover, settings: BreakerSettings, waiting: CountWaiting | None = None) -> None:
        self._failover = failover
        self._waiting = waiting
        self._release_max = settings.release_max
        self._process_max = settings.limits.process_max
        self._redis_retry = settings.redis_retry  # s

    def release(
        self,
        endpoint: str,
        items: Sequence[str | int],
        *,
        account: CallingAccount | None = None,
        now: float | None = None,
        apart: bool = False,
    ) -> Released:
        """Return which of these held items, oldest first, may be sent now; the others stay held.

        In half-open one item may be sent (several after `turned_out`); with a closed breaker, as many as the window,
        the calls in flight and the rate limit allow. No item is released to two callers. The caller must end each
        released item: `acquire` denies the item's call, or the call's outcome is recorded, or `give_back` is called.
        Otherwise the item's place becomes free only when its lease ends. `account`: whose items these are; None:
        account 1's, alone. `now` is for tests, in seconds. `apart`: in the endpoint's own window.
        """
        wanted = tuple(str(item) for item in items)
        reply = self._failover.ask(RELEASE, endpoint, (self._release_max, *wanted), now, account, apart=apart)
        if isinstance(reply, Late):
            self._failover.not_acknowledged(endpoint, items=wanted, apart=apart)
            return Released((), 0, Reason.THROTTLED, self._redis_retry, State.CLOSED, State.CLOSED)
        if reply is None:
            most = self._places_by_record() if wanted else None
            return self._failover.run_local(now, lambda local, at: local.release(endpoint, at, wanted, account, most))
        releases, state = reply.result, reply.state
        return Released(
            releases.items,
            releases.room,
            releases.reason,
            to_seconds(releases.wait),
            state.service.state,
            state.endpoint_state,
            releases.places,
            releases.turn,
        )

    def _places_by_record(self) -> int | None:
        """Return how many items may be released without Redis; None: that is known by no record.

        Without Redis perhaps no message goes either: what was released and is not taken up bounds what may follow it.
        """
        return None if self._waiting is None else self._process_max - self._waiting(self._process_max)

    def count_releasable(
        self, endpoint: str, *, account: CallingAccount | None = None, now: float | None = None
    ) -> Released:
        """Return how many held items may be sent now (`room`), and whose turn it was last; release no item."""
        return self.release(endpoint, (), account=account, now=now)

    def give_back(
        self, endpoint: str, item: str | int, *, answered_at: int = 0, now: float | None = None, apart: bool = False
    ) -> None:
        """Free the place of a released item that ended without a call of its own.

        `answered_at`: the `granted_at` of the first permit of its attempt whose call was a success, as a lookup; then
        the release window may grow as after a success. 0: there was no such call.
        """
        self._failover.run(GIVE_BACK, endpoint, (self._release_max, answered_at, str(item)), now, apart=apart)

    def turned_out(self, endpoint: str, *, done: bool, now: float | None = None) -> None:
        """Record what became of a call whose answer was not clear: the service has done it, or not.

        If it has done each of the last six, as many items as failures open the breaker may be sent in each half-open
        window: one of them is the probe. Without Redis there is one.
        """
        self._failover.run(TURNED_OUT, endpoint, (int(done),), now)
