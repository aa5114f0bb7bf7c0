"""Promises 1, 2 and 5: what proves nothing ends no booking, and asking for proof comes to an end of its own."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db.lifecycle import FINAL, NEVER_KNOWN, HoldReason, Status
from tasks.maintenance import sweeper
from tests.support.fleet import request, row
from tests.support.stepping import (
    BLIND,
    POST,
    accept,
    breaker_by_hand,
    carry,
    carry_until,
    is_blind,
    let_pass,
    lose,
    state,
    write,
)

Settings = Callable[..., dict[str, str]]
Counts = Callable[[], Counter[str]]
PLAIN, ROUND_ROBIN, COLLECTIVE, NO_HOSTS, LOCKED, CUSTOM = 101, 104, 106, 118, 121, 115
REAL_TIMES = {"CALCOM_SETTLE_ANSWERED_SECONDS": "5", "CALCOM_SETTLE_SECONDS": "130"}
OPEN, OLD_ENOUGH = 30, 900  # seconds: how long Cal.com is left alone, and HOLD_MAX_AGE


def reads(number: int) -> dict[str, str]:
    """Match the question what an event type is."""
    return {"method": "GET", "path": f"/v2/event-types/{number}"}


def targets(simulator: Any) -> list[str]:
    """Return what Cal.com was asked, without the questions' details."""
    return [entry["method"] + " " + entry["target"].partition("?")[0] for entry in simulator.journal()]


@pytest.mark.long
def test_evidence_posts_end_before_a_customer_may_have_cancelled(
    settings: Settings, simulator: Any, posts: Counts, booked: Counts
) -> None:
    """Cal.com answers 500 for ever: after HOLD_MAX_AGE it is held, and what is cancelled there is not booked again."""
    settings(**REAL_TIMES, CALCOM_API_KEY="cal_test_host4", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT=str(OPEN))
    [before, lost] = accept(request(9, ROUND_ROBIN), request(1, ROUND_ROBIN))
    carry(before)  # the turn of the host whose key this is: the next goes to the other one, whom it does not see
    simulator.faults("commit_then_status", name="internal", match=POST)

    held = carry_until(lost, is_blind, every=OPEN + 10, attempts=2 * OLD_ENOUGH // OPEN)

    sent = posts()[str(held.uuid)]
    assert 1 < sent <= 10, "each pause is as long again as it has waited"
    [booking] = simulator.bookings(str(held.uuid))
    simulator.person("cancel", booking["uid"])
    assert [state(carry(lost, after=3600)) for _ in range(3)] == [BLIND] * 3
    assert (posts()[str(held.uuid)], booked()[str(held.uuid)]) == (sent, 1)


@pytest.mark.variants
@pytest.mark.parametrize("why", ["lost", "refused"])
def test_a_type_that_stays_unreadable_keeps_no_booking_circling(settings: Settings, simulator: Any, why: str) -> None:
    """Nobody is told what cannot be known, and nobody waits for ever: held, and a day after its slot "never known"."""
    settings(CALCOM_API_KEY="cal_test_host5")
    if why == "refused":
        carry(*accept(request(1, PLAIN)))
        [waiting] = accept(request(1, PLAIN, attendee=somebody("bo@example.com")))
    else:
        [waiting] = accept(request(1, PLAIN))
        lose(waiting)
    simulator.faults("status", name="internal", match=reads(PLAIN))

    carry_until(waiting, is_blind, every=60, attempts=4 * OLD_ENOUGH // 60)

    write(waiting, start_at=text("now() - interval '3 days'"), end_at=None)
    sweeper.expire_held()
    told = row(waiting)
    assert (told.status, told.error_type) == (Status.FAILED, NEVER_KNOWN)


def test_a_type_that_fails_once_after_a_long_hold_is_read_again(settings: Settings, simulator: Any) -> None:
    """The limit held the booking for an hour, in which Cal.com could not be asked: nothing failed in it."""
    settings(CALCOM_API_KEY="cal_test_host5")
    [waiting] = accept(request(1, ROUND_ROBIN))
    lose(waiting)
    write(waiting, status=Status.HELD, hold_reason=HoldReason.THROTTLED, held_at=text("now()"))
    let_pass(4 * OLD_ENOUGH)
    simulator.faults("status", name="unavailable", match=reads(ROUND_ROBIN), count=1)

    assert carry(waiting).status is Status.RETRYING

    assert carry_until(waiting, lambda one: one.status in FINAL, every=60, attempts=3).status is Status.CONFIRMED


def test_a_type_that_is_not_shown_for_a_while_has_not_changed(settings: Settings, simulator: Any) -> None:
    """Another Cal.com, at a wrong URL, does not have it: at the right one it is what it was before the POST."""
    settings(CALCOM_API_KEY="cal_test_host5")
    [before, waiting] = accept(request(9, ROUND_ROBIN), request(1, ROUND_ROBIN))
    for each in (before, waiting):
        lose(each)
    assert carry(before).status is Status.CONFIRMED
    simulator.faults("status", name="forbidden", match=reads(ROUND_ROBIN))
    assert state(carry(waiting)) == BLIND
    simulator.no_faults()

    assert carry(waiting, after=300).status is Status.CONFIRMED


def test_a_slot_that_is_taken_is_told_though_its_type_cannot_be_read_for_a_while(
    settings: Settings, simulator: Any
) -> None:
    """What fails is a question about the type: the booking itself is suspected of nothing."""
    settings()
    clock = breaker_by_hand(threshold=5, open_for=1)
    first, second = accept(request(1, PLAIN), request(1, PLAIN, attendee=somebody("bo@example.com")))
    simulator.faults("status", name="internal", match=reads(PLAIN))
    carry(first, clock=clock)

    waits = [carry(second, after=5, clock=clock) for _ in range(12)]

    assert {one.status for one in waits} <= {Status.RETRYING, Status.HELD}
    assert HoldReason.SUSPECT not in {one.hold_reason for one in waits}
    assert targets(simulator).count(f"GET /v2/event-types/{PLAIN}") > 8, "five shut it, and each one more was a probe"
    simulator.no_faults()
    told = carry_until(second, lambda one: one.status in FINAL, every=5, attempts=3, clock=clock)
    assert (told.status, str(told.last_error).partition(":")[0]) == (Status.REJECTED, "the slot is taken")


@pytest.mark.parametrize(
    ("event_type", "then"),
    [(CUSTOM, (Status.RETRYING, True)), (LOCKED, (Status.REJECTED, False)), (NO_HOSTS, (Status.REJECTED, False))],
    ids=["400", "404", "422"],
)
def test_of_a_type_that_nobody_may_read_only_what_is_refused_before_any_week_is_believed(
    settings: Settings, event_type: int, then: tuple[Status, bool]
) -> None:
    """A 404 or a 422 comes before the first week is made; a 400 may be the fifth one's, and leave four."""
    settings(CALCOM_API_KEY="cal_test_stranger")

    now = carry(*accept(request(1, event_type)))

    assert (now.status, now.outcome_unknown) == then


def test_the_list_is_asked_though_nobody_tells_whose_the_key_is(settings: Settings, simulator: Any) -> None:
    """GET /v2/me fails until it is shut; what the list shows is worth knowing without it."""
    settings(CALCOM_API_KEY="cal_test_chair7")  # a key of which this process has not asked yet
    clock = breaker_by_hand(threshold=5)
    lost = accept(*(request(number, 207) for number in range(8)))
    for one in lost:
        assert carry(one, clock=clock).status is Status.CONFIRMED
        lose(one)
    simulator.faults("status", name="internal", match={"method": "GET", "path": "/v2/me"})
    before = targets(simulator)

    assert [carry(one, clock=clock).status for one in lost] == [Status.CONFIRMED] * len(lost)

    assert Counter(targets(simulator)) - Counter(before) == {"GET /v2/me": 5, "GET /v2/bookings": len(lost)}


def test_a_refusal_is_told_only_after_a_look_that_shows_a_second_host_his_bookings(
    settings: Settings, simulator: Any
) -> None:
    """Booked, and refused by what came behind it: narrowed by the attendee's address his list is empty."""
    settings(CALCOM_API_KEY="cal_test_host9")
    simulator.faults("commit_then_status", name="taken", match=POST, count=1)

    now = carry(*accept(request(1, COLLECTIVE)))

    [booking] = simulator.bookings()
    assert (now.status, now.calcom_booking_uid) == (Status.CONFIRMED, booking["uid"])


def test_a_second_post_that_is_told_to_wait_changes_nothing_that_is_known(settings: Settings, simulator: Any) -> None:
    """Nothing was sent: why the first one failed decides on its retries, and whether it may fail at all."""
    settings(**REAL_TIMES)
    simulator.faults("status", name="internal", match=POST, count=1)
    [lost] = accept(request(1, PLAIN))
    first = carry(lost)
    simulator.faults("status", name="throttled", match=POST, count=1)

    now = carry(lost, after=10)

    assert state(now) == (Status.HELD, HoldReason.THROTTLED)
    assert [entry["status"] for entry in simulator.journal() if entry["method"] == "POST"] == [500, 429]
    assert (now.outcome_unknown, now.error_type, now.retry_count) == (True, first.error_type, 0)


def somebody(email: str) -> dict[str, str]:
    """Return an attendee of this address."""
    return {"name": "Bo Example", "email": email, "time_zone": "Europe/Berlin"}
