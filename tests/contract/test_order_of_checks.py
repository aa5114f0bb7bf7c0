"""The order in which a POST is checked: it decides which of two refusals is said, and whether ours is given back.

Type, login, hosts, fields -> the address of a guarded user -> maximum of active bookings -> the earlier booking ->
bounds -> limits -> availability (and a blocked address) -> seats -> insert.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

MORE = " You can reschedule your existing booking ({}) to a new timeslot instead."
MAX = "Attendee with this email can't book because the maximum number of active bookings has been reached."
FAR = 60 * 24 * 365 * 100  # minutes: no start is far enough ahead
NARROWED = {"BOUNDS": {"notice": FAR}, "LIMIT": {"bookings_a_day": 1}, "MAX": {"active_bookings": 1}}
DEDUPED = ("round_robin", "rr_seats")
CONFIRMED = ("confirm", "rr_confirm", "seats_confirm")


def later(start: str, hours: int) -> str:
    """Move a start."""
    return (datetime.fromisoformat(start) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def narrow(simulator: Any, part: str, rule: str) -> None:
    """Give an event type a rule that leaves no room."""
    simulator.order("/_event_types", {"id": simulator.parts[part], **NARROWED[rule]}, method="PATCH")


@pytest.mark.parametrize("rule", NARROWED)
@pytest.mark.parametrize("part", ["plain", "collective", "seats", *DEDUPED, *CONFIRMED])
def test_a_type_that_was_narrowed_gives_back_ours_or_refuses(
    simulator: Any, start: str, email: str, part: str, rule: str
) -> None:
    """Narrowed after ours was booked: which kinds say 201 ours, and which the refusal (3 each, 8 of round robin).

    | type | BOUNDS, LIMIT: ours exists | MAX |
    | plain, collective, seats | the refusal | refusal |
    | round robin, round robin x seats | **201 ours** | refusal |
    | confirmation, x round robin, x seats: ours pending | **201 ours** | **201 ours** |
    | the same three: ours accepted | the refusal | refusal |
    """
    uid = simulator.book(part, start, email).json()["data"]["uid"]
    narrow(simulator, part, rule)

    pending = simulator.book(part, start, email)

    given_back = part in CONFIRMED or (part in DEDUPED and rule != "MAX")
    assert simulator.short(pending) in (("accepted", "pending") if given_back else (rule,))
    assert not given_back or pending.json()["data"]["uid"] == uid
    if part in CONFIRMED:
        simulator.order("/_persons", {"do": "accept", "uid": uid})
        assert simulator.short(simulator.book(part, start, email)) == rule


@pytest.mark.parametrize("rule", ["BOUNDS", "LIMIT"])
@pytest.mark.parametrize("part", [*DEDUPED, *CONFIRMED])
def test_a_type_that_was_narrowed_refuses_who_is_not_there(simulator: Any, start: str, part: str, rule: str) -> None:
    """Ours absent: the refusal, of every kind (3 each)."""
    if rule == "LIMIT":
        uid = simulator.book(part, later(start, 2), "bob@example.test").json()["data"]["uid"]
        simulator.order("/_persons", {"do": "accept", "uid": uid})
    narrow(simulator, part, rule)

    assert simulator.short(simulator.book(part, start)) == rule


@pytest.mark.needs("rr_active_uid", "active_uid", "seats_active_uid")
@pytest.mark.parametrize("part", ["rr_active_uid", "active_uid", "seats_active_uid"])
def test_a_maximum_may_name_the_booking_that_is_in_the_way(calcom: Any, start: str, email: str, part: str) -> None:
    """The identical POST: 400 MAX-UID(ours) (10 of 10); another start: the same, with the uid of ours (5 of 5)."""
    uid = calcom.book(part, start, email).json()["data"]["uid"]

    answers = [calcom.book(part, at, email) for at in (start, later(start, 2))]

    for answer in answers:
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, MAX + MORE.format(uid))


def test_of_two_active_bookings_the_first_is_named(simulator: Any, start: str, email: str) -> None:
    """Two active allowed, two exist: "the first one's uid, both times"."""
    simulator.order("/_event_types", {"id": 144, "active_bookings": 2}, method="PATCH")
    uids = [simulator.book("rr_active_uid", later(start, n), email).json()["data"]["uid"] for n in range(2)]

    answers = [simulator.book("rr_active_uid", later(start, n), email) for n in range(2)]

    assert [one.json()["error"]["message"] for one in answers] == [MAX + MORE.format(uids[0])] * 2


@pytest.mark.needs("rr_day_limit")
def test_round_robin_gives_ours_back_within_a_limit_that_it_used_up(calcom: Any, start: str, email: str) -> None:
    """The same day's limit used up by ours: 201 ours; another time of that day: 401 LIMIT (5 of 5)."""
    uid = calcom.book("rr_day_limit", start, email).json()["data"]["uid"]

    assert calcom.book("rr_day_limit", start, email).json()["data"]["uid"] == uid
    assert calcom.short(calcom.book("rr_day_limit", later(start, 2), email)) == "LIMIT"


@pytest.mark.needs("week_limit")
def test_a_limit_a_week_refuses(calcom: Any, start: str) -> None:
    """401 B `booking_limit_reached`, as for a day."""
    calcom.book("week_limit", start)

    assert calcom.short(calcom.book("week_limit", later(start, 2), "bob@example.test")) == "LIMIT"


@pytest.mark.parametrize("part", ["plain", "round_robin", "confirm", "seats", "recurring"])
def test_a_blocked_address_breaks_every_kind_for_good(simulator: Any, start: str, part: str) -> None:
    """A watchlist entry: 500 ISE (5 of 5), in any letter case, and nothing is booked."""
    answers = [
        simulator.short(simulator.book(part, start, one)) for one in ("blocked@example.com", "Blocked@Example.com")
    ]

    assert answers == ["ISE", "ISE"]
    assert simulator.order("/_bookings", method="GET")["bookings"] == []


def test_a_blocked_address_is_told_taken_where_the_time_is_taken(simulator: Any, start: str) -> None:
    """`POST 2027 spam@ (the time is taken by another)` -> 400 TAKEN-USER."""
    simulator.book("plain", start)

    assert simulator.short(simulator.book("plain", start, "blocked@example.com")) == "TAKEN-USER"


def test_the_address_of_a_user_who_wants_a_login_is_refused(simulator: Any, start: str) -> None:
    """403 B "Attendee email has been blocked. Make sure to login as host50@ to use ..."; with his own key 201."""
    simulator.order("/_settings", {"guarded_emails": ["host50@example.test"]})

    refused = simulator.book("plain", start, "host50@example.test")
    own = {"Authorization": "Bearer cal_test_host50"}

    login = "Make sure to login as host50@example.test to use this email for creating a booking."
    message = f"Attendee email has been blocked. {login}"
    assert (refused.status_code, refused.json()) == (403, {"statusCode": 403, "message": message})
    assert simulator.book("plain", start, "host50@example.test", headers=own).status_code == 201


def test_a_price_is_told_with_the_event_type(simulator: Any, start: str) -> None:
    """`"price":0` was seen; a paid type was not: here it books as a plain one does."""
    headers = {"cal-api-version": "2024-06-14"}

    assert simulator.call("GET", "/v2/event-types/139", headers=headers).json()["data"]["price"] == 50
    assert simulator.short(simulator.book("price", start)) == "accepted"
