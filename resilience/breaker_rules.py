"""The breaker's rules in this process: what the scripts in `lua/` do, for the time in which Redis is gone.

One model, two implementations: `tests/integration/test_breaker_model.py` drives both with the same steps and compares
every answer. Times are whole milliseconds, given by the caller; not safe for threads, its owner locks.
"""

import re
from collections.abc import Iterator, Sequence

from resilience.breaker_messages import Answer, Ask, Frame, Report
from resilience.breaker_scope import Journal, Scope
from resilience.breaker_settings import Limits
from resilience.call_counts import CallCounts
from resilience.call_windows import CallWindows
from resilience.paced_release import ReleaseWindow
from resilience.permit import CallOutcome, Order, OrderKind, Reason, Seed, State
from resilience.rate_limit import RateLimit

BUSY = 1000
"""Milliseconds after which to ask again when the one place is taken."""
UNTIL_SOMEBODY_ACTS = -1
_TOLD = re.compile(r"(\S+) (\S+) (\d) (\d+) (\d+) (\d+);")
SERVICE_VERDICT = {CallOutcome.SUCCESS: True, CallOutcome.FAILURE_ENDPOINT: True, CallOutcome.FAILURE_SERVICE: False}
ENDPOINT_VERDICT = {CallOutcome.SUCCESS: True, CallOutcome.FAILURE_ENDPOINT: False}


class Rules:
    """Keep one service's breaker in memory."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.born = 0
        self.seeded = 0
        self.ordered = 0
        self.settings = ""
        self.blocked: dict[str, int] = {}
        self.rate = RateLimit()
        self.window = ReleaseWindow()
        self.counts = CallCounts()
        self.windows = CallWindows()
        self.journal = Journal(self.counts.fields.clear)
        self.service = Scope("", 0, self.journal)
        self.endpoints: dict[str, Scope] = {}

    def begin(self, frame: Frame, seed: Seed, orders: Sequence[Order]) -> Answer:
        """Begin, or correct a beginning from which nothing has happened yet."""
        self.journal.begin_step()
        if not self.born:
            self.born = self.service.epoch = max(seed.epoch + 1, frame.now)
        elif self.service.epoch != self.born or seed.epoch <= self.seeded:
            return ["ignored", self._view(frame)]
        self.seeded = seed.epoch
        for name, state, ends, opens in seed.scopes:
            scope = self._endpoint(name) if name else self.service
            scope.move(State(state), frame.now, "restored", ends=ends, opens=opens)
        for order in orders:
            self._obey(order, frame)
        return ["done", self._view(frame)]

    def acquire(self, frame: Frame, ask: Ask) -> Answer:
        """Answer: may this call go?"""
        now, limits = frame.now, self.limits
        scopes = self._start(frame, ask)
        verdict, wait, probing = self._obstacle(frame, probe_ok=bool(ask.probe_ok))
        released = self.window.waiting.pop(ask.item, None) is not None
        if not verdict:
            verdict = "granted"
            self.rate.take(limits, now)
            if released:
                self.window.sending[ask.item] = now + limits.lease_for
            for scope in scopes:
                if probing and scope.state is State.HALF_OPEN:
                    scope.occupy(ask.owner, now + limits.lease_for)
        return [verdict, wait, int(probing), self.rate.grants, int(released), self._view(frame)]

    def record(self, frame: Frame, report: Report) -> Answer:
        """Hear what came of a call."""
        now, limits = frame.now, self.limits
        service, endpoint = self._start(frame, report, context=report.context)
        outcome = CallOutcome(report.outcome)
        if outcome is CallOutcome.THROTTLED:
            self.rate.block(now, report.retry_after)
        if outcome is CallOutcome.CREDENTIALS:
            self.blocked[frame.key] = now
        mine = False
        if report.item:
            self.window.open(self._fence(endpoint), now)
            mine = self.window.sending.pop(report.item, None) is not None
        present = (report.service_epoch, report.endpoint_epoch) == (service.epoch, endpoint.epoch)
        if report.service_epoch == 0 or present:
            self.window.done(self._fence(endpoint), outcome, mine=mine, release_max=limits.release_max)
        service.vote(limits, now, report, report.service_epoch, verdict=SERVICE_VERDICT.get(outcome))
        endpoint.vote(limits, now, report, report.endpoint_epoch, verdict=ENDPOINT_VERDICT.get(outcome))
        room = 0
        if report.item:
            self.window.open(self._fence(endpoint), now)
            room = self._room(frame)[0]
        return ["recorded", room, self._view(frame)]

    def release(self, frame: Frame, items: Sequence[str]) -> Answer:
        """Answer: which of these held items may be sent now?"""
        endpoint = self._start(frame)[1]
        self.window.open(self._fence(endpoint), frame.now)
        room, reason, wait = self._room(frame)
        granted: list[str] = []
        for item in items:
            if len(granted) < room and item not in self.window.waiting and item not in self.window.sending:
                self.window.waiting[item] = frame.now + self.limits.lease_for
                granted.append(item)
        return [reason, wait, room - len(granted), granted, self._view(frame)]

    def give_back(self, frame: Frame, item: str) -> Answer:
        """Hear that a released item ended without a call."""
        self.journal.begin_step()
        self.window.waiting.pop(item, None)
        self.window.sending.pop(item, None)
        return ["done", self._view(frame)]

    def order(self, frame: Frame, order: Order) -> Answer:
        """Obey an operator."""
        self._start(frame)
        return [self._obey(order, frame), self._view(frame)]

    def scopes(self) -> Iterator[Scope]:
        """Give the service and each endpoint that was ever asked about."""
        yield self.service
        yield from self.endpoints.values()

    def _start(self, frame: Frame, told: Ask | Report | None = None, *, context: str = "") -> tuple[Scope, Scope]:
        """Do what every step begins with: late reports in, time's changes made."""
        self.journal.begin_step(context=context)
        if told:
            self._tally(told.told, frame, context)
            self.rate.learn(self.limits, frame.now, told.ceiling, told.left)
        both = self.service, self._endpoint(frame.endpoint)
        for scope in both:
            scope.roll(frame.now)
        return both

    def _tally(self, told: str, frame: Frame, context: str) -> None:
        for name, error, severity, *numbers in _TOLD.findall(told):
            calls, total, longest = (int(number) for number in numbers)
            self.counts.count(name, int(severity), calls, total, longest, frame.now)
            self.windows.book(
                name, error, int(severity), calls, total, longest, context=context, size=frame.size, now=frame.now
            )

    def _endpoint(self, name: str) -> Scope:
        if name not in self.endpoints:
            self.endpoints[name] = Scope(name, self.born, self.journal)
        return self.endpoints[name]

    def _obstacle(self, frame: Frame, *, probe_ok: bool) -> tuple[str, float, bool]:
        """Say what stands in the way of a call, the ms to wait, and whether it would be a probe."""
        if frame.key in self.blocked:
            return Reason.CREDENTIALS.value, UNTIL_SOMEBODY_ACTS, False
        probing = False
        scopes = () if self.service.state is State.OFF else (self.service, self._endpoint(frame.endpoint))
        for scope in scopes:
            if scope.state in (State.OPEN, State.FORCED_OPEN):
                wait = scope.ends - frame.now if scope.ends else UNTIL_SOMEBODY_ACTS
                return Reason.BREAKER_OPEN.value, wait, False
            if scope.state is State.HALF_OPEN:
                if not probe_ok or frame.now < scope.lease:
                    return Reason.BREAKER_OPEN.value, BUSY, False
                probing = True
        pause = self.rate.wait(self.limits, frame.now)
        return (Reason.THROTTLED.value, pause, False) if pause > 0 else ("", 0, probing)

    def _room(self, frame: Frame) -> tuple[int, str, float]:
        """Say how many more may be released, and else why not and when to ask again (ms)."""
        reason, wait, probing = self._obstacle(frame, probe_ok=True)
        if reason:
            return 0, reason, wait
        free = self.window.free(self.limits.release_max, probing=probing)
        free = int(min(free, self.rate.room(self.limits, frame.now, len(self.window.waiting))))
        return (free, "", 0) if free > 0 else (0, Reason.IN_FLIGHT.value, BUSY)

    def _fence(self, endpoint: Scope) -> str:
        return f"{self.service.epoch},{endpoint.epoch}"

    def _obey(self, order: Order, frame: Frame) -> str:
        kind, _, by, why, ends, fingerprint = order.arguments()
        if 0 < order.number <= self.ordered:
            return "ignored"
        self.ordered = max(self.ordered, order.number)
        self.journal.by, self.journal.why = str(by), str(why)
        if kind == OrderKind.OPEN:
            self.service.move(State.FORCED_OPEN, frame.now, "forced_open", ends=int(ends))
        elif kind == OrderKind.OFF:
            self.service.move(State.OFF, frame.now, "switched_off", ends=int(ends))
        elif kind == OrderKind.RESET:
            self._reset(frame.now)
        elif kind == OrderKind.BLOCK:
            self.blocked[str(fingerprint)] = frame.now
        elif self.service.state is State.FORCED_OPEN:
            self.service.move(State.HALF_OPEN, frame.now, "automatic_again")
        elif self.service.state is State.OFF:
            self.service.move(State.CLOSED, frame.now, "automatic_again")
        return "done"

    def _reset(self, now: int) -> None:
        for name in sorted(self.endpoints, key="{}/failures".format):
            scope = self.endpoints[name]
            if scope.epoch != self.born or scope.failures:
                scope.move(State.CLOSED, now, "reset")
        self.blocked.clear()
        self.service.move(State.CLOSED, now, "reset")

    def _view(self, frame: Frame) -> Answer:
        theirs = self.settings if self.settings != frame.settings else ""
        self.settings = frame.settings
        return [
            frame.now,
            self.born,
            theirs,
            self.service.view(),
            self._endpoint(frame.endpoint).view(),
            self.journal.moved,
        ]
