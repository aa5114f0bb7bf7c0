"""Where the breaker lives: in Redis; while Redis is gone, in this process; and back again."""

import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from resilience.breaker_messages import Answer, Arguments, Frame, Report, frame
from resilience.breaker_rules import Rules
from resilience.breaker_settings import Limits
from resilience.events import BreakerChanged, Emit, OrdersUnreadable, SettingsDiffer, SharedStateBegun
from resilience.last_view import STATES, LastView, word
from resilience.permit import CallOutcome, Change, Order, Seed, State
from resilience.shared_state import SharedState

Local = Callable[[Rules, Frame], Answer]
"""The same step by the rules of this process."""
Orders = Callable[[], Sequence[Order]]
"""Reads the operators' orders that are in force from where they are kept, oldest first."""
_ENDPOINT = re.compile(r"[a-z0-9_.-]{1,64}")


class Calm(NamedTuple):
    """The calm entry as this process knows it: see `lua/calm.lua`."""

    raw: str
    epoch: int
    endpoint_epoch: int


class Home:
    """Take each step where the breaker lives now."""

    def __init__(
        self,
        service: str,
        shared: SharedState | None,
        *,
        limits: Limits,
        key: str,
        memory: LastView,
        orders: Orders | None,
        emit: Emit,
    ) -> None:
        self._service = service
        self.shared = shared
        self._limits = limits
        self._key = key
        self.memory = memory
        self._orders = orders
        self._emit = emit
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._others: set[str] = set()
        self._frames: dict[str, Frame] = {}
        self._calm: dict[str, Calm] = {}
        self._unheard: deque[tuple[Frame, str | float]] = deque(maxlen=64)
        self._missed = False
        """Whether calls were counted here that the shared windows lack."""

    def frame(self, endpoint: str, now: float | None = None) -> Frame:
        """Say who asks; `now` in seconds, None: by the clock of where the breaker lives.

        Raises:
            ValueError: an endpoint that is no short word; its name becomes part of keys and fields.
        """
        known = self._frames.get(endpoint)
        if known is None:
            if not _ENDPOINT.fullmatch(endpoint):
                raise ValueError(f"an endpoint is named with a-z, 0-9, _, - and dots, not {endpoint!r}")
            known = self._frames[endpoint] = frame(self._limits, endpoint, self._key)
        return known if now is None else known._replace(now=round(now * 1000))

    def passed(self, frame: Frame) -> tuple[Calm, int] | None:
        """Take the short way through a breaker that was closed when last seen: its epochs and the grant's serial."""
        calm = self._calm.get(frame.endpoint)
        if calm is None or self.shared is None:
            return None
        serial: Any = self.shared.call("pass", frame, (calm.raw,))
        if not serial:
            return None
        self._rules = None
        return calm, serial

    def told(self, frame: Frame, elapsed_ms: int, ceiling: int, left: int) -> bool:
        """Tell one success the short way; False: it must be told the long one."""
        if self.shared is None or frame.endpoint not in self._calm:
            return False
        return bool(self.shared.call("tell", frame, (frame.endpoint, elapsed_ms, ceiling, left)))

    def run(self, name: str, frame: Frame, own: Arguments, local: Local) -> tuple[Answer, bool]:
        """Give the answer, and whether it is the fleet's (else only this process's)."""
        answer = None if self.shared is None else self._ask(self.shared, name, frame, own)
        if answer is None:
            answer = self._alone(frame, local)
            if name == "record" or (name == "acquire" and answer[0] != "granted"):
                self._unheard.append((frame, own[0]))
            self._missed = self._missed or bool(getattr(own, "told", ""))
            return answer, False
        self._rules = None
        if self._missed:
            self._missed = self.ask("doubt", frame) is None
        if self._unheard:
            self._give_back_unheard()
        view = answer[-1]
        self.memory.see(view, frame.endpoint)
        self._remember_calm(view, frame.endpoint)
        self.tell(view, frame, shared=True)
        return answer, True

    def ask(self, name: str, frame: Frame, own: Arguments = ()) -> Answer | None:
        """Ask what needs no breaker that was begun; None when Redis is gone, or there is none."""
        return None if self.shared is None else self.shared.call(name, frame, own)

    def look(self, frame: Frame) -> Answer | None:
        """Read everything that the shared breaker knows; None when Redis is gone."""
        return None if self.shared is None else self._ask(self.shared, "status", frame, ())

    def alone(self, frame: Frame, local: Callable[[Rules, Frame], Any]) -> Any:
        """Look at the breaker of this process."""
        rules, frame = self._own(frame)
        with self._lock:
            return local(rules, frame)

    def tell(self, view: Answer, frame: Frame, *, shared: bool) -> None:
        """Say what an answer's view shows for the first time: others' settings, changes of state."""
        if view[2]:
            theirs = word(view[2])
            if theirs not in self._others:
                self._others.add(theirs)
                self._emit(SettingsDiffer(self._service, frame.settings, theirs))
        for change in changes(view):
            self._emit(BreakerChanged(self._service, change, shared=shared))

    def _ask(self, shared: SharedState, name: str, frame: Frame, own: Arguments) -> Answer | None:
        answer = shared.call(name, frame, own)
        if answer is not None and len(answer) == 1:  # forgotten
            answer = shared.call(name, frame, own) if self._begin(shared, frame) else None
            return None if answer is None or len(answer) == 1 else answer
        again = answer is not None and name in ("acquire", "release") and self._knows_better(answer[-1])
        if again and self._begin(shared, frame):
            return shared.call(name, frame, own)
        return answer

    def _give_back_unheard(self) -> None:
        """Free the half-open places that a frozen Redis gave, when it thawed, to owners who had gone another way."""
        while self._unheard and self.shared is not None:
            with suppress(IndexError):  # another thread was quicker
                frame, owner = self._unheard.popleft()
                report = Report(str(owner), "", 0, 0, CallOutcome.IGNORED.value, "none", 0, 1, "", "", 0, 0)
                self.shared.call("record", frame, report)

    def _remember_calm(self, view: Answer, endpoint: str) -> None:
        service, scope = view[3], view[4]
        if STATES[service[0]] is STATES[scope[0]] is State.CLOSED:
            raw = f"{view[1]} {service[1]} {scope[1]}"
            self._calm[endpoint] = Calm(raw, service[1], scope[1])
        else:
            self._calm.pop(endpoint, None)

    def _knows_better(self, view: Answer) -> bool:
        """Say whether another began the breaker again while this process remembers that it was not closed."""
        return view[1] != self.memory.born and bool(self.memory.seed(with_orders=self._orders is None).scopes)

    def _begin(self, shared: SharedState, frame: Frame) -> bool:
        """Begin the shared breaker again with what this process remembers and what the operators ordered."""
        orders = self._read_orders()
        if orders is None:
            return False
        seed = self.memory.seed(with_orders=self._orders is None)
        told = [value for order in orders for value in order.arguments()]
        answer = shared.call("begin", frame, (*seed.arguments(), *told))
        if answer is None:
            return False
        if word(answer[0]) == "done":
            self._emit(SharedStateBegun(self._service, answer[1][1], bool(seed.scopes), len(orders)))
            self.tell(answer[1], frame, shared=True)
        return True

    def _read_orders(self) -> list[Order] | None:
        try:
            return list(self._orders()) if self._orders else []
        except Exception as error:  # noqa: BLE001 - whatever the store of orders raises, no task may fail for it
            self._emit(OrdersUnreadable(self._service, f"{type(error).__name__}: {error}"[:200]))
            return None

    def _alone(self, frame: Frame, local: Local) -> Answer:
        rules, frame = self._own(frame)
        with self._lock:
            answer = local(rules, frame)
        self.tell(answer[-1], frame, shared=False)
        return answer

    def _own(self, frame: Frame) -> tuple[Rules, Frame]:
        """Give this process's breaker, begun where the shared one was last seen, and Redis's time as far as known."""
        if not frame.now:
            frame = frame._replace(now=self.memory.now())
        rules = self._rules
        if rules is None:
            if self.memory.born:
                rules = self.memory.rules(self._limits)
            else:
                rules = Rules(self._limits)
                rules.begin(frame, Seed(0, ()), self._read_orders() or ())
            with self._lock:
                rules = self._rules = self._rules or rules
        return rules, frame


def changes(view: Answer) -> tuple[Change, ...]:
    """Give the changes of state that an answer's step brought about."""
    return tuple(
        Change(word(name) or None, STATES[old], STATES[new], epoch, word(reason), failures)
        for name, old, new, epoch, reason, failures in view[5]
    )
