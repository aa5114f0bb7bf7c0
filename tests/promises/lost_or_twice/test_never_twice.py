"""Promise 2: at most one Cal.com booking a request, whatever Cal.com answers, or does not."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import psycopg
import pytest

from db.lifecycle import HoldReason, Status
from tasks.enqueue import Outcome, Receipt, outcome
from tests.support.fleet import HASTY, Fleet, eventually, finals, request
from worker import enqueue_bookings

Judge = Callable[[dict[int, Outcome]], None]
Counts = Callable[[], Counter[str]]
POST = {"method": "POST", "path": "/v2/bookings"}
# A simulator that stands still works longer on a POST than Cal.com; of those that hang each lasts as long as it may.
LONG_SETTLED = {"CALCOM_SETTLE_SECONDS": "15", **HASTY}
NOTE_SETTLE_TIMES = """
CREATE TABLE settle_times (
    number bigint GENERATED ALWAYS AS IDENTITY, uuid uuid, not_sent_at timestamptz, settle_at timestamptz
);
CREATE FUNCTION note_settle_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- What was written last, the claim or its renewal, was written before the first byte.
    INSERT INTO settle_times (uuid, not_sent_at, settle_at) VALUES (NEW.uuid, OLD.updated_at, NEW.settle_at);
    RETURN NULL;
END $$;
CREATE TRIGGER note_settle_time AFTER UPDATE ON appointments
FOR EACH ROW WHEN (NEW.settle_at IS DISTINCT FROM OLD.settle_at AND NEW.settle_at IS NOT NULL)
EXECUTE FUNCTION note_settle_time();
"""


def ids(receipts: list[Any]) -> list[int]:
    """Return the ids of accepted requests."""
    assert all(isinstance(receipt, Receipt) for receipt in receipts)
    return [receipt.appointment_id for receipt in receipts]


def held(wanted: list[int], reason: HoldReason) -> list[Outcome]:
    """Wait until every booking is held for one reason."""

    def all_held() -> list[Outcome] | None:
        now = [outcome(one) for one in wanted]
        return [one for one in now if one] if all(one and one.hold_reason is reason for one in now) else None

    seen: list[Outcome] = eventually(all_held, what=f"held({reason})")
    return seen


def test_answers_lost_after_the_commit_book_nobody_twice(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge
) -> None:
    """200 bookings, a fifth of the answers lost after Cal.com has booked, a lagging list, slots not exclusive."""
    simulator.settings(replica_lag=1)
    simulator.faults("commit_then_hang", share=0.1, match=POST)
    simulator.faults("commit_then_reset", share=0.11, match=POST)
    fleet(**LONG_SETTLED).start(concurrency=32)
    ends = finals(ids(enqueue_bookings([request(number) for number in range(200)])))
    lost = [entry for entry in simulator.journal() if entry["fault"] in ("commit_then_hang", "commit_then_reset")]
    assert len(lost) >= 20, "the faults were met"
    judge(ends)


@pytest.mark.variants
@pytest.mark.parametrize("event_type", [102, 103], ids=["requires confirmation", "seats"])
def test_types_that_cal_com_itself_books_twice_are_booked_once(
    fleet: Callable[..., Fleet], simulator: Any, booked: Counts, event_type: int
) -> None:
    """Two POSTs in flight double these types at Cal.com: so there are never two."""
    simulator.settings(replica_lag=1)
    simulator.faults("commit_then_hang", share=0.2, match=POST)
    fleet(**LONG_SETTLED).start()
    requests = [request(number, event_type) for number in range(40)]
    ends = finals(ids(enqueue_bookings(requests)))
    assert {one.status for one in ends.values()} == {Status.CONFIRMED}
    assert Counter(booked().values()) == {1: 40}


@pytest.fixture
def settle_times(database_url: str) -> Callable[[], dict[str, list[tuple[datetime, datetime]]]]:
    """Note of each POST whose outcome is unknown when it had not been sent yet, and its settle time."""
    with psycopg.connect(database_url) as conn:
        conn.execute(NOTE_SETTLE_TIMES)

    def noted() -> dict[str, list[tuple[datetime, datetime]]]:
        query = "SELECT uuid::text, not_sent_at, settle_at FROM settle_times ORDER BY uuid, number"
        with psycopg.connect(database_url) as conn:
            rows = conn.execute(query).fetchall()
        return {mark: [times for _, *times in group] for mark, group in groupby(rows, key=lambda row: row[0])}

    return noted


@pytest.mark.fresh_database
@pytest.mark.long
def test_a_hang_without_a_booking_is_booked_once_after_its_settle_time(
    fleet: Callable[..., Fleet],
    simulator: Any,
    judge: Judge,
    settle_times: Callable[[], dict[str, list[tuple[datetime, datetime]]]],
) -> None:
    """Nothing is posted again before absence is certain: the settle time after the first byte, by the row's record.

    When a POST comes to a Cal.com that is busy says only that it was sent before: the settle time is not from then on.
    """
    simulator.settings(replica_lag=1)
    simulator.faults("hang", share=0.2, count=15, match=POST)
    fleet(**LONG_SETTLED).start(concurrency=32)
    ends = finals(ids(enqueue_bookings([request(number) for number in range(100)])), within=120)
    judge(ends)
    came: dict[str, list[datetime]] = {}
    for entry in simulator.journal():
        if entry["method"] == "POST":
            came.setdefault(entry["reference"], []).append(datetime.fromisoformat(entry["at"]))
    again = {mark: times for mark, times in came.items() if len(times) > 1}
    assert again, "the fault was met"
    assert again.keys() == settle_times().keys()
    for mark, unknown in settle_times().items():
        for (not_sent_at, settle_at), next_came_at in zip(unknown, again[mark][1:], strict=True):
            assert settle_at >= not_sent_at + timedelta(seconds=15)
            assert next_came_at >= settle_at.replace(microsecond=settle_at.microsecond // 1000 * 1000)


def test_a_key_that_cannot_see_its_bookings_never_posts_twice(
    fleet: Callable[..., Fleet], simulator: Any, posts: Counts
) -> None:
    """Absence proves nothing to a blind key: its unknown bookings are held for the operator."""
    simulator.faults("commit_then_hang", match=POST)
    fleet(CALCOM_API_KEY="cal_test_blind", **HASTY).start()
    wanted = ids(enqueue_bookings([request(number) for number in range(10)]))
    held(wanted, HoldReason.BLIND_KEY)
    assert Counter(posts().values()) == {1: 10}


@pytest.mark.long
def test_a_key_that_comes_to_see_lets_its_held_bookings_go(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge
) -> None:
    """Once its user hosts or owns the type, the held bookings are found: nothing is posted again."""
    simulator.faults("commit_then_hang", match=POST, count=3)
    fleet(CALCOM_API_KEY="cal_test_blind", **HASTY).start()
    wanted = ids(enqueue_bookings([request(number) for number in range(3)]))
    held(wanted, HoldReason.BLIND_KEY)
    simulator.settings(keys={"cal_test_blind": "all"})
    judge(finals(wanted))


def test_talking_to_the_wrong_thing_holds_and_fails_nobody(
    fleet: Callable[..., Fleet], simulator: Any, booked: Counts
) -> None:
    """A wrong URL is the operator's error, never the customer's."""
    fleet(CALCOM_BASE_URL=f"{simulator.url}/elsewhere").start()
    held(ids(enqueue_bookings([request(number) for number in range(5)])), HoldReason.CONFIGURATION)
    assert not booked()


def test_a_refused_key_holds_and_a_good_one_lets_go(fleet: Callable[..., Fleet], judge: Judge) -> None:
    """A revoked key fails nobody; workers that start with another key release what it held."""
    first = fleet(CALCOM_API_KEY="cal_test_expired").start()
    wanted = ids(enqueue_bookings([request(number) for number in range(5)]))
    held(wanted, HoldReason.CREDENTIALS)
    first.stop()
    fleet(CALCOM_API_KEY="cal_test_owner").start()
    judge(finals(wanted))
