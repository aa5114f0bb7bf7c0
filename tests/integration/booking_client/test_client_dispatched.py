"""What a client keeps is published by the dispatcher, as enqueue_booking publishes its own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from booking_client import Bookings
from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.enqueue import enqueue_booking
from tasks.maintenance.dispatch import dispatch
from tasks.maintenance.sweeper import queue_is_empty, rescue_stranded
from tests.integration.booking_client.test_client_kept import wanted
from tests.support.fleet import Fleet, eventually, request, row
from tests.support.statements import notified

Give = Callable[..., dict[str, str]]


def test_a_commit_wakes_the_dispatcher_and_the_end_a_listener(
    fleet: Callable[..., Fleet], database_url: str, simulator: Any
) -> None:
    """No beat runs, so nothing else would publish it or tell of it."""
    deployment = fleet()
    deployment.worker()
    deployment.maintenance()
    with Bookings(database_url) as bookings:
        begun = bookings.cursor()
        first = bookings.enqueue(wanted(1))
        heard = bookings.listen(begun, every=60)
        told = next(heard)
        with psycopg.connect(database_url) as conn:  # the dispatcher listens by now: this one wakes it
            second = bookings.enqueue(wanted(2), connection=conn)
        assert next(heard).outcome.appointment_id == second.appointment_id
        heard.close()

    assert (told.outcome.appointment_id, told.outcome.status) == (first.appointment_id, Status.CONFIRMED)
    assert len(simulator.bookings()) == 2


def test_who_asks_again_has_a_worker_look_at_cal_com(
    fleet: Callable[..., Fleet], database_url: str, simulator: Any
) -> None:
    """The receipt says as of when it was confirmed; cancelled there meanwhile, it is cancelled here soon."""
    deployment = fleet()
    deployment.worker()
    deployment.maintenance()
    with Bookings(database_url) as bookings:
        receipt = bookings.enqueue(wanted(1))
        eventually(lambda: bookings.outcome(receipt.appointment_id).status is Status.CONFIRMED)  # type: ignore[union-attr]
        [booking] = simulator.bookings()
        simulator.person("cancel", booking["uid"])
        again = bookings.enqueue(wanted(1))
        ended = eventually(lambda: bookings.outcome(receipt.appointment_id).status is Status.CANCELLED)  # type: ignore[union-attr]

    assert (again.appointment_id, again.status) == (receipt.appointment_id, Status.CONFIRMED)
    assert again.as_of is not None
    assert ended


def test_the_sweeper_is_the_net_and_no_message_was_lost(bookings: Bookings) -> None:
    """Nobody was notified: at its tick it publishes what clients keep, and no incident comes of it."""
    receipt = bookings.enqueue(wanted(1))
    rescued = rescue_stranded()
    deps = dependencies.current()
    with deps.engine.connect() as conn:
        counted = incidents.open_incidents(conn, list(incidents.IncidentKind))

    assert rescued == {"leases": 0, "requests": 1, "messages": 0, "changes": 0}
    assert row(receipt.appointment_id).enqueued_at is not None
    assert row(receipt.appointment_id).resends == 0
    assert not queue_is_empty(deps.broker_url)
    assert counted == []


def test_while_the_breaker_is_open_it_is_held_at_once(bookings: Bookings) -> None:
    """No message is sent for it."""
    receipt = bookings.enqueue(wanted(1))
    deps = dependencies.current()
    deps.breaker.operators.force_open("test", "a test")

    assert dispatch(deps) == 1

    held = row(receipt.appointment_id)
    assert deps.breaker.view.begin_is_blocking(CREATE)()
    assert (held.status, held.hold_reason, held.enqueued_at) == (Status.HELD, HoldReason.BREAKER_OPEN, None)
    assert held.circuit_breaker_open_at_booking is not None
    assert queue_is_empty(deps.broker_url)


def test_while_others_wait_it_waits_behind_them(bookings: Bookings, record: Any) -> None:
    """They came while its transaction was open: it overtakes nobody."""
    receipt = bookings.enqueue(wanted(1))
    record.moved(Status.HELD, hold_reason=HoldReason.THROTTLED)

    assert dispatch(dependencies.current()) == 1

    held = row(receipt.appointment_id)
    assert (held.status, held.hold_reason) == (Status.HELD, HoldReason.IN_LINE)


def test_its_place_in_the_line_is_before_its_time_is_over(settings: Give, database_url: str) -> None:
    """A client knows nothing of HOLD_LEAD, by which the last of a bulk might come too late."""
    settings(HOLD_LEAD=str(29 * 86_400))
    with Bookings(database_url) as bookings:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=29, hours=1)
        receipts = bookings.enqueue_many([wanted(number, start=start) for number in range(900)])
        dispatch(dependencies.current())
        last = row(receipts[-1].appointment_id)

    time_it_has = (last.start_at - last.requested_at).total_seconds() - 29 * 86_400
    assert (last.line_at - last.requested_at).total_seconds() <= time_it_has / 2 + 1


def test_one_transaction_of_a_client_notifies_once_and_nobody_else_does(bookings: Bookings, database_url: str) -> None:
    """enqueue_booking publishes itself, and moves are many: their commits stand in no line."""
    with psycopg.connect(database_url, autocommit=True) as listener, psycopg.connect(database_url) as conn:
        listener.execute("LISTEN booking_requested")
        listener.execute("LISTEN booking_settled")
        enqueue_booking(request(1))
        dispatch(dependencies.current())
        bookings.enqueue_many([wanted(number) for number in range(3)])
        bookings.enqueue(wanted(0))
        heard = notified(listener, conn)

    assert heard == [("booking_requested", "")]


def test_a_broker_that_is_down_leaves_them_to_the_sweeper(bookings: Bookings, valkey: Any) -> None:
    """As any message that could not be sent."""
    receipt = bookings.enqueue(wanted(1))
    valkey.kill()
    assert dispatch(dependencies.current()) == 1
    unsent = row(receipt.appointment_id)
    valkey.recover()

    assert (unsent.status, unsent.enqueued_at) == (Status.PENDING, None)
    assert rescue_stranded()["messages"] == 1
