"""One breaker of a process without Redis: the service's, an endpoint's, or an account's for an endpoint."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from resilience.circuit_breaker.local.key import SECOND
from resilience.circuit_breaker.settings import NEVER, Limits
from resilience.circuit_breaker.types import CallOutcome, Change, Reason, State
from resilience.circuit_breaker.wire import OutcomeReport, read_scope

ALIVE = {
    CallOutcome.SUCCESS: (True, True),
    CallOutcome.FAILURE_ENDPOINT: (True, False),
    CallOutcome.FAILURE_SERVICE: (False, False),
}
"""Whether an outcome shows that the service works, and that its endpoint works; other outcomes show neither."""
LocalAdmission = tuple[Reason | None, float | None, bool]
"""What denies a call (None: nothing), the seconds to wait (None: until an operator acts), whether it is a probe."""


@dataclass(slots=True)
class LocalScope:
    """The breaker of the service, of an endpoint, or of an account for an endpoint (`ENDPOINT/ACCOUNT`)."""

    name: str
    epoch: int
    state: State = State.CLOSED
    ends: int = 0
    opens: int = 0
    failures: deque[int] = field(default_factory=deque)
    owner: str = ""
    lease: int = 0
    mixed_at: int = 0
    failed_by: deque[str] = field(default_factory=deque)
    """The accounts of these failures; '-': nothing was sent, which no account can cause."""

    def move(self, state: State, now: int, reason: str, ends: int = 0, opens: int = 0) -> Change:
        """Change the state."""
        endpoint, account = read_scope(self.name)
        epoch = max(self.epoch + 1, now)
        change = Change(endpoint, self.state, state, epoch, reason, len(self.failures), account)
        self.epoch, self.state, self.ends, self.opens, self.owner, self.lease = change.epoch, state, ends, opens, "", 0
        self.failures.clear()
        return change

    def end_the_row(self, now: int) -> None:
        """Record a success: the row of failures ends."""
        if self.failures:
            self.failures.clear()
            self.mixed_at = now

    def count_failure(self, now: int, limits: Limits, account: str = "", accounts: int = 1) -> bool:
        """Count a failure; return whether the last `threshold` failures in a row came within `span`.

        `account`: by which it was, if failures in a row must be of so many `accounts`.
        """
        if limits.threshold > NEVER:
            return False
        if not self.failures:
            self.failed_by.clear()
        self.failures.append(now)
        self.failed_by.append(account or "-")
        if len(self.failures) > limits.threshold:
            self.failures.popleft()
            self.failed_by.popleft()
        different = len(set(self.failed_by) - {"-"}) + self.failed_by.count("-")
        enough = different >= min(accounts, limits.threshold)
        return enough and len(self.failures) == limits.threshold and now - self.failures[0] <= limits.span


def endpoint_state(scopes: Sequence[LocalScope]) -> State:
    """Return the endpoint's state, or the account's if only that is not closed."""
    return next((scope.state for scope in scopes[1:] if scope.state is not State.CLOSED), State.CLOSED)


def evidence(
    report: OutcomeReport, scopes: Sequence[LocalScope], epochs: Sequence[int]
) -> tuple[list[bool | None], bool]:
    """Return what an outcome shows of each breaker, and whether a failure counts for the account itself only.

    See `apply_to_all` in lua/lib/trip.lua.
    """
    service_alive, endpoint_alive = ALIVE.get(report.outcome, (None, None))
    own_alive = None if report.never_sent else endpoint_alive
    own = scopes[2] if scopes[2:] else None
    ill = own is not None and (own.state is not State.CLOSED or epochs[2] not in (0, own.epoch))
    itself_only = ill and own_alive is False
    if epochs[0] not in (0, scopes[0].epoch):  # the call began before the service's state changed
        endpoint_alive = own_alive = None
    elif epochs[1] > 0 and epochs[1] != scopes[1].epoch:
        own_alive = None
        if service_alive is False:
            service_alive = None
    return [service_alive, endpoint_alive, own_alive], itself_only


def admit_to_all(scopes: Sequence[LocalScope], now: int, *, probe_ok: bool) -> LocalAdmission:
    """Return the first obstacle of these breakers; none where the service's is switched off."""
    probing = False
    for breaker in () if scopes[0].state is State.OFF else scopes:
        if breaker.state in (State.OPEN, State.FORCED_OPEN):
            return Reason.BREAKER_OPEN, (breaker.ends - now) / SECOND if breaker.ends else None, False
        if breaker.state is State.HALF_OPEN and (now < breaker.lease or not probe_ok):
            return Reason.BREAKER_OPEN, max(breaker.lease - now, SECOND) / SECOND, False
        probing = probing or breaker.state is State.HALF_OPEN
    return None, 0.0, probing
