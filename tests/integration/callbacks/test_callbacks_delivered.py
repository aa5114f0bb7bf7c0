"""Delivery: signed, at least once, in order a booking; no receiver delays a booking or another receiver."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import SecretStr
from sqlalchemy import text
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from db import callbacks
from db.lifecycle import Status
from tasks import dependencies
from tasks.callbacks import due, orders
from tasks.callbacks.signing import secrets_of
from tests.support.callbacks.callers import LOOPBACK, asked, confirmed, key_with, move, sql, ticking
from tests.support.callbacks.receiver import Received, Receiver, receiver
from tests.support.fleet import Fleet, eventually


def waiting() -> int:
    """Return how many callbacks are neither delivered nor given up."""
    return int(sql("SELECT count(*) FROM callbacks WHERE delivered_at IS NULL AND given_up_at IS NULL"))


def verified(secret: str, one: Received) -> Any:
    """Return the booking of what was received, if its signature is right; else None."""
    try:
        return Webhook(secret).verify(one.text, one.headers)["data"]["id"]
    except WebhookVerificationError:
        return None


def soon() -> None:
    """Let the time of each retry come."""
    sql("UPDATE callbacks SET next_at = now() WHERE next_at IS NOT NULL AND NOT is_sending")


def test_callbacks_are_signed_and_in_order(start: Callable[[], Any]) -> None:
    """Standard Webhooks' own library verifies each; the second goes when the first is taken."""
    start()
    with receiver() as there:
        key = key_with(there.url)
        booking = confirmed(key)
        move(booking, Status.CANCELLED)
        eventually(ticking(lambda: waiting() == 0), what="both are delivered")

    assert there.types == ["booking.confirmed", "booking.cancelled"]
    assert there.numbers == [f"cb_{booking}_1", f"cb_{booking}_2"]
    [secret] = secrets_of(dependencies.current().callbacks.secrets, key, 1)
    assert [verified(secret, one) for one in there.got] == [booking, booking]


def test_the_second_waits_while_the_first_is_refused(start: Callable[[], Any]) -> None:
    """The receiver answers 500 twice: the first is sent three times, and only then the second."""
    start()
    refused: list[Received] = []

    def answer(one: Received) -> tuple[int, dict[str, str]]:
        if len(refused) < 2:
            refused.append(one)
            return 500, {}
        return 200, {}

    with receiver(answer) as there:
        booking = confirmed(key_with(there.url))
        move(booking, Status.CANCELLED)

        def over() -> bool:
            soon()
            due.send_due.run()
            return waiting() == 0

        eventually(over, what="both are delivered")

    assert there.numbers == [f"cb_{booking}_1"] * 3 + [f"cb_{booking}_2"]
    assert len(set(there.names)) == 2


def test_a_worker_killed_before_it_records_leaves_it_to_the_next(start: Callable[[], Any]) -> None:
    """Kill -9 between POST and record: it is sent again, with the same id."""
    worker = start()
    with receiver(lambda _: None) as there:
        booking = confirmed(key_with(there.url))
        eventually(ticking(lambda: there.got), what="it is sent")
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(10)
        there.answer = lambda _: (200, {})
        sql("UPDATE callbacks SET next_at = now() WHERE is_sending")  # the lease has run out
        start()
        eventually(ticking(lambda: waiting() == 0), what="it is delivered")

    assert there.numbers == [f"cb_{booking}_1"] * 2
    assert len(set(there.names)) == 1


def test_a_receiver_that_hangs_delays_no_other_one(start: Callable[[], Any]) -> None:
    """Four at most are on their way to it, while each of the other's is delivered."""
    start()
    with receiver(lambda _: None) as dead, receiver() as well:
        hung, lively = key_with(dead.url), key_with(well.url)
        for _ in range(6):
            confirmed(hung)
        for _ in range(6):
            confirmed(lively)
        eventually(ticking(lambda: len(well.got) == 6), what="the other one has all of its own")
        assert 1 <= dead.connections <= 4


def test_a_receiver_that_fails_five_times_rests(start: Callable[[], Any]) -> None:
    """It is not called meanwhile; then one goes at a time."""
    start()
    with receiver(lambda _: (503, {})) as there:
        key = key_with(there.url)
        for _ in range(8):
            confirmed(key)
        eventually(ticking(lambda: sql("SELECT max(failures) FROM callback_receivers") or 0), what="it fails")
        resting = "SELECT true FROM callback_receivers WHERE rests_until > now()"
        eventually(ticking(lambda: sql(resting)), what="it rests")
        eventually(lambda: not sql("SELECT count(*) FROM callbacks WHERE is_sending"), what="none is on its way")
        called = len(there.got)
        assert 5 <= called <= 8  # four at once: some were on their way when the fifth failed
        assert due.send_due.run() == 0
        sql("UPDATE callback_receivers SET rests_until = now()")
        sql("UPDATE callback_hosts SET rests_until = now()")
        soon()
        assert due.send_due.run() == 1


def test_410_switches_the_address_off(start: Callable[[], Any]) -> None:
    """What waits for it is given up, and nothing more is stored; an operator may send it again."""
    start()
    with receiver(lambda _: (410, {})) as there:
        key = key_with(there.url)
        first, second = confirmed(key), asked(key)
        eventually(ticking(lambda: waiting() == 0), what="it is given up")
        move(second, Status.FAILED)
        assert sql("SELECT array_agg(appointment_id) FROM callbacks") == [first]
        assert len(there.got) == 1

        there.answer = lambda _: (204, {})
        asked_for = _order()
        assert orders.send_again(asked_for, []) == 1
        eventually(ticking(lambda: sql("SELECT count(delivered_at) FROM callbacks") == 1), what="it is delivered")


def test_a_redirect_is_not_followed(start: Callable[[], Any]) -> None:
    """It is an answer that is not 2xx."""
    start()
    with receiver() as elsewhere, receiver(lambda _: (307, {"Location": elsewhere.url})) as there:
        confirmed(key_with(there.url))
        eventually(ticking(lambda: sql("SELECT trouble FROM callbacks")), what="it is tried")

    assert (sql("SELECT trouble FROM callbacks"), elsewhere.connections) == ("307", 0)


def test_without_a_secret_nothing_is_sent_and_nothing_given_up(fleet: Callable[..., Fleet]) -> None:
    """It waits for the setting, and counts as no try."""
    from tasks.callbacks.deliver import deliver_callback  # noqa: PLC0415 - as a worker would

    fleet(**{**LOOPBACK, "CALLBACK_SECRET": ""})
    with receiver() as there:
        confirmed(key_with(there.url))
        claims = sql(
            "UPDATE callbacks SET is_sending = true, claims = 1, next_at = now() + interval '1 min' RETURNING id"
        )
        assert deliver_callback(claims, 1) is False

    assert (there.connections, sql("SELECT tries FROM callbacks"), waiting()) == (0, 0, 1)


def _order() -> Any:
    from db.monitoring.operator_actions import ActionRequest  # noqa: PLC0415 - of one test

    return ActionRequest(who="operator", via="command_line", action="callbacks_again", why="a test")


def test_a_claim_ends_with_its_lease(fleet: Callable[..., Fleet]) -> None:
    """It is a minute at most; what another worker has claimed since is none of the first one's."""
    fleet(**LOOPBACK)
    confirmed(key_with("https://example.com/hooks"))
    assert due.send_due.run() == 1
    assert sql("SELECT next_at < now() + interval '1 minute' FROM callbacks")
    sql("UPDATE callbacks SET next_at = now()")
    assert due.send_due.run() == 1
    with dependencies.current().engine.connect() as conn:
        number = sql("SELECT id FROM callbacks")
        assert callbacks.claimed(conn, number, 1, seconds=12) is None
        assert callbacks.claimed(conn, number, 2, seconds=12) is not None


def test_what_was_delivered_at_this_moment_is_not_claimed(fleet: Callable[..., Fleet]) -> None:
    """The worker whose lease had ended records at last, while the claim waits for the row."""
    fleet(**LOOPBACK)
    confirmed(key_with("https://example.com/hooks"))
    blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
    with ThreadPoolExecutor(1) as pool, dependencies.current().engine.connect() as worker:
        worker.execute(text("UPDATE callbacks SET delivered_at = now(), next_at = NULL"))
        claim = pool.submit(due.send_due.run)
        eventually(lambda: sql(blocked), what="the claim waits")
        worker.commit()

        assert claim.result(60) == 0
    assert due.send_due.run() == 0


def test_each_key_and_each_renewal_has_a_secret_of_its_own() -> None:
    """And each value of CALLBACK_SECRET."""
    given = [SecretStr(letter * 32) for letter in "ab"]
    made = [one for key, version in ((1, 1), (1, 2), (2, 1)) for one in secrets_of(given, key, version)]

    assert len(set(made)) == 6


def test_the_receiver_counts() -> None:
    """An address that nobody calls has no connection: the counter of the other tests can be believed."""
    with receiver() as there:
        assert (there.connections, Receiver().connections) == (0, 0)
