"""Revoke in Flower means that the operator cancels: whatever the booking's state, and whichever worker gets it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, select, text

from db.appointments import events
from db.lifecycle import Status
from db.models.bookings import appointments as table
from db.monitoring import incidents
from tasks import dependencies
from tasks.enqueue import outcome
from tasks.incidents import check
from tasks.operations import revoke
from tasks.work.claim import claim
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.stepping import write
from worker import app, enqueue_booking

POST = {"method": "POST", "path": "/v2/bookings"}


def status(appointment_id: int) -> Status | None:
    """Return where a booking stands."""
    seen = outcome(appointment_id)
    return seen.status if seen else None


def listening(workers: int) -> None:
    """Wait until so many workers hear what is told to all: each says that it is ready before it does."""
    eventually(lambda: len(app.control.ping(limit=workers)) >= workers, what=f"{workers} workers")


def test_a_held_booking_is_cancelled_though_it_has_no_message(
    fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]]
) -> None:
    """The worker acts on the command itself; the others in line go through when the breaker closes."""
    fleet().start()
    listening(2)
    dependencies.current().breaker.operators.force_open("operator", "a test")
    held = [enqueue_booking(request(number)) for number in range(3)]
    app.control.revoke(held[1].task_id)
    eventually(lambda: status(held[1].appointment_id) is Status.CANCELLED)
    dependencies.current().breaker.reset("operator", "a test")
    ends = finals([receipt.appointment_id for receipt in held])
    assert [end.status for _, end in sorted(ends.items())] == [Status.CONFIRMED, Status.CANCELLED, Status.CONFIRMED]
    assert len(posts()) == len(simulator.bookings()) == 2


def test_a_queued_booking_stays_cancelled_for_a_worker_that_never_heard_of_it(
    fleet: Callable[..., Fleet], posts: Callable[[], Counter[str]]
) -> None:
    """Any worker writes the order into the row; the worker that takes the message was not even running."""
    running = fleet()
    running.maintenance()
    listening(1)
    revoked, other = enqueue_booking(request(1)), enqueue_booking(request(2))
    app.control.revoke([revoked.task_id])
    eventually(lambda: status(revoked.appointment_id) is Status.CANCELLED)
    running.worker()
    assert finals([other.appointment_id])[other.appointment_id].status is Status.CONFIRMED
    # Messages are taken in the order in which they were sent, so the revoked one was taken too.
    assert sum(posts().values()) == 1


def test_a_booking_of_unknown_outcome_is_looked_for_before_it_is_cancelled(
    fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]]
) -> None:
    """It waits for its retry; it is not posted again, and a restart of all workers forgets nothing."""
    running = fleet(RETRY_DELAYS="600,600,600").start()
    listening(2)
    finals([enqueue_booking(request(0)).appointment_id])
    simulator.faults("status", name="unavailable", match=POST, count=1)
    revoked = enqueue_booking(request(1))
    eventually(lambda: status(revoked.appointment_id) is Status.RETRYING)
    app.control.revoke(revoked.task_id, terminate=True)
    eventually(lambda: row(revoked.appointment_id).cancel_requested, what="the order is written")
    running.stop()
    write(revoked.appointment_id, next_attempt_at=text("now()"))
    running.start()
    [end] = finals([revoked.appointment_id]).values()
    assert end.status is Status.CANCELLED
    assert max(posts().values()) == 1


def test_a_call_under_way_is_not_cut_off_and_what_it_has_booked_is_cancelled_there(
    fleet: Callable[..., Fleet], simulator: Any, posts: Callable[[], Counter[str]]
) -> None:
    """What Cal.com books is recorded, and then cancelled; nobody has to do that by hand."""
    fleet(CALCOM_READ_TIMEOUT="60", CALCOM_DEADLINE="60").start()
    listening(2)
    simulator.faults("stall", step="insert", delay=60, match=POST)
    late = enqueue_booking(request(1))
    eventually(posts, what="the call is in flight")
    app.control.revoke(late.task_id, terminate=True)
    eventually(lambda: row(late.appointment_id).cancel_requested, what="the order is written")
    simulator.no_faults()
    eventually(lambda: status(late.appointment_id) is Status.CANCELLED, what="it is cancelled there")
    assert [one["status"] for one in simulator.bookings()] == ["cancelled"]
    check.check()
    with dependencies.current().engine.connect() as conn:
        assert list(incidents.notified(conn, open_only=True)) == []


def test_workers_that_hear_it_at_once_write_it_once(settings: Callable[..., dict[str, str]], database_url: str) -> None:
    """Each of them has read the booking before the first one writes."""
    patient = "-c lock_timeout=0 -c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
    settings(DATABASE_URL=f"{database_url}?options={quote(patient)}")
    asked = enqueue_booking(request(1))
    assert claim(dependencies.current(), asked.appointment_id) is not None
    engine = dependencies.current().engine
    with ThreadPoolExecutor(3) as workers:
        with engine.begin() as conn:
            conn.execute(select(table).where(table.c.id == asked.appointment_id).with_for_update())
            heard = [workers.submit(revoke.cancel, [asked.task_id], f"worker{number}@test") for number in range(3)]
            eventually(lambda: waiting(engine) == len(heard), what="each is about to write")
        for one in heard:
            one.result(60)
    with engine.connect() as conn:
        story = events.timeline(conn, asked.appointment_id)
    told = [(event.by, event.detail) for event in story if event.kind == "cancel_requested"]
    assert told == [("operator", {"why": "revoked", "via": "Flower"})]


def waiting(engine: Engine) -> int:
    """Count who waits for another one's lock in this database."""
    with engine.connect() as conn:
        lines = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return int(conn.execute(text(lines)).scalar_one())
