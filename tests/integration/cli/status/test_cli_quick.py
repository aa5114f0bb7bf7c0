"""What one question loads: a person waits for it at each command."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tasks.host.application import app
from worker.console import broker

SENDS = {"celery", "kombu", "redis", "opentelemetry", "requests", "urllib3", "cryptography"}
NEVER = {"alembic", "apprise", "flower", "phonenumbers", "prometheus_client", "requests", "structlog", "urllib3"}
READS = {"tasks.overview.reading", "worker.wiring"}
LATE = {"encodings", "stringprep", "unicodedata"}  # of the standard library, at the first name that is resolved
_ASKED = """import sys
from worker.cli import main
from worker.console import broker
asked = broker.ask
def ask(*given, **named):
    before = set(sys.modules)
    answer = asked(*given, **named)
    print(*set(sys.modules) - before)
    return answer
load = broker.load
def show(url):
    load(url)
    print(*sys.modules)
    ask(url, ("bookings",), ping=0.05)
    broker.ask = lambda *_, **__: broker.Broker({})
broker.load = show
sys.argv = ["booking", "status"]
main()
"""
_COLLECTIONS = """import gc, sys
from worker.cli import main
collected = []
gc.callbacks.append(lambda phase, _: collected.append(phase) if phase == "start" else None)
import worker.cli.command
def work(**_): print(len(collected), gc.isenabled())
load = worker.cli.command.load
def loaded(module):
    load(module).run = work
    return sys.modules[module]
worker.cli.command.load = loaded
sys.argv = ["booking", "show", "1"]
collected.clear()
main()
"""
_RUN = "import sys; from worker.cli import main; sys.argv[0] = 'booking'\ntry: main()\nfinally: print(*sys.modules)"


def loaded(environment: dict[str, str], *command: str) -> set[str]:
    """Run a command as a process of its own; return the packages that it has loaded."""
    argv = [sys.executable, "-c", _RUN, *command]
    ran = subprocess.run(argv, env=environment, check=False, capture_output=True, text=True, timeout=60)
    return {name.partition(".")[0] for name in ran.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("command", [("show", "1"), ("actions",), ("alerts",)])
def test_a_question_to_postgres_loads_nothing_that_sends(
    settings: Callable[..., dict[str, str]], record: Any, command: tuple[str, ...]
) -> None:
    """Celery, redis-py and an HTTP client take longer to load than the answer."""
    environment = settings()
    assert record.keep().id == 1

    assert loaded(environment, *command) & (SENDS | NEVER) == set()


def test_the_whole_state_is_read_without_what_calls_or_writes_logs(settings: Callable[..., dict[str, str]]) -> None:
    """Redis and the broker are asked, by the libraries that workers ask them with."""
    assert loaded(settings(CALCOM_API_KEY=""), "status") & NEVER == set()


def printed(environment: dict[str, str], code: str) -> list[list[str]]:
    """Run code as a process of its own; return the words of each line that it has printed."""
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True, timeout=60
    )
    return [line.split() for line in ran.stdout.splitlines()]


def test_workers_are_asked_before_what_reads_the_rest_is_loaded(settings: Callable[..., dict[str, str]]) -> None:
    """They answer meanwhile; their thread loads no module that is loaded beside it at that moment."""
    before, beside, *_ = printed(settings(), _ASKED)

    assert (set(before) & READS, {name.partition(".")[0] for name in beside} - LATE) == (set(), set())


def test_nothing_is_searched_for_garbage_while_it_is_loaded(settings: Callable[..., dict[str, str]]) -> None:
    """There would be 170 searches; the command itself has them again."""
    [[count, enabled]] = printed(settings(), _COLLECTIONS)

    assert (int(count) < 100, enabled) == (True, "True")


@pytest.mark.parametrize(
    ("answers", "asked"), [([["a", "b"]], [0.25]), ([[], ["b"]], [0.25, 0.7]), ([[], []], [0.25, 0.7])]
)
def test_workers_that_have_answered_end_the_long_wait(
    settings: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    answers: list[list[str]],
    asked: list[float],
) -> None:
    """Celery waits its whole time-out once more after each answer."""
    url, told, waited = settings()["REDIS_URL"], iter(answers), list[float]()

    def ping(*, timeout: float) -> list[dict[str, Any]]:
        waited.append(timeout)
        return [{name: {"ok": "pong"}} for name in next(told)]

    monkeypatch.setattr(app.control, "ping", ping)

    found = broker.ask(url, (), ping=0.7)

    assert found.error is None
    assert (found.workers, waited) == (answers[len(waited) - 1], asked)


def test_the_breaker_is_asked_of_a_booking_in_a_queue_alone(
    settings: Callable[..., dict[str, str]], record: Any
) -> None:
    """What stops its line stands in Redis."""
    environment = settings()
    row = record.moved(Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)

    packages = loaded(environment, "show", str(row.id))

    assert (packages & {"redis"}, packages & NEVER) == ({"redis"}, set())
