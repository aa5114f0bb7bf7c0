"""Promises 3 and 4: calm while Cal.com is not, and a hold costs nothing."""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from threading import Event
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.booking import outcome
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_booking, enqueue_bookings
from worker.local.demo.outage import IN_FLIGHT, StateChange, measure
from worker.local.demo.timeline import Clock

POST = {"method": "POST", "path": "/v2/bookings"}
OPENED = "SELECT created_at FROM circuit_breaker_events WHERE new_state = 'open'"
BREAKER = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "1"}


def calls(simulator: Any) -> list[dict[str, Any]]:
    """Return every call that reached Cal.com, in order."""
    return sorted(simulator.journal(), key=lambda entry: float(entry["t0"]))


def rows(database_url: str, query: str) -> list[Any]:
    """Read the database directly."""
    with create_engine(database_url.replace("postgresql://", "postgresql+psycopg://")).connect() as conn:
        return list(conn.execute(text(query)))


@pytest.mark.alone
def test_eight_processes_send_a_dead_cal_com_one_probe_a_window(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str
) -> None:
    """At most 5 failures, what was in flight at the trip, and a probe an open window; never two probes at once."""
    running = fleet(**BREAKER)
    for number in range(8):
        running.worker(concurrency=4, name=f"bookings{number}")
    eventually(lambda: running.logs().count(" ready.") == 8, what="8 workers")
    simulator.faults("status", name="unavailable")
    simulator.faults("latency", delay=0.05)
    running.maintenance()
    running.beat()
    enqueue_bookings([request(number) for number in range(300)])
    first = eventually(lambda: calls(simulator))[0]["t0"]
    tripped = eventually(lambda: fifth_failure(simulator), what="five failures")
    eventually(lambda: len(after(simulator, tripped)) >= 16, within=60, what="16 probes")
    in_flight = [entry for entry in calls(simulator) if entry["t0"] <= tripped + 0.1]
    probes = after(simulator, tripped)
    gaps = [later["t0"] - earlier["t0"] for earlier, later in pairwise(probes)]
    assert first <= tripped
    assert len(in_flight) <= 5 + 32
    assert min(gaps) >= 1.0, "more than one probe a window"
    assert median(gaps) <= 20 / 15, "fewer than 15 probes in 20 s"
    assert all(later["t0"] >= (earlier["t1"] or 0) for earlier, later in pairwise(probes)), "two probes at once"
    assert len(rows(database_url, OPENED)) >= 15


def fifth_failure(simulator: Any) -> float | None:
    """Return when Cal.com had answered for the fifth time, in seconds."""
    ends = sorted(entry["t1"] for entry in calls(simulator) if entry["t1"] is not None)
    return ends[4] if len(ends) > 4 else None


def after(simulator: Any, tripped: float) -> list[dict[str, Any]]:
    """Return the calls that began after the trip, those excepted that had their permit already."""
    return [entry for entry in calls(simulator) if entry["t0"] > tripped + 0.1]


def test_an_outage_under_steady_traffic_is_met_by_probes_alone(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """Ten requests a second all the while: what trips it and is in flight, then one probe a window, nothing else."""
    threads = 4
    fleet(**BREAKER | {"CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "1.5"}).start(concurrency=threads)
    wanted = [enqueue_booking(request(0)).appointment_id]
    finals(wanted)
    simulator.faults("status", name="unavailable")
    simulator.faults("latency", delay=0.3)  # so long a second probe could slip in beside the first
    wanted += keep_asking(1, seconds=5, rate=10)
    simulator.no_faults()
    back, clock = monotonic(), Clock()
    told = [one for one in dependencies.current().breaker.transitions(count=1000) if one.endpoint is None]
    changes = [StateChange(clock.monotonic_of(one.at), one.old, one.new) for one in told]
    reached = [entry for entry in calls(simulator)[1:] if entry["t0"] < back]
    calm = measure(changes, reached, held_peak=0, back=back, last_booked=None)
    assert len([entry for entry in reached if entry["t0"] < changes[0].at + IN_FLIGHT]) <= 5 + threads
    assert calm.calls_while_open == 0
    assert calm.probes >= 2
    assert {one.status for one in finals(wanted).values()} == {Status.CONFIRMED}


def keep_asking(first: int, *, seconds: int, rate: int) -> list[int]:
    """Ask for one booking after the other at an even pace; return their ids."""
    pace, begun, ids = Event(), monotonic(), list[int]()
    for number in range(seconds * rate):
        ids.append(enqueue_booking(request(first + number)).appointment_id)
        pace.wait(max(0.0, begun + (number + 1) / rate - monotonic()))
    return ids


def test_held_bookings_go_in_order_when_cal_com_is_back(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str
) -> None:
    """An outage of some seconds: nobody fails, nobody overtakes, the ramp begins with one and trips nothing."""
    running = fleet(**BREAKER)
    running.start(concurrency=16)
    finals([enqueue_booking(request(0)).appointment_id])
    simulator.faults("status", name="unavailable", seconds=6)
    first = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(1, 21)])]
    eventually(lambda: rows(database_url, OPENED))
    later = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(21, 221)])]
    assert {outcome(one).status for one in later} == {Status.HELD}  # type: ignore[union-attr]
    ends = finals(first + later)
    assert {one.status for one in ends.values()} == {Status.CONFIRMED}
    assert len({booking["references"][0] for booking in simulator.bookings()}) == 221
    posted = [entry["reference"] for entry in calls(simulator) if entry["method"] == "POST" and entry["uid"]]
    ranks = "SELECT uuid, row_number() OVER (ORDER BY requested_at) AS rank FROM appointments WHERE posts = 1"
    asked = {str(row.uuid): row.rank for row in rows(database_url, ranks)}
    order = [asked[mark] for mark in posted if mark in asked]
    assert max(max(order[: i + 1]) - rank for i, rank in enumerate(order)) <= 64, "beyond the window in flight"


def test_a_trip_holds_with_the_truth_in_its_columns(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str
) -> None:
    """No retry is spent by a hold; when the breaker was met stands in the row, and each transition in one row."""
    fleet(**BREAKER).start()
    finals([enqueue_booking(request(0)).appointment_id])
    simulator.faults("status", name="unavailable", seconds=4)
    enqueue_bookings([request(number) for number in range(1, 21)])
    eventually(lambda: rows(database_url, OPENED))
    late = enqueue_booking(request(300))
    assert (late.status, late.hold_reason) == (Status.HELD, HoldReason.BREAKER_OPEN)
    finals([late.appointment_id])
    [row] = rows(database_url, f"SELECT * FROM appointments WHERE id = {late.appointment_id}")  # noqa: S608 - an int
    assert row.retry_count == 0
    assert row.circuit_breaker_open_at_booking is not None
    assert row.resilience_strategy == "circuit_breaker_open"
    events = rows(database_url, "SELECT endpoint, epoch, count(*) AS n FROM circuit_breaker_events GROUP BY 1, 2")
    assert events
    assert all(event.n == 1 for event in events)


def test_a_refused_key_is_used_once_and_a_good_one_confirms_all(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str
) -> None:
    """50 bookings with a revoked key: all held, none failed; after the first 401 only the harmless call is sent."""
    simulator.faults("latency", delay=0.3)
    first = fleet(CALCOM_API_KEY="cal_test_expired").start(concurrency=4)
    wanted = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(50)])]
    eventually(lambda: len(rows(database_url, "SELECT 1 FROM appointments WHERE hold_reason = 'credentials'")) == 50)
    seen = calls(simulator)
    back = min(entry["t1"] for entry in seen)
    after_it = [entry["target"] for entry in seen if entry["t0"] > back + 0.05]
    assert after_it in ([], ["/v2/bookings?take=1"])  # that is asked once a minute
    first.stop()
    fleet(CALCOM_API_KEY="cal_test_owner").start()
    dependencies.current().breaker.reset("operator", "a good key")
    assert {one.status for one in finals(wanted).values()} == {Status.CONFIRMED}
