"""Promises 1 and 2: no absence, no refusal and no 201 from a replica that lags ends what is booked."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from sqlalchemy import update

from db.lifecycle import HoldReason, Status
from db.models.bookings import appointments as table
from db.monitoring import incidents
from tasks import dependencies
from tasks.incidents import check
from tasks.work.claim import claim
from tests.support.fleet import Fleet, at_rest, eventually, finals, request, row, tick
from tests.support.stepping import book, carry
from worker import enqueue_booking, enqueue_bookings

Counts = Callable[[], Counter[str]]
POST = {"method": "POST", "path": "/v2/bookings"}
PLAIN, CONFIRMED, SEATS, ROUND_ROBIN, WEEKLY, THIRTY_DAYS = 101, 102, 103, 104, 129, 141


def ids(requests: list[Any]) -> list[int]:
    """Accept requests and return their ids."""
    return [receipt.appointment_id for receipt in enqueue_bookings(requests)]  # type: ignore[union-attr]


def attempt(appointment_id: int) -> Status:
    """Carry a booking one attempt further, whose time has come; return where it stands then."""
    with dependencies.current().engine.begin() as conn:
        conn.execute(update(table).where(table.c.id == appointment_id).values(next_attempt_at=None))
    claimed = claim(dependencies.current(), appointment_id)
    assert claimed is not None
    book(claimed)
    return row(appointment_id).status


def carried(appointment_id: int) -> Status:
    """Carry a booking on for as long as it only waits for its next attempt."""
    for _ in range(10):
        if (now := attempt(appointment_id)) is not Status.RETRYING:
            break
    return now


def listed(simulator: Any) -> list[Any]:
    """List what a key that sees all is shown."""
    headers = {"Authorization": "Bearer cal_test_owner", "cal-api-version": "2024-08-13"}
    answer = requests.get(simulator.url + "/v2/bookings?take=100", headers=headers, timeout=10).json()
    return list(answer["data"])


def test_an_absence_seen_five_seconds_after_a_500_ends_nothing(
    fleet: Callable[..., Fleet], simulator: Any, booked: Counts
) -> None:
    """Booked, answered 500, and listed eight seconds later: the replica that is asked lags."""
    kinds = [PLAIN, CONFIRMED, SEATS, ROUND_ROBIN]
    fleet(CALCOM_SETTLE_ANSWERED_SECONDS="5", CALCOM_SETTLE_SECONDS="12", RETRY_DELAYS="0.2,0.2,0.2").start()
    finals(ids([request(10 + number, kind) for number, kind in enumerate(kinds)]))
    simulator.settings(replica_lag=4)  # and 8 from then on: at five seconds the list shows these, and no others
    eventually(lambda: len(listed(simulator)) == len(kinds), what="each type is listed")
    simulator.settings(replica_lag=8)
    simulator.faults("commit_then_status", name="internal", match=POST, count=len(kinds))

    ends = at_rest(ids([request(number, kind) for number, kind in enumerate(kinds)]))

    assert [one.status for one in ends] == [Status.CONFIRMED] * len(kinds)
    assert Counter(booked().values()) == {1: 2 * len(kinds)}


def test_a_proxy_whose_clock_is_behind_ends_nothing(
    settings: Callable[..., dict[str, str]], simulator: Any, booked: Counts
) -> None:
    """By its Date another's booking, made before ours, looks newer than it; but the list is of before both."""
    settings(CALCOM_SETTLE_SECONDS="130", CALCOM_SETTLE_ANSWERED_SECONDS="5")
    [other, ours] = ids([request(number, PLAIN) for number in (1, 2)])
    assert attempt(other) is Status.CONFIRMED
    simulator.settings(replica_lag=1)
    eventually(lambda: listed(simulator), what="the other booking is on the replica")
    behind = format_datetime(datetime.now(UTC) - timedelta(seconds=10), usegmt=True)
    simulator.faults("commit_then_status", name="internal", count=1, match=POST, headers={"Date": behind})
    assert attempt(ours) is Status.RETRYING

    assert carry(ours, after=6).status is not Status.REJECTED

    simulator.settings(replica_lag=0)
    assert carry(ours, after=130).status is Status.CONFIRMED
    assert set(booked().values()) == {1}


def test_a_further_seat_that_a_replica_does_not_show_yet_is_ours(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """Cal.com answers 201 with the booking as it was before: only the seat's uid in it is new."""
    settings()
    start = datetime(2030, 3, 4, 9, tzinfo=UTC)
    first, second = ids([request(number, SEATS, start=start) for number in range(2)])
    assert attempt(first) is Status.CONFIRMED
    simulator.settings(replica_lag=0.5, lag_breaks_posts=True)
    eventually(lambda: listed(simulator), what="the first seat is on the replica")

    assert attempt(second) is Status.CONFIRMED

    [booking] = simulator.bookings()
    assert {one["seatUid"] for one in booking["attendees"]} == {row(first).calcom_seat_uid, row(second).calcom_seat_uid}
    assert [entry["status"] for entry in simulator.journal() if entry["method"] == "POST"] == [201, 201]


def test_a_series_that_was_made_in_part_is_confirmed_and_somebody_is_told(
    fleet: Callable[..., Fleet], simulator: Any
) -> None:
    """Refused at week 5, which is out of bounds; or cut at week 3, where Cal.com died: what is booked is booked."""
    fleet().start()
    simulator.faults("kill", step="insert", week=3, count=1, match=POST | {"event_type_id": WEEKLY})
    near = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)
    both = ids([request(0, THIRTY_DAYS, start=near), request(1, WEEKLY)])

    assert [one.status for one in at_rest(both)] == [Status.CONFIRMED] * 2

    def counted() -> bool:
        tick("tasks.maintenance.late_lookups.look_again")
        return all(row(one).series_weeks is not None for one in both)

    eventually(counted, what="their weeks are counted")
    assert [(row(one).series_weeks, row(one).series_of) for one in both] == [(4, 8), (2, 8)]
    assert [len(simulator.bookings(str(row(one).uuid))) for one in both] == [4, 2], "nothing was posted again"
    check.check()
    with dependencies.current().engine.connect() as conn:
        told = {one.kind: one.occurrences for one in incidents.notified(conn, open_only=True)}
    assert told["series_cut"] == 2


def test_what_was_booked_of_a_type_that_is_deleted_since_is_found(
    settings: Callable[..., dict[str, str]], simulator: Any
) -> None:
    """The list refuses to be asked for that type, and shows the booking without it."""
    settings()
    simulator.event_type(340)
    simulator.faults("commit_then_reset", match=POST)
    lost = enqueue_booking(request(1, 340)).appointment_id
    assert attempt(lost) is Status.RETRYING
    simulator.delete_event_type(340)

    assert attempt(lost) is Status.CONFIRMED

    [booking] = simulator.bookings()
    assert row(lost).calcom_booking_uid == booking["uid"]


def test_a_seat_that_is_half_made_waits_for_a_person(
    fleet: Callable[..., Fleet], simulator: Any, posts: Counts
) -> None:
    """Cal.com died between two of its inserts: no POST of ours mends that."""
    start = datetime(2030, 3, 4, 9, tzinfo=UTC)
    simulator.faults("kill", step="seat", match=POST, count=1)
    fleet().start()
    [victim] = ids([request(0, SEATS, start=start)])

    [end] = at_rest([victim])

    assert (end.status, end.hold_reason) == (Status.HELD, HoldReason.SUSPECT)
    [booking] = simulator.bookings()
    assert end.last_error == f"half made at Cal.com: booking {booking['uid']} has the attendee without a seat"
    assert posts()[str(row(victim).uuid)] == 1


@pytest.mark.parametrize("sight", [True, False])
def test_a_seat_that_is_half_made_takes_nobody_elses(
    settings: Callable[..., dict[str, str]],
    simulator: Any,
    sight: bool,  # noqa: FBT001 - a case
) -> None:
    """The slot is offered no more, though two of its seats are free: who was not answered is booked all the same."""
    settings(CALCOM_API_KEY="cal_test_host3", CALCOM_SETTLE_SECONDS="0", CALCOM_SETTLE_ANSWERED_SECONDS="0")
    if not sight:  # the owner's, and Cal.com does not say so
        simulator.faults("status", name="internal", match={"method": "GET", "path": "/v2/me"})
    start = datetime(2030, 3, 4, 9, tzinfo=UTC)
    simulator.faults("kill", step="seat", match=POST, count=1)
    simulator.faults("reset", match=POST, count=2)
    victim, *innocent = ids([request(number, SEATS, start=start) for number in range(3)])
    assert {attempt(one) for one in (victim, *innocent)} == {Status.RETRYING}

    assert [carried(one) for one in innocent] == [Status.CONFIRMED] * 2
