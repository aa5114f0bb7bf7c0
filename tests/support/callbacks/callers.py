"""Callers with a callback address, and their bookings in the state that a test is about."""

from collections.abc import Callable
from itertools import count
from typing import Any

from sqlalchemy import text

from db import appointments
from db.api_keys import key_text, keys
from db.lifecycle import Status
from tasks import dependencies
from tasks.callbacks import due
from tasks.enqueue import enqueue_booking
from tests.support.fleet import request

LOOPBACK = {"CALLBACK_LOOPBACK_FOR_TESTS": "true", "CALLBACK_SECRET": "a-secret-of-the-tests-with-32-letters"}
_numbers = count(1)


def sql(statement: str, **given: Any) -> Any:
    """Run a statement; return its first value, if it has one."""
    with dependencies.current().engine.begin() as conn:
        result = conn.execute(text(statement), given)
        return result.scalar() if result.returns_rows else None


def key_with(url: str | None) -> int:
    """Make an API key whose callbacks go to an address; return its id."""
    number = next(_numbers)
    handle = key_text.new_handle()
    hashed = key_text.hash_of(key_text.new_key(handle))
    with dependencies.current().engine.begin() as conn:
        assert keys.add(conn, f"k{number}", handle, hashed, scopes=[], event_types=None, rate=100)
        assert keys.set_callback(conn, f"k{number}", url)
        made = keys.named(conn, f"k{number}")
    assert made is not None
    return made.id


def asked(key_id: int | None, **more: Any) -> int:
    """Accept a request of a key; return its booking's id."""
    return enqueue_booking(request(next(_numbers), **more), api_key_id=key_id).appointment_id


def move(booking: int, to: Status, **changes: Any) -> None:
    """Claim a booking (but not one that is cancelled at once) if that is needed, and move it."""
    with dependencies.current().engine.begin() as conn:
        claimed = None if to is Status.CANCELLED else appointments.claim(conn, booking, lease_seconds=50)
        row = claimed.row if claimed else appointments.get(conn, booking)
        assert row is not None
        assert appointments.move(conn, booking, row.status, to, token=row.claim_token, why="a test", **changes)


def confirmed(key_id: int | None, **more: Any) -> int:
    """Accept a request, and confirm it; return its booking's id."""
    booking = asked(key_id, **more)
    move(booking, Status.CONFIRMED, calcom_booking_uid=f"uid-{booking}")
    return booking


def ticking(condition: Callable[[], Any]) -> Callable[[], Any]:
    """Send the callbacks that are due each time before a condition is asked."""

    def tick() -> Any:
        due.send_due.run()
        return condition()

    return tick
