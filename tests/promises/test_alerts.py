"""Operators are told: once an incident by however many processes, also by a beat's death, and at nobody's expense."""

import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import Status
from db.monitoring import incidents
from db.monitoring.incidents import IncidentKind
from tasks import dependencies
from tests.support.fleet import Fleet, Process, eventually, finals, request
from tests.support.servers.alert_sink import Sink, sink
from worker import enqueue_bookings


def fast_beat(fleet: Fleet) -> Process:
    """Start a beat whose health check ticks every two seconds."""
    return fleet.celery("beat", app="tests.support.workers.fast_beat")


def told(taking: Sink) -> list[str]:
    """Return what was told but for lost messages: eleven processes on two cores may keep one past all patience."""
    return [title for title in taking.titles if not title.startswith("Messages lost")]


TICKED = "SELECT ticked_at FROM heartbeats WHERE name = 'check_health'"


def scalar(query: str) -> Any:
    """Read one value from the database."""
    with dependencies.current().engine.connect() as conn:
        return conn.execute(text(query)).scalar()


@pytest.mark.long
def test_eight_workers_and_two_beats_tell_each_incident_once(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """An outage whose breaker opens again and again is one alert; so is the death of both beats, and its end."""
    with sink() as taking:
        running = fleet(ALERT_URLS=taking.url, CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1")
        for number in range(5):
            running.worker(name=f"bookings{number}", concurrency=4)
        for number in range(3):
            running.celery("worker", "-P", "threads", "-c", "2", "-Q", "maintenance", "-n", f"maintenance{number}@test")
        beats = [fast_beat(running), fast_beat(running)]
        simulator.faults("status", name="unavailable")
        enqueue_bookings([request(number) for number in range(20)])
        opened = "SELECT count(*) FROM circuit_breaker_events WHERE new_state = 'open'"
        eventually(lambda: scalar(opened) >= 3 and len(told(taking)) >= 1, what="told, and opened again")
        assert [title.partition(" (")[0].partition(":")[0] for title in told(taking)] in (
            ["Cal.com is down"],
            ["Cal.com is failing"],
        )
        for beat in beats:
            os.killpg(beat.pid, signal.SIGKILL)
        eventually(lambda: len(told(taking)) >= 2, what="the beats' death is told")
        assert told(taking)[1].startswith("No health check for ")
        last = scalar(TICKED)
        fast_beat(running)
        eventually(lambda: scalar(TICKED) > last, what="beat ticks again")
        with dependencies.current().engine.begin() as conn:
            half_a_minute = "last_seen_at = last_seen_at - interval '30 s'"
            conn.execute(text(f"UPDATE alert_incidents SET {half_a_minute} WHERE kind = 'beat_dead'"))  # noqa: S608
        eventually(lambda: len(told(taking)) >= 3, what="their return is told")
        assert told(taking)[2].endswith("Health checks stood still")
    kept_apart = f"kind <> '{IncidentKind.MESSAGES_LOST}'"
    assert scalar(f"SELECT count(*) FROM alert_incidents WHERE news > 0 AND {kept_apart}") == 2  # noqa: S608 - constants
    assert "T0ken" not in running.logs()


@pytest.mark.long
def test_a_sink_that_hangs_delays_no_booking_and_no_periodic_task(fleet: Callable[..., Fleet]) -> None:
    """It hangs in a process of its own; benchmarks/hanging_sink.py measures how little that costs."""
    with sink("hang") as hanging:
        running = fleet(ALERT_URLS=hanging.url + "?rto=60")
        running.worker()
        running.maintenance()
        fast_beat(running)
        eventually(lambda: scalar(TICKED), what="health is checked")
        hang(hanging)
        ends = finals([one.appointment_id for one in enqueue_bookings([request(number) for number in range(60)])])  # type: ignore[union-attr]
        for _ in range(2):
            ticked = scalar(TICKED)
            eventually(lambda: scalar(TICKED) > ticked)  # noqa: B023 - called at once
        assert scalar("SELECT trouble IS NULL AND sent_at IS NULL FROM alert_deliveries"), "it still hangs"
    assert {one.status for one in ends.values()} == {Status.CONFIRMED}
    assert hanging.asked == 1


def hang(hanging: Sink) -> None:
    """Have the fleet tell an incident to the sink that hangs."""
    now = datetime.now(UTC)
    with dependencies.current().engine.begin() as conn:
        incident = incidents.open_suspected(conn, "a test", None, now, count=1, detail={})
        assert incident is not None
        incidents.add_message(conn, incident, "A test", now)
    eventually(lambda: hanging.asked, what="the sink is asked")
