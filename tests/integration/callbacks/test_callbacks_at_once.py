"""What several workers record at the same time: none fails, in any order; and whose callbacks a 410 ends."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from db import callbacks
from db.callbacks import Callback
from db.lifecycle import Status
from db.monitoring.operator_actions import ActionRequest
from tasks import dependencies
from tasks.callbacks import due, orders
from tasks.callbacks.deliver import _record
from tasks.callbacks.sending import SendResult
from tests.support.callbacks.callers import LOOPBACK, confirmed, key_with, move, sql
from tests.support.fleet import eventually

URL = "https://example.com/hooks"
OWN = "https://hooks.example.com/own"
AGAIN = ActionRequest(who="operator", via="command_line", action="callbacks_again", why="a test")
_LOCKS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')"


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**LOOPBACK)


def taken() -> list[tuple[Callback, int]]:
    """Claim what is due, as workers do; return each with the number of its claim."""
    with dependencies.current().engine.begin() as conn:
        claims = callbacks.claim(conn)
    with dependencies.current().engine.connect() as conn:
        known = [(callbacks.claimed(conn, one, number, seconds=1), number) for one, number in claims]
    return [(callback, number) for callback, number in known if callback is not None]


def gone(given: tuple[Callback, int]) -> None:
    """Record a 410, as a worker does."""
    with dependencies.current().engine.begin() as conn:
        callbacks.switch_off(conn, *given)


def all_at_once(given: Sequence[tuple[Callback, int]]) -> list[str]:
    """Record a 410 of each at the same moment; return what failed."""
    ready = threading.Barrier(len(given))

    def record(one: tuple[Callback, int]) -> None:
        ready.wait(60)
        gone(one)

    with ThreadPoolExecutor(len(given)) as pool:
        return failures([pool.submit(record, one) for one in given])


def failures(made: Sequence[Future[Any]]) -> list[str]:
    """Return what transactions failed with, when all are over."""
    return [type(error.orig).__name__ for one in made if isinstance(error := one.exception(60), DBAPIError)]


def test_410s_at_the_same_moment_wait_for_each_other() -> None:
    """Four of one key, five times: each is given up, and the key is off."""
    for _ in range(5):
        key = key_with(URL)
        for _ in range(4):
            confirmed(key)
        given = taken()
        assert len(given) == 4

        assert all_at_once(given) == []

        ended = "SELECT count(*) FROM callbacks WHERE api_key_id = :key AND given_up_at IS NOT NULL AND trouble = '410'"
        assert sql(ended, key=key) == 4
        assert sql("SELECT callback_off_at IS NOT NULL FROM api_keys WHERE id = :key", key=key) is True


@pytest.mark.parametrize("retry_in", [None, 5.0], ids=["given-up", "tried-again"])
def test_a_failure_and_an_order_to_send_again_wait_for_each_other(retry_in: float | None) -> None:
    """The order has the booking first: the failure must not hold its receiver or its host meanwhile."""
    key = key_with(URL)
    confirmed(key)
    [(callback, claims)] = taken()
    sql("INSERT INTO callback_receivers (host, api_key_id, failures) VALUES ('example.com', :key, 1)", key=key)
    sql("INSERT INTO callback_hosts (host, failures) VALUES ('example.com', 1)")
    engine = dependencies.current().engine

    def fail() -> bool:
        with engine.begin() as conn:
            return callbacks.failed(conn, callback, claims, trouble="500", retry_in=retry_in, hurts=True)

    with ThreadPoolExecutor(2) as pool, engine.connect() as first:
        first.execute(text("SELECT id FROM appointments FOR UPDATE"))
        again = pool.submit(orders.send_again, AGAIN, [])
        eventually(lambda: sql(_LOCKS) == 1, what="the order waits for the booking")
        failed = pool.submit(fail)
        eventually(lambda: sql(_LOCKS) == 2 or failed.done(), what="the failure waits, too, or is recorded")
        first.rollback()

        assert failures([again, failed]) == []
        assert again.result() == 1
    assert sql("SELECT count(next_at) FROM callbacks") == 1


def test_what_is_due_is_locked_in_the_order_of_all() -> None:
    """The claim waits for the first callback, which another has locked, and holds no later one meanwhile."""
    key = key_with(URL)
    for _ in range(2):
        confirmed(key)
    sql("UPDATE callbacks SET next_at = now() - make_interval(secs => id)")  # the later one is due first
    engine = dependencies.current().engine
    with ThreadPoolExecutor(1) as pool, engine.connect() as first, engine.connect() as second:
        first.execute(text("SELECT id FROM callbacks ORDER BY id LIMIT 1 FOR UPDATE"))
        claim = pool.submit(due.send_due.run)
        eventually(lambda: sql(_LOCKS) == 1, what="the claim waits")
        try:
            second.execute(text("SELECT id FROM callbacks ORDER BY id DESC LIMIT 1 FOR UPDATE NOWAIT"))
        except OperationalError:
            pytest.fail("the claim holds the later one")
        finally:
            second.rollback()
            first.rollback()
        assert claim.result(60) == 2


def test_a_410_at_a_bookings_own_address_ends_its_callbacks_alone() -> None:
    """Two bookings name the same address, which is not their key's: the other one's callbacks still wait."""
    key = key_with(URL)
    first, other = confirmed(key), confirmed(key)
    sql("DELETE FROM callbacks")
    sql("UPDATE appointments SET callback_url = :own", own=OWN)
    for booking in (first, other):
        move(booking, Status.CANCELLED)
    sql("UPDATE callbacks SET next_at = NULL WHERE appointment_id = :other", other=other)
    [one] = taken()
    sql("UPDATE callbacks SET next_at = now() WHERE appointment_id = :other", other=other)

    gone(one)

    assert sql("SELECT array_agg(appointment_id) FROM callbacks WHERE given_up_at IS NOT NULL") == [first]
    assert sql("SELECT array_agg(appointment_id) FROM callbacks WHERE next_at IS NOT NULL") == [other]
    assert sql("SELECT count(callback_off_at) FROM api_keys") == 0


def test_a_callback_that_was_not_tried_is_put_off() -> None:
    """It counts as no try, and not against its receiver or its host."""
    confirmed(key_with(URL))
    [(callback, claims)] = taken()

    _record(callback, claims, SendResult("too many look-ups of names hang", untried=True))

    waits = "SELECT tries = 0 AND NOT is_sending AND next_at > now() AND given_up_at IS NULL FROM callbacks"
    assert sql(waits) is True
    assert sql("SELECT count(*) FROM callback_receivers") == sql("SELECT count(*) FROM callback_hosts") == 0
