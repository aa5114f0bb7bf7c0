"""The circuit breaker that a fleet shares: ask, call, report.

    permit = breaker.acquire("bookings.create", owner=claim_token)
    if permit:
        ...  # the call; no lock is held meanwhile
        breaker.record(permit, CallOutcome.SUCCESS, elapsed=1.2)

Its rules are Lua scripts in Redis (lua/lib/state_machine.lua), each of them atomic and by Redis's clock. While Redis is
gone a small breaker of this process guards its calls (local.py). No method raises for trouble with Redis.
"""

import random
import re
import time
from collections.abc import Callable, Mapping, Sequence

from resilience.call_stats.stats import WITHOUT_ENDPOINT, CallStats
from resilience.circuit_breaker.events import KeyBlocked
from resilience.circuit_breaker.failover import Failover, ReadOverrides
from resilience.circuit_breaker.overrides import OperatorControls
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Recorded, Released
from resilience.circuit_breaker.wire import ACQUIRE, GIVE_BACK, IS_OPEN, RECORD, RELEASE, AcquireRequest, OutcomeReport
from resilience.error_types import ErrorType, error_type, severity_of
from resilience.redaction import bounded_context, error_token
from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client
from resilience.shared_state.state import SharedState

_ENDPOINT = re.compile(r"[a-z0-9_.-]{1,64}")
NOT_COUNTED = (CallOutcome.IGNORED,)
"""Outcomes of what was perhaps not called at all."""


class CircuitBreaker(OperatorControls):
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
        self._failover = Failover(
            service,
            shared,
            limits=self.settings.limits,
            identity=(key, configuration),
            snapshot=BreakerSnapshot(clock=clock, wall=wall),
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
        name = "" if item is None else str(item)
        request = AcquireRequest(owner, int(probe_ok), name, int(trial))
        reply = self._failover.run(ACQUIRE, _checked(endpoint), request, now)
        if reply is None:
            self._failover.not_acknowledged(endpoint, owner)
            return self._failover.run_local(
                now,
                lambda local, at: local.acquire(endpoint, at, owner=owner, probe_ok=probe_ok, item=name, trial=trial),
            )
        admission, service, scope = reply.result, reply.state.service, reply.state.endpoint
        if admission.reason is not None:
            return Denied(admission.reason, _seconds(admission.wait), service.state, service.epoch, scope.state)
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
        if retry_after is None:
            retry_after = self.settings.rate_window if outcome is CallOutcome.THROTTLED else 0
        quota = quota_headers or QuotaHeaders(0, 0, 0)
        report = OutcomeReport(
            outcome, permit.owner, permit.item, int(permit.trial), permit.service_epoch, permit.endpoint_epoch,
            permit.window, permit.granted_at, error_token(reason), _ms(retry_after), self._stretch(),
            bounded_context(context), *_counted(outcome, reason), _ms(elapsed),
            quota.limit, max(0, quota.remaining), _ms(quota.reset_after),
        )  # fmt: skip
        return self._report(permit.endpoint, report, now, probe=permit.probe)

    def record_success(self, endpoint: str | None = None, *, now: float | None = None) -> Recorded:
        """Report a success without a permit: of the service, or of one endpoint and so of both."""
        return self._record_now(endpoint, CallOutcome.SUCCESS, "none", now)

    def record_failure(self, reason: str, endpoint: str | None = None, *, now: float | None = None) -> Recorded:
        """Report a failure without a permit: of the service, or of one endpoint alone."""
        outcome = CallOutcome.FAILURE_SERVICE if endpoint is None else CallOutcome.FAILURE_ENDPOINT
        return self._record_now(endpoint, outcome, reason, now)

    def release(self, endpoint: str, items: Sequence[str | int], *, now: float | None = None) -> Released:
        """Ask which of these held items, oldest first, may be sent now; the others stay held.

        One in half-open; on a closed breaker as many as the window, the calls in flight and the rate limit leave room
        for. An item that another releaser has been given is not given twice. Each released item must come back: by the
        record of a permit acquired with `item`, by a denial of it, or by `give_back`; else its place lapses with the
        lease. No items: only ask. One endpoint of a service can have held work.
        """
        wanted = tuple(str(item) for item in items)
        reply = self._failover.run(RELEASE, _checked(endpoint), wanted, now)
        if reply is None:
            return self._failover.run_local(now, lambda local, at: local.release(endpoint, at, wanted))
        releases, state = reply.result, reply.state
        return Released(
            releases.items,
            releases.room,
            releases.reason,
            _seconds(releases.wait),
            state.service.state,
            state.endpoint.state,
        )

    def release_quota(self, endpoint: str, *, now: float | None = None) -> Released:
        """Ask how many held items may be sent now, taking nothing."""
        return self.release(endpoint, (), now=now)

    def give_back(self, endpoint: str, item: str | int, *, now: float | None = None) -> None:
        """Say that a released item ended without a call of its own."""
        self._failover.run(GIVE_BACK, _checked(endpoint), (str(item),), now)

    def is_open(self, endpoint: str | None = None, *, owner: str = "is_open", now: float | None = None) -> bool:
        """Ask whether nothing may be sent: of the service, or of an endpoint too; for use without permits.

        In half-open the first to ask is told False and has the place: a report without a permit gives it back, or the
        permit's lease. Who only wants to know reads `get_status`.
        """
        name = endpoint or WITHOUT_ENDPOINT
        reply = self._failover.run(IS_OPEN, _checked(name), (owner, int(endpoint is None)), now)
        if reply is None:
            return self._failover.run_local(now, lambda local, at: local.is_open(name, at))
        return reply.result

    def _record_now(self, endpoint: str | None, outcome: CallOutcome, reason: str, now: float | None) -> Recorded:
        error, severity = _counted(outcome, reason)
        report = OutcomeReport(
            outcome, endpoint_epoch=-1 if endpoint is None else 0, reason=error_token(reason), stretch=self._stretch(),
            error=error, severity=severity,
        )  # fmt: skip
        return self._report(endpoint or WITHOUT_ENDPOINT, report, now)

    def _report(self, endpoint: str, report: OutcomeReport, now: float | None, *, probe: bool = False) -> Recorded:
        reply = self._failover.run(RECORD, _checked(endpoint), report, now)
        if reply is None:
            return self._report_local(endpoint, report, now, probe=probe)
        self.calls.mark_incomplete()
        state = reply.state
        if report.outcome is CallOutcome.CREDENTIALS and state.blocked:
            self._emit(KeyBlocked(self.service, self.key, shared=True))
        return Recorded(state.service.state, state.service.epoch, state.endpoint.state, state.changes, reply.result)

    def _report_local(self, endpoint: str, report: OutcomeReport, now: float | None, *, probe: bool) -> Recorded:
        if probe:
            self._failover.not_acknowledged(endpoint, report.owner)
        if report.error:
            self.calls.count_local(endpoint, report.severity, total=report.took, longest=report.took, now=now)
        recorded = self._failover.run_local(now, lambda local, at: local.record(endpoint, at, report))
        if recorded.closed:  # an outage that is over says nothing about what comes
            self.calls.reset_recent_calls()
        if report.outcome is CallOutcome.CREDENTIALS:
            self._emit(KeyBlocked(self.service, self.key, shared=False))
        return recorded

    def _stretch(self) -> float:
        return 1 + self.settings.open_jitter * self._rng.random() if self.settings.open_jitter else 1


class CalcomCircuitBreaker(CircuitBreaker):
    """The breaker named calcom."""


def _counted(outcome: CallOutcome, reason: str) -> tuple[str, int]:
    """Return the error type and the severity as which a call is counted."""
    if outcome is CallOutcome.SUCCESS:
        return ErrorType.NONE.value, 0
    if outcome in NOT_COUNTED:
        return "", 0
    error = error_type(reason)
    return error.value, 0 if error is ErrorType.NONE else int(severity_of(error))


def _checked(endpoint: str) -> str:
    if not _ENDPOINT.fullmatch(endpoint):
        raise ValueError(f"an endpoint is named with a-z, 0-9, _, - and dots, not {endpoint!r}")
    return endpoint


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _seconds(ms: float) -> float | None:
    return None if ms < 0 else ms / 1000
