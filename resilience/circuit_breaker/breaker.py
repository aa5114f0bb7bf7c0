"""The circuit breaker that a fleet shares: acquire, call, record.

    permit = breaker.acquire("bookings.create", owner=claim_token)
    if permit:
        ...  # the call; no lock is held meanwhile
        breaker.record(permit, CallOutcome.SUCCESS, elapsed=1.2)

Its rules are Lua scripts in Redis (rules.py, lua/lib/state_machine.lua); each script is atomic and uses Redis's clock.
While Redis is gone, each process has a small breaker of its own (local.py). No method raises an error of Redis.
"""

import random
import time
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from booking_client.redaction import bounded_context
from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker.account import CallingAccount, identity
from resilience.circuit_breaker.failover import Failover, ReadOverrides
from resilience.circuit_breaker.held_work import CountWaiting, HeldWork
from resilience.circuit_breaker.operators import OperatorControls
from resilience.circuit_breaker.rules import BreakerRules
from resilience.circuit_breaker.settings import BreakerSettings
from resilience.circuit_breaker.snapshot import BreakerSnapshot
from resilience.circuit_breaker.status import BreakerStatus
from resilience.circuit_breaker.types import CallOutcome, Denied, Permit, QuotaHeaders, Reason, Recorded, State
from resilience.circuit_breaker.view import BreakerView
from resilience.circuit_breaker.wire import AcquireRequest, OutcomeReport, to_ms
from resilience.shared_state.answers import LATE
from resilience.shared_state.events import Emit, say_nothing
from resilience.shared_state.scripts import Client, closed_keys
from resilience.shared_state.state import Beginning, SharedState, ThreadConnections

_ASKS = 3  # of one call: each answer may be its first late one, while other threads have theirs in time


class CircuitBreaker:
    """Guard one service and its endpoints. All threads of a process can share one object.

    `held_work` releases held items, `operators` applies overrides, `view` shows the state, `calls` has the figures.

    `redis` None: only this process uses the breaker; `make_redis` builds a client with short time-outs. `key`,
    `configuration`: fingerprints of the API key and of the settings that lead to the service. `overrides` reads the
    overrides in force, oldest first, to repeat them after Redis has lost its data. `waiting` bounds releases without
    Redis. Tests give `clock` (s) and `wall`.
    """

    def __init__(  # noqa: PLR0913 - the one place where a breaker is put together
        self,
        service: str,
        *,
        redis: Client | ThreadConnections | None = None,
        settings: BreakerSettings | None = None,
        key: str = "",
        configuration: str = "",
        overrides: ReadOverrides | None = None,
        waiting: CountWaiting | None = None,
        emit: Emit = say_nothing,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self.service, self.key, self.configuration = service, key, configuration
        self.settings = settings or BreakerSettings()
        shared = None
        if redis is not None:
            shared = SharedState(service, redis, retry_after=self.settings.redis_retry, clock=clock, emit=emit)
        self.calls = CallStats(service, shared=shared, window=self.settings.count_window, clock=clock, wall=wall)
        snapshot = BreakerSnapshot(clock=clock, wall=wall)
        self.account = CallingAccount(key=key, configuration=configuration, service=service)
        self._closed = ClosedBreaker(service, shared, settings=self.settings, snapshot=snapshot, clock=clock)
        failover = Failover(
            service, shared, settings=self.settings, account=self.account, snapshot=snapshot, overrides=overrides,
            emit=emit,
        )  # fmt: skip
        spread = rng or random.Random()  # noqa: S311 - spreads load, hides nothing
        self._rules = BreakerRules(failover, self.settings, self.calls, emit=emit, rng=spread)
        self.held_work = HeldWork(failover, self.settings, waiting)
        self.operators = OperatorControls(failover, self.calls)
        self.view = BreakerView(failover, snapshot, self._closed.begin)

    def acquire(
        self,
        endpoint: str,
        *,
        owner: str,
        probe_ok: bool = True,
        item: str | int | None = None,
        trial: bool = False,
        taken_at: int = 0,
        account: CallingAccount | None = None,
        now: float | None = None,
    ) -> Permit | Denied:
        """Return a permit for one call (truthy), or why it is denied (falsy).

        `owner` must be new for each call. `probe_ok`: the call is for a booking that may be posted now; only then may
        the call be half-open's one probe. `item`: the released item that the call is for; `taken_at`: the `granted_at`
        of its attempt's first call, if that was another one. `trial`: the one call in `trial_every` that blocks let
        through; its success ends them. `account`: who calls; None: account 1, alone. `now` is for tests, in seconds.

        Raises:
            ValueError: `endpoint` is not a short word; keys and fields are named after it.
        """
        caller = account or self.account
        if item is None and not trial:
            answer = self._closed.acquire(endpoint, owner, now, caller)
            if answer is not None:
                return answer
        name = "" if item is None else str(item)
        request = AcquireRequest(owner, int(probe_ok), name, int(trial), taken_at)
        return self._rules.acquire(endpoint, request, now, caller)

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
        """Record the outcome of a call; times are in seconds.

        `reason` is the error type, never free text. `retry_after` is the wait that the service wants: after THROTTLED
        no call goes for that time (default: a window of the rate limit), and a breaker that opens stays open for at
        least that time. `context` (correlation id, worker; no personal data) goes into the event of a change of state.
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
            own_epoch=permit.own_epoch, released_at=permit.released_at, taken_at=permit.taken_at,
        )  # fmt: skip
        return self._rules.record(permit.endpoint, report, reason, now, permit.account, probe=permit.probe)

    def record_success(self, endpoint: str | None = None, *, now: float | None = None) -> Recorded:
        """Record a success without a permit: of the service, or (with `endpoint`) of both."""
        return self._rules.record_without_permit(endpoint, CallOutcome.SUCCESS, "none", now)

    def record_failure(self, reason: str, endpoint: str | None = None, *, now: float | None = None) -> Recorded:
        """Record a failure without a permit: of the service, or (with `endpoint`) of that endpoint alone."""
        outcome = CallOutcome.FAILURE_SERVICE if endpoint is None else CallOutcome.FAILURE_ENDPOINT
        return self._rules.record_without_permit(endpoint, outcome, reason, now)

    def is_open(self, endpoint: str | None = None, *, owner: str = "is_open", now: float | None = None) -> bool:
        """Return whether no call may be sent; this is for callers that use no permits.

        In half-open the first caller gets False and takes the probe's place; `view.is_blocking` takes no place.
        """
        return self._rules.is_open(endpoint, owner, now)

    def get_status(self, *, now: float | None = None) -> BreakerStatus:
        """Return everything that is known, and change nothing."""
        return self.view.status(now=now)

    def reset(self, by: str = "", why: str = "") -> bool:
        """Close the service's breaker and each endpoint's, and unblock every key."""
        return self.operators.reset(by, why)


class CalcomCircuitBreaker(CircuitBreaker):
    """The breaker named calcom."""


class ClosedBreaker:
    """Guard a call by two short scripts while the breaker is closed, which is so for nearly every call.

    The scripts answer and write the same as acquire.lua and record.lua. If the breaker is no longer closed, both change
    nothing. Then, and while Redis is gone, the methods return None, and the caller must ask BreakerRules.
    """

    def __init__(
        self,
        service: str,
        shared: SharedState | None,
        *,
        settings: BreakerSettings,
        snapshot: BreakerSnapshot,
        clock: Callable[[], float],
    ) -> None:
        self._service, self._shared = service, shared
        self._settings = settings
        self._beginning = lru_cache(4_000)(self._new_beginning)  # 1.5 KB each
        self._snapshot, self._clock = snapshot, clock

    def acquire(self, endpoint: str, owner: str, now: float | None, account: CallingAccount) -> Permit | Denied | None:
        """Return a permit or a denial; only the rate limit can deny a call here. A late answer took a place of it."""
        epochs = self._snapshot.closed.get(endpoint)
        if epochs is None:
            return None
        replies = (self.begin("acquire_closed", endpoint, epochs, now, account)() for _ in range(_ASKS))
        reply = next((reply for reply in replies if reply is not LATE), None)
        if reply is None:
            return None
        at, wait, window, own_epoch = reply
        if wait:
            return Denied(Reason.THROTTLED, wait / 1000, State.CLOSED, epochs[0])
        return Permit(endpoint, owner, "", *epochs, window, at, State.CLOSED, own_epoch=own_epoch, account=account)

    def record(self, permit: Permit, elapsed: float, quota: QuotaHeaders, now: float | None) -> Recorded | None:
        """Record a success; `elapsed` in seconds."""
        closed = permit.state is State.CLOSED and permit.shared and not permit.probe
        if not closed or permit.item or permit.trial:
            return None
        epochs = permit.service_epoch, permit.endpoint_epoch
        headers = quota.limit, max(0, quota.remaining), max(0, round(quota.reset_after * 1000))
        call = permit.window, permit.granted_at, round(elapsed * 1000), *headers
        reply = self.begin("record_closed", permit.endpoint, epochs, now, permit.account, *call)()
        return None if reply is None else Recorded(State.CLOSED, permit.service_epoch, State.CLOSED)

    def begin(
        self, script: str, endpoint: str, epochs: tuple[int, int], now: float | None, account: CallingAccount, *own: int
    ) -> Callable[[], Any]:
        """Send a short script, and return the function that waits for its answer."""
        if self._shared is None:
            return lambda: None
        at = 0 if now is None else round(now * 1000)
        beginning = self._beginning(self._shared, script, endpoint, account)
        return partial(self._closed_reply, self._shared.send(beginning, (*epochs, at, *own)))

    def _new_beginning(self, shared: SharedState, script: str, endpoint: str, account: CallingAccount) -> Beginning:
        keys = closed_keys(self._service, endpoint, account.own_key, account.limit_key)
        limits = self._settings.limits
        fixed = (endpoint, *identity(self._settings, account)[:5], limits.rate_window, limits.size)
        return shared.beginning(script, keys, fixed)

    def _closed_reply(self, answer: Callable[[], Any]) -> Any:
        reply = answer()
        if reply is None or reply is LATE:  # LATE: `acquire` asks again; `record`, `is_blocking` act as if closed
            return reply
        self._snapshot.seen_at = (reply[0], self._clock())
        return reply if len(reply) > 1 else None
