"""The objects that tasks need: the worker registers how they are built, and each process builds them once."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import SecretStr
from sqlalchemy import Engine

from booking_client.states import DEFAULT_ACCOUNT
from db.models.accounts import FIRST_VERSION, AccountState
from tasks.together import Together

if TYPE_CHECKING:  # types alone: a command that sends nothing loads neither redis-py nor Celery by this module
    from resilience.call_stats.stats import CallStats
    from resilience.circuit_breaker.account import CallingAccount
    from resilience.circuit_breaker.breaker import CircuitBreaker
    from resilience.failure_detector import FailureDetector
    from resilience.retry_policy import RetryPolicy
    from resilience.shared_readings import SharedReadings
    from tasks.accounts.callers import Callers
    from tasks.accounts.door import Access, Door
    from tasks.accounts.services import CalcomServices
    from tasks.calcom.client import CalcomClient
    from tasks.ports.callbacks import CallbackSettings
    from tasks.ports.sinks import Sinks


@dataclass(frozen=True, slots=True)
class Timings:
    """Hold the durations that decide about a booking, in seconds.

    `deadline` bounds one whole call. `margin` is how long after the claim the first byte may still be sent. `settle_*`
    come from docs/calcom.md. `open` is how long the breaker stays open. `lead` is how close to its start a booking may
    still be made (0: up to the start). `max_age` is how long a hold may last before it is flagged (0: never flagged).
    `retention` is how long ended bookings are stored (0: for ever).
    """

    deadline: float = 40
    margin: float = 10
    settle_unanswered: float = 130
    settle_answered: float = 5
    open: float = 30
    lead: float = 0
    max_age: float = 900
    retention: float = 90 * 86_400

    @property
    def lease(self) -> float:
        """Return how long a claim lasts: a call of full length plus the margin."""
        return self.deadline + self.margin

    @property
    def ends_unanswered(self) -> float:
        """Return how long after an unanswered POST its absence proves nothing: the settle time, and a replica's lag."""
        return self.settle_unanswered * 16 / 13

    @property
    def wait_for_proof(self) -> float:
        """Return how long a second POST is evidence: later the customer may have cancelled the booking at Cal.com."""
        return max(self.max_age or 900.0, self.ends_unanswered)


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Hold what a task needs; only worker/wiring.py builds an object of this class.

    `autocommit` is the same engine with each statement as a transaction of its own, in one round trip. A single read
    uses it, too: psycopg forgets a connection's prepared statements when a transaction is rolled back. `page_url` is
    the Resilience page's address, or its path alone. `calcom` is the client of account 1, `caller` is that account as
    the breaker knows it, alone; what works for a booking has both of the booking's account (`with_access`), and no
    other. `callers` says who calls for an account without its key, `breaker` is its service's; `services` has all.
    `ends` and `claims` gather what this process's threads do together.
    """

    engine: Engine
    autocommit: Engine
    calcom: "CalcomClient"
    caller: "CallingAccount"
    callers: "Callers"
    door: "Door"
    services: "CalcomServices"
    breaker: "CircuitBreaker"
    detector: "FailureDetector"
    database_calls: "CallStats"
    policy: "RetryPolicy"
    timings: Timings
    broker_url: str = field(repr=False)  # holds a password
    page_url: str
    alerts: "Sinks"
    slots: "SharedReadings"
    callbacks: "CallbackSettings"
    webhook_secrets: tuple[SecretStr, ...] = field(repr=False)
    ends: "Together[Any, Any]" = field(default_factory=Together)
    claims: "Together[Any, Any]" = field(default_factory=Together)

    def with_access(self, access: "Access") -> Self:
        """Return the same with the client of an account, as its caller, and with its service's breaker."""
        client, caller = access
        same = client is self.calcom and caller == self.caller
        return self if same else replace(self.at_service(caller.service), calcom=client, caller=caller)

    def at_service(self, service: str) -> Self:
        """Return the same with the breaker of a service."""
        return self if service == self.breaker.service else replace(self, breaker=self.services.breaker(service))

    def for_claim(self, account: int, state: AccountState, version: int) -> Self:
        """Return the same with the client of a claimed booking's account, from what the claim has read of it.

        Raises:
            NoAccess: The account is paused or closed, or its key cannot be decrypted.
        """
        if account == DEFAULT_ACCOUNT and state is AccountState.ACTIVE and version == FIRST_VERSION:
            return self
        return self.with_access(self.door.access(account, state, version))

    def for_account(self, account: int) -> Self:
        """Return the same with the client of an account as it is now.

        Raises:
            NoAccess: The account is paused or closed, or its key cannot be decrypted.
        """
        return self.with_access(self.door.access_now(account))


_lock = threading.Lock()
_build: Callable[[], Dependencies] | None = None
_built: tuple[int, Dependencies] | None = None


def fill(build: Callable[[], Dependencies]) -> None:
    """Register how the dependencies are built; the first `current()` builds them."""
    global _build, _built
    with _lock:
        _build, _built = build, None


def current() -> Dependencies:
    """Return this process's dependencies: built at first use, and again after a fork, which no pool or socket survives.

    Raises:
        RuntimeError: `fill` was not called; import from `worker`.
    """
    global _built  # noqa: PLW0603 - one for each process, by design
    built = _built
    if built is not None and built[0] == os.getpid():
        return built[1]
    with _lock:
        if _built is not None and _built[0] == os.getpid():
            return _built[1]
        if _build is None:
            raise RuntimeError("Tasks are not wired. Import from `worker`, not from `tasks`.")
        _built = (os.getpid(), _build())
        return _built[1]


def end() -> None:
    """Flush the counts that this process has not written yet, and close its connections to Postgres."""
    global _built
    with _lock:
        built, _built = _built, None
    if built is not None and built[0] == os.getpid():
        built[1].database_calls.flush()
        built[1].engine.dispose()
