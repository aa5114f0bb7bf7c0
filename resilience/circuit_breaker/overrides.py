"""What operators see of a breaker and may order: each order with who and why, at once and for the whole fleet."""

from datetime import datetime

from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker import status, transitions
from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.local import LocalBreaker
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import Order, OrderKind
from resilience.shared_state.answers import pairs, word

ENDPOINT = "any"


class OperatorOrders:
    """The operators' half of a circuit breaker."""

    service: str
    key: str
    configuration: str
    calls: CallStats
    _failover: Failover

    def force_open(self, by: str, why: str, until: datetime | None = None, *, number: int = 0) -> bool:
        """Send nothing, until `until` or another order; then one probe decides."""
        return self.restore(Order(OrderKind.OPEN, by, why, until, number))

    def off(self, by: str, why: str, until: datetime | None = None, *, number: int = 0) -> bool:
        """Let everything through, for relief; blocked keys and the rate limit still count."""
        return self.restore(Order(OrderKind.OFF, by, why, until, number))

    def auto(self, by: str, why: str, *, number: int = 0) -> bool:
        """End a forced open (one probe decides) or an off (closed)."""
        return self.restore(Order(OrderKind.AUTO, by, why, None, number))

    def reset(self, by: str = "", why: str = "", *, number: int = 0) -> bool:
        """Close the service's breaker and all of its endpoints', and unblock every key."""
        return self.restore(Order(OrderKind.RESET, by, why, None, number))

    def block_key(self, fingerprint: str, *, by: str = "", why: str = "", number: int = 0) -> bool:
        """Send nothing more with this API key, until a reset."""
        return self.restore(Order(OrderKind.BLOCK, by, why, None, number, fingerprint))

    def restore(self, order: Order) -> bool:
        """Obey an order; one whose number is below that of the last obeyed one changes nothing.

        So a beat that gives the newest order from the database again makes good a Redis that came back with an old one.
        Return whether it is obeyed, now or before.
        """
        known = self._failover.run("order", ENDPOINT, order.arguments())
        if known is None:
            self._failover.run_local(None, lambda local, at: local.obey((order,), at))
            if order.kind is OrderKind.RESET:
                self.calls.forget_figures()
            return True
        return word(known[0][0]) == "done"

    def get_status(self, *, now: float | None = None) -> BreakerStatus:
        """Look at everything that is known, changing nothing."""
        answer = self._failover.look(ENDPOINT, now)
        if answer is None:
            return self._failover.run_local(now, self._own_status)
        _, at, fields, rate, waiting, sending = answer
        throttled_until = int(pairs(rate).get("shut", 0))
        return status.read(
            self.service, pairs(fields), now=at, throttled_until=throttled_until, waiting=waiting, sending=sending
        )

    def _own_status(self, local: LocalBreaker, now: int) -> BreakerStatus:
        return status.of_process(self.service, local, now, key=self.key, configuration=self.configuration)

    def gone_for(self) -> float | None:
        """Return for how many seconds Redis has not answered this process; None: it does, or there is none."""
        return None if self._failover.shared is None else self._failover.shared.gone_for

    def transitions(self, after_id: str = "0-0", count: int = 100) -> list[Transition]:
        """Read the fleet's changes of state after an id, oldest first; the last 1,000 or so are kept.

        Nothing when Redis is gone. After Redis has forgotten, ids still grow: they are made of its time.
        """
        entries = self._failover.shared.read_events(after_id, count) if self._failover.shared else None
        return [transitions.read(self.service, entry, fields) for entry, fields in entries or ()]
