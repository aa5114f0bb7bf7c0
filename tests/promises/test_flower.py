"""What Flower shows: its own state of events, fed with what a fleet really sends."""

from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import Status
from tasks import dependencies
from tasks.enqueue import outcome
from tasks.operations import breaker_overrides
from tasks.work.publish import TASK
from tests.flower.listening import fresh_state, listening, repeat
from tests.support.fleet import Fleet, eventually, finals, request
from worker import app, enqueue_booking
from worker.schedule import SCHEDULE

OFTEN = {SCHEDULE["start-due"]["task"], "tasks.maintenance.booking_minutes.count_minutes"}
FIRST_HOUR = 10_000  # bookings


@pytest.mark.variants
@pytest.mark.parametrize("end", ["released", "revoked"])
def test_a_task_that_was_held_ends_as_its_booking_does(fleet: Callable[..., Fleet], simulator: Any, end: str) -> None:
    """HELD is a state of ours, which Celery lets nothing but RETRY and SUCCESS replace: so a release says RETRY."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="1", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="600")
    with listening() as heard:
        running.start()
        eventually(lambda: len(heard.state.workers) == 2, what="both workers are seen")
        finals([enqueue_booking(request(0)).appointment_id])
        simulator.faults("refuse", seconds=600)
        held = enqueue_booking(request(1))
        eventually(lambda: outcome(held.appointment_id).status is Status.HELD)  # type: ignore[union-attr]
        eventually(lambda: heard.states.get(held.task_id, [""])[-1] == "HELD", what="Flower shows HELD")
        if end == "revoked":
            app.control.revoke(held.task_id)
        else:
            simulator.no_faults()
            simulator.faults("latency", delay=0.3)
            dependencies.current().breaker.reset("operator", "a test")
        finals([held.appointment_id])
        last = "REVOKED" if end == "revoked" else "SUCCESS"
        eventually(lambda: heard.states[held.task_id][-1] == last, what=last)
    states = heard.states[held.task_id]
    after = states[states.index("HELD") + 1 :]
    assert after == ["RETRY", "REVOKED"] if end == "revoked" else after[0] == "RETRY" and "STARTED" in after
    assert {name.partition("@")[0] for name in heard.state.workers} == {"bookings", "maintenance"}, "no phantom workers"


@pytest.mark.long
def test_the_list_holds_bookings_only_and_a_day_later_those_of_its_first_hour(fleet: Callable[..., Fleet]) -> None:
    """Two ticks a second are 170,000 a day: neither those that send them nor those that run them tell of them."""
    running = fleet()
    with listening() as heard:
        running.start()
        eventually(lambda: len(heard.state.workers) == 2, what="both workers are seen")
        asked = [enqueue_booking(request(number)) for number in range(20)]
        finals([one.appointment_id for one in asked])
        tasks = {one.task_id for one in asked}
        eventually(lambda: {uuid for uuid in tasks if heard.states.get(uuid, [""])[-1] == "SUCCESS"} == tasks)
        deps = dependencies.current()
        breaker_overrides.force(deps.engine, deps.breaker, breaker_overrides.OPEN, by="a test", why="a test")
        unseen = enqueue_booking(request(20))  # held from the beginning: no worker has had its task
        app.control.revoke(unseen.task_id)
        eventually(lambda: heard.states.get(unseen.task_id, [""])[-1] == "REVOKED", what="it is cancelled")
        tasks.add(unseen.task_id)
        eventually(lambda: min(_ran().get(name, 0) for name in OFTEN) >= 3, what="periodic tasks run")
    assert set(heard.state.tasks) == tasks
    assert heard.names == {TASK}

    state, turns = fresh_state(), 1 + FIRST_HOUR // len(tasks)
    repeat(heard.stream, state, range(turns), seconds=24 * 3600 / turns)
    assert len(state.tasks) == turns * len(tasks)
    assert {f"{uuid}-0" for uuid in tasks} <= set(state.tasks)


def _ran() -> dict[str, int]:
    """Return how often each task was taken by the worker of the periodic ones."""
    stats = app.control.inspect(destination=["maintenance@test"], timeout=1).stats() or {}
    ran: dict[str, int] = stats.get("maintenance@test", {}).get("total", {})
    return ran
