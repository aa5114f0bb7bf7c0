"""A busy machine stands still for seconds: no test fails for that, and no new deadline is forgotten."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.servers import patience

ROOT = Path(__file__).parents[3]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PRODUCT = [path for name in ("client", "db", "resilience", "tasks", "worker") for path in (ROOT / name).rglob("*.py")]
SHORTEST = 20.0  # seconds
DEADLINE = re.compile(r"^(?!_?MOST)\w*(?:PATIENCE|WITHIN|ANSWER_SECONDS)\b(?=.* = \d)", re.MULTILINE)
OF_OTHER_PROCESSES = re.compile(r"worker\.(?:api|local|page)\.")  # tests/support/workers has patient ones of two
# Not waited for by a test's own process, or longer than a machine stands still.
OTHERS = {
    "booking_client.database.connections.PATIENCE",
    "db.migrating.locks.LOCKS_PATIENCE",
    "tasks.callbacks.sending.CONNECT_WITHIN",
    "tasks.overview.reading.PATIENCE",  # the default of `read_overview`
    "worker.onboarding.bringing.PATIENCE",  # it waits for a limit, not for a server
    "worker.own_connections.POOL_PATIENCE",
    "worker.task_events.PATIENCE",
}
# Their sockets stay open, so that the port is nobody else's.
KEPT_OPEN = {"test_client_sent.py", "test_client_times.py", "test_house_time.py"}


def module(path: Path) -> str:
    """Return the name by which a file of the product is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in (parts[1:] if parts[0] == "client" else parts) if part != "__init__")


def deadlines() -> set[str]:
    """Return the names of the product's deadlines."""
    return {f"{module(path)}.{name}" for path in PRODUCT for name in DEADLINE.findall(path.read_text("utf-8"))}


def short_waits(path: Path) -> Iterator[str]:
    """Yield where a test waits for a condition for too short a time."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        for given in node.keywords if isinstance(node, ast.Call) else ():
            seconds = given.value.value if isinstance(given.value, ast.Constant) else None
            if given.arg == "within" and isinstance(seconds, int | float) and seconds < SHORTEST:
                yield f"{path.name}:{node.lineno}: {seconds:g} s"


def test_who_waits_for_a_condition_waits_long() -> None:
    """It is a net: how long something takes is measured by `make bench`."""
    assert [found for path in TESTS for found in short_waits(path)] == []


def test_a_tests_own_process_is_patient_with_each_server() -> None:
    """A new deadline is one of those that are lengthened there, or stands here with what it is for."""
    ours = {name for name in deadlines() if not OF_OTHER_PROCESSES.match(name)}

    assert ours - OTHERS - set(patience._SECONDS) == set()  # noqa: SLF001 - the list is what is tested
    assert ours >= OTHERS


def test_a_port_is_asked_for_below_those_that_the_system_deals() -> None:
    """One that the system has dealt, and that is closed again, it may deal to somebody else before it is used."""
    dealt = re.compile(r"\.bind\(\(\"127\.0\.0\.1\", 0\)\)")
    found = [path.name for path in TESTS if dealt.search(path.read_text("utf-8")) and path.name not in KEPT_OPEN]

    assert found == []
