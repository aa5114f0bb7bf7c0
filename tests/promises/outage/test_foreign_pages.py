"""A page that is not Cal.com's, for some seconds: it holds what it meets, and nobody need release anything."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import HoldReason, Status
from tasks import dependencies
from tasks.enqueue import Outcome, outcome
from tests.support.fleet import Fleet, eventually, finals, request, row
from worker import enqueue_booking, enqueue_bookings

Judge = Callable[[dict[int, Outcome]], None]
POST = {"method": "POST", "path": "/v2/bookings"}
PLAIN, SEATS, ROUND_ROBIN, COLLECTIVE = 101, 103, 104, 106
# A round robin with confirmation, and seats whose column this key is not told: a second POST proves nothing.
UNTOLD = {130, SEATS}
SHORT = "tests.support.workers.short_minute"


def start(running: Fleet, *, beat: bool = True) -> None:
    """Start a fleet whose minute between two harmless calls is short."""
    running.celery("worker", "-P", "threads", "-c", "16", "-Q", "bookings", "-n", "bookings@test", app=SHORT)
    running.celery("worker", "-P", "threads", "-c", "2", "-Q", "maintenance", "-n", "maintenance@test", app=SHORT)
    if beat:
        running.beat()


def forty() -> list[int]:
    """Ask for forty bookings at once."""
    return [receipt.appointment_id for receipt in enqueue_bookings([request(number) for number in range(40)])]


def reasons(wanted: list[int]) -> Counter[HoldReason | None]:
    """Count the bookings by what they are held for."""
    return Counter(one.hold_reason for one in map(outcome, wanted) if one)


def met(simulator: Any) -> Counter[str]:
    """Count the calls that the page answered, by method."""
    return Counter(entry["method"] for entry in simulator.journal() if entry["fault"])


@pytest.mark.long
def test_after_a_page_for_every_call_all_are_booked_without_an_operator(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge
) -> None:
    """Soon after, by a harmless call; and the page met the POST of one booking, for then the fleet was held."""
    running = fleet(CIRCUIT_BREAKER_THRESHOLD="5", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="5")
    start(running, beat=False)
    simulator.faults("html", status=403)
    first = enqueue_booking(request(100)).appointment_id
    held = "the fleet is held: the worker has asked for a harmless call, nobody else would"
    eventually(lambda: dependencies.current().breaker.get_status().wrong_settings, what=held)
    running.beat()
    wanted = [first, *forty()]
    eventually(lambda: {one.status for one in map(outcome, wanted) if one} == {Status.HELD}, what="all are held")

    simulator.no_faults()

    judge(finals(wanted))
    assert met(simulator)["POST"] == 1


@pytest.mark.long
@pytest.mark.parametrize("status", [403, 302])
def test_a_page_that_meets_post_alone_costs_one_booking_a_try(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge, status: int
) -> None:
    """The harmless call is answered well all the time: one goes first, and the others only when it came through."""
    start(fleet(CALCOM_RATE_LIMIT_PER_MINUTE="0"))
    simulator.faults("html", status=status, match=POST)
    wanted = forty()
    eventually(lambda: met(simulator)["POST"] >= 42, what="two tries of one booking, after the first of each")
    eventually(lambda: reasons(wanted)[HoldReason.CONFIGURATION] >= 39, what="all but one are held")

    simulator.no_faults()

    judge(finals(wanted))
    assert met(simulator)["POST"] < 50


@pytest.mark.long
def test_after_a_page_that_met_every_booking_a_key_that_sees_none_of_them_books_them(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge
) -> None:
    """Nobody asks for another one: a look lets the first of which it can be told be posted, and that lets all go."""
    start(fleet(CALCOM_API_KEY="cal_test_teamowner", CALCOM_RATE_LIMIT_PER_MINUTE="0"))
    simulator.faults("html", status=403, match=POST)
    kinds = [*UNTOLD, PLAIN, ROUND_ROBIN, COLLECTIVE]
    ids = {enqueue_booking(request(number, kind)).appointment_id: kind for number, kind in enumerate(kinds)}
    eventually(lambda: {row(one).hold_reason for one in ids} == {HoldReason.CONFIGURATION}, what="all are held")
    before = len(simulator.journal())

    simulator.no_faults()

    judge(finals([one for one, kind in ids.items() if kind not in UNTOLD]))
    untold = [one for one, kind in ids.items() if kind in UNTOLD]
    eventually(lambda: {row(one).hold_reason for one in untold} == {HoldReason.BLIND_KEY}, what="nobody can tell")
    assert len(simulator.journal()) - before < 20 * len(kinds)


@pytest.mark.long
def test_a_page_on_one_booking_holds_that_one_and_the_fleet_goes_on(
    fleet: Callable[..., Fleet], simulator: Any, judge: Judge
) -> None:
    """Each try of it is later than the one before; without the page it is booked like the others."""
    start(fleet())
    simulator.faults("html", status=403, match={**POST, "event_type_id": 101})
    poor = enqueue_booking(request(100, event_type=101)).appointment_id
    eventually(lambda: row(poor).hold_reason is HoldReason.CONFIGURATION)

    others = forty()

    assert {one.status for one in finals(others).values()} == {Status.CONFIRMED}
    eventually(lambda: row(poor).posts >= 3)
    assert dependencies.current().breaker.get_status().wrong_settings == ()
    assert met(simulator)["POST"] < 8
    simulator.no_faults()
    judge(finals([*others, poor], within=90))
