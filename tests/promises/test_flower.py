"""What Flower shows: Celery's own state of events, fed with what a fleet really sends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery.events import EventReceiver
from celery.events.state import State

from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import outcome
from tests.support.fleet import Fleet, eventually, finals, request
from worker import app, enqueue_booking


@contextmanager
def flower() -> Iterator[tuple[State, dict[str, list[str]]]]:
    """Listen as Flower does; yields the state, and the states that each task went through."""
    state = State()
    seen: dict[str, list[str]] = {}

    def keep(event: dict[str, Any]) -> None:
        state.event(event)
        task = state.tasks.get(event.get("uuid"))
        if task is not None and (not seen.get(task.uuid) or seen[task.uuid][-1] != task.state):
            seen.setdefault(task.uuid, []).append(task.state)

    connection = app.connection_for_read()
    receiver = EventReceiver(connection, handlers={"*": keep}, app=app)
    thread = threading.Thread(target=receiver.capture, kwargs={"limit": None, "wakeup": False}, daemon=True)
    thread.start()
    yield state, seen
    receiver.should_stop = True  # it looks within a second, or at the next heartbeat
    thread.join(10)
    connection.release()
    assert not thread.is_alive()


@pytest.mark.parametrize("end", ["released", "revoked"])
def test_a_task_that_was_held_ends_as_its_booking_does(fleet: Callable[..., Fleet], simulator: Any, end: str) -> None:
    """HELD is a state of ours, which Celery lets nothing but RETRY and SUCCESS replace: so a release says RETRY."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="1", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="600")
    with flower() as (state, seen):
        running.start()
        eventually(lambda: len(state.workers) == 2, what="both workers are seen")
        finals([enqueue_booking(request(0)).appointment_id])
        simulator.faults("refuse", seconds=600)
        held = enqueue_booking(request(1))
        eventually(lambda: outcome(held.appointment_id).status is Status.HELD)  # type: ignore[union-attr]
        eventually(lambda: seen.get(held.task_id, [""])[-1] == "HELD", what="Flower shows HELD")
        if end == "revoked":
            app.control.revoke(held.task_id)
        else:
            simulator.no_faults()
            simulator.faults("latency", delay=0.3)
            dependencies.current().breaker.reset("operator", "a test")
        finals([held.appointment_id])
        last = "REVOKED" if end == "revoked" else "SUCCESS"
        eventually(lambda: seen[held.task_id][-1] == last, within=10, what=last)
    after = seen[held.task_id][seen[held.task_id].index("HELD") + 1 :]
    assert after == ["RETRY", "REVOKED"] if end == "revoked" else after[0] == "RETRY" and "STARTED" in after
    assert {name.partition("@")[0] for name in state.workers} == {"bookings", "maintenance"}, "no phantom workers"
