"""Promises 3 and 4: calm while Cal.com is not, and a hold costs nothing."""

from collections import Counter
from collections.abc import Callable
from itertools import count, pairwise
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from db.lifecycle import HoldReason, Status
from resilience.circuit_breaker.transitions import Transition
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.enqueue import Receipt, outcome
from tests.support.fleet import Fleet, eventually, finals, request
from worker import enqueue_booking, enqueue_bookings

POST = {"method": "POST", "path": "/v2/bookings"}
OPENED = "SELECT created_at FROM circuit_breaker_events WHERE new_state = 'open'"
NOT_HELD = "SELECT 1 FROM appointments WHERE status <> 'held'"  # the probe's, at most, while the breaker is open
BREAKER = {"CIRCUIT_BREAKER_THRESHOLD": "5", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "1"}


def calls(simulator: Any) -> list[dict[str, Any]]:
    """Return every call that reached Cal.com, in order."""
    return sorted(simulator.journal(), key=lambda entry: float(entry["t0"]))


def rows(database_url: str, query: str) -> list[Any]:
    """Read the database directly."""
    with create_engine(database_url.replace("postgresql://", "postgresql+psycopg://")).connect() as conn:
        return list(conn.execute(text(query)))


def transitions() -> list[Transition]:
    """Return the changes of the service's breaker, in order."""
    return [one for one in dependencies.current().breaker.view.transitions(count=2000) if one.endpoint is None]


def failed_probes() -> int:
    """Count the probes that have failed: each opens the breaker once more."""
    return sum((one.old, one.new) == (State.HALF_OPEN, State.OPEN) for one in transitions())


def calls_and_probes(simulator: Any, more: int) -> tuple[int, int]:
    """Wait for so many more failed probes; return all calls and all failed probes, as they are between two windows."""
    wanted = failed_probes() + more

    def counted() -> tuple[int, int] | None:
        changes, reached, failed = transitions(), calls(simulator), failed_probes()
        ended = all(entry["t1"] is not None for entry in reached)
        is_open = changes[-1:] == transitions()[-1:] and changes[-1].new is State.OPEN
        return (len(reached), failed) if is_open and ended and failed >= wanted else None

    seen: tuple[int, int] = eventually(counted, what=f"{more} more probes")
    return seen


@pytest.mark.long
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
    eventually(lambda: len(rows(database_url, NOT_HELD)) <= 1, what="nobody has an old permit")
    first, begun = calls_and_probes(simulator, more=2)
    assert first <= 5 + 32 + begun
    last, ended = calls_and_probes(simulator, more=8)
    assert last - first == ended - begun >= 8, "one call a window, and nothing else"
    alone = calls(simulator)[first:last]
    assert all(later["t0"] >= earlier["t1"] for earlier, later in pairwise(alone)), "two probes at once"
    eventually(lambda: len(rows(database_url, OPENED)) > ended, what="each opening is written down")


@pytest.mark.long
def test_an_outage_under_steady_traffic_is_met_by_probes_alone(fleet: Callable[..., Fleet], simulator: Any) -> None:
    """Requests keep coming all the while: what trips it and is in flight, then one probe a window, nothing else."""
    threads = 4
    fleet(**BREAKER).start(concurrency=threads)
    wanted = [enqueue_booking(request(0)).appointment_id]
    finals(wanted)
    simulator.faults("status", name="unavailable")
    simulator.faults("latency", delay=0.3)  # so long a second probe could slip in beside the first
    before = len(calls(simulator))

    def keep_asking() -> bool:
        wanted.append(enqueue_booking(request(len(wanted))).appointment_id)
        return failed_probes() >= 4 and len(wanted) > 30

    eventually(keep_asking, what="four probes")
    reached, failed = calls_and_probes(simulator, more=0)
    assert reached - before <= 5 + threads + failed
    simulator.no_faults()
    assert {one.status for one in finals(wanted).values()} == {Status.CONFIRMED}


def test_held_bookings_go_in_order_when_cal_com_is_back(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str
) -> None:
    """An outage ends: nobody fails, nobody overtakes, the ramp begins with one and trips nothing."""
    running = fleet(**BREAKER)
    running.start(concurrency=16)
    finals([enqueue_booking(request(0)).appointment_id])
    simulator.faults("status", name="unavailable")
    first = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(1, 21)])]
    waits = "SELECT 1 FROM appointments WHERE status = 'held'"
    eventually(lambda: len(rows(database_url, waits)) > 1, what="some wait, so that who comes later waits behind them")
    later = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(21, 221)])]
    assert {outcome(one).status for one in later} == {Status.HELD}  # type: ignore[union-attr]
    simulator.no_faults()
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
    simulator.faults("status", name="unavailable")
    enqueue_bookings([request(number) for number in range(1, 21)])
    numbers = count(300)

    def met_it() -> Receipt | None:
        """Ask once more: it is open for a second only, and then again."""
        asked = enqueue_booking(request(next(numbers)))
        return asked if asked.hold_reason is HoldReason.BREAKER_OPEN else None

    late: Receipt = eventually(met_it, what="one is held for the open breaker at once")
    assert late.status is Status.HELD
    simulator.no_faults()
    finals([late.appointment_id])
    [row] = rows(database_url, f"SELECT * FROM appointments WHERE id = {late.appointment_id}")  # noqa: S608 - an int
    assert row.retry_count == 0
    assert row.circuit_breaker_open_at_booking is not None
    assert row.resilience_strategy == "circuit_breaker_open"
    events = rows(database_url, "SELECT endpoint, epoch, count(*) AS n FROM circuit_breaker_events GROUP BY 1, 2")
    assert events
    assert all(event.n == 1 for event in events)


@pytest.mark.long
def test_a_refused_key_is_used_once_and_a_good_one_confirms_all(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str
) -> None:
    """50 bookings with a revoked key: all held, none failed; after the first 401 only the harmless call is sent."""
    simulator.faults("latency", delay=0.3)
    first = fleet(CALCOM_API_KEY="cal_test_expired").start(concurrency=4)
    wanted = [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(50)])]
    eventually(lambda: len(rows(database_url, "SELECT 1 FROM appointments WHERE hold_reason = 'credentials'")) == 50)
    seen = Counter(entry["target"].partition("&")[0] for entry in calls(simulator))
    harmless = seen.pop("/v2/bookings?take=1", 0)  # that is asked once a minute
    assert seen.total() <= 4, "what was in flight with the first 401"
    assert harmless <= 2
    first.stop()
    fleet(CALCOM_API_KEY="cal_test_owner").start()
    dependencies.current().breaker.reset("operator", "a good key")
    assert {one.status for one in finals(wanted).values()} == {Status.CONFIRMED}
