"""What stands before Cal.com and is not it: a proxy's own clock, and its pages once the booking is made."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest


@pytest.mark.parametrize("by", [-3600, 3600])
def test_a_proxy_tells_the_time_of_its_own_clock(simulator: Any, start: str, by: int) -> None:
    """`Date` is off, what Cal.com itself writes is not."""
    simulator.order("/_faults", {"kind": "date", "by": by})
    began = datetime.now(UTC)

    answer = simulator.book("plain", start)

    told = parsedate_to_datetime(answer.headers["Date"])
    made = datetime.fromisoformat(answer.json()["data"]["createdAt"])
    assert abs((told - began).total_seconds() - by) < 60
    assert abs((made - began).total_seconds()) < 60


PAGES = {"forbidden_page": 403, "too_large": 413, "login_page": 302, "forbidden_resource": 403, "no_booking": 202}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_may_take_the_place_of_an_answer_once_the_booking_is_made(simulator: Any, start: str, name: str) -> None:
    """A firewall that reads answers, a login page, a guard's own refusal, a 2xx without a booking."""
    simulator.order("/_faults", {"kind": "commit_then_status", "name": name, "count": 1})

    answer = simulator.call(
        "POST",
        "/v2/bookings",
        json={
            "start": start,
            "eventTypeId": 101,
            "attendee": {"name": "Ann", "timeZone": "UTC", "email": "ann@example.com"},
        },
        allow_redirects=False,
    )

    assert answer.status_code == PAGES[name]
    assert "uid" not in answer.text
    [made] = simulator.order("/_bookings", method="GET")["bookings"]
    assert made["status"] == "accepted"
