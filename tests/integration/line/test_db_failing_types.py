"""The line while one event type fails: its bookings are behind the others, and one of them goes at a time."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from db.appointments import queue
from db.lifecycle import HoldReason, Status

BROKEN, SOUND = 999, 110
UNKNOWN = {"outcome_unknown": True, "sent_at": timedelta(seconds=-9), "settle_at": timedelta(seconds=-4)}


def held(record: Any, event_type: int, count: int = 1) -> list[int]:
    """Keep bookings of a type, held since the breaker opened."""
    return [record.keep(event_type_id=event_type, hold_reason=HoldReason.BREAKER_OPEN).id for _ in range(count)]


def line(record: Any, limit: int, *, postable: bool = False) -> Sequence[int]:
    """Return the ids at the head of the line."""
    with record.engine.connect() as conn:
        return [one for one, _ in queue.waiting(conn, limit, postable=postable)]


def unknown(record: Any, *ids: int, error: str = "http_500") -> None:
    """Have Cal.com have answered their POST with an error, so that nobody knows what became of them."""
    for one in ids:
        record.write(one, **UNKNOWN | {"error_type": error})


@pytest.mark.parametrize("first", [10, 1000])
def test_the_probe_is_of_another_type_than_the_one_that_failed(record: Any, first: int) -> None:
    """However many of that type stand first: the second probe lets the others go."""
    broken = held(record, BROKEN, first)
    [other] = held(record, SOUND)
    unknown(record, broken[7])

    assert line(record, 1, postable=True) == [other]


def test_the_bookings_of_a_failing_type_go_behind_the_others_and_one_of_them_second(record: Any) -> None:
    """That one has failed itself: its success shows that the type is sound."""
    broken, others = held(record, BROKEN, 5), held(record, SOUND, 5)
    unknown(record, broken[3], broken[4])

    assert line(record, 6) == [others[0], broken[3], *others[1:]]
    assert line(record, 20) == [others[0], broken[3], *others[1:], *broken[:3], broken[4]]


def test_of_failing_types_one_booking_at_a_time_is_under_way(record: Any) -> None:
    """Else five of them in a row would open the breaker again before the others go."""
    broken, others = held(record, BROKEN, 3), held(record, SOUND, 2)
    unknown(record, *broken[:2])
    record.move(record.read(broken[0]), Status.PENDING)

    assert line(record, 2) == others


@pytest.mark.parametrize("error", ["timeout", "http_503", "lease_lost"])
def test_a_service_that_is_gone_says_nothing_of_a_type(record: Any, error: str) -> None:
    """Its bookings keep their places."""
    first, second = held(record, BROKEN, 2)
    held(record, SOUND)
    unknown(record, first, error=error)

    assert line(record, 1, postable=True) == [second]


def test_where_every_type_fails_the_line_keeps_its_order(record: Any) -> None:
    """In an outage, who failed as a probe goes behind the others."""
    first, *rest = held(record, BROKEN, 3)
    [other] = held(record, SOUND, 1)
    unknown(record, rest[1], other)
    record.write(first, probe_failures=1)

    assert line(record, 4, postable=True) == [rest[0], first]


def test_a_booking_that_nobody_can_tell_of_says_nothing_of_its_type(record: Any) -> None:
    """It may wait for days, and its type is booked all the time."""
    [old] = held(record, BROKEN)
    unknown(record, old)
    record.write(old, hold_reason=HoldReason.BLIND_KEY, held_for="key")
    [first] = held(record, BROKEN)
    held(record, SOUND, 20)

    assert line(record, 1) == [first]


def test_a_type_is_sound_again_when_its_booking_is_known(record: Any) -> None:
    """Whatever became of it."""
    first, second = held(record, BROKEN, 2)
    held(record, SOUND)
    unknown(record, first)
    record.write(first, outcome_unknown=False, sent_at=None, settle_at=None)

    assert line(record, 1, postable=True) == [first]
    assert line(record, 2) == [first, second]
