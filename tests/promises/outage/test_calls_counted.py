"""What a booking costs in calls of Cal.com: one where all is well, one look more where it is refused."""

from collections.abc import Callable
from typing import Any

from db.lifecycle import Status
from tests.support.fleet import request
from tests.support.stepping import accept, carry

Settings = Callable[..., dict[str, str]]
PLAIN = 101


def calls(simulator: Any, since: int) -> list[str]:
    """Name the calls that Cal.com was sent since then, without their questions."""
    made = [(entry["method"], entry["target"].partition("?")[0]) for entry in simulator.journal(since)]
    return [f"{method} {path.removeprefix('/v2')}" for method, path in made]


def test_the_plain_path_is_one_post(settings: Settings, simulator: Any) -> None:
    """Kind and sight are asked when they are needed, and not before."""
    settings()
    [booked] = accept(request(1, PLAIN))

    assert carry(booked).status is Status.CONFIRMED

    assert calls(simulator, 0) == ["POST /bookings"]


def test_a_refused_booking_costs_one_look_more(settings: Settings, simulator: Any) -> None:
    """And once a day and key what its type is; slots were asked before, too."""
    settings()
    for one in accept(request(1, PLAIN), request(2, PLAIN)):
        assert carry(one).status is Status.CONFIRMED
    sam = {"name": "Sam Example", "email": "sam@example.com", "time_zone": "UTC"}
    first, second = accept(request(1, PLAIN, attendee=sam), request(2, PLAIN, attendee=sam))
    since = simulator.journal()[-1]["n"]
    assert carry(first).status is Status.REJECTED
    asked_once = {"GET /event-types/101", "GET /event-types", "GET /me"}
    assert [one for one in calls(simulator, since) if one not in asked_once] == [
        "POST /bookings",
        "GET /bookings",
        "GET /slots",
    ]

    since = simulator.journal()[-1]["n"]
    assert carry(second).status is Status.REJECTED

    assert calls(simulator, since) == ["POST /bookings", "GET /bookings", "GET /slots"]
