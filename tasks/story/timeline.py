"""What happened to a booking; also the names of its personal and internal fields."""

from typing import Any

from sqlalchemy import Connection, Row

from db.appointments import Appointment, events
from db.appointments.events import Event
from db.monitoring import breaker_events

PERSONAL = (
    "attendee_name",
    "attendee_email",
    "attendee_phone",
    "guests",
    "location",
    "booking_fields_responses",
    "request_metadata",
)
INTERNAL = ("claim_token", "payload_hash")


def whole_timeline(conn: Connection, row: Appointment) -> list[Event]:
    """Return the events of a booking, and the changes of the breaker while it waited; the oldest first."""
    met = breaker_events.around(conn, row.correlation_id, row.requested_at, row.circuit_breaker_open_at_booking)
    breaker = [
        Event(f"breaker_{change.new_state}", "breaker", _transition(change), change.created_at) for change in met
    ]
    return sorted([*events.timeline(conn, row.id), *breaker], key=lambda event: event.created_at)


def _transition(change: Row[Any]) -> dict[str, Any]:
    # `why` of an event is a sentence of ours; an operator's own words are `because`.
    names = {"by": "by", "why": "because", "correlation_id": "correlation_id"}
    cause = {name: change.context[given] for given, name in names.items() if change.context.get(given)}
    failures = {"failures": change.failure_count} if change.failure_count else {}
    return {"of": change.endpoint or change.service, "reason": change.reason, **failures, **cause}
