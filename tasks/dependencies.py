"""The slot that the worker fills: the objects that tasks work with, built once a process and never at import.

And our Celery application, which `worker.celery_app` configures. It is nobody else's: a process that calls us may have
one of its own, which stays its default; and a `@shared_task` would be registered with that one, too.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from celery import Celery
from celery.app.utils import Settings
from sqlalchemy import Engine

from resilience.call_stats.stats import CallStats
from resilience.circuit_breaker.breaker import CircuitBreaker
from resilience.failure_detector import FailureDetector
from resilience.retry_policy import RetryPolicy
from tasks.calcom.client import CalcomClient


class OwnSettings(Settings):  # type: ignore[misc]  # Celery ships no types
    """Celery's configuration, without what Celery reads from CELERY_BROKER_URL and others: they may be the host's."""

    result_backend = None

    @property
    def broker_url(self) -> Any:
        """Return what our own settings say; they read CELERY_BROKER_URL, too."""
        return self["broker_url"]

    broker_read_url = broker_write_url = broker_url


class Application(Celery):  # type: ignore[misc]  # the same
    """Celery's application, with the configuration that `worker.celery_app` gives it and no other."""

    def _load_config(self) -> Any:
        configuration = super()._load_config()
        configuration.__class__ = OwnSettings
        return configuration

    def forget_connections(self) -> None:
        """Make the pool, and what sends by it, again at their next use."""
        self._pool = None
        for sender in ("amqp", "control"):  # the second keeps the first one's connections
            self.__dict__.pop(sender, None)


# Without fix-ups: Celery's for Django makes the first application that it meets the default one.
app = Application("booking-worker", set_as_current=False, fixups=())


@dataclass(frozen=True, slots=True)
class Timings:
    """Hold the times that a booking lives by, in seconds.

    `deadline` bounds one whole call; `margin` is what a claim may lose before its first byte is sent; `settle_*` come
    from docs/calcom.md; `open` is how long an unreachable Cal.com is left alone; `lead` is how close to its start a
    booking may still be made (0: up to the start); `max_age` is how long a hold may last before it is flagged (0: not);
    `retention` is how long what is over is kept (0: for ever).
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
        """Return how long a claim lasts: a call of full length, and the margin."""
        return self.deadline + self.margin

    @property
    def ends_unanswered(self) -> float:
        """Return how long after a POST that nobody answered absence proves nothing: its work, then a replica's lag.

        160 s where the settle time is 130: Cal.com's longest work and a replica's 30 s add up.
        """
        return self.settle_unanswered * 16 / 13

    @property
    def wait_for_proof(self) -> float:
        """Return how long a booking may be posted again as evidence; later its customer may have cancelled it there."""
        return max(self.max_age or 900.0, self.ends_unanswered)


@dataclass(frozen=True)
class AlertMessage:
    """What a sink delivers; the title carries everything that matters."""

    title: str
    body: str
    resolved: bool = False


class Sinks(Protocol):
    """The places in ALERT_URLS, as tasks see them; worker/alerts/sinks.py delivers."""

    names: tuple[str, ...]
    """One a sink, without secrets: they stand in logs and tables."""
    limit: float
    """Seconds after which `deliver` has ended, whatever the sinks do."""

    def deliver(self, messages: Sequence[tuple[str, AlertMessage]]) -> Iterator[tuple[int, str | None]]:
        """Send each message to the sink named.

        Yield the place of each in `messages` and its error (None: delivered), as they become known.
        """


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Hold what a task needs; worker/wiring.py is the only place that builds one.

    `autocommit` is the same engine, on which each statement is a transaction of its own, in one round trip; a read that
    is alone, too: psycopg forgets what a connection has prepared when a transaction is rolled back.
    """

    engine: Engine
    autocommit: Engine
    calcom: CalcomClient
    breaker: CircuitBreaker
    detector: FailureDetector
    database_calls: CallStats
    policy: RetryPolicy
    timings: Timings
    broker_url: str = field(repr=False)  # holds a password
    alerts: Sinks


_lock = threading.Lock()
_build: Callable[[], Dependencies] | None = None
_built: tuple[int, Dependencies] | None = None


def fill(build: Callable[[], Dependencies]) -> None:
    """Say how the dependencies are built; they are built when first asked for."""
    global _build, _built
    with _lock:
        _build, _built = build, None


def current() -> Dependencies:
    """Return this process's dependencies.

    Pools and sockets do not survive a fork (prefork), and `worker_process_init` does not fire for threads: so they
    are built at first use, and again when the process id has changed.

    Raises:
        RuntimeError: Nobody filled the slot; callers import from `worker`.
    """
    global _built  # noqa: PLW0603 - the slot is one a process, by design
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
    """Let go of what this process has built, if anything: what is kept to be told is told, connections close."""
    global _built
    with _lock:
        built, _built = _built, None
    if built is not None and built[0] == os.getpid():
        built[1].database_calls.flush()
        built[1].engine.dispose()
