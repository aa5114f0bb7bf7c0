"""Migrate a large database of the first revision, again and again, beside workers and callers.

Each run is `booking migrate` of a later release (tests/support/schema/later.py) on a copy of one database. The exit
code is 1 when a run did not go through, when one who was at work met an error, or when a caller waited for more than
two seconds. PostgreSQL comes from a wheel.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg

from db import revisions
from db.engine import make_engine
from tests.migrating.busy import Seen, at_work, fill
from tests.support.schema.later import FIRST, write_later
from worker.local import embedded
from worker.local.embedded import Guard
from worker.local.graceful_shutdown import GracefulShutdown

LONGEST = 2.0  # seconds that a caller may wait
OLD = "old"


def main() -> int:
    """Run from the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.migrating", description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, metavar="N", help="bookings (200,000)")
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="runs (20)")
    asked = parser.parse_args()
    kept = 0
    with GracefulShutdown(), Guard() as guard, embedded.servers(guard.folder(), valkey=False) as servers:
        write_later(later := guard.folder() / "migrations")
        _admin(servers.postgres.url, f"CREATE DATABASE {OLD}")
        engine = make_engine(servers.postgres.url_of(OLD))
        revisions.migrate(engine, FIRST)
        engine.dispose()
        fill(servers.postgres.url_of(OLD), asked.rows)
        for number in range(1, asked.runs + 1):
            name = f"run_{number}"
            _admin(servers.postgres.url, f"CREATE DATABASE {name} TEMPLATE {OLD} STRATEGY FILE_COPY")
            began = time.monotonic()
            with at_work(servers.postgres.url_of(name)) as seen:
                ran = _migrate(servers.postgres.url_of(name), later)
            took = time.monotonic() - began
            _admin(servers.postgres.url, f"DROP DATABASE {name} WITH (FORCE)")
            kept += _is_kept(ran, seen)
            print(_line(number, ran, seen, took), flush=True)  # noqa: T201 - what it was asked for
    print(f"{kept} of {asked.runs} runs over {asked.rows:,} bookings")  # noqa: T201 - the same
    return 0 if kept == asked.runs else 1


def _migrate(url: str, later: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1"}  # noqa: TID251 - a process's
    command = [sys.executable, "-m", "tests.support.workers.later_cli", str(later), "migrate"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _is_kept(ran: "subprocess.CompletedProcess[str]", seen: Seen) -> bool:
    return ran.returncode == 0 and not seen.failed and max(seen.waited) <= LONGEST


def _line(number: int, ran: "subprocess.CompletedProcess[str]", seen: Seen, took: float) -> str:
    said = "".join(f"\n    {line}" for line in (*ran.stderr.splitlines(), *map(str, seen.failed.items())))
    done = ", ".join(f"{count} {what}" for what, count in sorted(seen.done.items()))
    return f"{number}: exit {ran.returncode} after {took:.0f} s; {done}; a caller waited {max(seen.waited):.2f} s{said}"


def _admin(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)  # type: ignore[call-overload] - our own words


if __name__ == "__main__":
    sys.exit(main())
