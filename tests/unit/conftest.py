"""Rows for tests of pure decisions."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from db.appointments.appointment import Appointment
from db.lifecycle import Status

NOW = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def row() -> Callable[..., Appointment]:
    """Make a claimed booking; name only what a test is about."""

    def make(**changes: Any) -> Appointment:
        values: dict[str, Any] = {
            field.name: None for field in fields(Appointment) if field.default is MISSING and field.init
        }
        values |= {
            "id": 1,
            "uuid": UUID(int=7),
            "idempotency_key": "k",
            "key_derived": False,
            "payload_hash": "h",
            "correlation_id": "c",
            "task_id": "t",
            "status": Status.BOOKING,
            "event_type_id": 101,
            "start_at": NOW,
            "attendee_name": "Ann Example",
            "attendee_email": "ann@example.com",
            "attendee_time_zone": "Europe/Berlin",
            "guests": [],
            "booking_fields_responses": {},
            "request_metadata": {},
            "requested_at": NOW,
            "created_at": NOW,
            "updated_at": NOW,
            "line_at": NOW,
            "cancel_requested": False,
            "outcome_unknown": False,
        }
        values |= dict.fromkeys(("leases_lost", "looks", "posts", "evidence_posts", "probe_failures", "retry_count"), 0)
        return Appointment(**{**values, **changes})

    return make
