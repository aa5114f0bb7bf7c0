"""Promise 1: accepted is kept, whatever happens to the broker and the workers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import amqp
import pytest

from db.lifecycle import Status
from tasks.enqueue import outcome
from tasks.maintenance import sweeper
from tasks.work.publish import QUEUE
from tests.promises.brokers import Broker, RabbitBroker
from tests.support.fleet import HASTY, Fleet, eventually, finals, request, row
from tests.support.servers.patience import patient_callers
from tests.support.timeouts import expired_timeouts
from worker import enqueue_booking, enqueue_bookings
from worker.console import broker as console

POST = {"method": "POST", "path": "/v2/bookings"}


def test_a_broker_that_is_down_costs_time_and_no_booking(
    fleet: Callable[..., Fleet], broker: Broker, simulator: Any
) -> None:
    """The call returns with a receipt, and the sweeper sends what was never sent."""
    running = fleet(**broker.settings)
    broker.server.kill()
    receipt = enqueue_booking(request(1))
    broker.server.restart()
    running.start()
    [end] = finals([receipt.appointment_id]).values()
    assert end.status is Status.CONFIRMED
    assert len(simulator.bookings()) == 1


@pytest.mark.usefixtures("impatient")
def test_a_broker_that_is_frozen_costs_a_caller_about_a_second(fleet: Callable[..., Fleet], valkey: Any) -> None:
    """A socket time-out of half a second, not redis-py's minute; and once, however many bookings are sent."""
    fleet()
    with patient_callers():
        enqueue_booking(request(1))  # connected before it freezes
    valkey.pause()
    with expired_timeouts() as waited, patient_callers():
        receipts = enqueue_bookings([request(number) for number in range(2, 22)])
    valkey.resume()
    assert len(receipts) == 20
    assert 0.5 <= sum(waited) <= 1


def test_a_retry_whose_publish_fails_is_not_lost(fleet: Callable[..., Fleet], broker: Broker, simulator: Any) -> None:
    """The broker freezes while Cal.com answers: the row says `retrying`, and the sweeper sends it."""
    patient = {"CALCOM_READ_TIMEOUT": "60", "CALCOM_DEADLINE": "60"}
    fleet(RETRY_DELAYS="0.2,0.2,0.2", **patient, **broker.settings).start()
    finals([enqueue_booking(request(0)).appointment_id])
    simulator.faults("stall", step="insert", delay=60, match=POST, count=1)
    simulator.faults("commit_then_status", name="unavailable", match=POST, count=1)
    receipt = enqueue_booking(request(1))
    eventually(lambda: any(entry["t1"] is None for entry in simulator.journal()), what="the call is in flight")
    broker.server.pause()
    simulator.no_faults()
    eventually(lambda: _status(receipt.appointment_id) is Status.RETRYING)
    broker.server.resume()
    [end] = finals([receipt.appointment_id]).values()
    assert end.status is Status.CONFIRMED


def test_messages_wiped_from_the_broker_are_sent_again(
    fleet: Callable[..., Fleet], broker: Broker, simulator: Any
) -> None:
    """FLUSHALL, or a purge, between enqueue and worker: every booking is made all the same, once."""
    running = fleet(**broker.settings)
    receipts = enqueue_bookings([request(number) for number in range(50)])
    assert broker.waiting() == 50
    broker.wipe()
    assert broker.waiting() == 0
    running.start()
    ends = finals([receipt.appointment_id for receipt in receipts])
    assert {one.status for one in ends.values()} == {Status.CONFIRMED}
    assert len(simulator.bookings()) == 50


@pytest.mark.variants
@pytest.mark.parametrize(
    ("broker", "pool"),
    [
        ("Redis", "threads"),
        ("Redis", "prefork"),
        pytest.param("RabbitMQ", "threads", marks=pytest.mark.debian_rabbitmq),
    ],
    indirect=["broker"],
)
def test_a_worker_killed_in_mid_call_leaves_one_booking(
    fleet: Callable[..., Fleet], simulator: Any, broker: Broker, pool: str
) -> None:
    """Kill -9 while Cal.com books: the lease runs out, a look finds the booking, and the row knows of its one POST."""
    running = fleet(CALCOM_SETTLE_SECONDS="2", **HASTY, **broker.settings).start(pool=pool, concurrency=2)
    simulator.faults("latency", delay=1.5, match=POST, after=True, count=1)
    receipt = enqueue_booking(request(1))
    eventually(simulator.bookings, what="Cal.com has booked")
    running.stop()
    running.start()
    [end] = finals([receipt.appointment_id]).values()
    assert (end.status, len(simulator.bookings())) == (Status.CONFIRMED, 1)
    assert row(receipt.appointment_id).posts == 1


def test_a_broker_killed_in_the_middle_of_bookings_loses_and_doubles_nothing(
    fleet: Callable[..., Fleet], simulator: Any, broker: Broker, judge: Callable[[Any], None]
) -> None:
    """It keeps what it has told us that it has, and the workers find it again."""
    running = fleet(**broker.settings)
    wanted = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(60)])]
    broker.server.kill()
    broker.server.restart()
    eventually(lambda: broker.waiting() == 60, what="it has them again")  # RabbitMQ says 0 until a queue has its leader
    simulator.faults("latency", delay=0.3)
    running.start(concurrency=4)
    eventually(lambda: len(simulator.bookings()) > 5, what="the line moves")
    broker.server.kill()
    wanted += [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(60, 70)])]
    broker.server.restart()
    judge(finals(wanted))
    assert "raised unexpected" not in running.logs()


@pytest.mark.debian_rabbitmq
def test_what_a_queue_drops_for_it_came_back_too_often_is_sent_again(
    fleet: Callable[..., Fleet], simulator: Any, rabbit_broker: RabbitBroker
) -> None:
    """A quorum queue of RabbitMQ 4 gives a message 20 times more; workers that die so often cost no booking."""
    running = fleet(**rabbit_broker.settings)
    receipt = enqueue_booking(request(1))
    assert rabbit_broker.give_back(QUEUE) == 21
    running.start(concurrency=2)
    [end] = finals([receipt.appointment_id]).values()
    assert (end.status, len(simulator.bookings())) == (Status.CONFIRMED, 1)


@pytest.mark.debian_rabbitmq
def test_on_a_new_rabbitmq_any_worker_may_start_first(fleet: Callable[..., Fleet], rabbit_broker: RabbitBroker) -> None:
    """Celery binds the queues of others, too, and gives up all that waits for its time where one is not there yet."""
    rabbit_broker.forget(QUEUE)
    running = fleet(**rabbit_broker.settings)
    running.maintenance()
    eventually(lambda: "maintenance@test ready" in running.logs(), what="it is ready")
    assert '"level": "critical"' not in running.logs()
    assert rabbit_broker.waiting() == 0


@pytest.mark.debian_rabbitmq
@pytest.mark.usefixtures("impatient")
def test_a_rabbitmq_that_freezes_while_it_is_asked_holds_up_nobody(
    settings: Callable[..., dict[str, str]], rabbit_broker: RabbitBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper, and who looks at the page: a queue whose length nobody tells is not empty."""
    url, declare = settings(**rabbit_broker.settings)["CELERY_BROKER_URL"], amqp.Channel.queue_declare

    def freeze(*arguments: Any, **options: Any) -> Any:
        rabbit_broker.server.pause()
        return declare(*arguments, **options)

    monkeypatch.setattr(amqp.Channel, "queue_declare", freeze)
    for ask in (sweeper.queue_is_empty, lambda url: console.ask(url, (QUEUE,)).error is None):
        asking = ThreadPoolExecutor(1).submit(ask, url)
        assert eventually(asking.done)
        assert asking.result() is False
        rabbit_broker.server.resume()


def _status(appointment_id: int) -> Status | None:
    seen = outcome(appointment_id)
    return seen.status if seen else None
