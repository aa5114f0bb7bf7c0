"""Acquire and record by all of the breaker's rules: in Redis, or in this process while Redis is gone."""

import random

from booking_client.redaction import error_token
from resilience.call_stats.stats import CallStats
from resilience.call_stats.windows import WITHOUT_ENDPOINT
from resilience.circuit_breaker.account import CallingAccount
from resilience.circuit_breaker.events import KeyBlocked
from resilience.circuit_breaker.failover import Failover
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, Reason, Recorded, State, recorded
from resilience.circuit_breaker.wire import ACQUIRE, IS_OPEN, RECORD, AcquireRequest, OutcomeReport, to_seconds
from resilience.error_types import NEVER_SENT, ErrorType, error_type, severity_of
from resilience.shared_state.answers import Late
from resilience.shared_state.events import Emit


class BreakerRules:
    """Ask the breaker's state machine, and report to it."""

    def __init__(
        self, failover: Failover, settings: BreakerSettings, calls: CallStats, *, emit: Emit, rng: random.Random
    ) -> None:
        self._failover = failover
        self._settings = settings
        self._calls = calls
        self._emit = emit
        self._rng = rng

    def is_open(self, endpoint: str | None, owner: str, now: float | None) -> bool:
        """Return whether no call may be sent to `endpoint`; None: to the service."""
        name = endpoint or WITHOUT_ENDPOINT
        reply = self._failover.ask(IS_OPEN, name, (owner, int(endpoint is None)), now)
        if isinstance(reply, Late):
            return True
        if reply is None:
            return self._failover.run_local(now, lambda local, at: local.is_open(name, at))
        return reply.result

    def acquire(
        self, endpoint: str, request: AcquireRequest, now: float | None, account: CallingAccount
    ) -> Permit | Denied:
        """Return a permit for one call, or why it is denied."""
        owner, item, trial = request.owner, request.item, bool(request.trial)
        reply = self._failover.ask(ACQUIRE, endpoint, request, now, account)
        if isinstance(reply, Late):
            self._failover.not_acknowledged(endpoint, owner=owner, items=[item] if item else [], account=account)
            return Denied(Reason.THROTTLED, self._settings.redis_retry, State.CLOSED, 0)
        if reply is None:
            self._failover.not_acknowledged(endpoint, owner=owner, account=account)
            probe_ok = bool(request.probe_ok)
            return self._failover.run_local(
                now,
                lambda local, at: local.acquire(
                    endpoint, at, owner=owner, probe_ok=probe_ok, item=item, trial=trial, account=account
                ),
            )
        admission, state, service, scope = reply.result, reply.state, reply.state.service, reply.state.endpoint
        if admission.reason is not None:
            wait = to_seconds(admission.wait)
            return Denied(admission.reason, wait, service.state, service.epoch, state.endpoint_state)
        return Permit(
            endpoint, owner, item, service.epoch, scope.epoch, admission.window, reply.now, service.state,
            probe=admission.probe, released_at=admission.released_at, taken_at=request.taken_at or reply.now,
            trial=trial, own_epoch=state.own_epoch, account=account,
        )  # fmt: skip

    def record_without_permit(
        self, endpoint: str | None, outcome: CallOutcome, reason: str, now: float | None
    ) -> Recorded:
        """Record an outcome of this moment; `endpoint` None: the outcome is that of the service alone."""
        report = OutcomeReport(outcome, endpoint_epoch=-1 if endpoint is None else 0)
        return self.record(endpoint or WITHOUT_ENDPOINT, report, reason, now, self._failover.account)

    def record(
        self,
        endpoint: str,
        report: OutcomeReport,
        reason: str,
        now: float | None,
        account: CallingAccount,
        *,
        probe: bool = False,
    ) -> Recorded:
        """Record the outcome of a call and its reason; `probe`: the call was the one that half-open let through."""
        error, severity = _counted(report.outcome, reason)
        report = report._replace(
            reason=error_token(reason), stretch=self._stretch(), error=error, severity=severity,
            never_sent=int(error in NEVER_SENT), release_max=self._settings.release_max,
        )  # fmt: skip
        reply = self._failover.run(RECORD, endpoint, report, now, account)
        if reply is None:
            return self._record_local(endpoint, report, now, account, probe=probe)
        self._calls.mark_incomplete()
        state = reply.state
        if report.outcome is CallOutcome.CREDENTIALS and state.blocked:
            self._emit(KeyBlocked(self._failover.service, account.key, shared=True))
        return recorded(state.service.state, state.service.epoch, state.endpoint_state, state.changes, reply.result)

    def _record_local(
        self, endpoint: str, report: OutcomeReport, now: float | None, account: CallingAccount, *, probe: bool
    ) -> Recorded:
        if probe:
            self._failover.not_acknowledged(endpoint, owner=report.owner, account=account)
        if report.error:
            self._calls.count_local(endpoint, report.severity, total=report.took, longest=report.took, now=now)
        local_result = self._failover.run_local(now, lambda local, at: local.record(endpoint, at, report, account))
        if local_result.closed:  # the counts of an outage are no evidence about the next calls
            self._calls.reset_recent_calls()
        if report.outcome is CallOutcome.CREDENTIALS:
            self._emit(KeyBlocked(self._failover.service, account.key, shared=False))
        return local_result

    def _stretch(self) -> float:
        return 1 + self._settings.open_jitter * self._rng.random() if self._settings.open_jitter else 1


def _counted(outcome: CallOutcome, reason: str) -> tuple[str, int]:
    """Return the error type and severity to count a call by; '': not to count, since perhaps nothing was sent."""
    if outcome is CallOutcome.SUCCESS:
        return ErrorType.NONE.value, 0
    if outcome is CallOutcome.IGNORED:
        return "", 0
    error = error_type(reason)
    return error.value, 0 if error is ErrorType.NONE else int(severity_of(error))
