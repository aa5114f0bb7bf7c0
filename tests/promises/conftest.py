"""The judge: what the simulator holds against what our rows say."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import Status
from tasks.enqueue import Outcome


@pytest.fixture
def booked(simulator: Any) -> Callable[[], Counter[str]]:
    """Count what Cal.com holds for each of our references, seats included."""
    return lambda: Counter(mark for booking in simulator.bookings() for mark in booking["references"])


@pytest.fixture
def posts(simulator: Any) -> Callable[[], Counter[str]]:
    """Count the POSTs that Cal.com was sent for each of our references."""
    return lambda: Counter(entry["reference"] for entry in simulator.journal() if entry["method"] == "POST")


@pytest.fixture
def judge(simulator: Any, booked: Callable[[], Counter[str]]) -> Callable[[dict[int, Outcome]], None]:
    """Fail when a booking is not confirmed, its uid is not Cal.com's, or anything is there twice."""

    def check(ends: dict[int, Outcome]) -> None:
        assert {one.status for one in ends.values()} == {Status.CONFIRMED}
        assert Counter(booked().values()) == {1: len(ends)}
        assert {one.calcom_booking_uid for one in ends.values()} == {one["uid"] for one in simulator.bookings()}

    return check
