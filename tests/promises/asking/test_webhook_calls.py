"""Cal.com's webhooks cost healthy bookings next to no call: what a row says already is not asked for.

The simulator sends them itself, to a running `booking serve`, before it answers the call that they are about.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from db.appointments import events
from db.lifecycle import Status
from tasks import dependencies
from tasks.booking import change_booking
from tasks.calcom_webhooks import subscription
from tasks.calcom_webhooks.looks import look_at_hints
from tasks.calcom_webhooks.subscription import OurSide, WebhookCalls
from tests.sizes import Counted, sizes
from tests.support.api.served import Serving
from tests.support.callbacks.callers import sql
from tests.support.callbacks.hints import due, told
from tests.support.callbacks.webhooks import GIVEN
from tests.support.fleet import request, row
from tests.support.stepping import accept, carry
from worker import reschedule_booking

TO_BE_CONFIRMED = 102
MOST = 1.02  # calls a booking, or a move of one
COUNTED = """
SELECT jsonb_object_agg(came, many) FROM (
    SELECT coalesce(outcome, 'nothing yet') AS came, count(*) AS many FROM calcom_webhooks GROUP BY came
) AS counted
"""


@pytest.fixture
def subscribed(settings: Callable[..., dict[str, str]], simulator: Any, tmp_path: Path) -> Iterator[int]:
    """Have Cal.com send its webhooks to a running API; return how many calls that has cost."""
    given = settings(**GIVEN)
    deps = dependencies.current()
    with Serving(given, deps.engine, tmp_path) as serving:
        calls = WebhookCalls(deps, pause=lambda _: None)
        subscription.add(calls, OurSide(1, deps.webhook_secrets), serving.start().url)
        yield len(simulator.journal())


def look() -> None:
    """Look at all hints, as if 2 seconds had passed."""
    due()
    while look_at_hints.run():
        pass


@pytest.mark.long
@pytest.mark.usefixtures("subscribed")
def test_what_a_host_does_is_followed_by_what_cal_com_sends(simulator: Any) -> None:
    """A cancel is reported before it is written: our receiver answers at once, and asks later."""
    asked = accept(*(request(n, TO_BE_CONFIRMED if n > 1 else 110) for n in range(4)))
    moved, cancelled, declined, confirmed = (carry(number) for number in asked)
    later = moved.start_at + timedelta(days=1)
    simulator.person("move", moved.calcom_booking_uid or "", start=later.isoformat())
    simulator.person("cancel", cancelled.calcom_booking_uid or "")
    simulator.person("decline", declined.calcom_booking_uid or "")
    simulator.person("accept", confirmed.calcom_booking_uid or "")
    look()

    assert (row(moved.id).booked_start_at, row(moved.id).calcom_booking_uid != moved.calcom_booking_uid) == (
        later,
        True,
    )
    assert (row(cancelled.id).status, row(declined.id).status) == (Status.CANCELLED, Status.CANCELLED)
    assert (row(confirmed.id).status, row(confirmed.id).awaits_host) == (Status.CONFIRMED, False)

    simulator.person("revive", cancelled.calcom_booking_uid or "")
    look()
    with dependencies.current().engine.connect() as conn:
        assert events.timeline(conn, cancelled.id)[-1].kind == events.CANCEL_THERE


@pytest.mark.long
@sizes(60, many=500)
def test_webhooks_cost_healthy_bookings_two_calls_of_a_hundred_at_most(
    simulator: Any, subscribed: int, size: int, counted: Counted
) -> None:
    """A host must confirm every tenth, which is another trigger; we move every tenth; every tenth is reported twice."""
    asked = accept(*(request(n, TO_BE_CONFIRMED if n % 10 == 0 else 110) for n in range(size)))
    for n, number in enumerate(asked):
        booked = carry(number)
        assert booked.status is Status.CONFIRMED
        if n % 10 == 1:
            told("BOOKING_CREATED", booked.calcom_booking_uid, reference=str(booked.uuid))
        if n % 10 == 2:
            wish = reschedule_booking(number, booked.start_at + timedelta(hours=2))
            change_booking.apply([wish.change_id])
    look()

    moves = len(range(2, size, 10))
    outcomes = sql(COUNTED)
    targets = [one["target"] for one in simulator.journal()[subscribed:]]
    calls = sum(target.startswith("/v2/bookings") for target in targets)  # an event type is asked for once
    counted("webhooks", sum(outcomes.values()))
    counted("calls", calls)
    assert sql("SELECT count(*) FROM booking_changes WHERE status = 'done'") == moves
    assert set(outcomes) == {"said"}
    assert size < sum(outcomes.values()) <= size + moves + len(range(1, size, 10))  # one may be lost on a busy machine
    assert size + moves <= calls <= MOST * (size + moves)
