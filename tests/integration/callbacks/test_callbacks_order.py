"""The order of one booking's callbacks, also of those that were given up; a 410 ends those of one key alone."""

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from db import callbacks
from db.callbacks import Callback
from db.lifecycle import Status
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.callbacks import orders
from tests.support.callbacks.callers import LOOPBACK, asked, confirmed, key_with, move, sql

URL = "https://example.com/hooks"
AGAIN = ActionRequest(who="operator", via="command_line", action="callbacks_again", why="a test")


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def told_thrice(key: int) -> int:
    """Have a booking with three callbacks; return its id."""
    booking = asked(key)
    move(booking, Status.CONFIRMED, calcom_booking_uid=f"uid-{booking}", awaits_host=True)
    sql("UPDATE appointments SET awaits_host = false WHERE id = :id", id=booking)
    move(booking, Status.CANCELLED)
    return booking


def sent(end: Callable[[Connection, Callback, int], object]) -> list[int]:
    """Take what is due and end it as given; return the number of each in its booking."""
    with dependencies.current().engine.begin() as conn:
        taken = [(callbacks.claimed(conn, one, claims, seconds=1), claims) for one, claims in callbacks.claim(conn)]
        for callback, claims in taken:
            assert callback is not None
            end(conn, callback, claims)
    return [callback.sequence for callback, _ in taken if callback]


def give_up(conn: Connection, callback: Callback, claims: int) -> None:
    """Record the last try of a callback."""
    callbacks.failed(conn, callback, claims, trouble="500", retry_in=None, hurts=False)


def switched_off(conn: Connection, callback: Callback, claims: int) -> None:
    """Record a 410, as a worker does."""
    callbacks.switch_off(conn, callback, claims)


def test_three_go_one_after_the_other_whether_taken_or_given_up() -> None:
    """The end of one makes the next due, and no later one."""
    told_thrice(key_with(URL))

    ends = (callbacks.delivered, give_up, callbacks.delivered)
    assert [sent(end) for end in ends] == [[1], [2], [3]]
    assert sent(give_up) == []


def test_what_was_given_up_is_sent_again_in_order() -> None:
    """The first goes before the third, which was due already."""
    told_thrice(key_with(URL))
    assert [sent(give_up) for _ in range(2)] == [[1], [2]]

    assert orders.send_again(AGAIN, []) == 3
    assert [sent(callbacks.delivered) for _ in range(3)] == [[1], [2], [3]]


def test_a_410_ends_the_callbacks_of_its_key_alone() -> None:
    """Another key has the same address: its callback still waits, and its bookings have more."""
    theirs, ours = key_with(URL), key_with(URL)
    confirmed(theirs)
    with dependencies.current().engine.begin() as conn:
        [(first, claims)] = callbacks.claim(conn)
    booking = confirmed(ours)
    with dependencies.current().engine.begin() as conn:
        callback = callbacks.claimed(conn, first, claims, seconds=1)
        assert callback is not None
        switched_off(conn, callback, claims)

    off = sql("SELECT array_agg(id) FROM api_keys WHERE callback_off_at IS NOT NULL")
    waits = sql("SELECT array_agg(appointment_id) FROM callbacks WHERE next_at IS NOT NULL")
    assert (off, waits) == ([theirs], [booking])


def test_a_restored_database_gives_no_callback_the_id_of_another() -> None:
    """The receiver has had its number 1, which the restored database does not know."""
    booking = told_thrice(key_with(URL))
    before = first_id()
    sql("DELETE FROM callbacks")
    sql("UPDATE appointments SET status = 'confirmed' WHERE id = :id", id=booking)

    assert before.startswith(f"cb_{booking}_1_")
    assert first_id().startswith(f"cb_{booking}_1_")
    assert first_id() != before


def first_id() -> str:
    """Return the id of the first callback for its receiver; it stays due."""
    with dependencies.current().engine.connect() as conn:
        [(number, claims)] = callbacks.claim(conn)
        callback = callbacks.claimed(conn, number, claims, seconds=1)
        conn.rollback()
    assert callback is not None
    return callback.name
