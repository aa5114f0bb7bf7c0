"""`booking callbacks`: what is not delivered is shown, and what was given up can be let be."""

from collections.abc import Callable
from typing import Any

from tests.support.callbacks.callers import confirmed, key_with, sql

Booking = Callable[..., Any]


def test_what_was_given_up_is_let_be_and_shown_no_more(booking: Booking, record: Any) -> None:
    """All of it, or that of some bookings; on record, with the operator's words."""
    assert record
    key = key_with("https://example.com/hooks")
    first, second = confirmed(key), confirmed(key)
    sql("UPDATE callbacks SET given_up_at = now(), next_at = NULL, trouble = '500'")
    assert booking("callbacks").code == 1
    one = booking("callbacks", str(first), "--drop", "--why", "the receiver is gone")
    assert (one.code, "1 callback let be" in one.out) == (0, True)
    shown = booking("callbacks")
    assert (shown.code, f"booking {second}, number 1" in shown.out, f"booking {first}," in shown.out) == (
        1,
        True,
        False,
    )
    assert booking("callbacks", "--drop", "--why", "gone").code == 0
    assert booking("callbacks").code == 0
    assert sql("SELECT array_agg(why || ' ' || action ORDER BY id) FROM operator_actions") == [
        "the receiver is gone callbacks_drop",
        "gone callbacks_drop",
    ]


def test_one_order_at_a_time(booking: Booking) -> None:
    """And no bookings without one: they would be passed over."""
    assert booking("callbacks", "--drop", "--again").code == 1
    assert booking("callbacks", "42").code == 1
