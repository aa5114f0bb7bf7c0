"""Retries as they happen on a real worker: when, how often, and never for a refusal or in an outage.

How much later than their delays they come is measured by benchmarks/bounds/retries.py.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine, text

from db.lifecycle import HoldReason, Status
from tests.support.fleet import Fleet, eventually, finals, request, row
from worker import enqueue_booking

POST = {"method": "POST", "path": "/v2/bookings"}
NOTE_DELAYS = """
CREATE TABLE delays (number bigint GENERATED ALWAYS AS IDENTITY, seconds float8);
CREATE FUNCTION note_delay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO delays (seconds) VALUES (extract(epoch FROM NEW.next_attempt_at - NEW.updated_at));
    RETURN NULL;
END $$;
CREATE TRIGGER note_delay AFTER UPDATE ON appointments
FOR EACH ROW WHEN (NEW.status = 'retrying') EXECUTE FUNCTION note_delay();
"""


def post_times(simulator: Any, since: int = 0) -> list[float]:
    """Return when each POST came, in seconds."""
    return [entry["t0"] for entry in simulator.journal(since) if entry["method"] == "POST"]


@pytest.fixture
def delays(database_url: str) -> Callable[[], list[float]]:
    """Note the delay that each retry is given, in seconds."""
    with psycopg.connect(database_url) as conn:
        conn.execute(NOTE_DELAYS)

    def noted() -> list[float]:
        with psycopg.connect(database_url) as conn:
            return [seconds for (seconds,) in conn.execute("SELECT seconds FROM delays ORDER BY number")]

    return noted


def booked_before(simulator: Any) -> int:
    """Book one, so that the event type is known; return the number of the journal's last entry."""
    finals([enqueue_booking(request(0)).appointment_id])
    return int(simulator.journal()[-1]["n"])


@pytest.mark.fresh_database
def test_where_nothing_was_booked_posts_come_after_1_2_and_4_seconds(
    fleet: Callable[..., Fleet], simulator: Any, delays: Callable[[], list[float]]
) -> None:
    """Cal.com says "taken" and still offers the slot: each delay is the policy's +-10 %, no POST is early."""
    fleet().start()
    last = booked_before(simulator)
    simulator.faults("status", name="taken", match=POST)
    enqueue_booking(request(1))
    times = eventually(lambda: len(post_times(simulator, last)) == 4 and post_times(simulator, last))
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert delays() == [pytest.approx(seconds, rel=0.1) for seconds in (1.0, 2.0, 4.0)]
    assert all(gap >= delay for gap, delay in zip(gaps, delays(), strict=True))


@pytest.mark.fresh_database
def test_after_an_unclear_answer_looks_come_after_1_and_2_seconds_and_a_post_at_the_settle_time(
    fleet: Callable[..., Fleet], simulator: Any, delays: Callable[[], list[float]]
) -> None:
    """Cal.com answers 500, and may have booked: nothing is posted again before that can be seen."""
    fleet(CALCOM_SETTLE_ANSWERED_SECONDS="15", CALCOM_SETTLE_SECONDS="60").start()
    last = booked_before(simulator)
    simulator.faults("status", name="internal", count=1, match=POST)
    finals([enqueue_booking(request(1)).appointment_id])
    calls = [entry for entry in simulator.journal(last) if entry["target"].startswith("/v2/bookings")]
    assert [entry["method"] for entry in calls] == ["POST", "GET", "GET", "GET", "GET", "POST"]
    assert delays() == [pytest.approx(seconds, rel=0.1) for seconds in (1.0, 2.0, 4.0)]
    answered, _, _, _, settled, _ = (entry["t0"] for entry in calls)
    assert settled - answered >= 15.0 > sum(delays()), "one wait for all the rest"


@pytest.mark.variants
@pytest.mark.parametrize(
    "refusal",
    [
        {"status": 400, "shape": "A", "message": "Attempting to book a meeting in the past."},
        {"status": 403, "shape": "A", "message": "You are not allowed to book this event type."},
        {"status": 422, "shape": "A", "message": "No hosts"},
        {"name": "limit"},
        {"status": 409, "shape": "A", "message": "No more seats left at this seated booking."},
    ],
    ids=lambda refusal: str(refusal.get("name") or refusal["status"]),
)
def test_a_refusal_is_called_once(fleet: Callable[..., Fleet], simulator: Any, refusal: dict[str, Any]) -> None:
    """Asking again would not help, and the caller is told Cal.com's own words."""
    simulator.faults("status", match=POST, **refusal)
    fleet().start()
    [end] = finals([enqueue_booking(request(1)).appointment_id]).values()
    assert end.status is Status.REJECTED
    assert len(post_times(simulator)) == 1


@pytest.mark.long
def test_a_masked_database_error_for_ever_fails_after_four_posts(
    fleet: Callable[..., Fleet], simulator: Any, database_url: str
) -> None:
    """Slots are free and Cal.com answers, only never well: three retries, then `failed`, once HOLD_MAX_AGE is over."""
    fleet(RETRY_DELAYS="0.2,0.2,0.2", HOLD_MAX_AGE="1").start()
    finals([enqueue_booking(request(0)).appointment_id])
    seen = len(post_times(simulator))
    simulator.faults("status", name="database", match=POST)
    receipt = enqueue_booking(request(1))
    [end] = finals([receipt.appointment_id]).values()
    with create_engine(database_url.replace("postgresql://", "postgresql+psycopg://")).connect() as conn:
        used = conn.execute(
            text("SELECT retry_count FROM appointments WHERE id = :id"), {"id": receipt.appointment_id}
        ).scalar_one()
    assert (end.status, used, len(post_times(simulator)) - seen) == (Status.FAILED, 3, 4)


def test_a_refused_connection_for_ever_holds_and_never_fails(fleet: Callable[..., Fleet]) -> None:
    """An outage fails nobody: unreachable, retried after the hold, and held again."""
    fleet(CALCOM_BASE_URL="http://127.0.0.1:9", RETRY_DELAYS="0.2,0.2,0.2").start()
    receipt = enqueue_booking(request(1))

    def held_since() -> datetime | None:
        now = row(receipt.appointment_id)
        assert now.status is not Status.FAILED
        return now.held_at if now.hold_reason is HoldReason.UNREACHABLE else None

    first = eventually(held_since, what="held")
    # Between two holds lie some milliseconds, which who asks now and then need not see; that this is another one stays.
    eventually(lambda: (held_since() or first) > first, what="released, tried again and held again")
