"""What operators see of a breaker and may order: each order with who and why, at once and for the whole fleet."""

from datetime import datetime

from resilience import breaker_status, transitions
from resilience.breaker_home import Home
from resilience.breaker_messages import Frame
from resilience.breaker_rules import Rules
from resilience.breaker_status import BreakerStatus
from resilience.last_view import pairs, word
from resilience.permit import Order, OrderKind, State
from resilience.transitions import Transition

ENDPOINT = "any"


class OperatorOrders:
    """The operators' half of a circuit breaker."""

    service: str
    _home: Home

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
        """Obey an order; one whose number is not above that of the last obeyed one changes nothing.

        So a beat that gives the newest order from the database again makes good a Redis that came back with an old one.
        """
        answer, _ = self._home.run(
            "order", self._home.frame(ENDPOINT), order.arguments(), lambda rules, at: rules.order(at, order)
        )
        return word(answer[0]) == "done"

    def is_open(self, endpoint: str | None = None) -> bool:
        """Say whether the breaker sends nothing; with an endpoint, of that one or of the service."""
        status = self.get_status()
        scopes = [status.breaker, *(scope for name, scope in status.endpoints.items() if name == endpoint)]
        return status.state is not State.OFF and any(s.state in (State.OPEN, State.FORCED_OPEN) for s in scopes)

    def get_status(self, *, now: float | None = None) -> BreakerStatus:
        """Look at everything that is known, changing nothing."""
        frame = self._home.frame(ENDPOINT, now)
        answer = self._home.look(frame)
        if answer is None:
            status: BreakerStatus = self._home.alone(frame, self._read_own)
            return status
        _, at, fields, rate, waiting, sending = answer
        known = pairs(fields) | pairs(rate)
        return breaker_status.read(self.service, known, now=at, waiting=waiting, sending=sending, shared=True)

    def transitions(self, after_id: str = "0-0", count: int = 100) -> list[Transition]:
        """Read the fleet's changes of state after an id, oldest first; the last 1,000 or so are kept.

        Nothing when Redis is gone. After Redis has forgotten, ids still grow: they are made of its time.
        """
        entries = self._home.shared.read_events(after_id, count) if self._home.shared else None
        return [transitions.read(self.service, entry, fields) for entry, fields in entries or ()]

    def _read_own(self, rules: Rules, frame: Frame) -> BreakerStatus:
        fields = breaker_status.fields_of(rules)
        waiting = sum(ends > frame.now for ends in rules.window.waiting.values())
        sending = sum(ends > frame.now for ends in rules.window.sending.values())
        return breaker_status.read(self.service, fields, now=frame.now, waiting=waiting, sending=sending, shared=False)
