"""The circuit breaker that a fleet shares: ask, call, report.

    permit = breaker.acquire("bookings.create", owner=claim_token)
    if permit:
        ...  # the call; no lock is held meanwhile
        breaker.record(permit, CallOutcome.SUCCESS, elapsed=1.2)

Its rules are Lua scripts in Redis (lua/lib/state_machine.lua), each of them atomic and by Redis's clock. While Redis is
gone a small breaker of this process guards its calls (local.py). No method raises for trouble with Redis.
"""

import random
import time
from collections.abc import Callable, Mapping

from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker.closed import ClosedBreaker
from resilience.circuit_breaker.failover import Failover, ReadOverrides
from resilience.circuit_breaker.held_work import HeldWork
from resilience.circuit_breaker.overrides import OperatorControls
from resilience.circuit_breaker.reports import Reports
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Recorded
from resilience.circuit_breaker.wire import ACQUIRE, AcquireRequest, OutcomeReport, to_ms, to_seconds
from resilience.redaction import bounded_context
from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client
from resilience.shared_state.state import SharedState


class CircuitBreaker(Reports, HeldWork, OperatorControls):
    """Guard one service and its endpoints.

    `redis` None keeps the breaker in this process alone; `make_redis` builds a client that gives up soon. `key` is the
    fingerprint of the API key with which this process calls, `configuration` of the settings that lead to the service.
    `overrides` reads the operators' overrides in force, oldest first: they are applied again when Redis has forgotten.
    `clock` counts seconds, `wall` tells the time; both matter only without Redis. Safe for threads; one for a process.
    """

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
            service,
            shared,
            limits=limits,
            identity=identity,
            snapshot=snapshot,
            overrides=overrides,
            emit=emit,
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
        request = AcquireRequest(owner, int(probe_ok), name, int(trial))
        reply = self._failover.run(ACQUIRE, endpoint, request, now)
        if reply is None:
            self._failover.not_acknowledged(endpoint, owner)
            return self._failover.run_local(
                now,
                lambda local, at: local.acquire(endpoint, at, owner=owner, probe_ok=probe_ok, item=name, trial=trial),
            )
        admission, service, scope = reply.result, reply.state.service, reply.state.endpoint
        if admission.reason is not None:
            return Denied(admission.reason, to_seconds(admission.wait), service.state, service.epoch, scope.state)
        return Permit(
            endpoint, owner, name, service.epoch, scope.epoch, admission.window, reply.now, service.state,
            probe=admission.probe, released=admission.released, trial=trial,
        )  # fmt: skip

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
