"""The outbox: a callback is stored by the very transaction that moves its booking, and only where one is wanted."""

from collections.abc import Callable
from typing import Any

import pytest

from db import appointments
from db.lifecycle import HoldReason, Status
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS
from tasks import dependencies
from tests.support.callbacks.callers import LOOPBACK, asked, confirmed, key_with, move, sql

URL = "https://example.com/hooks"


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def told(booking: int) -> list[Any]:
    """Return the types of a booking's callbacks, in order."""
    listed: list[Any] = sql(
        "SELECT coalesce(array_agg(type ORDER BY sequence), '{}') FROM callbacks WHERE appointment_id = :id", id=booking
    )
    return listed


@pytest.mark.parametrize(
    ("to", "changes"),
    [
        (Status.CONFIRMED, {"calcom_booking_uid": "uid-1"}),
        (Status.REJECTED, {"error_type": "taken"}),
        (Status.FAILED, {}),
        (Status.EXPIRED, {}),
    ],
)
def test_each_end_of_a_booking_is_a_callback(to: Status, changes: dict[str, Any]) -> None:
    """One, of that name; a hold and a release before it are none."""
    booking = asked(key_with(URL))
    move(booking, Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    move(booking, Status.PENDING)
    move(booking, to, **changes)

    assert told(booking) == [f"booking.{to}"]


def test_a_cancel_and_a_move_are_callbacks() -> None:
    """In order: requested while the host must confirm, confirmed, at another time, cancelled."""
    booking = asked(key_with(URL))
    move(booking, Status.CONFIRMED, calcom_booking_uid="uid-1", awaits_host=True)
    sql("UPDATE appointments SET awaits_host = false WHERE id = :id", id=booking)
    sql("UPDATE appointments SET booked_start_at = start_at + interval '1 hour' WHERE id = :id", id=booking)
    sql("UPDATE appointments SET checked_at = now() WHERE id = :id", id=booking)
    move(booking, Status.CANCELLED)

    assert told(booking) == ["booking.requested", "booking.confirmed", "booking.rescheduled", "booking.cancelled"]


def test_a_booking_that_is_held_for_long_is_told_as_degraded() -> None:
    """Once, as the flag is set once."""
    booking = asked(key_with(URL))
    move(booking, Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    with dependencies.current().engine.begin() as conn:
        assert queue_sweeps.flag_degraded(conn, BOOKINGS, max_age_seconds=0, limit=10)

    assert told(booking) == ["booking.degraded"]


def test_what_was_told_wrongly_is_corrected() -> None:
    """Expired here, and then found at Cal.com."""
    booking = asked(key_with(URL))
    move(booking, Status.EXPIRED)
    move(booking, Status.CONFIRMED, calcom_booking_uid="uid-1")

    corrects = sql("SELECT data->>'corrects' FROM callbacks WHERE appointment_id = :id AND sequence = 2", id=booking)
    assert (told(booking), corrects) == (["booking.expired", "booking.confirmed"], "booking.expired")


def test_who_lost_a_time_to_another_booking_hears_it_when_that_is_confirmed() -> None:
    """As each other end, and as taken: nobody has asked Cal.com."""
    key = key_with(URL)
    first, second = asked(key, event_type_id=110), asked(key, event_type_id=110)
    sql("UPDATE appointments SET start_at = now() + interval '9 days' WHERE id IN (:a, :b)", a=first, b=second)
    sql(
        "INSERT INTO calcom_event_types (key_fingerprint, event_type, kind, confirms_free_email, sight, seats)"
        " VALUES ('key', '110', 'plain', false, true, false)"
    )
    move(second, Status.HELD, hold_reason=HoldReason.BREAKER_OPEN)
    move(first, Status.CONFIRMED, calcom_booking_uid="uid-1")

    cause = sql("SELECT about->>'error_type' FROM callbacks WHERE appointment_id = :id", id=second)
    assert (told(second), cause) == (["booking.rejected"], "taken")


def test_there_is_no_callback_without_its_move() -> None:
    """Both are rolled back together."""
    booking = asked(key_with(URL))
    with dependencies.current().engine.connect() as conn:
        claimed = appointments.claim(conn, booking, lease_seconds=50)
        assert claimed is not None
        appointments.move(conn, booking, Status.BOOKING, Status.FAILED, token=claimed.row.claim_token, why="a test")
        conn.rollback()

    assert told(booking) == []


@pytest.mark.parametrize(("url", "host"), [("HTTPS://Example.com/hooks", "example.com"), ("no address", "")])
def test_no_address_of_a_key_stops_a_move(url: str, host: str) -> None:
    """Whatever it is: the booking is at Cal.com, and its row says so."""
    booking = confirmed(key_with(url))

    assert told(booking) == ["booking.confirmed"]
    assert sql("SELECT host FROM callbacks WHERE appointment_id = :id", id=booking) == host


def test_a_booking_without_a_callback_address_has_none() -> None:
    """Neither one of Python's, nor one of a key that has no address."""
    for key in (None, key_with(None)):
        assert told(confirmed(key)) == []


def test_a_callback_holds_nothing_of_a_person() -> None:
    """But for the key that the caller chose."""
    booking = confirmed(key_with(URL), idempotency_key="form-7")
    stored = sql("SELECT to_jsonb(c)::text FROM callbacks AS c WHERE appointment_id = :id", id=booking)

    assert "form-7" in stored
    assert not [word for word in ("Pat", "pat", "uid-", "Berlin") if word in stored]
