"""What a process that only enqueues loads."""

import subprocess
import sys

NOT_NEEDED = (
    "alembic",
    "apprise",
    "flower",
    "phonenumbers",
    "prometheus_client",
    "requests",
    "sqlalchemy.orm",
    "structlog",
    "typer",
    "urllib3",
)


def test_a_caller_loads_no_library_of_the_workers() -> None:
    """`import worker` and the first booking are what a web server's start waits for."""
    code = f"import sys, worker; worker.enqueue_booking; print(*set({NOT_NEEDED!r}).intersection(sys.modules))"

    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert told.stdout.split() == []
