"""Promise 2, and fewer reads after an outage: bookings of one event type share a reading where it proves the same."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import Status
from tasks.attempts import inquiry
from tasks.guarded_calls import event_type_lookup
from tests.support.fleet import eventually, request, row
from tests.support.stepping import accept, carry, lose, write

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
PLAIN, ROUND_ROBIN = 101, 104
LISTS = {"method": "GET", "path": "/v2/bookings"}
AT_ONCE = 6


def readings(simulator: Any, number: int) -> int:
    """Count how often Cal.com was asked what an event type is."""
    return sum(entry["target"] == f"/v2/event-types/{number}" for entry in simulator.journal())


def settled(*appointments: int, ago: float = 1, sent: float = 2, ended: bool = False) -> Sequence[int]:
    """Make outcomes unknown, since a POST so long ago; no POST has been at work for `ago` seconds."""
    for one in appointments:
        lose(one)
        write(
            one,
            sent_at=text(f"now() - interval '{sent} seconds'"),
            settle_at=text(f"now() - interval '{ago} seconds'"),
            ends_at=text(f"now() - interval '{1 if ended else -100} seconds'"),
        )
    return appointments


def side_by_side(appointments: Sequence[int]) -> None:
    """Carry bookings on at once, each by a thread of its own."""
    threads = [threading.Thread(target=carry, args=(one,)) for one in appointments]
    for one in threads:
        one.start()
    for one in threads:
        one.join()


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Let the seconds of these rules last for minutes: a busy machine stands still."""
    monkeypatch.setattr(event_type_lookup, "SHARED", timedelta(minutes=10))
    monkeypatch.setattr(inquiry, "YOUNG", 600)
    return monkeypatch


@pytest.mark.usefixtures("seconds")
def test_bookings_that_settle_in_the_same_seconds_share_a_reading(settings: Settings, simulator: Any) -> None:
    """Each asks the list for itself; the first asks about the type for all."""
    settings()
    rows = settled(*accept(*(request(number, PLAIN) for number in range(AT_ONCE))))

    ends = [carry(one) for one in rows]

    assert [one.status for one in ends] == [Status.CONFIRMED] * AT_ONCE
    assert readings(simulator, PLAIN) == 1


@pytest.mark.parametrize("why", ["its last POST ended later", "absence may end it", "it may be cancelled", "it is old"])
def test_a_reading_that_proves_less_is_not_shared(
    settings: Settings, simulator: Any, seconds: pytest.MonkeyPatch, why: str
) -> None:
    """Then the booking asks for itself, after its list."""
    settings()
    first, second = accept(request(1, PLAIN), request(2, PLAIN))
    carry(*settled(first))
    settled(second, ago=0 if why == "its last POST ended later" else 300, ended=why == "absence may end it")
    if why == "it may be cancelled":  # a person may have done so, and the list is newer than the reading
        seconds.setattr(inquiry, "YOUNG", 1)
    elif why == "it is old":
        seconds.setattr(event_type_lookup, "SHARED", timedelta(seconds=5))

    carry(second, after=6)

    assert row(second).status is Status.CONFIRMED
    assert readings(simulator, PLAIN) == 2


@pytest.mark.usefixtures("seconds")
def test_a_second_post_of_round_robin_wants_a_reading_of_its_own(settings: Settings, simulator: Any) -> None:
    """Its kind alone makes a second POST safe, so it is asked right before."""
    settings(CALCOM_API_KEY="cal_test_host5")  # whose list shows no stranger's booking
    rows = settled(*accept(*(request(number, ROUND_ROBIN) for number in range(3))))

    for one in rows:
        carry(one)

    assert readings(simulator, ROUND_ROBIN) == len(rows)


def test_those_who_ask_while_another_one_reads_get_the_next_reading(
    settings: Settings, simulator: Any, booked: Counts
) -> None:
    """Of any kind, and when absence may end them: it begins after all their lists, and theirs came after the first."""
    settings()
    first, *others = settled(*accept(*(request(number, ROUND_ROBIN) for number in range(AT_ONCE))), ended=True)
    simulator.faults("latency", delay=2, match={"method": "GET", "path": f"/v2/event-types/{ROUND_ROBIN}"})
    reads = threading.Thread(target=carry, args=(first,))
    reads.start()
    eventually(lambda: readings(simulator, ROUND_ROBIN) == 1, what="the first one reads")

    side_by_side(others)
    reads.join()

    assert readings(simulator, ROUND_ROBIN) == 2
    assert set(booked().values()) == {1}


def test_a_reading_that_failed_is_shared_with_nobody(settings: Settings, simulator: Any) -> None:
    """The next one asks for itself."""
    settings()
    first, second = settled(*accept(request(1, PLAIN), request(2, PLAIN)))
    types = {"method": "GET", "path": f"/v2/event-types/{PLAIN}"}
    simulator.faults("status", name="unavailable", match=types, count=1)

    assert carry(first).status is Status.RETRYING
    assert carry(second).status is Status.CONFIRMED

    assert readings(simulator, PLAIN) == 2
