"""Where only one endpoint of Cal.com is sick, what another one answers goes as on a quiet day."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from db.appointments import events
from db.lifecycle import ChangeStatus, Status
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.calcom.access import CREATE, RESCHEDULE
from tests.support.fleet import Fleet, eventually, finals, request, row
from tests.support.stepping import accept
from worker import cancel_booking, reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
SICK = {"CIRCUIT_BREAKER_THRESHOLD": "3", "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "120"}  # for the whole test
EACH = 3
BROKEN: dict[str, Any] = {"status": 500, "shape": "A", "message": "Internal server error"}  # the service lives
POST = {"method": "POST", "path": "/v2/bookings"}
HELD = {"held", "change_held"}


def state_of(endpoint: str) -> State:
    """Return the state of an endpoint's breaker."""
    known = dependencies.current().breaker.get_status().endpoints
    return known[endpoint].state if endpoint in known else State.CLOSED


def holds(booking: int) -> list[str]:
    """Return what held a booking, or its changes, by its story."""
    with dependencies.current().engine.connect() as conn:
        return [str(one.reason) for one in events.timeline(conn, booking) if one.kind in HELD]


def was_tried(booking: int) -> bool:
    """Say whether a booking was posted, or is held."""
    now = row(booking)
    return now.posts > 0 or now.status is Status.HELD


def sicken_posts(seen: Any) -> None:
    """Fail each POST of a booking until its breaker opens, and let one more booking wait for it."""
    seen.simulator.faults("status", **BROKEN, match=POST)
    for number in count(50):
        if state_of(CREATE) is State.OPEN:
            break
        [one] = accept(request(number))
        eventually(partial(was_tried, one), what="it was tried")
    [late] = accept(request(40))
    eventually(lambda: row(late).status is Status.HELD, what="the line of bookings")


def test_cancels_and_moves_go_while_only_bookings_cannot_be_made(fleet: Callable[..., Fleet], seen: Any) -> None:
    """Each with its one call, and none of them is held for a moment."""
    fleet(**SICK).start(concurrency=4)
    bookings = [seen.booked(number) for number in range(2 * EACH)]
    sicken_posts(seen)
    before = seen.now()

    for place, one in enumerate(bookings):
        cancel_booking(one) if place % 2 else reschedule_booking(one, WANTED + place * HOUR)

    assert [seen.over(one).status for one in bookings] == [ChangeStatus.DONE] * 2 * EACH
    assert [holds(one) for one in bookings] == [[]] * 2 * EACH
    calls = seen.calls(before)
    assert (calls.count("POST cancel"), calls.count("POST reschedule")) == (EACH, EACH)
    assert calls.count("POST bookings") == 0


def test_changes_of_an_outage_go_when_all_but_the_making_of_bookings_works(
    fleet: Callable[..., Fleet], seen: Any
) -> None:
    """They have waited in one line with the bookings, and the first of them is the probe."""
    fleet(**SICK).start(concurrency=4)
    bookings = [seen.booked(number) for number in range(2 * EACH)]
    sicken_posts(seen)
    breaker = dependencies.current().breaker
    breaker.operators.force_open("operator", "a test")
    for place, one in enumerate(bookings):
        cancel_booking(one) if place % 2 else reschedule_booking(one, WANTED + place * HOUR)
    eventually(lambda: all(seen.of(one)[-1].status is ChangeStatus.HELD for one in bookings), what="all are held")
    before = seen.now()

    breaker.operators.auto("operator", "a test")

    assert [seen.over(one).status for one in bookings] == [ChangeStatus.DONE] * 2 * EACH
    assert seen.calls(before).count("POST bookings") == 0
    assert max(len(holds(one)) for one in bookings) == 1


def test_bookings_and_cancels_go_while_nothing_can_be_moved(fleet: Callable[..., Fleet], seen: Any) -> None:
    """The moves wait by themselves, and hold nobody."""
    fleet(**SICK).start(concurrency=4)
    bookings = [seen.booked(number) for number in range(2 * EACH)]
    moved, cancelled = bookings[:EACH], bookings[EACH:]
    for one in moved:
        move = {"method": "POST", "path": f"/v2/bookings/{row(one).calcom_booking_uid}/reschedule"}
        seen.simulator.faults("status", **BROKEN, match=move)
        reschedule_booking(one, WANTED)
    eventually(lambda: state_of(RESCHEDULE) is State.OPEN, what="nothing can be moved")
    before = seen.now()

    for one in cancelled:
        cancel_booking(one)
    asked = accept(*(request(60 + number) for number in range(EACH)))

    assert {one.status for one in finals(asked).values()} == {Status.CONFIRMED}
    assert [seen.over(one).status for one in cancelled] == [ChangeStatus.DONE] * EACH
    assert [holds(one) for one in [*asked, *cancelled]] == [[]] * 2 * EACH
    assert seen.calls(before).count("POST bookings") == EACH
