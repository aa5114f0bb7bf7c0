"""The circuit breaker that a fleet shares: ask, call, report.

    permit = breaker.acquire("bookings.create", owner=claim_token)
    if permit:
        ...  # the call; no lock is held meanwhile
        breaker.record(permit, CallOutcome.SUCCESS, elapsed=1.2)

Its rules are Lua scripts in Redis (rules.py, lua/lib/state_machine.lua), each of them atomic and by Redis's clock.
While Redis is gone a small breaker of this process guards its calls (local.py). No method raises for Redis's trouble.
"""

import random
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker.failover import Failover, ReadOverrides
from resilience.circuit_breaker.held_work import HeldWork
from resilience.circuit_breaker.overrides import OperatorControls
from resilience.circuit_breaker.rules import BreakerRules
from resilience.circuit_breaker.settings import BreakerSettings, Limits
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Reason, Recorded, State
from resilience.circuit_breaker.wire import AcquireRequest, OutcomeReport, to_ms
from resilience.redaction import bounded_context
from resilience.shared_state.answers import LATE
from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client, closed_keys
from resilience.shared_state.state import SharedState


class CircuitBreaker(BreakerRules, HeldWork, OperatorControls):
    """Guard one service and its endpoints.

    `redis` None keeps the breaker in this process alone; `make_redis` builds a client that gives up soon. `key` is the
    fingerprint of the API key with which this process calls, `configuration` of the settings that lead to the service.
    `overrides` reads the operators' overrides in force, oldest first: they are applied again when Redis has forgotten.
    `clock` counts seconds, `wall` tells the time; both matter only without Redis. Safe for threads; one for a process.
    """

    _closed: "ClosedBreaker"

    def __init__(  # noqa: PLR0913 - the one place where a breaker is put together
        self,
        service: str,
        *,
        redis: Client | None = None,
        settings: BreakerSettings | None = None,
        key: str = "",
        configuration: str = "",
        overrides: ReadOverrides | None = None,
        emit: Emit = say_nothing,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self.service = service
        self.settings = settings or BreakerSettings()
        self.key = key
        self.configuration = configuration
        self._emit = emit
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, hides nothing
        shared = None
        if redis is not None:
            shared = SharedState(service, redis, retry_after=self.settings.redis_retry, clock=clock, emit=emit)
        self.calls = CallStats(service, shared=shared, window=self.settings.count_window, clock=clock, wall=wall)
        limits, snapshot = self.settings.limits, BreakerSnapshot(clock=clock, wall=wall)
        identity = key, configuration, limits.text
        self._closed = ClosedBreaker(service, shared, limits=limits, identity=identity, snapshot=snapshot, clock=clock)
        self._failover = Failover(
            service, shared, limits=limits, identity=identity, snapshot=snapshot, overrides=overrides, emit=emit
        )

    def acquire(
        self,
        endpoint: str,
        *,
        owner: str,
        probe_ok: bool = True,
        item: str | int | None = None,
        trial: bool = False,
        now: float | None = None,
    ) -> Permit | Denied:
        """Ask whether a call may go; a permit is truthy, a denial falsy.

        `owner` must be new for each call (a claim token and the number of the call). `probe_ok` says that this is a
        booking that may be posted now: in half-open only such a one may go, one at a time. `item` names the held work
        whose release this call is; then the permit is counted in the window of the release. `trial` asks for the one
        call in `trial_every` that a blocked key or a wrong configuration lets through: its success lifts both. `now` is
        for tests, in seconds.

        Raises:
            ValueError: an endpoint that is no short word; its name becomes part of keys and fields.
        """
        if item is None and not trial:
            answer = self._closed.acquire(endpoint, owner, now)
            if answer is not None:
                return answer
        name = "" if item is None else str(item)
        return self._ask(endpoint, AcquireRequest(owner, int(probe_ok), name, int(trial)), now)

    def record(
        self,
        permit: Permit,
        outcome: CallOutcome,
        *,
        reason: str = "other",
        elapsed: float = 0.0,
        retry_after: float | None = None,
        context: Mapping[str, str | int | float | None] | None = None,
        quota_headers: QuotaHeaders | None = None,
        now: float | None = None,
    ) -> Recorded:
        """Report what came of a call; times in seconds.

        `reason` is the error type, one of a small set, never free text. `retry_after` is what the answer asked for:
        after THROTTLED nothing goes for so long (default: a whole window of the rate limit), a breaker that opens stays
        open at least so long. `context` (correlation id, worker: bounded, no personal data) goes into the event of a
        change. `quota_headers` are what the answer told of the rate limit.
        """
        quota = quota_headers or QuotaHeaders(0, 0, 0)
        if outcome is CallOutcome.SUCCESS:
            recorded = self._closed.record(permit, elapsed, quota, now)
            if recorded is not None:
                self.calls.mark_incomplete()
                return recorded
        if retry_after is None:
            retry_after = self.settings.rate_window if outcome is CallOutcome.THROTTLED else 0
        report = OutcomeReport(
            outcome, permit.owner, permit.item, int(permit.trial), permit.service_epoch, permit.endpoint_epoch,
            permit.window, permit.granted_at, retry_after=to_ms(retry_after), context=bounded_context(context),
            took=to_ms(elapsed), limit=quota.limit, remaining=max(0, quota.remaining), reset=to_ms(quota.reset_after),
        )  # fmt: skip
        return self._report(permit.endpoint, report, reason, now, probe=permit.probe)


class CalcomCircuitBreaker(CircuitBreaker):
    """The breaker named calcom."""


class ClosedBreaker:
    """Go the short way, as nearly every call does: the breaker is closed, and as this process heard last.

    Two short scripts answer and write what acquire.lua and record.lua would. Where it is not so they change nothing and
    say so; where Redis is gone nothing is answered. Either way that is None: ask and report by all of the rules.
    `identity` is what every script is told of this client.
    """

    def __init__(
        self,
        service: str,
        shared: SharedState | None,
        *,
        limits: Limits,
        identity: tuple[str, str, str],
        snapshot: BreakerSnapshot,
        clock: Callable[[], float],
    ) -> None:
        self._service = service
        self._shared = shared
        sizes = limits.emission_interval, limits.burst_tolerance, limits.rate_window, limits.size
        self._fixed = (*identity, *sizes)
        self._snapshot = snapshot
        self._clock = clock
        self._retry_late = 1000 * shared.absence.retry_after if shared else 0.0  # ms
        self._looked_closed: dict[str, tuple[int, int]] = {}

    def acquire(self, endpoint: str, owner: str, now: float | None) -> Permit | Denied | None:
        """Ask whether a call may go, which the rate limit alone decides."""
        epochs = self._snapshot.closed.get(endpoint)
        if epochs is None:
            return None
        reply = self._run("acquire_closed", endpoint, epochs, now)
        if reply is None:
            return None
        at, wait, window = (0, self._retry_late, 0) if reply is LATE else reply
        if wait:
            return Denied(Reason.THROTTLED, wait / 1000, State.CLOSED, epochs[0])
        return Permit(endpoint, owner, "", *epochs, window, at, State.CLOSED)

    def record(self, permit: Permit, elapsed: float, told: QuotaHeaders, now: float | None) -> Recorded | None:
        """Report a success."""
        closed = permit.state is State.CLOSED and permit.shared and not permit.probe
        if not closed or permit.item or permit.trial:
            return None
        epochs, took = (permit.service_epoch, permit.endpoint_epoch), round(elapsed * 1000)
        headers = told.limit, max(0, told.remaining), max(0, round(told.reset_after * 1000))
        call = permit.window, permit.granted_at, took, *headers
        reply = self._run("record_closed", permit.endpoint, epochs, now, *call)
        return None if reply is None else Recorded(State.CLOSED, permit.service_epoch, State.CLOSED)

    def look(self, endpoint: str) -> Callable[[], bool]:
        """Ask whether the breaker is still closed to an endpoint, as this process heard last; it takes nothing.

        What is returned waits for the answer.
        """
        epochs = self._snapshot.closed.get(endpoint) or self._looked_closed.get(endpoint)
        if epochs is None:
            return lambda: False
        answer = self._begin("still_closed", endpoint, epochs, None)
        return lambda: answer() is not None

    def looked_closed(self, endpoint: str, epochs: tuple[int, int]) -> None:
        """Remember that both looked closed, in these epochs; not for `acquire`: an "off" that is over looks so, too."""
        self._looked_closed[endpoint] = epochs

    def _run(self, script: str, endpoint: str, epochs: tuple[int, int], now: float | None, *own: int) -> Any:
        return self._begin(script, endpoint, epochs, now, *own)()

    def _begin(
        self, script: str, endpoint: str, epochs: tuple[int, int], now: float | None, *own: int
    ) -> Callable[[], Any]:
        if self._shared is None:
            return lambda: None
        at = 0 if now is None else round(now * 1000)
        keys, fixed = closed_keys(self._service, endpoint), (endpoint, *self._fixed)
        return partial(self._closed_reply, self._shared.begin(script, keys, fixed, (*epochs, at, *own)))

    def _closed_reply(self, answer: Callable[[], Any]) -> Any:
        reply = answer()
        if reply is None or reply is LATE:  # a look that is late shows what was known, a report has gone out
            return reply
        self._snapshot.seen_at = (reply[0], self._clock())
        return reply if len(reply) > 1 else None
