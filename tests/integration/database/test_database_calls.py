"""The database is a service like Cal.com: its calls are counted and its failures judged, by SQLSTATE."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tasks import dependencies
from tests.support.fleet import eventually
from worker.database_calls import SERVICE, name_of
from worker.settings.model import Settings
from worker.wiring import build_from

WINDOW = 0.1  # seconds


@pytest.fixture(autouse=True)
def wired(settings: Callable[..., dict[str, str]]) -> None:
    """Wire this process, and wait for the first window that is whole."""
    settings()
    dependencies.fill(lambda: build_from(Settings.load(), count_window=WINDOW))
    calls = dependencies.current().detector.calls(SERVICE)
    calls.count_success("select")
    calls.flush()
    began = time.monotonic()
    eventually(lambda: time.monotonic() > began + 2 * WINDOW)


def stats(endpoint: str | None = None) -> Any:
    """Ask the detector."""
    dependencies.current().detector.calls(SERVICE).flush()
    return dependencies.current().detector.get_failure_stats(SERVICE, endpoint)


def failures() -> Counter[str]:
    """Count the failures by type, out of the windows as they stand."""
    calls = dependencies.current().detector.calls(SERVICE)
    calls.flush()
    windows = calls.closed_windows(now=2_000_000_000)
    return sum(
        (Counter({one.error: sum(one.severities)}) for window in windows for one in window.errors), Counter[str]()
    )


def run(statement: str) -> None:
    """Run a statement in a transaction of its own."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(text(statement))


def test_each_statement_is_counted_with_its_time() -> None:
    """By what it does to which table."""
    before = stats("select.appointments").calls
    run("SELECT pg_sleep(0.05), count(*) FROM appointments")
    seen = stats("select.appointments")
    assert seen.calls == before + 1
    assert seen.longest_ms >= 50
    assert seen.total == 0


@pytest.mark.fresh_database
def test_a_deadlock_is_counted_as_one() -> None:
    """PostgreSQL ends one of two; the other goes on."""
    meet = threading.Barrier(2)
    run("CREATE TABLE pair (id int PRIMARY KEY); INSERT INTO pair VALUES (1), (2)")

    def lock(first: int, second: int) -> str:
        with dependencies.current().engine.begin() as conn:
            conn.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
            conn.execute(text("SELECT id FROM pair WHERE id = :id FOR UPDATE"), {"id": first})
            meet.wait(10)
            conn.execute(text("SELECT id FROM pair WHERE id = :id FOR UPDATE"), {"id": second})
        return "done"

    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(lock, 1, 2), pool.submit(lock, 2, 1)]
        failed = [end for end in ends if end.exception(10) is not None]
    assert len(failed) == 1
    assert failures() == {"deadlock": 1}


def test_a_statement_that_takes_too_long_is_a_time_out() -> None:
    """57014."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(text("SET LOCAL statement_timeout = '20ms'"))
        with pytest.raises(DBAPIError):
            conn.execute(text("SELECT pg_sleep(5)"))
    assert failures() == {"timeout": 1}


def test_a_lost_connection_is_critical(postgres: Any) -> None:
    """A server that dies under a statement, and one that cannot be reached."""
    with pytest.raises(DBAPIError):
        run("SELECT pg_terminate_backend(pg_backend_pid())")
    assert failures() == {"lost_connection": 1}
    postgres.kill()
    with pytest.raises(DBAPIError):
        run("SELECT 1")
    postgres.restart()
    assert failures()["lost_connection"] >= 2
    assert stats().severity_distribution["critical"] >= 2


@pytest.mark.fresh_database
def test_what_the_server_says_of_the_data_is_no_failure_of_it() -> None:
    """A violated constraint, a wrong statement: it answered."""
    run("CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1)")
    for statement in ("INSERT INTO one VALUES (1)", "SELECT 1 / 0 FROM one", "SELECT nonsense FROM one"):
        with pytest.raises(DBAPIError):
            run(statement)
    assert failures() == Counter()
    assert stats("insert.one").calls == 2


def test_successes_are_told_within_a_second() -> None:
    """By the process itself, whatever else it does."""
    run("SELECT count(*) FROM appointments")
    detector = dependencies.current().detector
    eventually(lambda: detector.get_failure_stats(SERVICE, "select.appointments").calls)


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT 1", "select"),
        ('select * from "Appointments" where x for update of a', "select.appointments"),
        ("WITH d AS (SELECT id FROM a FOR UPDATE SKIP LOCKED) UPDATE appointments AS x SET y=1", "update.appointments"),
        ("INSERT INTO a (b) VALUES (1) ON CONFLICT (b) DO UPDATE SET b = 2", "insert.a"),
        ("delete from only_this where true", "delete.only_this"),
        ("", "other"),
        ("SELECT " + "x, " * 5000 + "y FROM a", "select"),
    ],
)
def test_a_statement_is_named_by_what_it_does(statement: str, name: str) -> None:
    """A small set of names, without a value of the statement."""
    assert name_of(statement) == name
