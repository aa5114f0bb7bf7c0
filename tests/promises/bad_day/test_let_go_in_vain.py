"""What lets a row go and what holds it may disagree, by a fault of ours: then the row rests, and does not go round."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from celery.exceptions import Ignore

from db.appointments import events, queue
from db.changes import asking
from db.changes import sweeps as changes
from db.lifecycle import HoldReason, Status
from db.monitoring import incidents
from db.monitoring.incidents import IncidentKind
from tasks import dependencies
from tasks.attempt import attempt
from tasks.booking import carry_out
from tasks.changes.attempting import attempt_change
from tasks.changes.changing import change_booking
from tasks.changes.claimed import claim_change
from tasks.claim import claim
from tasks.incidents import check
from tasks.maintenance import resting
from tasks.maintenance.resting import FREE, TOO_OFTEN
from tasks.publish import RELEASED
from tests.support.fleet import request, row
from tests.support.stepping import accept, write
from worker import reschedule_booking

WANTED = datetime(2030, 3, 5, 9, tzinfo=UTC)
ROUNDS = 20
Settings = Callable[..., dict[str, str]]


def held_again(booking: int) -> HoldReason | None:
    """Let a booking, or its change, go in vain once more, unless it rests; return why it is held then."""
    deps = dependencies.current()
    with deps.engine.begin() as conn:
        moves = asking.of_booking(conn, booking)
        gone = [one.id for one in queue.release_these(conn, [booking])]
        moved = [one.id for one in changes.release_these(conn, [one.id for one in moves])]
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
    """Let nothing go, by an order: all that is let go is held again."""
    settings()
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
def test_ten_times_in_a_minute_are_an_incident(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each row once, however often it goes on; the alert names the first."""
    monkeypatch.setattr(resting, "FREE", ROUNDS)  # as where OPEN lasts a second or two
    rows = accept(request(1), request(2))

    for booking in rows:
        for _ in range(TOO_OFTEN - 2):
            held_again(booking)
    assert told() == []
    for booking in rows:
        for _ in range(3):
            held_again(booking)

    assert len(told()) == 1
    [one] = told()
    assert (one.occurrences, one.detail["first_id"], one.news) == (2, str(rows[0]), 1)
    assert f"`booking show {rows[0]}`" in one.message
