"""What lets a row go and what holds it may disagree, by a fault of ours: then the row rests, and does not go round."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import Ignore

from db.appointments import events
from db.changes import asking
from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from db.monitoring.incidents import IncidentKind
from db.queue import sweeps as queue_sweeps
from db.queue.kinds import BOOKINGS, CHANGES
from resilience.circuit_breaker.types import CallOutcome, Permit
from tasks import dependencies
from tasks.attempts.attempt import attempt
from tasks.booking import book_appointment, carry_out, change_booking
from tasks.calcom.access import CANCEL
from tasks.changes.attempt import attempt_change
from tasks.changes.claim import claim_change
from tasks.incidents import check
from tasks.maintenance.release import release_caused
from tasks.maintenance.resting import FREE, TOO_OFTEN
from tasks.work.claim import claim
from tasks.work.publish import RELEASED
from tests.support.fleet import request, row
from tests.support.stepping import accept, let_pass, write
from worker import cancel_booking, reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
ROUNDS = 20
FEW = FREE + 2  # holds until a rest, and the first after it
SICK = 50  # seconds of OPEN
Settings = Callable[..., dict[str, str]]


def held_again(booking: int) -> HoldReason | None:
    """Let a booking, or its change, go in vain once more, unless it rests; return why it is held then."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        moves = asking.of_booking(conn, booking)
        gone = [one.id for one in queue_sweeps.release_these(conn, BOOKINGS, [booking])]
        moved = [one.id for one in queue_sweeps.release_these(conn, CHANGES, [one.id for one in moves])]
    task: Any = SimpleNamespace(request={RELEASED: True})
    for one in gone:
        with pytest.raises(Ignore):
            carry_out(task, one, claim, attempt)
    for one in moved:
        with pytest.raises(Ignore):
            carry_out(task, one, claim_change, attempt_change)
    with deps.engine.connect() as conn:
        moves = asking.of_booking(conn, booking)
    return (moves[-1] if moves else row(booking)).hold_reason


def in_vain_and_rested(booking: int) -> int:
    """Let a booking, or its change, go in vain until it rests; let the rest pass; return how often it was held."""
    before = holds(booking)
    while held_again(booking) is not HoldReason.UNREACHABLE:
        pass
    count = holds(booking) - before
    deps = dependencies.current()
    let_pass(deps.timings.open + 1)
    release_caused(deps, key_works=True, settings_work=True)
    with deps.engine.connect() as conn:
        moved = [one.id for one in asking.of_booking(conn, booking)]
    task, number = (change_booking, moved[-1]) if moved else (book_appointment, booking)
    task.apply([number])
    return count + 1


def holds(booking: int) -> int:
    """Count the holds that the story of a booking tells."""
    with dependencies.current().engine.connect() as conn:
        return sum(one.kind in {"held", "change_held"} for one in events.timeline(conn, booking))


def told() -> list[Any]:
    """Return the incidents of rows that were let go in vain, after a health check."""
    check.check()
    with dependencies.current().engine.connect() as conn:
        return incidents.open_incidents(conn, [IncidentKind.LET_GO_IN_VAIN])


@pytest.fixture
def forbidden(settings: Settings) -> None:
    """Let nothing go, by an order: all that is let go is held again. OPEN is as long as by default."""
    settings(CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="30")
    dependencies.current().breaker.operators.force_open("operator", "a test")


@pytest.mark.usefixtures("forbidden")
@pytest.mark.parametrize("moved", [False, True], ids=["a booking", "a move"])
def test_a_row_that_is_let_go_in_vain_rests(*, moved: bool) -> None:
    """As long as the breaker is open; the pause ends by itself, and its place in the line is its own as before."""
    [booking] = accept(request(1))
    if moved:
        write(booking, status=Status.CONFIRMED, hold_reason=None, held_at=None, calcom_booking_uid="uid")
        change_booking.apply([reschedule_booking(booking, WANTED).change_id])
    place = row(booking).line_at

    reasons = [held_again(booking) for _ in range(ROUNDS)]

    assert FREE - 1 <= reasons.count(HoldReason.BREAKER_OPEN) <= FREE  # of a move the first hold came before
    assert reasons[-1] is HoldReason.UNREACHABLE
    assert holds(booking) == FREE + 1
    assert told() == []
    assert row(booking).line_at == place


@pytest.mark.usefixtures("forbidden")
def test_a_row_that_goes_on_in_vain_is_an_incident() -> None:
    """Of each row once, however often it goes on and rests; the alert names the first."""
    rows = accept(request(1), request(2))

    for booking in rows:
        assert in_vain_and_rested(booking) <= FEW
    assert told() == []
    for _ in range(ROUNDS):
        assert max(in_vain_and_rested(booking) for booking in rows) <= FEW

    found = told()
    assert len(found) == 1
    [one] = found
    assert (one.occurrences, one.detail["first_id"], one.news) == (2, str(rows[0]), 1)
    assert f"`booking show {rows[0]}`" in one.message


def test_what_waits_for_a_sick_endpoint_is_no_incident(settings: Settings) -> None:
    """It is held again after each OPEN as long as the endpoint is sick: no fault of ours, and rare enough."""
    settings(CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT=str(SICK), CIRCUIT_BREAKER_THRESHOLD="3")
    breaker = dependencies.current().breaker
    for number in range(3):
        permit = breaker.acquire(CANCEL, owner=f"o{number}")
        assert isinstance(permit, Permit)
        breaker.record(permit, CallOutcome.FAILURE_ENDPOINT, reason="http_500")
    [booking] = accept(request(1))
    write(booking, status=Status.CONFIRMED, hold_reason=None, held_at=None, calcom_booking_uid="uid")
    change_booking.apply([cancel_booking(booking).change_id])

    for _ in range(TOO_OFTEN):
        in_vain_and_rested(booking)

    assert holds(booking) > TOO_OFTEN
    assert told() == []
