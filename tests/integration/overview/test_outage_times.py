"""When the last outage began and ended, by the breaker's recorded changes."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from db.monitoring import breaker_events
from db.monitoring.breaker_events import OutageSpan

BEGUN_AT = datetime(2030, 3, 1, 9, tzinfo=UTC)
_epochs = count(1)


def at(minute: int) -> datetime:
    """Return a moment of that morning."""
    return BEGUN_AT + timedelta(minutes=minute)


def change(minute: int, state: str, endpoint: str | None = None, reason: str = "http_503") -> dict[str, Any]:
    """Describe a change of a breaker's state."""
    return {
        "service": "calcom",
        "endpoint": endpoint,
        "old_state": "closed",
        "new_state": state,
        "reason": reason,
        "epoch": next(_epochs),
        "created_at": at(minute),
    }


FIRST = [change(1, "open"), change(2, "half_open"), change(3, "open"), change(5, "closed")]


@pytest.mark.parametrize(
    ("changes", "span"),
    [
        ([], OutageSpan(None, None)),
        (FIRST[:3], OutageSpan(at(1), None)),
        (FIRST, OutageSpan(at(1), at(5))),
        ([*FIRST, change(7, "open"), change(8, "half_open")], OutageSpan(at(7), None)),
        ([*FIRST, change(7, "open"), change(9, "closed")], OutageSpan(at(7), at(9))),
        (
            [*FIRST[:3], change(4, "closed", reason="begun"), change(4, "open", reason="restored")],
            OutageSpan(at(1), None),
        ),
        ([*FIRST[:3], change(4, "closed", reason="begun")], OutageSpan(at(1), at(4))),
        (
            [*FIRST[:3], change(4, "closed", reason="begun"), change(44, "open")],
            OutageSpan(at(44), None),
        ),
        ([change(1, "forced_open"), change(2, "half_open"), change(3, "closed")], OutageSpan(None, at(3))),
        ([change(1, "open", "bookings.create")], OutageSpan(None, None)),
    ],
)
def test_an_outage_lasts_from_its_first_opening_to_the_next_closing(
    record: Any, changes: list[dict[str, Any]], span: OutageSpan
) -> None:
    """However often it opens again; of one breaker, and not by order."""
    with record.engine.begin() as conn:
        breaker_events.record_transitions(conn, changes)

        assert breaker_events.last_outage(conn, "calcom") == span
        assert breaker_events.last_outage(conn, "another") == OutageSpan(None, None)


def test_an_endpoint_has_outages_of_its_own(record: Any) -> None:
    """While the service answers."""
    with record.engine.begin() as conn:
        breaker_events.record_transitions(conn, [change(1, "open", "bookings.create"), change(2, "open")])

        assert breaker_events.last_outage(conn, "calcom", "bookings.create") == OutageSpan(at(1), None)
        assert [row.new_state for row in breaker_events.latest(conn, "calcom", 1)] == ["open"]
