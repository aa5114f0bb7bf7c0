"""From one booking's id its whole story can be told: in the terminal, the log, the tables and at Cal.com."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests
from sqlalchemy import text

from db.lifecycle import Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.calcom.request_body import CORRELATION
from tests.support.fleet import ROOT, Fleet, eventually, finals, request
from worker import enqueue_booking, enqueue_bookings

STORY = "a-call-of-the-voice-agent"


@pytest.mark.long
def test_one_correlation_id_tells_the_whole_story(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """Tried, failed, held while the breaker was open, released, confirmed: one id in all of it."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1", LOG_FORMAT="json")
    running.start()
    finals([enqueue_booking(request(0)).appointment_id])
    simulator.faults("status", name="unavailable")
    ours = enqueue_booking(request(1, correlation_id=STORY)).appointment_id
    enqueue_bookings([request(number) for number in range(2, 8)])
    eventually(lambda: dependencies.current().breaker.get_status().state is not State.CLOSED, what="the breaker opens")
    eventually(lambda: held(ours), what="ours is held")
    simulator.no_faults()
    assert finals([ours])[ours].status is Status.CONFIRMED
    eventually(lambda: "breaker_closed" in kinds(running, ours), what="the close is written down")

    told = kinds(running, ours)
    assert {"held", "breaker_open", "breaker_closed", "pending", "confirmed"} <= set(told)
    assert told.index("held") < told.index("breaker_closed") < told.index("confirmed")
    assert STORY in at_calcom(simulator)
    lines = [json.loads(line) for line in running.logs().splitlines() if line.startswith("{")]
    mine = [line for line in lines if line.get("appointment_id") == ours]
    assert mine
    assert {line["correlation_id"] for line in mine} == {STORY}


def at_calcom(simulator: Any) -> list[str]:
    """Return the correlation ids that Cal.com lists."""
    headers = {"Authorization": "Bearer cal_test_owner", "cal-api-version": "2024-08-13"}
    answer = requests.get(simulator.url + "/v2/bookings?take=100", headers=headers, timeout=10).json()
    return [booking["metadata"].get(CORRELATION) for booking in answer["data"]]


def held(appointment_id: int) -> bool:
    """Say whether it met the open breaker."""
    query = "SELECT circuit_breaker_open_at_booking IS NOT NULL FROM appointments WHERE id = :id"
    with dependencies.current().engine.connect() as conn:
        return bool(conn.execute(text(query), {"id": appointment_id}).scalar_one())


def kinds(running: Fleet, appointment_id: int) -> list[str]:
    """Return the kinds of events that `booking show` prints, in order."""
    shown = subprocess.run(
        [sys.executable, "-m", "worker.cli", "show", str(appointment_id), "--json"],
        cwd=ROOT, env=running.environment, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    told = json.loads(shown.stdout)
    assert told["correlation_id"] == STORY
    return [event["kind"] for event in told["story"]]
