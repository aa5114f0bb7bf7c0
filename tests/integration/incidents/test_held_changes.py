"""A cancel or a move that does not go by itself is an incident, until none is held so."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from db.lifecycle import HoldReason, Status
from db.models.changes import booking_changes
from db.monitoring import incidents
from db.monitoring.incidents import Incident, IncidentKind
from tasks import dependencies
from tasks.incidents import check
from tasks.incidents.observations import CHANGES_OF_A_PERSON
from tasks.incidents.places import page_path
from tests.support.changes import held_change


def told() -> list[Incident]:
    """Run the health check, and return the incidents of held changes that operators were notified of."""
    check.check()
    with dependencies.current().engine.connect() as conn:
        return [one for one in incidents.notified(conn) if one.kind == IncidentKind.CHANGE_HELD]


@pytest.mark.parametrize("reason", CHANGES_OF_A_PERSON)
def test_a_change_that_is_held_for_a_person_is_an_incident(
    record: Any, settings: Callable[..., dict[str, str]], reason: HoldReason
) -> None:
    """It says how many there are, shows their bookings, and ends with the last of them; others go by themselves."""
    settings()
    rows = [record.moved(Status.CONFIRMED, calcom_booking_uid=f"uid-{number}") for number in range(3)]
    for row, held_for in zip(rows, (reason, HoldReason.BREAKER_OPEN, reason), strict=True):
        held_change(record, row, None, hold_reason=held_for)

    found = told()

    assert len(found) == 1
    seen = found[0]
    first, _, last = (row.id for row in rows)
    assert (seen.title, seen.detail["ids"]) == ("Cancels and moves held for you: 2", [first, last])
    assert f"`booking resolve {first} --done`" in seen.message
    assert page_path(seen) == f"/bookings?ids={first},{last}"

    with record.engine.begin() as conn:
        gone = {"status": "pending", "hold_reason": None, "held_at": None}
        conn.execute(update(booking_changes).where(booking_changes.c.hold_reason == reason).values(gone))
        conn.execute(text("UPDATE alert_incidents SET last_seen_at = last_seen_at - interval '1 minute'"))
    [over] = told()
    assert over.closed_at is not None
    assert over.closed_at - over.last_seen_at >= timedelta(minutes=1)
