"""Promises 1 and 2 in a caller's transaction: what it commits is booked, once; what it does not commit is not there."""

import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from db.lifecycle import Status
from tests.support.fleet import Fleet, finals

# A host: it keeps an order and its booking together, and ends as it is told.
HOST = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
import psycopg
from booking_client import BookingRequest, Bookings

url, fate, *numbers = sys.argv[1:]
bookings = Bookings(url)
conn = psycopg.connect(url)
for number in map(int, numbers):
    start = datetime(2030, 3, 1, tzinfo=UTC) + number * timedelta(minutes=30)
    attendee = {"name": "Pat Example", "email": f"pat{number}@example.com", "time_zone": "Europe/Berlin"}
    request = BookingRequest.parse({"event_type_id": 110, "start": start, "attendee": attendee})
    receipt = bookings.enqueue(request, connection=conn)
    conn.execute("INSERT INTO orders VALUES (%s, %s)", (number, receipt.appointment_id))
    if fate == "killed before":
        os.kill(os.getpid(), signal.SIGKILL)
    conn.rollback() if fate == "rolled back" else conn.commit()
    if fate == "killed after":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.fresh_database
def test_what_is_committed_is_booked_once_and_nothing_else(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str, valkey: Any
) -> None:
    """Rolled back, killed before and after its COMMIT, and committed while broker and workers are down."""
    deployment = fleet()
    with psycopg.connect(database_url) as conn:
        conn.execute("CREATE TABLE orders (number int PRIMARY KEY, booking bigint)")
    valkey.kill()
    fates = {"rolled back": [1, 2, 3], "killed before": [4], "killed after": [5], "committed": [6, 7, 8]}
    for fate, numbers in fates.items():
        ran = subprocess.run(
            [sys.executable, "-c", HOST, database_url, fate, *map(str, numbers)], check=False, timeout=60
        )
        assert ran.returncode == (-signal.SIGKILL if "killed" in fate else 0)
    valkey.recover()
    deployment.start()

    with psycopg.connect(database_url) as conn:
        orders = dict(conn.execute("SELECT number, booking FROM orders").fetchall())
        rows = [one for (one,) in conn.execute("SELECT id FROM appointments").fetchall()]
    assert sorted(orders) == [5, 6, 7, 8]
    assert sorted(rows) == sorted(orders.values())
    assert {one.status for one in finals(rows).values()} == {Status.CONFIRMED}
    assert sorted(booking["attendees"][0]["email"] for booking in simulator.bookings()) == [
        f"pat{number}@example.com" for number in (5, 6, 7, 8)
    ]
