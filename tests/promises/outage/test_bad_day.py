"""Promise 3, from its other side: a bad day is no outage. Where a few calls fail nobody is held for it.

The breaker's settings are the defaults, but for the limit. Requests come as fast as they are booked: what counts is how
many calls fail, and beside how many. benchmarks/beside_celery/bad_day.py takes its time.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text

from db.lifecycle import FINAL, HoldReason, Status
from db.models.bookings import appointments as table
from resilience.circuit_breaker.types import State
from tasks import dependencies
from tasks.calcom.access import CREATE
from tests.support.fleet import Fleet, eventually, finals, request, row
from worker import enqueue_bookings

POST = {"method": "POST", "path": "/v2/bookings"}
HEALTHY, BROKEN = 110, 999
DEFAULTS = {
    "CIRCUIT_BREAKER_THRESHOLD": "5",
    "CIRCUIT_BREAKER_WINDOW": "60",
    "CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT": "30",
}
WARM, REQUESTS = 16, 600
TOGETHER, UNDER_WAY = 5, 20  # requests that are accepted at once; bookings that may be unfinished by then


@pytest.fixture
def busy(fleet: Callable[..., Fleet], simulator: Any) -> Callable[..., None]:
    """Start two processes of eight threads, which have booked already."""

    def start(**given: str) -> None:
        running = fleet(**DEFAULTS | given)
        simulator.event_type(BROKEN, exclusive=False)
        for number in range(2):
            running.worker(concurrency=8, name=f"bookings{number}")
        running.maintenance()
        running.beat()
        eventually(lambda: running.logs().count(" ready.") == 3, what="three workers")
        finals(accept([HEALTHY] * WARM, first=100_000))

    return start


def accept(event_types: list[int], *, first: int) -> list[int]:
    """Accept one request for each of these event types."""
    wanted = [request(first + number, event_type) for number, event_type in enumerate(event_types)]
    return [receipt.appointment_id for receipt in enqueue_bookings(wanted)]  # type: ignore[union-attr]


def keep_asking(event_type_of: Callable[[int], int], *, more: Callable[[int], bool]) -> dict[int, list[int]]:
    """Ask as long as there shall be more, no faster than they are booked; return the ids by event type."""
    ids: dict[int, list[int]] = {HEALTHY: [], BROKEN: []}
    asked = 0
    while more(asked):
        kinds = [event_type_of(asked + number) for number in range(TOGETHER)]
        for kind, one in zip(kinds, accept(kinds, first=asked), strict=True):
            ids[kind].append(one)
        asked += TOGETHER
        eventually(lambda: unfinished(HEALTHY) < UNDER_WAY, what="those before them are booked")
    return ids


def unfinished(event_type: int) -> int:
    """Count the bookings of this event type that are not final."""
    live = select(func.count()).where(table.c.event_type_id == event_type, table.c.status.not_in(FINAL))
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(live).scalar_one())


def opened() -> list[str | None]:
    """Return what opened, in order: an endpoint's name, or None for the service."""
    return [
        one.endpoint for one in dependencies.current().breaker.view.transitions(count=1000) if one.new is State.OPEN
    ]


def holds() -> int:
    """Count how often a booking was held, for whatever reason."""
    with dependencies.current().engine.connect() as conn:
        return int(conn.execute(text("SELECT count(*) FROM appointment_events WHERE kind = 'held'")).scalar_one())


@pytest.mark.long
def test_three_percent_of_errors_open_nothing_and_hold_nobody(
    busy: Callable[..., None], simulator: Any, booked: Callable[[], Counter[str]]
) -> None:
    """600 requests while 3 % of the POSTs are answered 500: each is booked once, after retries of its own."""
    busy()
    simulator.faults("status", name="internal", share=0.03, match=POST)

    ids = keep_asking(lambda _: HEALTHY, more=lambda asked: asked < REQUESTS)[HEALTHY]

    assert opened() == []
    ends = finals(ids)
    assert (opened(), holds()) == ([], 0)
    assert Counter(end.status for end in ends.values()) == {Status.CONFIRMED: REQUESTS}
    assert Counter(booked().values()) == {1: REQUESTS + WARM}
    assert len([entry for entry in simulator.journal() if entry["status"] == 500]) >= 5, "it was a bad day"


@pytest.mark.long
def test_an_event_type_that_always_fails_holds_nobody_while_others_are_booked(
    busy: Callable[..., None], simulator: Any
) -> None:
    """One request in fifty is for it, and healthy ones come until its last has ended: those fail, each for itself.

    Each of those is tried four times: of all calls less than a tenth fails, and five in a row do not by chance.
    """
    busy(HOLD_MAX_AGE="1")  # until then they would wait, and be tried again
    simulator.faults("status", name="internal", match=POST | {"event_type_id": BROKEN})

    ids = keep_asking(
        lambda number: BROKEN if number % 50 == 7 and number < REQUESTS else HEALTHY,
        more=lambda asked: asked < REQUESTS or (asked < 4 * REQUESTS and unfinished(BROKEN)),
    )

    assert opened() == []
    ends = finals(ids[HEALTHY] + ids[BROKEN])
    assert holds() == 0
    assert Counter(ends[one].status for one in ids[BROKEN]) == {Status.FAILED: REQUESTS // 50}
    assert {ends[one].status for one in ids[HEALTHY]} == {Status.CONFIRMED}


@pytest.mark.long
def test_where_only_broken_ones_are_left_the_endpoint_opens_and_none_is_failed(
    busy: Callable[..., None], simulator: Any
) -> None:
    """With nothing beside them that goes well it is an outage: from its third failed probe on each rests, and waits."""
    busy(CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="1")
    simulator.faults("status", name="internal", match=POST | {"event_type_id": BROKEN})

    ids = accept([BROKEN] * 6, first=0)

    eventually(lambda: all(row(one).probe_failures >= 3 for one in ids), what="three probes of each have failed")
    assert set(opened()) == {CREATE}
    rests = {HoldReason.UNREACHABLE, HoldReason.BREAKER_OPEN, None}
    # One may be settling just now: its last answer was not clear.
    eventually(lambda: {row(one).hold_reason for one in ids} <= rests, what="each rests, or has its turn")
    assert not {row(one).status for one in ids} & FINAL


@pytest.mark.long
def test_a_broken_type_that_stands_first_costs_the_others_no_probe(
    busy: Callable[..., None], simulator: Any, booked: Callable[[], Counter[str]]
) -> None:
    """Ten of it open the endpoint, and three more come before the others; the next probe is one of the others."""
    busy(CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="6")
    simulator.faults("status", name="internal", match=POST | {"event_type_id": BROKEN})
    before = set(booked())
    accept([BROKEN] * 10, first=0)
    eventually(lambda: open_for_a_while() and not unfinished_calls(simulator), what="the endpoint has just opened")

    others = accept([BROKEN] * 3 + [HEALTHY] * 20, first=100)[3:]
    eventually(lambda: all(row(one).status != Status.PENDING for one in others), what="they stand in the line")
    last = max(call["n"] for call in simulator.journal())  # a slow machine has seen a probe before that
    ends = finals(others)

    assert set(opened()) == {CREATE}
    probe = next(call for call in simulator.journal(last) if call["method"] == "POST")
    assert probe["reference"] in set(booked()) - before, "the first POST after they came booked"
    assert {end.status for end in ends.values()} == {Status.CONFIRMED}


def open_for_a_while() -> bool:
    """Say whether the endpoint stays open for seconds: what is accepted now is in the line when its next probe goes."""
    endpoint = dependencies.current().breaker.get_status().endpoints.get(CREATE)
    return endpoint is not None and endpoint.state is State.OPEN and (endpoint.retry_after or 0) > 4


def unfinished_calls(simulator: Any) -> int:
    """Count the calls that Cal.com is at."""
    return sum(call["t1"] is None for call in simulator.journal())
