"""What weak evidence left to do is an alert: whom to call, what is half made, what is booked though it was a 500."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db.appointments import events
from db.lifecycle import HALF_MADE, HoldReason, Status
from db.monitoring import incidents
from db.monitoring.incidents import Incident, IncidentKind
from tasks import dependencies
from tasks.calcom.access import CREATE
from tasks.incidents import check
from tasks.incidents.rules import NOTABLE


@pytest.fixture(autouse=True)
def breaker(settings: Callable[..., dict[str, str]]) -> None:
    """Wire this process to a breaker that opens after three failures."""
    settings(CIRCUIT_BREAKER_THRESHOLD="3", CIRCUIT_BREAKER_HALF_OPEN_TIMEOUT="30")


def notified() -> list[Incident]:
    """Return the incidents that operators were notified of."""
    with dependencies.current().engine.connect() as conn:
        return incidents.notified(conn)


@pytest.mark.parametrize("kind", sorted(NOTABLE))
def test_what_an_operator_must_act_on_gathers_in_one_incident(record: Any, kind: IncidentKind) -> None:
    """The process that finds it out writes it among the booking's events; two are one alert, which names the first."""
    rows = [record.moved(Status.CONFIRMED, calcom_booking_uid=f"uid-{number}") for number in range(3)]
    with record.engine.begin() as conn:
        for row in rows:
            events.record(conn, row.id, kind, "worker")
        conn.execute(text("UPDATE appointment_events SET created_at = now() - interval '1 day' WHERE id = 1"))
    assert (check.check(), check.check()) == (1, 0)
    [one] = notified()
    assert (one.kind, one.occurrences, one.detail["count"]) == (kind, 2, 2)
    assert f"`booking show {rows[1].id}" in one.message

    with record.engine.begin() as conn:
        conn.execute(text("UPDATE appointment_events SET created_at = created_at - interval '16 minutes'"))
    assert check.check() == 1
    assert notified()[0].title.startswith("Resolved after")


def test_half_made_seats_are_named_among_the_suspects(record: Any) -> None:
    """An operator removes them at Cal.com before anything is tried again."""
    record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT)
    record.moved(Status.HELD, hold_reason=HoldReason.SUSPECT, error_type=HALF_MADE)
    check.check()
    assert [one.title for one in notified()] == [
        "Set aside as suspect, 1 of them half made at Cal.com: 2 held, 0 at risk"
    ]


def test_an_outage_tells_how_many_unclear_calls_are_booked_all_the_same(record: Any) -> None:
    """A 500 over a booking that was made: an operator who reads "down" would call customers who are booked."""
    ago = {"sent_at": timedelta(minutes=-1)}
    for status in (Status.CONFIRMED, Status.CONFIRMED, Status.REJECTED):
        row = record.moved(status, calcom_booking_uid="uid-1")
        record.write(row.id, **ago)
    unknown, old = record.moved(Status.RETRYING), record.moved(Status.CONFIRMED, calcom_booking_uid="uid-2")
    record.write(unknown.id, **ago, outcome_unknown=True, settle_at=timedelta(minutes=1))
    record.write(old.id, sent_at=timedelta(minutes=-16))

    for _ in range(3):
        dependencies.current().breaker.record_failure("http_500", CREATE)
    check.check()

    [one] = notified()
    assert one.title.startswith(
        f"Cal.com answers 500 ({CREATE}); 2 of the last 3 unclear calls are booked nevertheless"
    )
