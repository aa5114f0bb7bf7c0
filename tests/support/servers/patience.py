"""Have a test's own process wait for servers that are only slow: what it does then is not what the test is about.

A busy machine stands still for seconds, and takes one for a first call in a new database. A server that is killed
refuses at once, so this process waits where a server is frozen alone: such a test asks for the fixture `impatient`.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

from db.engine import make_engine
from resilience.shared_state.client import make_redis
from tasks.maintenance import sweeper
from tasks.overview.reading import read_overview
from tasks.work import publish

PATIENT = 30  # seconds: a net
IMPATIENT = "impatient"
_SECONDS = (
    "booking_client.asking.PATIENCE",
    "tasks.calcom_webhooks.hints.WITHIN",
    "tasks.calcom_webhooks.looks.PATIENCE",
    "tasks.changes.ask.by_python.PATIENCE",
    "tasks.overview.reading._BROKER_PATIENCE",
    "tasks.guarded_calls.recheck.PATIENCE",
    "worker.cli.check.callbacks.ALL_WITHIN",
    "worker.cli.check.clocks.ANSWER_SECONDS",
    "worker.cli.check.redis.ANSWER_SECONDS",
    "worker.cli.status.status.PATIENCE",
    "worker.console.broker.ANSWER_SECONDS",
    "worker.metrics.collector.PATIENCE",
)
_BOUNDS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (make_engine.__kwdefaults__, ("connect_timeout_s", "pool_timeout_s")),
    (make_redis.__kwdefaults__, ("timeout", "connect_timeout")),
    (publish._FAIL_FAST, ("socket_connect_timeout", "socket_timeout")),  # noqa: SLF001 - time is an argument
    (publish._FAIL_FAST_AMQP, ("read_timeout", "write_timeout")),  # noqa: SLF001 - the same
    (read_overview.__kwdefaults__, ("patience",)),
    (sweeper._BOUNDS, ("socket_timeout", "read_timeout", "write_timeout")),  # noqa: SLF001 - the same
)


def be_patient(monkeypatch: pytest.MonkeyPatch, fixtures: Collection[str]) -> None:
    """Wait for the servers, unless the test of these fixtures lets this process's patience run out."""
    monkeypatch.setattr(publish, "_local", threading.local())  # a connection that is kept has the bounds of its test
    if IMPATIENT in fixtures:
        return
    for name in _SECONDS:
        monkeypatch.setattr(name, PATIENT)
    for bounds, names in _BOUNDS:
        for name in names:
            monkeypatch.setitem(bounds, name, PATIENT)


@contextmanager
def patient_callers() -> Iterator[None]:
    """Have who asks in this block wait for a Postgres that is only slow: in a test that freezes it before, or after."""
    with patch("booking_client.asking.PATIENCE", PATIENT):
        yield
