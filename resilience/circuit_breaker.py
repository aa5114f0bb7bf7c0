"""The circuit breaker that a fleet shares: ask, call, report.

    permit = breaker.acquire("bookings.create", owner=claim_token)
    if permit:
        ...  # the call; no lock is held meanwhile
        breaker.record(permit, CallOutcome.SUCCESS, elapsed=1.2)

The rules are Lua scripts in Redis (`lua/`), each of them atomic and by Redis's clock; while Redis is gone the same
rules run in this process (`breaker_rules.py`). No method raises for trouble with Redis.
"""

import random
import time
import weakref
from collections.abc import Callable, Mapping, Sequence

from resilience.breaker_counts import CallRecord
from resilience.breaker_home import Home, Orders, changes
from resilience.breaker_messages import NONE, PRESENT, WITHOUT_ENDPOINT, Answer, Ask, Report, counted
from resilience.breaker_orders import OperatorOrders
from resilience.breaker_settings import BreakerSettings
from resilience.events import Emit, Event, KeyBlocked
from resilience.flusher import Flusher
from resilience.last_view import STATES, LastView, word
from resilience.late_reports import NOTHING, Batch, LateReports, Success, failure, line
from resilience.permit import CallOutcome, Denied, Permit, RateNews, Reason, Recorded, Released, State
from resilience.report_context import bounded_context, error_token
from resilience.scripts import Client
from resilience.shared_state import SharedState

GRANTED = ("granted", b"granted")
SCARCE = 4
"""Times the reserve: with no more calls left on Cal.com's count, its word is told at the next chance."""


def _say_nothing(_event: Event) -> None:
    """Drop an event: nobody has subscribed."""


class CircuitBreaker(CallRecord, OperatorOrders):
    """Guard one service and its endpoints.

    `redis` None keeps the breaker in this process alone; `make_redis` builds a client that gives up soon. `key` is the
    fingerprint of the API key with which this process calls. `orders` reads the operators' orders in force, oldest
    first: they are obeyed again when Redis has forgotten. `clock` counts seconds, `wall` tells the time; both matter
    only without Redis. Safe for threads; one for a process.
    """

    def __init__(  # noqa: PLR0913 - the one place where a breaker is put together
        self,
        service: str,
        *,
        redis: Client | None = None,
        settings: BreakerSettings | None = None,
        key: str = "",
        orders: Orders | None = None,
        emit: Emit = _say_nothing,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self.service = service
        self.settings = settings or BreakerSettings()
        self.key = key
        self._emit = emit
        self._may_wait = self.settings.mode == "default"
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, hides nothing
        shared = None
        if redis is not None:
            shared = SharedState(service, redis, retry_after=self.settings.redis_retry, clock=clock, emit=emit)
        self._home = Home(
            service,
            shared,
            limits=self.settings.limits,
            key=key,
            memory=LastView(clock=clock, wall=wall),
            orders=orders,
            emit=emit,
        )
        limits = self.settings.limits
        within = self.settings.report_within
        self._late = LateReports(clock=clock, due_in=within * 0.25, slack=limits.slack, scarce=SCARCE * limits.reserve)
        self._flusher = Flusher(self.flush, after=within * 0.75)
        weakref.finalize(self, self._flusher.stop)

    def acquire(
        self,
        endpoint: str,
        *,
        owner: str,
        probe_ok: bool = True,
        item: str | int | None = None,
        now: float | None = None,
    ) -> Permit | Denied:
        """Ask whether a call may go; a permit is truthy, a denial falsy.

        `owner` must be new for each call (a claim token and the number of the call). `probe_ok` says that this is a
        booking that may be posted now: in half-open only such a one may go, one at a time. `item` names the held work
        whose release this call is; then the permit is counted in the window of the release. `now` is for tests, in
        seconds.
        """
        batch = self._late.take(only_due=True)
        frame = self._home.frame(endpoint, now)
        if item is None and batch is NOTHING:
            passed = self._home.passed(frame)
            if passed:
                calm, serial = passed
                return Permit(endpoint, owner, "", calm.epoch, calm.endpoint_epoch, serial, State.CLOSED)
        ask = Ask(owner, 1 if probe_ok else 0, "" if item is None else str(item), *batch)
        answer, shared = self._home.run("acquire", frame, ask, lambda rules, at: rules.acquire(at, ask))
        service, scope = answer[5][3], answer[5][4]
        state = STATES[service[0]]
        if answer[0] in GRANTED:
            return Permit(
                endpoint, owner, ask.item, service[1], scope[1], answer[3], state,
                probe=answer[2] == 1, released=answer[4] == 1, shared=shared,
            )  # fmt: skip
        reason = Reason(word(answer[0]))
        self._home.memory.block(self.key, blocked=reason is Reason.CREDENTIALS)
        return Denied(reason, _seconds(answer[1]), state, service[1], STATES[scope[0]])

    def record(
        self,
        permit: Permit,
        outcome: CallOutcome,
        *,
        reason: str = "other",
        elapsed: float = 0.0,
        retry_after: float | None = None,
        context: Mapping[str, str | int | float | None] | None = None,
        news: RateNews | None = None,
        now: float | None = None,
    ) -> Recorded:
        """Report what came of a call; times in seconds.

        `reason` is the error type, one of a small set, never free text. `retry_after` is what the answer asked for:
        after THROTTLED nothing goes for so long (default: a whole window of the rate limit), a breaker that opens stays
        open at least so long. `context` (correlation id, worker: bounded, no personal data) goes into the event of a
        change. `news` is what the answer told of the rate limit.
        """
        quiet = outcome is CallOutcome.SUCCESS and permit.shared and not (permit.probe or permit.released)
        if quiet and self._may_wait:
            if self._late.keep(Success(permit.endpoint, elapsed, permit.serial, news)):
                self._flusher.wake()
            return Recorded(permit.state, permit.service_epoch, State.CLOSED)
        elapsed_ms = max(0, round(elapsed * 1000))
        if outcome is CallOutcome.IGNORED and news is None and not (permit.probe or permit.released):
            return Recorded(permit.state, permit.service_epoch, State.CLOSED)  # holds nothing, says nothing
        ceiling, left = (0, 0) if news is None else (news.remaining + permit.serial, _ms(news.reset_after))
        if quiet and self._home.told(self._home.frame(permit.endpoint, now), elapsed_ms, ceiling, left):
            return Recorded(State.CLOSED, permit.service_epoch, State.CLOSED)
        batch = NOTHING
        if outcome is not CallOutcome.IGNORED:
            said = () if outcome is CallOutcome.SUCCESS else failure(reason)
            batch = self._with(line(permit.endpoint, 1, elapsed_ms, elapsed_ms, *said))
        if news is not None:
            batch = Batch(batch.told, ceiling, left)
        if retry_after is None:
            retry_after = self.settings.rate_window if outcome is CallOutcome.THROTTLED else 0
        report = Report(
            permit.owner, permit.item, permit.service_epoch, permit.endpoint_epoch, outcome.value, error_token(reason),
            _ms(retry_after), self._stretch(), bounded_context(context), *batch,
        )  # fmt: skip
        return self._report(permit.endpoint, report, now)

    def record_success(self, endpoint: str | None = None, *, now: float | None = None) -> Recorded:
        """Report a success without a permit: of the service, or of one endpoint and so of both."""
        told = line(endpoint or WITHOUT_ENDPOINT, 1, 0, 0)
        epoch = NONE if endpoint is None else PRESENT
        report = Report("", "", PRESENT, epoch, CallOutcome.SUCCESS.value, "none", 0, 1, "", *self._with(told))
        return self._report(endpoint or WITHOUT_ENDPOINT, report, now)

    def record_failure(self, reason: str, endpoint: str | None = None, *, now: float | None = None) -> Recorded:
        """Report a failure without a permit: of the service, or of one endpoint alone."""
        token = error_token(reason)
        told = line(endpoint or WITHOUT_ENDPOINT, 1, 0, 0, *failure(reason))
        outcome = CallOutcome.FAILURE_SERVICE if endpoint is None else CallOutcome.FAILURE_ENDPOINT
        epoch = NONE if endpoint is None else PRESENT
        report = Report("", "", PRESENT, epoch, outcome.value, token, 0, 1, "", *self._with(told))
        return self._report(endpoint or WITHOUT_ENDPOINT, report, now)

    def release(self, endpoint: str, items: Sequence[str | int], *, now: float | None = None) -> Released:
        """Ask which of these held items, oldest first, may be sent now; the others stay held.

        One in half-open; on a closed breaker as many as the window, the calls in flight and the rate limit leave room
        for. An item that another releaser has been given is not given twice. Each released item must come back: by the
        record of a permit acquired with `item`, by a denial of it, or by `give_back`; else its place lapses with the
        lease. No items: only ask. One endpoint of a service can have held work.
        """
        wanted = tuple(str(item) for item in items)
        frame = self._home.frame(endpoint, now)
        answer, _ = self._home.run("release", frame, wanted, lambda rules, at: rules.release(at, wanted))
        reason, wait, room, granted, view = answer
        return Released(
            items=tuple(word(item) for item in granted),
            room=room,
            reason=Reason(word(reason)) if reason else None,
            retry_after=_seconds(wait),
            state=STATES[view[3][0]],
            endpoint_state=STATES[view[4][0]],
        )

    def release_quota(self, endpoint: str, *, now: float | None = None) -> Released:
        """Ask how many held items may be sent now, taking nothing."""
        return self.release(endpoint, (), now=now)

    def give_back(self, endpoint: str, item: str | int, *, now: float | None = None) -> None:
        """Say that a released item ended without a call of its own."""
        name = str(item)
        self._home.run(
            "give_back", self._home.frame(endpoint, now), (name,), lambda rules, at: rules.give_back(at, name)
        )

    def flush(self) -> None:
        """Tell at once what was kept to be told late."""
        batch = self._late.take()
        if batch.told:
            self._report(WITHOUT_ENDPOINT, counted(*batch), None)

    def close(self) -> None:
        """End the thread of the late reports and tell what is kept."""
        self._flusher.stop()
        self.flush()

    def _report(self, endpoint: str, report: Report, now: float | None) -> Recorded:
        frame = self._home.frame(endpoint, now)
        answer, shared = self._home.run("record", frame, report, lambda rules, at: rules.record(at, report))
        if report.outcome == CallOutcome.CREDENTIALS.value:
            self._home.memory.block(self.key, blocked=True)
            self._emit(KeyBlocked(self.service, self.key, shared))
        view: Answer = answer[2]
        return Recorded(STATES[view[3][0]], view[3][1], STATES[view[4][0]], changes(view), answer[1])

    def _stretch(self) -> float:
        return 1 + self.settings.open_jitter * self._rng.random() if self.settings.open_jitter else 1

    def _with(self, told: str) -> Batch:
        batch = self._late.take()
        return batch._replace(told=batch.told + told)


class CalcomCircuitBreaker(CircuitBreaker):
    """The breaker named calcom."""


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _seconds(ms: float) -> float | None:
    return None if ms < 0 else ms / 1000
