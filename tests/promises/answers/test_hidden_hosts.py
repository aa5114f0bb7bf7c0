"""Promise 2: what no answer of Cal.com's shows of hosts and event types ends no booking, and books none twice."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import requests

from db.appointments import events
from db.lifecycle import Status
from tasks import dependencies
from tests.support.fleet import request, row
from tests.support.stepping import POST, accept, carry, carry_until, is_blind

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
COLLECTIVE, ROUND_ROBIN_FREE, COLLECTIVE_FREE = 106, 168, 167
FREE = {"name": "Ann Example", "email": "ann@gmail.com", "time_zone": "UTC"}  # too short for that provider to give it
SAM = {"name": "Sam Example", "email": "sam@example.com", "time_zone": "UTC"}


def change(simulator: Any, what: str, order: dict[str, Any]) -> None:
    """Change a user, or an event type, as an administrator does."""
    assert requests.patch(f"{simulator.control}/_{what}", json=order, timeout=10).ok


def lost(simulator: Any, number: int, event_type: int, **more: Any) -> int:
    """Book, and lose the answer."""
    simulator.faults("commit_then_reset", match=POST, count=1)
    [one] = accept(request(number, event_type, **more))
    assert carry(one).outcome_unknown
    return one


def there(simulator: Any, appointment_id: int) -> list[dict[str, Any]]:
    """Return what Cal.com has of a booking."""
    found: list[dict[str, Any]] = simulator.bookings(str(row(appointment_id).uuid))
    return found


def is_confirmed(one: Any) -> bool:
    """Say whether a booking is confirmed."""
    return one.status is Status.CONFIRMED


@pytest.mark.parametrize("hidden", ["locked", "renamed", "taken off", "made a host later"])
def test_a_host_who_is_not_shown_a_booking_ends_none_by_that(
    settings: Settings, simulator: Any, posts: Counts, hidden: str
) -> None:
    """Its slot is gone and the list of a collective's host is empty: ours may be what has taken it."""
    settings(CALCOM_API_KEY="cal_test_host9")
    user, address = "host9", "host9@example.test"
    if hidden == "locked":
        change(simulator, "users", {"username": user, "locked": True})
    if hidden == "made a host later":
        change(simulator, "event_types", {"id": COLLECTIVE, "hosts": ["host6", "host8"]})

    one = lost(simulator, 1, COLLECTIVE)
    [booking] = there(simulator, one)
    if hidden == "renamed":
        change(simulator, "users", {"username": user, "address": "Host9@example.test"})
    if hidden == "taken off":
        simulator.person("take_off", booking["uid"], email=address)
    if hidden == "made a host later":
        change(simulator, "event_types", {"id": COLLECTIVE, "hosts": ["host6", "host8", user]})
    now = carry_until(one, is_blind, every=5, attempts=8)

    assert [(each["uid"], each["status"]) for each in there(simulator, one)] == [(booking["uid"], "accepted")]
    assert posts()[str(now.uuid)] == 1


def test_a_round_robin_that_confirms_free_addresses_is_never_booked_twice(
    settings: Settings, simulator: Any, posts: Counts
) -> None:
    """Its policy says that it confirms nothing; once its host has accepted Cal.com does not find it any more."""
    settings(CALCOM_API_KEY="cal_test_teamowner")
    one = lost(simulator, 1, ROUND_ROBIN_FREE, attendee=FREE)
    [booking] = there(simulator, one)
    simulator.person("accept", booking["uid"])

    now = carry_until(one, is_blind, every=5, attempts=8)

    assert (len(there(simulator, one)), posts()[str(now.uuid)]) == (1, 1)


def test_a_pending_booking_whose_slot_is_offered_is_not_told_as_failed(settings: Settings, simulator: Any) -> None:
    """What its host must confirm takes no slot: that the slot is offered proves nothing, however often it was tried."""
    settings(CALCOM_API_KEY="cal_test_teamowner")
    simulator.faults("commit_then_status", name="internal", match=POST, count=5)
    [one] = accept(request(1, COLLECTIVE_FREE, attendee=FREE))

    ended = [carry(one, after=250).status for _ in range(6)][-1]  # past HOLD_MAX_AGE, until which nothing is failed

    assert (ended, [each["status"] for each in there(simulator, one)]) == (Status.HELD, ["pending"])


@pytest.mark.parametrize("kind", ["round_robin", "collective"])
def test_a_type_whose_confirmation_is_switched_off_meanwhile_is_posted_no_more(
    settings: Settings, simulator: Any, posts: Counts, kind: str
) -> None:
    """Ours is pending, and Cal.com looks for accepted ones by now: it would make a second."""
    settings(CALCOM_API_KEY="cal_test_teamowner")
    simulator.event_type(540, kind=f"{kind}+confirm", hosts=["host6", "host9"], team_slug="team")
    simulator.faults("reset", match=POST, count=1)
    [before] = accept(request(1, 540))
    for _ in range(3):
        carry(before, after=5)  # so that it is known what the type is
    one = lost(simulator, 9, 540)
    change(simulator, "event_types", {"id": 540, "kind": kind})

    now = carry_until(one, is_blind, every=5, attempts=8)

    assert ([each["status"] for each in there(simulator, one)], posts()[str(now.uuid)]) == (["pending"], 1)


def test_anothers_accepted_booking_shows_that_ours_is_not_there(
    settings: Settings, simulator: Any, posts: Counts
) -> None:
    """Of a collective one is accepted, never two: what its host is shown in our place is proof enough."""
    settings(CALCOM_API_KEY="cal_test_host9")
    simulator.faults("reset", match=POST, count=1)
    one, other = accept(request(1, COLLECTIVE), request(1, COLLECTIVE, attendee=SAM))
    assert carry(one).outcome_unknown
    assert is_confirmed(carry(other))

    now = carry_until(one, lambda row: row.status is not Status.RETRYING and not row.hold_reason, every=5, attempts=8)

    assert (now.status, now.last_error) == (Status.REJECTED, "the slot is taken: the slot is no longer offered")
    assert posts()[str(now.uuid)] == 1


def test_nobody_is_alerted_where_a_host_only_may_be_asked(settings: Settings, simulator: Any) -> None:
    """Of another's own type it is not told; that the second POST made the booking is what a retry does."""
    settings(CALCOM_API_KEY="cal_test_teamowner")
    simulator.faults("reset", match=POST, count=1)
    [one] = accept(request(1, 101))

    now = carry_until(one, is_confirmed, every=5, attempts=8)

    assert now.posts == 2
    with dependencies.current().engine.connect() as conn:
        assert events.MADE_AGAIN not in {event.kind for event in events.timeline(conn, one)}
