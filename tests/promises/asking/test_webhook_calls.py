"""Cal.com's webhooks cost healthy bookings next to no call: what a row says already is not asked for."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from db.lifecycle import Status
from tasks.calcom_webhooks import hints
from tasks.calcom_webhooks.looks import look_at_hints
from tests.sizes import Counted, sizes
from tests.support.callbacks.callers import sql
from tests.support.callbacks.webhooks import GIVEN, body
from tests.support.fleet import request
from tests.support.stepping import accept, carry

TO_BE_CONFIRMED = 102
MOST = 1.02  # calls a booking
COUNTED = """
SELECT jsonb_object_agg(came, many) FROM (
    SELECT coalesce(outcome, 'nothing yet') AS came, count(*) AS many FROM calcom_webhooks GROUP BY came
) AS counted
"""


@pytest.fixture(autouse=True)
def _deployment(settings: Callable[..., dict[str, str]]) -> None:
    settings(**GIVEN)


def reported(trigger: str, uid: str, reference: str, *, nth: int) -> None:
    """Store what Cal.com reports of a booking, as one that came two seconds ago."""
    sent = body(trigger, uid, reference=reference, nth=nth)
    hint = hints.read(1, sent, json.loads(sent))
    assert hint is not None
    hints.keep(hint)
    sql("UPDATE calcom_webhooks SET next_at = now() WHERE next_at IS NOT NULL")


@pytest.mark.long
@sizes(100, many=500)
def test_webhooks_cost_healthy_bookings_two_calls_of_a_hundred_at_most(
    simulator: Any, size: int, counted: Counted
) -> None:
    """Each is reported once, every tenth twice; a host must confirm every tenth, which is another trigger."""
    asked = accept(*(request(n, TO_BE_CONFIRMED if n % 10 == 0 else 110) for n in range(size)))
    for n, number in enumerate(asked):
        row = carry(number)
        assert row.status is Status.CONFIRMED
        trigger = "BOOKING_REQUESTED" if n % 10 == 0 else "BOOKING_CREATED"
        for nth in range(2 if n % 10 == 1 else 1):
            reported(trigger, row.calcom_booking_uid or "", str(row.uuid), nth=nth)
    while look_at_hints.run():
        pass

    outcomes = sql(COUNTED)
    calls = len(simulator.journal())
    counted("webhooks", sum(outcomes.values()))
    counted("calls", calls)
    assert outcomes == {"said": size + size // 10}
    assert size <= calls <= MOST * size
